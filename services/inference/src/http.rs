//! The domain API as JSON over HTTP, in proto3's mapping, under `/v1`.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::routing::{get, post};
use marquee_domain::Reason;
use marquee_kit::Failure;
use marquee_proto::prediction::v1 as pb;
use marquee_proto::rollout::v1 as rollout;
use serde::de::DeserializeOwned;

use crate::service::Service;

pub(crate) fn routes(service: Service) -> Router {
    Router::new()
        .route("/v1/predict", post(predict))
        .route("/v1/recommend", post(recommend))
        .route("/v1/explain", post(explain))
        .route("/v1/models", get(models))
        .route("/v1/routes/{model}", get(route).put(set_route))
        .layer(DefaultBodyLimit::max(4 << 20))
        .with_state(service)
}

fn read<M: DeserializeOwned>(body: &Bytes) -> Result<M, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        let fix = format!("is not the JSON of this call ({error}): check names and values");
        Failure::field("body", Reason::Malformed, fix)
    })
}

async fn predict(State(service): State<Service>, body: Bytes) -> Result<Json<pb::PredictResponse>, Failure> {
    Ok(Json(service.predict(read(&body)?).await?))
}

async fn recommend(State(service): State<Service>, body: Bytes) -> Result<Json<pb::RecommendResponse>, Failure> {
    Ok(Json(service.recommend(read(&body)?).await?))
}

async fn explain(State(service): State<Service>, body: Bytes) -> Result<Json<pb::ExplainResponse>, Failure> {
    Ok(Json(service.explain(read(&body)?).await?))
}

async fn models(State(service): State<Service>) -> Result<Json<pb::ListModelsResponse>, Failure> {
    Ok(Json(service.list_models("").await?))
}

async fn route(
    State(service): State<Service>,
    Path(model): Path<String>,
) -> Result<Json<rollout::GetRouteResponse>, Failure> {
    Ok(Json(rollout::GetRouteResponse { route: Some(service.route(&model)?) }))
}

async fn set_route(
    State(service): State<Service>,
    Path(model): Path<String>,
    body: Bytes,
) -> Result<Json<rollout::SetRouteResponse>, Failure> {
    let mut request: rollout::SetRouteRequest = read(&body)?;
    if let Some(route) = &mut request.route {
        route.model = model;
    }
    Ok(Json(rollout::SetRouteResponse { route: Some(service.set_route(request).await?) }))
}
