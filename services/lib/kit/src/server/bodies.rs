//! Receives the bodies of HTTP requests: within a length, a time, a form and an amount of memory.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use marquee_domain::Reason;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use super::budget::Share;
use super::json;
use super::schema::{ScanError, Scanner};
use super::shared::Shared;
use super::unpack::{Encoding, UnpackError, unpack};
use crate::{Compute, Failure, Kind};

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

/// Bodies from this length on are checked and parsed off the async threads.
const LONG: usize = 64 << 10;

/// How long and how far a refused body is read.
const LINGER: (Duration, usize) = (Duration::from_secs(2), 16 << 20);

/// The share of the budget that a body of unknown length begins with.
const UNKNOWN: usize = 64 << 10;

/// Which bodies the routes of a role accept.
#[derive(Debug, Clone, Copy)]
pub struct Bodies {
    /// `None`: as long as a message of any service.
    limit: Option<usize>,
    messages: &'static [(&'static str, &'static str)],
    /// The header that holds the length of the JSON with which a body begins. Such bodies have any
    /// content type.
    json_length: Option<&'static str>,
}

impl Bodies {
    /// Accepts JSON of at most `limit` bytes.
    pub const fn json(limit: usize) -> Self {
        Self { limit: Some(limit), messages: &[], json_length: None }
    }

    /// Accepts JSON that is as long as the settings allow a message to be.
    pub const fn long_json() -> Self {
        Self { limit: None, messages: &[], json_length: None }
    }

    /// Accepts protobuf bodies too, at these paths and with these messages, by their full names.
    #[must_use]
    pub const fn or_protobuf(self, messages: &'static [(&'static str, &'static str)]) -> Self {
        Self { messages, ..self }
    }

    /// Accepts bodies of any content type that begin with JSON, and go on with other bytes. The
    /// header `name` holds the length of the JSON. Without it the whole body is JSON.
    #[must_use]
    pub const fn or_json_with_bytes(self, name: &'static str) -> Self {
        Self { json_length: Some(name), ..self }
    }

    /// Receives the whole body of each request before its handler runs. Bodies that are too long,
    /// too slow or of another form are refused.
    pub fn layer<S: Clone + Send + Sync + 'static>(self, routes: Router<S>) -> Router<S> {
        routes.route_layer(from_fn_with_state(self, received)).layer(axum::extract::DefaultBodyLimit::disable())
    }
}

/// Parses bodies: long ones off the async threads. Handlers take it as an argument.
#[derive(Debug, Clone, Default)]
pub struct BodyParser(Compute);

impl BodyParser {
    /// Parses a body.
    pub async fn parse<T: Send + 'static>(&self, body: Bytes, parse: impl FnOnce(&[u8]) -> T + Send + 'static) -> T {
        if body.len() < LONG { parse(&body) } else { self.0.run(move || parse(&body)).await }
    }

    /// Parses a body as JSON.
    ///
    /// # Errors
    /// It is not JSON of this form.
    pub async fn json<M: DeserializeOwned + Send + 'static>(&self, body: Bytes) -> Result<M, Failure> {
        self.parse(body, parse_json).await.map_err(|why| Failure::field("body", Reason::Malformed, why))
    }
}

/// Parses JSON.
///
/// # Errors
/// It is not JSON of this form. The error describes what is wrong with the body.
pub fn parse_json<M: DeserializeOwned>(body: &[u8]) -> Result<M, String> {
    let refused = |error| format!("is not valid JSON for this request ({error}); check names and values");
    serde_json::from_slice(body).map_err(refused)
}

impl<S: Sync> FromRequestParts<S> for BodyParser {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let shared = head.extensions.get::<Arc<Shared>>();
        Ok(Self(shared.map(|shared| shared.compute.clone()).unwrap_or_default()))
    }
}

async fn received(State(bodies): State<Bodies>, mut request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) {
        // Nothing reads the body of another request.
        *request.body_mut() = Body::empty();
        return next.run(request).await;
    }
    match receive(bodies, request).await {
        Ok((request, share)) => {
            let response = next.run(request).await;
            drop(share);
            response
        }
        Err(failure) => failure.into_response(),
    }
}

