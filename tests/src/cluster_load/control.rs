//! The HTTP API of the load, for the test that runs it.
//!
//! - `POST /phase?name=upgrade` begins a phase, and answers with the one before it
//! - `GET /summary` answers with all figures so far
//! - `GET /readyz` is 200 once requests of each kind were answered
//! - `POST /stop` ends the load as SIGTERM does, and the process prints the last summary

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use marquee_kit::Stop;
use serde::Deserialize;

use super::phases::PhaseReport;
use super::summary::{Book, Summary};
use super::tally::Call;

/// What the routes act on.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) book: Arc<Book>,
    /// The kinds of requests that are sent.
    pub(crate) calls: Vec<Call>,
    pub(crate) stop: Stop,
}

#[derive(Debug, Deserialize)]
struct PhaseName {
    name: String,
}

/// Returns the routes.
pub(crate) fn routes(control: Arc<Control>) -> Router {
    Router::new()
        .route("/phase", post(phase))
        .route("/summary", get(summary))
        .route("/readyz", get(ready))
        .route("/stop", post(stop))
        .with_state(control)
}

async fn phase(State(control): State<Arc<Control>>, Query(named): Query<PhaseName>) -> Json<PhaseReport> {
    Json(control.book.phases().next(&named.name))
}

async fn summary(State(control): State<Arc<Control>>) -> Json<Summary> {
    Json(control.book.summary())
}

async fn ready(State(control): State<Arc<Control>>) -> (StatusCode, &'static str) {
    match control.book.has_answered(&control.calls) {
        true => (StatusCode::OK, "ready\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "no request of some kind was answered yet\n"),
    }
}

async fn stop(State(control): State<Arc<Control>>) -> StatusCode {
    control.stop.cancel();
    StatusCode::ACCEPTED
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anyhow::{Context, Result};
    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::plan::small;
    use super::super::tally::Outcome;
    use super::*;

    /// Sends one request to the routes, and returns the status and the body.
    async fn ask(control: &Arc<Control>, line: &str) -> Result<(u16, String)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut stream = TcpStream::connect(listener.local_addr()?).await?;
        let serving = tokio::spawn(axum::serve(listener, routes(Arc::clone(control))).into_future());
        stream.write_all(format!("{line} HTTP/1.1\r\nhost: load\r\nconnection: close\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        serving.abort();
        let (head, body) = answer.split_once("\r\n\r\n").context("an answer with a head")?;
        let status = head.split(' ').nth(1).context("a status")?.parse()?;
        Ok((status, body.to_owned()))
    }

    #[tokio::test]
    async fn phases_begin_on_request_and_the_summary_has_them() -> Result<()> {
        let (book, stop) = (Arc::new(Book::begin(small())), Stop::new());
        let control = Arc::new(Control { book, calls: vec![Call::Prediction], stop: stop.clone() });
        assert_eq!(ask(&control, "GET /readyz").await?.0, 503);
        let sent = control.book.phases().sent(Call::Prediction);
        control.book.phases().ended(sent, Duration::from_millis(1), &Outcome { attempts: 1, ..Outcome::default() });
        assert_eq!(ask(&control, "GET /readyz").await?.0, 200);

        assert_eq!(ask(&control, "POST /phase").await?.0, 400, "a phase has a name");
        assert_eq!(ask(&control, "GET /phase?name=a").await?.0, 405);
        let (status, body) = ask(&control, "POST /phase?name=delete%20pods").await?;
        let before: Value = serde_json::from_str(&body)?;
        assert_eq!((status, &before["name"], &before["predictions"]["answered"]), (200, &json!("start"), &json!(1)));
        let (_, body) = ask(&control, "GET /summary").await?;
        let summary: Value = serde_json::from_str(&body)?;
        assert_eq!((&summary["ok"], &summary["phases"][1]["name"]), (&json!(true), &json!("delete pods")));

        assert!(!stop.is_cancelled());
        assert_eq!(ask(&control, "POST /stop").await?.0, 202);
        assert!(stop.is_cancelled());
        Ok(())
    }
}
