//! Receives the messages of a gRPC call: within the budget of the process, a time, and an amount of
//! memory.
//!
//! It reads the frames of messages before tonic does: a flag, the length in four bytes, and the
//! message. Each message takes a share of the budget before it is received, is scanned as it
//! arrives if it is long, and is unpacked if it is compressed.
//!
//! Most messages are short and arrive in one part. Such a message is passed on as it is, without a
//! timer, a copy or a scan.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::HeaderMap;
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use marquee_domain::Reason;
use tokio::time::{Instant, timeout_at};
use tonic::Status;
use tonic::metadata::MetadataValue;

use super::bodies::too_many;
use super::budget::Share;
use super::frame::{self, HEAD, PACKED};
use super::schema::{Method, ScanError, Scanner};
use super::shared::Shared;
use super::unpack::{Encoding, UnpackError, unpack_behind};
use crate::{Failure, Kind};

/// The factor by which a compressed message is expected to unpack.
const EXPECTED_RATIO: usize = 16;

/// The share of the budget that the present message of a call has. The call holds it too, until it
/// is answered.
pub(super) type MessageShare = Arc<Mutex<Option<Share>>>;

/// Takes the encoding of the messages of a call out of its headers.
///
/// # Errors
/// The encoding is not supported.
pub(super) fn take_encoding(headers: &mut HeaderMap) -> Result<Option<Encoding>, Status> {
    let Some(value) = headers.remove(frame::ENCODING) else { return Ok(None) };
    match value.as_bytes() {
        b"identity" => Ok(None),
        b"gzip" => Ok(Some(Encoding::Gzip)),
        b"deflate" => Ok(Some(Encoding::Deflate)),
        other => {
            let name: String = String::from_utf8_lossy(other).chars().take(40).collect();
            let message =
                format!("messages compressed with '{name}' are not supported; expected gzip, deflate or identity");
            let mut refused = Status::unimplemented(message);
            refused.metadata_mut().insert(frame::ACCEPT_ENCODING, MetadataValue::from_static("identity,gzip,deflate"));
            Err(refused)
        }
    }
}

/// Returns the body of a call with its messages unpacked and checked, and the share of its present
/// message.
pub(super) fn receive(
    body: Body,
    shared: Arc<Shared>,
    method: Option<Method>,
    encoding: Option<Encoding>,
) -> (Body, MessageShare) {
    let share = MessageShare::default();
    let reader = Reader {
        body,
        shared,
        method,
        encoding,
        share: Arc::clone(&share),
        chunk: Bytes::new(),
        left: 0,
        scanner: None,
        // The client of a stream may be silent before each message.
        is_timed: method.is_some_and(|method| !method.is_streaming),
        deadline: None,
        has_ended: false,
    };
    let frames = stream::unfold(reader, |mut reader| async move {
        let next = reader.next().await.transpose()?;
        reader.has_ended |= next.is_err();
        Some((next.map(Frame::data).map_err(Status::from), reader))
    });
    (Body::new(StreamBody::new(frames)), share)
}

struct Reader {
    body: Body,
    shared: Arc<Shared>,
    method: Option<Method>,
    encoding: Option<Encoding>,
    share: MessageShare,
    /// What has arrived and has not been read.
    chunk: Bytes,
    /// The bytes of the present message that are still to be read.
    left: usize,
    scanner: Option<Scanner>,
    /// Whether the present message, or the only one, must arrive in time.
    is_timed: bool,
    /// When it must have arrived. `None` before the first wait for it: what is here already needs
    /// no timer.
    deadline: Option<Instant>,
    has_ended: bool,
}

impl Reader {
    fn is_streaming(&self) -> bool {
        self.method.is_none_or(|method| method.is_streaming)
    }

