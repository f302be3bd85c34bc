//! A small HTTP client for the JSON API and what operators look at.

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tonic::codegen::http::{HeaderMap, Method, Request, header};

use crate::DEADLINE;

/// A client of one server.
#[derive(Debug, Clone)]
pub struct Http {
    base: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Http {
    /// A client of the server at `http://HOST:PORT`.
    pub fn new(base: &str) -> Self {
        Self { base: base.to_owned(), client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// The address of the server, as `http://HOST:PORT`.
    pub fn address(&self) -> &str {
        &self.base
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, "", Bytes::new()).await
    }

    /// GET of a form that the client prefers.
    pub async fn get_as(&self, path: &str, accept: &str) -> Result<Answer> {
        self.send_with(Method::GET, path, &[(header::ACCEPT, accept)], Bytes::new()).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, json: &serde_json::Value) -> Result<Answer> {
        self.send(Method::POST, path, "application/json", Bytes::from(json.to_string())).await
    }

    /// Anything else.
    pub async fn send(&self, method: Method, path: &str, content_type: &str, body: Bytes) -> Result<Answer> {
        let content_type = (!content_type.is_empty()).then_some((header::CONTENT_TYPE, content_type));
        self.send_with(method, path, content_type.as_slice(), body).await
    }

    /// Anything else, with headers.
    pub async fn send_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(header::HeaderName, &str)],
        body: Bytes,
    ) -> Result<Answer> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, *value));
        let call = async {
            let response = self.client.request(request.body(Full::new(body))?).await?;
            let (head, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            anyhow::Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
        };
        tokio::time::timeout(DEADLINE, call).await.with_context(|| format!("no answer to {path}"))?
    }
}
