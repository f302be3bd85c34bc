//! The calls as JSON over HTTP, in the mapping of proto3, under `/v1`.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use marquee_kit::{Bodies, BodyParser, Failure};
use marquee_proto::prediction::v1 as pb;
use marquee_proto::rollout::v1 as rollout;
use serde::Deserialize;

use super::Service;
use super::served::RequestId;

/// The bodies that are accepted.
const BODIES: Bodies = Bodies::json(4 << 20);

pub(super) fn routes(service: Service) -> Router {
    let routes = Router::new()
        .route("/v1/predict", post(predict))
        .route("/v1/recommend", post(recommend))
        .route("/v1/explain", post(explain))
        .route("/v1/evaluate", post(evaluate))
        .route("/v1/models", get(models))
        .route("/v1/routes/{model}", get(route).put(set_route))
        .route("/v1/routing/status", get(status));
    BODIES.layer(routes).with_state(service)
}

async fn predict(
    State(service): State<Service>,
    headers: HeaderMap,
    parser: BodyParser,
    body: Bytes,
) -> Result<Json<pb::PredictResponse>, Failure> {
    Ok(Json(service.call_predict(parser.json(body).await?, RequestId::in_headers(&headers)).await?))
}

async fn recommend(
    State(service): State<Service>,
    headers: HeaderMap,
    parser: BodyParser,
    body: Bytes,
) -> Result<Json<pb::RecommendResponse>, Failure> {
    Ok(Json(service.call_recommend(parser.json(body).await?, RequestId::in_headers(&headers)).await?))
}

async fn explain(
    State(service): State<Service>,
    headers: HeaderMap,
    parser: BodyParser,
    body: Bytes,
) -> Result<Json<pb::ExplainResponse>, Failure> {
    Ok(Json(service.call_explain(parser.json(body).await?, RequestId::in_headers(&headers)).await?))
}

async fn evaluate(
    State(service): State<Service>,
    parser: BodyParser,
    body: Bytes,
) -> Result<Json<pb::EvaluateResponse>, Failure> {
    Ok(Json(service.call_evaluate(parser.json(body).await?).await?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct ModelsQuery {
    model: String,
    page_size: u32,
    page_token: String,
}

async fn models(
    State(service): State<Service>,
    Query(query): Query<ModelsQuery>,
) -> Result<Json<pb::ListModelsResponse>, Failure> {
    let ModelsQuery { model, page_size, page_token } = query;
    Ok(Json(service.call_list_models(&pb::ListModelsRequest { model, page_size, page_token }).await?))
}

async fn route(
    State(service): State<Service>,
    Path(model): Path<String>,
) -> Result<Json<rollout::GetRouteResponse>, Failure> {
    Ok(Json(service.call_get_route(&model)?))
}

async fn set_route(
    State(service): State<Service>,
    Path(model): Path<String>,
    parser: BodyParser,
    body: Bytes,
) -> Result<Json<rollout::SetRouteResponse>, Failure> {
    let mut request: rollout::SetRouteRequest = parser.json(body).await?;
    if let Some(route) = &mut request.route {
        route.model = model;
    }
    Ok(Json(service.call_set_route(request).await?))
}

async fn status(State(service): State<Service>) -> Result<Json<rollout::GetStatusResponse>, Failure> {
    Ok(Json(service.call_get_status("")?))
}
