//! Compresses answers that are large enough, where the client accepts it.

use std::io::{self, Write};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body as _, Frame};
use tonic::Status;

use super::frame::{self, HEAD, PACKED};
use super::shared::Shared;
use super::unpack::Encoding;

/// Level of zstd: its default, which costs about as much as the fastest gzip.
const ZSTD_LEVEL: i32 = 3;

/// Returns the encoding that an HTTP client prefers, if it accepts one that is offered.
pub(super) fn accepted(headers: &HeaderMap) -> Option<Encoding> {
    let given = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut best: Option<(f32, Encoding)> = None;
    for offer in given.flat_map(|value| value.split(',')) {
        let (name, weight) = weighted(offer);
        let Some(encoding) = Encoding::named(&name.to_ascii_lowercase()) else { continue };
        let is_better =
            |(present, chosen): (f32, Encoding)| weight > present || weight >= present && rank(encoding) > rank(chosen);
        if weight > 0.0 && best.is_none_or(is_better) {
            best = Some((weight, encoding));
        }
    }
    best.map(|(_, encoding)| encoding)
}

/// Returns how much an encoding is preferred among those that a client accepts alike.
fn rank(encoding: Encoding) -> u8 {
    match encoding {
        Encoding::Deflate => 0,
        Encoding::Gzip => 1,
        Encoding::Zstd => 2,
    }
}

/// Splits `gzip;q=0.5` into the name and the weight.
fn weighted(offer: &str) -> (&str, f32) {
    let (name, parameters) = offer.split_once(';').unwrap_or((offer, ""));
    let weight = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("q="));
    // A weight that is no number says nothing good.
    (name.trim(), weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0)))
}

/// Returns whether a length has reached a threshold that is not 0.
fn is_reached(least: usize, length: u64) -> bool {
    least > 0 && length >= least as u64
}

/// Compresses an HTTP answer whose length is known.
pub(super) async fn http(mut response: Response, accepted: Option<Encoding>, shared: &Shared) -> Response {
    let least = shared.settings.compress_from;
    let is_long = response.body().size_hint().exact().is_some_and(|length| is_reached(least, length));
    if !is_long || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let Some(encoding) = accepted else { return response };
    let (mut head, body) = response.into_parts();
    // A body of a known length has arrived whole.
    let Ok(collected) = body.collect().await else { return Response::from_parts(head, Body::empty()) };
    let plain = collected.to_bytes();
    let input = plain.clone();
    match shared.compute.run(move || pack(encoding, &input, Vec::new())).await {
        Ok(packed) if packed.len() < plain.len() => {
            head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
            head.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(head, Body::from(packed))
        }
        _ => Response::from_parts(head, Body::from(plain)),
    }
}

/// Returns whether a gRPC client accepts compressed messages.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let given = headers.get_all(frame::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|name| name.trim() == Encoding::Gzip.name())
}

/// Compresses the long messages of a gRPC answer.
pub(super) fn grpc(response: Response, shared: &Arc<Shared>) -> Response {
    // An answer without messages has its status among the headers.
    let is_empty = response.headers().contains_key(Status::GRPC_STATUS);
    if is_empty || response.headers().contains_key(frame::ENCODING) || shared.settings.compress_grpc_from == 0 {
        return response;
    }
    let (mut head, body) = response.into_parts();
    head.headers.insert(frame::ENCODING, HeaderValue::from_static(Encoding::Gzip.name()));
    let packer = Packer { body, shared: Arc::clone(shared), waiting: BytesMut::new(), trailers: None };
    let frames = stream::unfold(packer, |mut packer| async move { Some((packer.next().await?, packer)) });
    Response::from_parts(head, Body::new(StreamBody::new(frames)))
}

/// The messages of an answer.
struct Packer {
    body: Body,
    shared: Arc<Shared>,
    /// Messages that have not been sent.
    waiting: BytesMut,
    trailers: Option<HeaderMap>,
}

impl Packer {
    /// Returns the next frame of the body, or `None` at the end.
    async fn next(&mut self) -> Option<Result<Frame<Bytes>, axum::Error>> {
        loop {
            if let Some(messages) = self.messages().await {
                return Some(Ok(Frame::data(messages)));
            }
            if let Some(trailers) = self.trailers.take() {
                return Some(Ok(Frame::trailers(trailers)));
            }
            let frame = match self.body.frame().await {
                // A message without an end is passed on as it is.
                None if self.waiting.is_empty() => return None,
                None => return Some(Ok(Frame::data(self.waiting.split().freeze()))),
                Some(Err(error)) => return Some(Err(error)),
                Some(Ok(frame)) => frame,
            };
            match frame.into_data() {
                Ok(data) if self.waiting.is_empty() => self.waiting = BytesMut::from(data),
                Ok(data) => self.waiting.extend_from_slice(&data),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
    }

    /// Returns the short messages that wait, or else the long one that is first. Returns `None` if
    /// no message has arrived whole.
    async fn messages(&mut self) -> Option<Bytes> {
        let mut short = 0;
        while let Some(length) = next_length(&self.waiting[short..]) {
            if is_reached(self.shared.settings.compress_grpc_from, length as u64) {
                if short > 0 {
                    break;
                }
                let plain = self.waiting.split_to(HEAD + length).freeze();
                return Some(packed(plain, &self.shared).await);
            }
            short += HEAD + length;
        }
        (short > 0).then(|| self.waiting.split_to(short).freeze())
    }
}

/// Compresses a message, if that makes it shorter.
async fn packed(plain: Bytes, shared: &Shared) -> Bytes {
    let input = plain.clone();
    let packed = shared.compute.run(move || pack(Encoding::Gzip, &input[HEAD..], vec![0; HEAD])).await;
    match packed {
        Ok(mut framed) if framed.len() < plain.len() => {
            frame::set_head(&mut framed, PACKED);
            framed.into()
        }
        _ => plain,
    }
}

/// Returns the length of the first message, if it has arrived whole and is not compressed.
fn next_length(waiting: &[u8]) -> Option<usize> {
    let length = frame::length(waiting.get(..HEAD)?);
    (waiting.len() >= HEAD + length).then_some(length)
}

/// Compresses a text and appends it to `output`.
pub(super) fn pack(encoding: Encoding, text: &[u8], output: Vec<u8>) -> io::Result<Vec<u8>> {
    match encoding {
        Encoding::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(output, flate2::Compression::fast());
            writer.write_all(text)?;
            writer.finish()
        }
        Encoding::Deflate => {
            let mut writer = flate2::write::ZlibEncoder::new(output, flate2::Compression::fast());
            writer.write_all(text)?;
            writer.finish()
        }
        Encoding::Zstd => {
            let mut writer = zstd::Encoder::new(output, ZSTD_LEVEL)?;
            writer.write_all(text)?;
            writer.finish()
        }
    }
}

#[cfg(test)]
mod tests;
