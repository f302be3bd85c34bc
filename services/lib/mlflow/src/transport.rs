//! One call over HTTP: its deadline, its retries, its credentials, and how its answer is read.
//!
//! **Invariant:** a token or a password is in no log, error or debug output
//! (`a_token_is_sent_and_never_shown`).

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use marquee_backoff::Backoff;
use marquee_settings::{Validate as _, is_set};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Certificate, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;

use crate::error::{is_passing, shortened};
use crate::settings::is_loopback;
use crate::{Error, Settings, StartError};

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// How often a call is tried.
const TRIES: u32 = 4;

/// The delays between two tries.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// The longest time that a server may ask a client to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The longest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 8 << 20;

/// The largest file with a token or a password, in bytes.
const LARGEST_SECRET: u64 = 64 << 10;

/// Whether a call may be sent again after a failure that leaves open whether it was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// A second call changes nothing more.
    Always,
    /// A second call would make something twice. The caller looks first and then tries again.
    IfRefused,
}

/// What is sent.
#[derive(Debug)]
pub(crate) struct Call {
    /// What is being done, for errors.
    pub(crate) doing: String,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) body: Option<(&'static str, Bytes)>,
    pub(crate) repeat: Repeat,
}

/// Who calls.
enum Credentials {
    Anonymous,
    Token(PathBuf),
    Password(String, PathBuf),
}

/// Calls one server. Clones are cheap.
#[derive(Clone)]
pub(crate) struct Transport {
    http: reqwest::Client,
    base: Url,
    credentials: std::sync::Arc<Credentials>,
    timeout: Duration,
    backoff: Backoff,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// Why one try failed.
struct Failed {
    error: Error,
    /// The server has certainly not carried out the call.
    refused: bool,
    /// How long the server asks to wait.
    wait: Option<Duration>,
}

/// The error of MLflow's REST API.
#[derive(Deserialize)]
struct Refusal {
    error_code: String,
    #[serde(default)]
    message: String,
}

impl Transport {
    /// Makes a client. Nothing is sent: the server may be away.
    pub(crate) fn new(settings: &Settings) -> Result<Self, StartError> {
        settings.validate().map_err(StartError::Settings)?;
        let base = settings.address().map_err(StartError::Settings)?;
        // This sets the only TLS provider that is compiled in. The call fails if it is already set,
        // which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("marquee/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            // A token must not follow to another server.
            .redirect(reqwest::redirect::Policy::none());
        if is_loopback(&base) {
            http = http.no_proxy();
        }
        if base.scheme() == "http" {
            // Without encryption no certificates are needed. A minimal container has none.
            http = http.tls_certs_only([]);
        } else if is_set(&settings.ca_file) {
            http = http.tls_certs_only(certificates(&settings.ca_file)?);
        }
        let http = http.build().map_err(StartError::Client)?;
        let credentials = credentials(settings)?.into();
        Ok(Self { http, base, credentials, timeout: settings.timeout, backoff: BACKOFF })
    }

    /// Uses other delays between tries.
    #[cfg(test)]
    pub(crate) fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Returns an address below that of the server.
    pub(crate) fn url<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.base.clone();
        // Only an address that has no path, for example `mailto:`, has no segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// Sends a call until it is answered, is refused for good, or has been tried often enough.
    pub(crate) async fn send(&self, call: &Call) -> Result<Bytes, Error> {
        let mut delays = self.backoff.start();
        loop {
            let failed = match self.attempt(call).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let may_repeat = failed.error.is_retryable() && (failed.refused || call.repeat == Repeat::Always);
            if !may_repeat || delays.tries() + 1 >= TRIES {
                return Err(failed.error);
            }
            let delay = delays.next();
            tokio::time::sleep(failed.wait.map_or(delay, |wait| wait.max(delay))).await;
        }
    }

    /// Sends a call once.
    async fn attempt(&self, call: &Call) -> Result<Bytes, Failed> {
        let length = call.body.as_ref().map_or(0, |(_, body)| body.len());
        let deadline = self.timeout + Duration::from_secs((length >> 20) as u64);
        match tokio::time::timeout(deadline, self.exchange(call)).await {
            Ok(answered) => answered,
            Err(_) => Err(Failed { error: Error::Late { doing: call.doing.clone() }, refused: false, wait: None }),
        }
    }