    /// Returns the next bytes for tonic, or `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.has_ended {
            return Ok(None);
        }
        if self.left == 0 {
            return self.begin().await;
        }
        if self.chunk.is_empty() && !self.fill().await? {
            return Ok(None);
        }
        self.content().map(Some)
    }

    /// Returns the most bytes of a message of any service. A service may have a lower limit of its
    /// own.
    fn longest(&self) -> usize {
        self.shared.settings.max_message as usize
    }

    /// Returns when the present message must have arrived. The time begins with the first call.
    fn deadline(&mut self) -> Instant {
        let patience = self.shared.settings.body_timeout;
        *self.deadline.get_or_insert_with(|| Instant::now() + patience)
    }

    /// Takes a share of the budget, and waits for it if there is no room.
    async fn take(&mut self, bytes: usize) -> Result<Share, Failure> {
        if let Some(share) = self.shared.budget.take_at_once(bytes) {
            return Ok(share);
        }
        let deadline = self.deadline();
        self.shared.budget.take(bytes, deadline).await
    }

    /// Waits for more bytes. Returns `false` at the end of the body.
    async fn fill(&mut self) -> Result<bool, Failure> {
        while self.chunk.is_empty() {
            let arrived = self.body.frame().now_or_never();
            let frame = match arrived {
                Some(frame) => frame,
                None if self.is_timed => {
                    let deadline = self.deadline();
                    timeout_at(deadline, self.body.frame()).await.map_err(|_| late())?
                }
                None => self.body.frame().await,
            };
            match frame {
                None => return Ok(false),
                Some(Ok(frame)) => self.chunk = frame.into_data().unwrap_or_default(),
                // tonic ends the stream of requests without an error then.
                Some(Err(_)) => return Err(Failure::new(Kind::Cancelled, "the client has gone")),
            }
        }
        self.is_timed = true;
        Ok(true)
    }

    /// Waits until the chunk has a whole head. Returns `false` if the body ends before that.
    async fn join_head(&mut self) -> Result<bool, Failure> {
        let mut joined = BytesMut::from(&self.chunk[..]);
        self.chunk = Bytes::new();
        let mut is_open = true;
        while is_open && joined.len() < HEAD {
            is_open = self.fill().await?;
            joined.extend_from_slice(&std::mem::take(&mut self.chunk));
        }
        self.chunk = joined.freeze();
        Ok(is_open)
    }

    /// Waits until `into` has `len` bytes. Returns `false` if the body ends before that.
    async fn collect(&mut self, into: &mut BytesMut, len: usize) -> Result<bool, Failure> {
        while into.len() < len {
            if self.chunk.is_empty() && !self.fill().await? {
                return Ok(false);
            }
            let part = self.chunk.split_to((len - into.len()).min(self.chunk.len()));
            into.extend_from_slice(&part);
        }
        Ok(true)
    }

    /// Reads the head of a message, and takes its share of the budget.
    async fn begin(&mut self) -> Result<Option<Bytes>, Failure> {
        self.scanner = None;
        if self.is_streaming() {
            // The handler has taken the message before this one.
            self.hold(None);
            self.deadline = None;
            self.is_timed = !self.chunk.is_empty();
        }
        if self.chunk.is_empty() && !self.fill().await? {
            return Ok(None);
        }
        if self.chunk.len() < HEAD && !self.join_head().await? {
            // tonic reports a head that has no end.
            return Ok(Some(std::mem::take(&mut self.chunk)));
        }
        let len = frame::length(&self.chunk);
        let longest = self.longest();
        if len > longest {
            // In the words of tonic, for services with a lower limit. Nothing more is read.
            let message = format!("has {len} bytes, the limit is: {longest} bytes: send less at once");
            return Err(Failure::field("body", Reason::TooLong, message));
        }
        self.hold(None);
        let bytes = match (self.chunk[0], self.encoding) {
            (PACKED, Some(encoding)) => {
                let _head = self.chunk.split_to(HEAD);
                self.packed(encoding, len).await
            }
            _ => self.plain(len).await,
        };
        bytes.map(Some)
    }

    /// Returns a message that is not compressed if it has arrived whole and needs no scan,
    /// otherwise its head.
    async fn plain(&mut self, len: usize) -> Result<Bytes, Failure> {
        let share = self.take(len).await?;
        self.hold(Some(share));
        let limit = self.shared.settings.max_decoded;
        if !self.shared.schema.fits_by_length(len, limit) {
            self.scanner = self.method.map(|method| Scanner::new(method.input, len, limit));
        }
        if self.scanner.is_none() && self.chunk.len() >= HEAD + len {
            return Ok(self.chunk.split_to(HEAD + len));
        }
        self.left = len;
        Ok(self.chunk.split_to(HEAD))
    }

    fn hold(&self, share: Option<Share>) {
        *self.share.lock().unwrap_or_else(PoisonError::into_inner) = share;
    }

    /// Returns the part of the present message that has arrived.
    fn content(&mut self) -> Result<Bytes, Failure> {
        let part = self.chunk.split_to(self.left.min(self.chunk.len()));
        self.left -= part.len();
        if let Some(scanner) = &mut self.scanner {
            let scanned = scanner.read(&self.shared.schema, &part);
            scanned.map_err(|error| refusal(error, self.shared.settings.max_decoded))?;
        }
        Ok(part)
    }

    /// Receives a compressed message whole and unpacks it.
    async fn packed(&mut self, encoding: Encoding, len: usize) -> Result<Bytes, Failure> {
        let expected = len + len.saturating_mul(EXPECTED_RATIO).min(self.longest());
        let mut share = self.take(expected).await?;
        // The share covers the capacity.
        let mut packed = BytesMut::with_capacity(len);
        if !self.collect(&mut packed, len).await? {
            return Err(malformed("a compressed message ends too early"));
        }
        let (shared, method, longest) = (Arc::clone(&self.shared), self.method, self.longest());
        let unpacked = self.shared.compute.run(move || {
            let framed = unpack_behind(vec![0; HEAD], encoding, &packed, longest)
                .map_err(|error| not_unpacked(error, longest))?;
            let message = &framed[HEAD..];
            let limit = shared.settings.max_decoded;
            let method = method.filter(|_| !shared.schema.fits_by_length(message.len(), limit));
            let scanner = method.map(|method| Scanner::new(method.input, message.len(), limit));
            let scanned = scanner.map_or(Ok(()), |mut scanner| scanner.read(&shared.schema, message));
            scanned.map_err(|error| refusal(error, limit))?;
            Ok::<_, Failure>(framed)
        });
        let mut framed = unpacked.await?;
        share.grow_to(len + framed.len() - HEAD)?;
        self.hold(Some(share));
        frame::set_head(&mut framed, 0);
        Ok(framed.into())
    }
}

fn not_unpacked(error: UnpackError, longest: usize) -> Failure {
    match error {
        UnpackError::TooLarge => {
            let message = format!("has more than {longest} bytes once it is unpacked: send less at once");
            Failure::field("body", Reason::TooLong, message)
        }
        UnpackError::Corrupt(error) => malformed(&format!("does not unpack ({error})")),
    }
}

fn late() -> Failure {
    Failure::new(Kind::DeadlineExceeded, "the message did not arrive in time: send it faster, or in smaller parts")
}

fn malformed(what: &str) -> Failure {
    let message = format!("is not a protobuf message of this call ({what}); check how it was encoded");
    Failure::field("body", Reason::Malformed, message)
}

fn refusal(error: ScanError, limit: usize) -> Failure {
    match error {
        ScanError::TooLarge(field) => too_many(field, limit),
        ScanError::Malformed => malformed("a field is invalid"),
    }
}

#[cfg(test)]
mod tests;