async fn receive(bodies: Bodies, request: Request) -> Result<(Request, Share), Failure> {
    let shared = request.extensions().get::<Arc<Shared>>().cloned().unwrap_or_default();
    let (mut head, mut body) = request.into_parts();
    let limit = bodies.limit.unwrap_or(shared.settings.max_message as usize);
    let path = head.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let message = bodies.messages.iter().find(|(at, _)| *at == path).map(|(_, message)| *message);
    let deadline = Instant::now() + shared.settings.body_timeout;
    let arrived = async {
        let message = match bodies.json_length {
            // A web page of another origin is refused before, by its `Origin`.
            Some(_) => None,
            None => check_form(&head.headers, message)?,
        };
        let encoding = encoding(&head.headers)?;
        let declared = declared(&head.headers, limit)?;
        let mut share = shared.budget.take(declared.unwrap_or(UNKNOWN), deadline).await?;
        let read = Vec::with_capacity(declared.unwrap_or(0));
        let bytes = collect((&mut body, read), limit, &mut share, deadline).await?;
        Ok((message, encoding, share, bytes))
    };
    let (message, encoding, mut share, mut bytes) = match arrived.await {
        Ok(arrived) => arrived,
        Err(failure) => {
            discard(&shared, body, &head.headers);
            return Err(failure);
        }
    };
    if let Some(encoding) = encoding {
        bytes = unpacked(&shared, encoding, bytes, &mut share, limit).await?;
        head.headers.remove(header::CONTENT_ENCODING);
        head.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    }
    let length = bodies.json_length.and_then(|name| head.headers.get(name)?.to_str().ok()?.parse().ok());
    let checked = bytes.slice(..length.unwrap_or(bytes.len()).min(bytes.len()));
    check_memory(&shared, message, &checked).await?;
    Ok((Request::from_parts(head, Body::from(bytes)), share))
}

/// Reads a refused body for a moment, and keeps nothing of it. The connection of a client that is
/// still sending would be closed otherwise, and the client would not see the answer. The reading
/// ends with the connection.
fn discard(shared: &Shared, mut body: Body, headers: &HeaderMap) {
    // Such a client waits until it is told to send.
    if headers.contains_key(header::EXPECT) {
        return;
    }
    shared.refused.spawn(async move {
        let (end, mut left) = (Instant::now() + LINGER.0, LINGER.1);
        while let Ok(Some(Ok(frame))) = timeout_at(end, body.frame()).await {
            let read = frame.data_ref().map_or(0, Bytes::len);
            // A client that sends so much does not wait for an answer.
            let Some(less) = left.checked_sub(read) else { return };
            left = less;
        }
    });
}

