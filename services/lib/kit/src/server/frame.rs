//! The frames of gRPC messages: a flag, the length in four bytes, and the message. Also the headers
//! that name their encoding.

/// The header that names the encoding of compressed messages.
pub(super) const ENCODING: &str = "grpc-encoding";

/// The header that names the encodings that its sender accepts.
pub(super) const ACCEPT_ENCODING: &str = "grpc-accept-encoding";

/// The length of what precedes a message.
pub(super) const HEAD: usize = 5;

/// The flag of a compressed message. That of others is 0.
pub(super) const PACKED: u8 = 1;

/// Returns the length of the message behind a head.
pub(super) fn length(head: &[u8]) -> usize {
    let mut length = [0; 4];
    length.copy_from_slice(&head[1..HEAD]);
    u32::from_be_bytes(length) as usize
}

/// Writes the head into a frame whose first five bytes are reserved for it.
pub(super) fn set_head(frame: &mut [u8], flag: u8) {
    let length = u32::try_from(frame.len() - HEAD).unwrap_or(u32::MAX);
    frame[0] = flag;
    frame[1..HEAD].copy_from_slice(&length.to_be_bytes());
}

/// Returns the frame of a message.
#[cfg(test)]
pub(super) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let mut frame = [&[0; HEAD][..], message].concat();
    set_head(&mut frame, flag);
    frame
}
