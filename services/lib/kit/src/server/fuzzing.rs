//! The decoders of what clients send, for the fuzz targets. Only tests and `cargo fuzz` build it.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;

use super::messages::receive;
use super::schema::{ScanError, Scanner, Schema};
use super::shared::Shared;
use super::unpack::{Encoding, unpack};

/// The messages of some services, with the limits that a listener has by default.
#[derive(Debug, Clone)]
pub struct Messages(Arc<Shared>);

impl Messages {
    /// Reads the descriptors of the services.
    ///
    /// # Panics
    /// They do not decode.
    pub fn new(descriptors: &[u8]) -> Self {
        let schema = Schema::read(descriptors).expect("descriptors");
        Self(Arc::new(Shared { schema, ..Shared::default() }))
    }

    /// Scans a message that arrives in pieces of `step` bytes. Returns whether it was found to be
    /// malformed.
    ///
    /// # Panics
    /// The message is not known, or the result depends on the size of the pieces.
    pub fn is_malformed(&self, message: &str, bytes: &[u8], step: usize) -> bool {
        let shape = self.0.schema.message(message).expect("a known message");
        let scan = |step: usize| {
            let mut scanner = Scanner::new(shape, bytes.len(), self.0.settings.max_decoded);
            bytes.chunks(step.max(1)).try_for_each(|piece| scanner.read(&self.0.schema, piece))
        };
        let scanned = scan(step);
        assert_eq!(scanned, scan(bytes.len()), "the pieces matter");
        scanned == Err(ScanError::Malformed)
    }

    /// Receives the body of a call in pieces. Returns the bytes for the decoder, or `None` if the
    /// body was refused.
    pub async fn receive(&self, path: &str, bytes: &[u8], step: usize) -> Option<Vec<u8>> {
        let pieces = bytes.chunks(step.max(1)).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)));
        let body = Body::from_stream(stream::iter(pieces.collect::<Vec<_>>()));
        let method = self.0.schema.method(path);
        let (mut body, _held) = receive(body, Arc::clone(&self.0), method, Some(Encoding::Gzip));
        let mut received = Vec::new();
        while let Some(frame) = body.frame().await {
            received.extend_from_slice(&frame.ok()?.into_data().ok()?);
        }
        Some(received)
    }
}

/// Estimates the memory of a JSON text.
pub fn scan_json(text: &[u8], limit: usize) {
    if let Err(field) = super::json::check(text, limit) {
        assert!(!field.is_empty(), "a refusal names a field");
    }
}

/// Unpacks gzip and zstd.
///
/// # Panics
/// The output is longer than the limit.
pub fn unpack_all(packed: &[u8], limit: usize) {
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        if let Ok(output) = unpack(encoding, packed, limit) {
            assert!(output.len() <= limit, "an output over the limit");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::compress::pack;
    use super::super::frame::{PACKED, framed};
    use super::*;

    proptest! {
        #[test]
        fn whatever_is_packed_or_framed_is_refused_or_passes(bytes: Vec<u8>, step in 1..9_usize) {
            scan_json(&bytes, 100);
            unpack_all(&bytes, 1_000);
            let packed = pack(Encoding::Gzip, &bytes, Vec::new()).expect("memory");
            unpack_all(&packed, 1_000);
            let messages = Messages::new(&[]);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
            let frame = framed(0, &bytes);
            let received = runtime.block_on(messages.receive("/a.A/B", &frame, step));
            prop_assert_eq!(received.as_ref(), Some(&frame));
            let compressed = framed(PACKED, &packed);
            prop_assert_eq!(runtime.block_on(messages.receive("/a.A/B", &compressed, step)), Some(frame));
            runtime.block_on(messages.receive("/a.A/B", &bytes, step));
        }
    }
}
