//! The admin pages for platforms: `/metrics`, `/livez` and `/readyz`.

use axum::Json;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Serialize;

use crate::{CheckState, Context, Health};

/// A check in the form that `/readyz` shows.
#[derive(Serialize)]
struct Shown {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The admin pages of a process.
pub fn admin_routes(context: &Context) -> Router {
    let metrics = context.metrics.clone();
    let health = context.health.clone();
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(move || readyz(health.clone())))
        .route(
            "/metrics",
            get(move || {
                let text = metrics.text();
                async move {
                    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
                }
            }),
        )
}

async fn readyz(health: Health) -> impl IntoResponse {
    let checks: std::collections::BTreeMap<_, _> = health
        .states()
        .into_iter()
        .map(|(service, state)| match state {
            CheckState::Ready => (service, Shown { ready: true, reason: None }),
            CheckState::NotReady(why) => (service, Shown { ready: false, reason: Some(why) }),
        })
        .collect();
    let status = if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(checks))
}