/// Checks the content type. Returns the message if the body is protobuf. A request without a
/// content type is refused, because a web page may send one to any server.
fn check_form(headers: &HeaderMap, message: Option<&'static str>) -> Result<Option<&'static str>, Failure> {
    let value = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let essence = value.map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    match essence.as_deref() {
        Some(JSON) => Ok(None),
        Some(PROTOBUF) if message.is_some() => Ok(message),
        _ => {
            let accepted = if message.is_some() { format!("{JSON} or {PROTOBUF}") } else { JSON.to_owned() };
            let found = value.map_or_else(|| "is missing".to_owned(), |value| format!("is '{}'", shown(value)));
            Err(unsupported("content-type", format!("{found}; expected {accepted}")))
        }
    }
}

fn encoding(headers: &HeaderMap) -> Result<Option<Encoding>, Failure> {
    let mut given = headers.get_all(header::CONTENT_ENCODING).iter();
    let Some(first) = given.next() else { return Ok(None) };
    let text = first.to_str().unwrap_or("?").trim().to_ascii_lowercase();
    match (text.as_str(), Encoding::named(&text), given.next()) {
        ("" | "identity", _, None) => Ok(None),
        (_, Some(encoding), None) => Ok(Some(encoding)),
        _ => {
            Err(unsupported("content-encoding", format!("is '{}'; expected gzip, deflate, zstd or none", shown(&text))))
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(80).collect()
}

fn unsupported(header: &str, description: String) -> Failure {
    Failure::field(header, Reason::Malformed, description).answered_as(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

/// Returns the declared length. A body that is declared too long is refused before it is read, and
/// before the client is told to send it.
fn declared(headers: &HeaderMap, limit: usize) -> Result<Option<usize>, Failure> {
    let Some(value) = headers.get(header::CONTENT_LENGTH) else { return Ok(None) };
    match value.to_str().ok().and_then(|text| text.parse::<u64>().ok()) {
        Some(length) if length <= limit as u64 => Ok(usize::try_from(length).ok()),
        Some(length) => Err(too_long(&format!("has {length} bytes"), limit)),
        None => Err(Failure::field("content-length", Reason::Malformed, "is not a number; expected a length in bytes")),
    }
}

fn too_long(what: &str, limit: usize) -> Failure {
    Failure::field("body", Reason::TooLong, format!("{what}: send less at once, at most {limit} bytes"))
        .answered_as(StatusCode::PAYLOAD_TOO_LARGE)
}

/// Reads a body to its end.
async fn collect(
    (body, mut bytes): (&mut Body, Vec<u8>),
    limit: usize,
    share: &mut Share,
    deadline: Instant,
) -> Result<Bytes, Failure> {
    loop {
        let frame = timeout_at(deadline, body.frame()).await.map_err(|_| late())?;
        let data = match frame {
            None => return Ok(bytes.into()),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(error)) => {
                let message = format!("cannot be read ({error}): check its length and its form");
                return Err(Failure::field("body", Reason::Malformed, message));
            }
        };
        if bytes.len() + data.len() > limit {
            return Err(too_long("is too large", limit));
        }
        share.grow_to(bytes.len() + data.len())?;
        bytes.extend_from_slice(&data);
    }
}

fn late() -> Failure {
    Failure::new(Kind::DeadlineExceeded, "the body did not arrive in time: send it faster, or in smaller parts")
        .answered_as(StatusCode::REQUEST_TIMEOUT)
        .retry_after(Duration::from_secs(1))
}

async fn unpacked(
    shared: &Shared,
    encoding: Encoding,
    packed: Bytes,
    share: &mut Share,
    limit: usize,
) -> Result<Bytes, Failure> {
    let output = shared.compute.run(move || unpack(encoding, &packed, limit)).await;
    let output = output.map_err(|error| match error {
        UnpackError::TooLarge => too_long("is too large once it is unpacked", limit),
        UnpackError::Corrupt(error) => {
            let message = format!("does not unpack ({error}); check its content-encoding");
            Failure::field("body", Reason::Malformed, message)
        }
    })?;
    share.grow_to(output.len())?;
    Ok(output.into())
}

/// Refuses a body whose values would take too much memory.
async fn check_memory(shared: &Arc<Shared>, message: Option<&str>, bytes: &Bytes) -> Result<(), Failure> {
    let (inside, content) = (Arc::clone(shared), bytes.clone());
    let shape = message.and_then(|message| shared.schema.message(message));
    let is_json = message.is_none();
    let check = move || {
        let limit = inside.settings.max_decoded;
        match shape {
            Some(_) if inside.schema.fits_by_length(content.len(), limit) => Ok(()),
            Some(shape) => match Scanner::new(shape, content.len(), limit).read(&inside.schema, &content) {
                Err(ScanError::TooLarge(field)) => Err(field),
                // The decoder names what is malformed.
                Ok(()) | Err(ScanError::Malformed) => Ok(()),
            },
            None if is_json => json::check(&content, limit),
            None => Ok(()),
        }
    };
    let checked = shared.compute.run_if(bytes.len() >= LONG, check).await;
    checked.map_err(|field| too_many(field, shared.settings.max_decoded))
}

/// Returns the failure of a request that would take too much memory.
pub(super) fn too_many(field: String, limit: usize) -> Failure {
    let message = format!("has more entries than fit into {limit} bytes of memory: send fewer at once");
    Failure::field(field, Reason::TooMany, message)
}

#[cfg(test)]
mod tests;