    async fn exchange(&self, call: &Call) -> Result<Bytes, Failed> {
        let mut request = self.http.request(call.method.clone(), call.url.clone());
        if let Some((kind, body)) = &call.body {
            request = request.header(CONTENT_TYPE, *kind).body(body.clone());
        }
        let request = self.authorize(request, &call.doing).await.map_err(Failed::before)?;
        let lost = |source: reqwest::Error| {
            let refused = source.is_connect();
            // The address is in the settings. A proxy's may contain a password.
            let source = source.without_url();
            Failed { error: Error::Unreachable { doing: call.doing.clone(), source }, refused, wait: None }
        };
        let response = request.send().await.map_err(lost)?;
        let (status, wait) = (response.status(), wait(&response));
        let body = read(response).await.map_err(lost)?;
        match body {
            Some(body) if status.is_success() => Ok(body),
            None if status.is_success() => {
                Err(Failed { error: Error::Garbage { doing: call.doing.clone(), source: None }, refused: false, wait })
            }
            body => Err(refusal(call, status, body.as_deref().unwrap_or_default(), wait)),
        }
    }

    /// Adds the credentials. The files are read each time, because they may be replaced.
    async fn authorize(&self, request: RequestBuilder, doing: &str) -> Result<RequestBuilder, Error> {
        let secret = async |path: &Path| {
            let read = tokio::fs::read(path).await;
            read.and_then(|bytes| line(&bytes)).map_err(|source| Error::Credentials {
                doing: doing.to_owned(),
                path: path.to_owned(),
                source,
            })
        };
        Ok(match &*self.credentials {
            Credentials::Anonymous => request,
            Credentials::Token(path) => request.bearer_auth(secret(path).await?),
            Credentials::Password(user, path) => request.basic_auth(user, Some(secret(path).await?)),
        })
    }
}

impl Failed {
    /// Returns the failure of a call that was not sent.
    fn before(error: Error) -> Self {
        Self { error, refused: true, wait: None }
    }
}

/// Reads a body. Returns `None` if it is longer than an answer of the API is.
async fn read(mut response: Response) -> Result<Option<Bytes>, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

/// Returns the failure that a status and a body tell.
fn refusal(call: &Call, status: StatusCode, body: &[u8], wait: Option<Duration>) -> Failed {
    let refusal = serde_json::from_slice::<Refusal>(body).ok();
    let (code, message) = refusal.map_or_else(Default::default, |refusal| (refusal.error_code, refusal.message));
    let (code, message) = (shortened(&code), shortened(&message));
    // 503 and 429 are answered before the work. What a 500 or a 504 left is unknown.
    let refused = !is_passing(status) || matches!(status.as_u16(), 429 | 503);
    Failed { error: Error::Refused { doing: call.doing.clone(), status, code, message }, refused, wait }
}

/// Returns how long the server asks to wait, in seconds.
fn wait(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// Reads the certificates of a file.
fn certificates(path: &Path) -> Result<Vec<Certificate>, StartError> {
    let unusable = |source| StartError::Certificates { path: path.to_owned(), source };
    let pem = std::fs::read(path).map_err(|error| unusable(error.into()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(error.into()))?;
    if found.is_empty() {
        return Err(unusable("the file contains no certificate".into()));
    }
    Ok(found)
}

/// Returns who calls. Reads the files once, so that a missing one is known at the start.
fn credentials(settings: &Settings) -> Result<Credentials, StartError> {
    let check = |key, path: &Path| {
        let checked = std::fs::metadata(path).and_then(|found| {
            let fits = found.is_file() && found.len() <= LARGEST_SECRET;
            if fits { line(&std::fs::read(path)?).map(drop) } else { Err(std::io::ErrorKind::InvalidData.into()) }
        });
        checked.map_err(|source| StartError::Credentials { key, path: path.to_owned(), source })
    };
    if is_set(&settings.token_file) {
        check("token_file", &settings.token_file)?;
        return Ok(Credentials::Token(settings.token_file.clone()));
    }
    if !settings.username.is_empty() {
        check("password_file", &settings.password_file)?;
        return Ok(Credentials::Password(settings.username.clone(), settings.password_file.clone()));
    }
    Ok(Credentials::Anonymous)
}

/// Returns the one line of a file, without the end of the line.
fn line(bytes: &[u8]) -> Result<String, std::io::Error> {
    let text = std::str::from_utf8(bytes).map(|text| text.trim_end_matches(['\r', '\n']));
    match text {
        Ok(text) if !text.is_empty() && !text.contains(char::is_control) => Ok(text.to_owned()),
        _ => Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "the file is not one line of text")),
    }
}
