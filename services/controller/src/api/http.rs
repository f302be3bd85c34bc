//! The calls as JSON over HTTP, in the mapping of proto3, under `/v1/rollouts`.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use marquee_kit::{Bodies, BodyParser, Failure};
use marquee_proto::document;
use marquee_proto::rollout::v1 as pb;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Handler;

/// The bodies that are accepted. A specification is small.
const BODIES: Bodies = Bodies::json(1 << 20);

pub(super) fn routes(handler: Handler) -> Router {
    let routes = Router::new()
        .route("/v1/rollouts", get(list).post(start))
        .route("/v1/rollouts/{model}", get(rollout).delete(delete))
        .route("/v1/rollouts/{model}/history", get(history))
        .route("/v1/rollouts/{model}/act", post(act));
    BODIES.layer(routes).with_state(handler)
}

/// Writes a message with whole numbers as integers, as specifications and statuses have them.
fn write(message: &impl Serialize) -> Result<Json<Value>, Failure> {
    let written = serde_json::to_value(message).map_err(|error| Failure::internal("encode the answer", &error))?;
    Ok(Json(document::with_integers(written)))
}

async fn start(State(handler): State<Handler>, parser: BodyParser, body: Bytes) -> Result<Json<Value>, Failure> {
    let rollout = Some(handler.call_start(parser.json(body).await?).await?);
    write(&pb::StartRolloutResponse { rollout })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct ListQuery {
    page_size: u32,
    page_token: String,
}

async fn list(State(handler): State<Handler>, Query(query): Query<ListQuery>) -> Result<Json<Value>, Failure> {
    let ListQuery { page_size, page_token } = query;
    write(&handler.call_list(&pb::ListRolloutsRequest { page_size, page_token })?)
}

async fn rollout(State(handler): State<Handler>, Path(model): Path<String>) -> Result<Json<Value>, Failure> {
    let rollout = Some(handler.call_get(&model).await?);
    write(&pb::GetRolloutResponse { rollout })
}

async fn history(State(handler): State<Handler>, Path(model): Path<String>) -> Result<Json<Value>, Failure> {
    write(&handler.call_history(&model).await?)
}

async fn delete(State(handler): State<Handler>, Path(model): Path<String>) -> Result<Json<Value>, Failure> {
    write(&handler.call_delete(&model).await?)
}

async fn act(
    State(handler): State<Handler>,
    Path(model): Path<String>,
    parser: BodyParser,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let request: pb::ActOnRolloutRequest = parser.json(body).await?;
    let rollout = Some(handler.call_act(&model, request.verb()).await?);
    write(&pb::ActOnRolloutResponse { rollout })
}
