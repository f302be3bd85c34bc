//! The calls of MLflow's REST API, version 2.0, as MLflow 3 answers them.
//!
//! A call that makes something with an id of the server's is not sent again when it is unknown
//! whether it was carried out. Its caller looks for the thing by a tag first.

mod models;
mod registry;
mod runs;

use bytes::Bytes;
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::transport::{Call, Repeat, Transport};
use crate::{Error, Settings, StartError};

pub use models::{LoggedModel, NewModel};
pub use registry::{ModelVersion, RegisteredModel};
pub use runs::{Dataset, NewRun, RunInfo, RunStatus};

const API: [&str; 3] = ["api", "2.0", "mlflow"];

/// The path below which the server passes artifacts on.
const ARTIFACTS: [&str; 4] = ["api", "2.0", "mlflow-artifacts", "artifacts"];

/// The scheme of artifacts that the server passes on.
const PROXIED: &str = "mlflow-artifacts";

/// A client of one tracking server. Clones are cheap.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
}

/// A name with a value, as the API writes parameters and tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pair {
    key: String,
    #[serde(default)]
    value: String,
}

impl Client {
    /// Makes a client. Nothing is sent, so the server may be away.
    ///
    /// # Errors
    /// A setting makes no sense, or a file that it names cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, StartError> {
        Ok(Self { transport: Transport::new(settings)? })
    }

    /// Uses other delays between tries.
    #[cfg(test)]
    pub(crate) fn with_backoff(self, backoff: marquee_backoff::Backoff) -> Self {
        Self { transport: self.transport.with_backoff(backoff) }
    }

    /// Returns the address of a method of the API, for example `runs/create`.
    fn url(&self, method: &str) -> Url {
        self.transport.url(API.into_iter().chain(method.split('/')))
    }

    /// Reads something.
    async fn get<T: DeserializeOwned>(
        &self,
        doing: impl Into<String>,
        method: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Error> {
        let mut url = self.url(method);
        url.query_pairs_mut().extend_pairs(query);
        let call = Call { doing: doing.into(), method: Method::GET, url, body: None, repeat: Repeat::Always };
        self.answer(&call).await
    }

    /// Sends JSON and reads JSON.
    async fn send<T: DeserializeOwned>(
        &self,
        doing: impl Into<String>,
        (method, path): (Method, &str),
        body: &Value,
        repeat: Repeat,
    ) -> Result<T, Error> {
        let body = Some(("application/json", Bytes::from(body.to_string())));
        self.answer(&Call { doing: doing.into(), method, url: self.url(path), body, repeat }).await
    }

    /// Changes something. A second call changes nothing more.
    async fn change(&self, doing: impl Into<String>, path: &str, body: &Value) -> Result<(), Error> {
        self.send::<Value>(doing, (Method::POST, path), body, Repeat::Always).await.map(drop)
    }

    async fn answer<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        let bytes = self.transport.send(call).await?;
        let garbage = |source| Error::Garbage { doing: call.doing.clone(), source: Some(source) };
        serde_json::from_slice(&bytes).map_err(garbage)
    }

    /// Writes an artifact. `root` is the address of the artifacts of a run or of a logged model, as
    /// the server returned it, and `path` is below it.
    ///
    /// # Errors
    /// The server does not pass artifacts on, or the call failed.
    pub async fn put_artifact(&self, root: &str, path: &str, bytes: Bytes) -> Result<(), Error> {
        let doing = format!("upload {path}");
        let not_proxied = |scheme: &str| Error::NotProxied { doing: doing.clone(), scheme: scheme.to_owned() };
        let (scheme, rest) = root.split_once(':').ok_or_else(|| not_proxied("a path"))?;
        if scheme != PROXIED {
            return Err(not_proxied(scheme));
        }
        // `mlflow-artifacts:/path` and `mlflow-artifacts://host/path` are both usual.
        let rest = rest.strip_prefix("//").map_or(rest, |rest| rest.split_once('/').map_or("", |(_, path)| path));
        let segments = rest.split('/').chain(path.split('/')).filter(|segment| !segment.is_empty());
        let url = self.transport.url(ARTIFACTS.into_iter().chain(segments));
        let body = Some(("application/octet-stream", bytes));
        // The answer is `{}` or empty.
        self.transport.send(&Call { doing, method: Method::PUT, url, body, repeat: Repeat::Always }).await.map(drop)
    }
}

#[cfg(test)]
mod tests;
