//! Calls of gRPC as bytes, for clients that do what generated ones never do.

use std::future::poll_fn;
use std::io::Write as _;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use tonic::Status;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::codegen::StdError;
use tonic::codegen::http::{HeaderMap, HeaderValue, Request, Response, header};

use crate::DEADLINE;

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct RawAnswer {
    /// The headers before the messages.
    pub headers: HeaderMap,
    /// The messages as they came, each behind its flag and its length.
    pub frames: Bytes,
    /// The status, wherever in the answer it was.
    pub status: Status,
}

/// A message behind its flag and its length.
pub fn frame(flag: u8, message: &[u8]) -> Result<Bytes> {
    let length = u32::try_from(message.len())?.to_be_bytes();
    Ok([&[flag][..], &length, message].concat().into())
}

/// A text packed with gzip.
pub fn gzip(text: &[u8]) -> Result<Bytes> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(text)?;
    Ok(writer.finish()?.into())
}

/// Sends the body of a call as it is. Returns when the head of the answer has arrived.
pub async fn begin<S>(
    service: &S,
    method: &str,
    headers: &[(&'static str, &'static str)],
    body: Bytes,
) -> Result<Response<Body>>
where
    S: GrpcService<Body, ResponseBody = Body> + Clone,
    S::Error: Into<StdError>,
{
    let mut request = Request::post(format!("http://fleet{method}"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .body(Body::new(Full::new(body)))?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_static(value));
    }
    let mut service = service.clone();
    let failed = |error: S::Error| anyhow::Error::from_boxed(error.into());
    poll_fn(|context| service.poll_ready(context)).await.map_err(failed)?;
    tokio::time::timeout(DEADLINE, service.call(request)).await.context("no answer")?.map_err(failed)
}

/// Reads an answer to its end.
pub async fn finish(answer: Response<Body>) -> Result<RawAnswer> {
    let (head, body) = answer.into_parts();
    let body = tokio::time::timeout(DEADLINE, body.collect()).await.context("the answer has no end")??;
    let trailers = body.trailers().cloned().unwrap_or_default();
    let status = Status::from_header_map(&head.headers).or_else(|| Status::from_header_map(&trailers));
    let status = status.context("an answer without a status")?;
    Ok(RawAnswer { headers: head.headers, frames: body.to_bytes(), status })
}
