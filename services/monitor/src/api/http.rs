//! The calls as JSON over HTTP, in the mapping of proto3, under `/v1/monitor`.

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use humantime_serde::re::humantime;
use marquee_kit::{Failure, Reason};
use marquee_proto::monitor::v1 as pb;
use serde::Deserialize;

use super::MonitorHandler;
use super::grpc::DuelQuery;

/// Returns the routes.
pub(crate) fn routes(handler: MonitorHandler) -> Router {
    Router::new()
        .route("/v1/monitor/status", get(status))
        .route("/v1/monitor/duels/{model}", get(duels))
        .route("/v1/monitor/duels/{model}/{stable}/{other}", get(duel))
        .route("/v1/monitor/live/{model}", get(live))
        .with_state(handler)
}

async fn status(State(handler): State<MonitorHandler>) -> Result<Json<pb::GetStatusResponse>, Failure> {
    Ok(Json(handler.status().await?))
}

async fn duels(
    State(handler): State<MonitorHandler>,
    Path(model): Path<String>,
    Query(WindowParameter { window }): Query<WindowParameter>,
) -> Result<Json<pb::ListDuelsResponse>, Failure> {
    Ok(Json(handler.duels(&model, parse_window(window)?).await?))
}

/// The period of a call.
#[derive(Debug, Deserialize)]
struct WindowParameter {
    /// A period before now, for example `24h`. Absent: all ratings.
    window: Option<String>,
}

/// The parameters of a duel.
#[derive(Debug, Deserialize)]
struct DuelParameters {
    /// Names of slices, separated by commas. Absent: every slice.
    slices: Option<String>,
    /// A period before now, for example `24h`. Absent: all ratings.
    window: Option<String>,
}

async fn duel(
    State(handler): State<MonitorHandler>,
    Path((model, stable, other)): Path<(String, String, String)>,
    Query(DuelParameters { slices, window }): Query<DuelParameters>,
) -> Result<Json<pb::GetDuelResponse>, Failure> {
    let pair = (version("stable", &stable)?, version("other", &other)?);
    let slices = slices.unwrap_or_default();
    let slices = slices.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let query = DuelQuery::try_new(&model, pair, slices, parse_window(window)?)?;
    Ok(Json(pb::GetDuelResponse { duel: Some(handler.duel(&query).await?) }))
}

fn version(field: &str, text: &str) -> Result<u64, Failure> {
    let refused = |_| Failure::field(field, Reason::Malformed, format!("is '{text}': give the number of a version"));
    text.parse().map_err(refused)
}

async fn live(
    State(handler): State<MonitorHandler>,
    Path(model): Path<String>,
    Query(WindowParameter { window }): Query<WindowParameter>,
) -> Result<Json<pb::GetLiveQualityResponse>, Failure> {
    Ok(Json(handler.live(&model, parse_window(window)?).await?))
}

fn parse_window(text: Option<String>) -> Result<Option<Duration>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let fix = |_| Failure::field("window", Reason::Malformed, format!("is '{text}': give a time, for example 24h"));
    humantime::parse_duration(&text).map(Some).map_err(fix)
}
