//! The encodings of bodies and messages, and how compressed requests are unpacked. A small input
//! can unpack to a very large output, so the output is limited.

use std::io::{self, Read};

use flate2::read::{MultiGzDecoder, ZlibDecoder};

/// The largest window of a zstd frame, as a power of two. A decoder reserves the window.
const ZSTD_WINDOW: u32 = 23;

/// A compression that requests may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Gzip,
    /// The format of zlib, which HTTP and gRPC call `deflate`.
    Deflate,
    Zstd,
}

impl Encoding {
    /// Returns the encoding with a name in headers of HTTP, which must be in lower case.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Returns the name in headers.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }
}

/// Why an input was not unpacked.
#[derive(Debug)]
pub(super) enum UnpackError {
    /// The output is larger than the limit.
    TooLarge,
    /// The input is damaged or ends too early.
    Corrupt(io::Error),
}

/// Unpacks an input to at most `limit` bytes.
pub(super) fn unpack(encoding: Encoding, packed: &[u8], limit: usize) -> Result<Vec<u8>, UnpackError> {
    unpack_behind(Vec::new(), encoding, packed, limit)
}

/// Unpacks an input to at most `limit` bytes, and returns them behind those of `output`.
pub(super) fn unpack_behind(
    mut output: Vec<u8>,
    encoding: Encoding,
    packed: &[u8],
    limit: usize,
) -> Result<Vec<u8>, UnpackError> {
    let (before, most) = (output.len(), limit as u64 + 1);
    let read = match encoding {
        Encoding::Gzip => MultiGzDecoder::new(packed).take(most).read_to_end(&mut output),
        Encoding::Deflate => ZlibDecoder::new(packed).take(most).read_to_end(&mut output),
        Encoding::Zstd => zstd::Decoder::with_buffer(packed).and_then(|mut decoder| {
            decoder.window_log_max(ZSTD_WINDOW)?;
            decoder.take(most).read_to_end(&mut output)
        }),
    };
    read.map_err(UnpackError::Corrupt)?;
    if output.len() - before > limit { Err(UnpackError::TooLarge) } else { Ok(output) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(text).expect("memory");
        writer.finish().expect("memory")
    }

    fn deflate(text: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(text).expect("memory");
        writer.finish().expect("memory")
    }

    #[test]
    fn what_was_packed_comes_back_and_a_bomb_is_stopped_at_the_limit() {
        let text = vec![b' '; 100_000];
        for (encoding, packed) in [
            (Encoding::Gzip, gzip(&text)),
            (Encoding::Deflate, deflate(&text)),
            (Encoding::Zstd, zstd::encode_all(&text[..], 3).expect("memory")),
        ] {
            assert_eq!(unpack(encoding, &packed, 100_000).expect("fits"), text);
            assert!(matches!(unpack(encoding, &packed, 99_999), Err(UnpackError::TooLarge)));
            let cut = &packed[..packed.len() / 2];
            assert!(matches!(unpack(encoding, cut, 100_000), Err(UnpackError::Corrupt(_))), "{encoding:?}");
            assert!(matches!(unpack(encoding, b"{\"a\": 1}", 100_000), Err(UnpackError::Corrupt(_))));
        }
    }

    #[test]
    fn several_gzip_members_are_one_text() {
        let packed = [gzip(b"one, "), gzip(b"two")].concat();
        assert_eq!(unpack(Encoding::Gzip, &packed, 100).expect("fits"), b"one, two");
    }
}
