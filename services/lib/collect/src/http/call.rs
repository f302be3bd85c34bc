//! One request: its limits of bytes and time, and what its failure means.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LINK, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};

use super::Settings;
use crate::invalid::ConfigError;
use crate::secret::SecretPlace;
use crate::source::SourceError;

/// The longest time for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// The largest part of a refusal that an error shows.
const SHOWN: usize = 300;

/// The answer to a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// A page.
    Page { body: Bytes, etag: Option<String>, link: Option<String> },
    /// The page has not changed.
    Unchanged,
}

/// Sends requests.
#[derive(Debug)]
pub(super) struct Caller {
    http: Client,
    headers: HeaderMap,
    token: SecretPlace,
    timeout: Duration,
    max_bytes: usize,
}

impl Caller {
    pub(super) fn new(settings: &Settings) -> Result<Self, ConfigError> {
        crate::tls::install_provider();
        let base = Url::parse(&settings.url).map_err(|error| ConfigError::new("url", error.to_string()))?;
        let mut http = Client::builder()
            .user_agent(concat!("marquee/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            // A token must not follow to another server.
            .redirect(reqwest::redirect::Policy::none());
        let is_loopback = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if is_loopback {
            http = http.no_proxy();
        }
        if base.scheme() == "http" {
            http = http.tls_certs_only([]);
        } else if let Some(path) = &settings.ca_file {
            let wrong = |error: String| ConfigError::new("ca_file", format!("{}: {error}", path.display()));
            let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            let list = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))?;
            http = http.tls_certs_only(list);
        }
        let http = http.build().map_err(|error| ConfigError::new("url", format!("cannot be called: {error}")))?;
        let (headers, token) = (settings.headers(), settings.token()?);
        let max_bytes = usize::try_from(settings.max_bytes).unwrap_or(usize::MAX);
        Ok(Self { http, headers, token, timeout: settings.timeout, max_bytes })
    }

    /// Asks for a page, unless it still is the one with this `ETag`.
    pub(super) async fn get(&self, url: &Url, etag: Option<&str>) -> Result<Answer, SourceError> {
        let doing = format!("get {url}");
        match tokio::time::timeout(self.timeout, self.exchange(url, etag, &doing)).await {
            Ok(answer) => answer,
            Err(_) => Err(SourceError::passing(doing, format!("no answer within {} s", self.timeout.as_secs_f64()))),
        }
    }

    async fn exchange(&self, url: &Url, etag: Option<&str>, doing: &str) -> Result<Answer, SourceError> {
        let mut request = self.http.get(url.clone()).header(ACCEPT, "application/json").headers(self.headers.clone());
        if let Some(token) = self.token.read()? {
            request = request.bearer_auth(token.expose());
        }
        if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let lost = |error: reqwest::Error| SourceError::passing(doing, error.without_url());
        let response = request.send().await.map_err(lost)?;
        let status = response.status();
        if status == StatusCode::NOT_MODIFIED {
            return Ok(Answer::Unchanged);
        }
        let wait = wait(&response);
        let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let (etag, link) = (header(ETAG).map(str::to_owned), links(response.headers()));
        let body = read(response, self.max_bytes).await.map_err(lost)?;
        let Some(body) = body else {
            let reason = format!("the answer has more than max_bytes, {} bytes; ask for smaller pages", self.max_bytes);
            return Err(SourceError::lasting(doing, reason));
        };
        if status.is_success() {
            return Ok(Answer::Page { body, etag, link });
        }
        let text: String = String::from_utf8_lossy(&body).chars().filter(|c| !c.is_control()).take(SHOWN).collect();
        let reason = if text.trim().is_empty() { status.to_string() } else { format!("{status}: {text}") };
        let may_pass = status.is_server_error()
            || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY);
        Err(if may_pass {
            SourceError::passing(doing, reason).with_wait(wait)
        } else {
            SourceError::lasting(doing, reason)
        })
    }
}

/// Returns all values of the header `Link`.
fn links(headers: &HeaderMap) -> Option<String> {
    let values: Vec<&str> = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// Returns the time of `Retry-After` in seconds. A date is not understood, and the usual delay is
/// taken.
fn wait(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// Reads a body. Returns `None` if it is larger than `most`.
async fn read(mut response: Response, most: usize) -> Result<Option<Bytes>, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}
