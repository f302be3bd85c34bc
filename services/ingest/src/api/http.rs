//! The API over HTTP under `/v1`: JSON in the mapping of proto3, or protobuf bodies with
//! `content-type: application/x-protobuf`.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::routing::{delete, get, post, put};
use marquee_kit::{Bodies, Failure};
use marquee_proto::convert;
use marquee_proto::ratings::v1 as pb;
use marquee_proto::record;
use prost::Message;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{grpc, wire};
use crate::client::ClientName;
use crate::intake::Intake;
use crate::rejected::Source;

/// The bodies that are accepted: at most 16 MiB, as JSON or as these messages.
const BODIES: Bodies = Bodies::json(16 << 20).or_protobuf(&[
    ("/v1/ratings", "marquee.ratings.v1.Rating"),
    ("/v1/ratings/batch", "marquee.ratings.v1.SubmitRatingsRequest"),
    ("/v1/movies", "marquee.ratings.v1.UpsertMoviesRequest"),
]);

/// Returns the routes.
pub(crate) fn routes(intake: Arc<Intake>) -> Router {
    let routes = Router::new()
        .route("/v1/ratings", post(submit))
        .route("/v1/ratings/batch", post(submit_batch))
        .route("/v1/users/{user}/ratings/{movie}", delete(remove_rating))
        .route("/v1/users/{user}", delete(remove_user))
        .route("/v1/movies", put(upsert).get(list))
        .route("/v1/scale", get(scale));
    BODIES.layer(routes).with_state(intake)
}

/// Decodes a body by its content type. A body that does not decode is copied to the rejected topic.
async fn read<M>(intake: &Intake, client: &ClientName, headers: &HeaderMap, body: Bytes) -> Result<M, Failure>
where
    M: Message + Default + DeserializeOwned,
{
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or(record::JSON);
    if content_type.starts_with(record::PROTOBUF) {
        return match M::decode(body.clone()) {
            Ok(message) => Ok(message),
            Err(error) => {
                let why =
                    format!("does not decode as the protobuf message of this call ({error}): check how it was encoded");
                Err(intake.unreadable(client, body, record::PROTOBUF, why).await)
            }
        };
    }
    match serde_json::from_slice(&body) {
        Ok(message) => Ok(message),
        Err(error) => {
            let why = format!("is not valid JSON for this request ({error}); check names and values");
            Err(intake.unreadable(client, body, record::JSON, why).await)
        }
    }
}

async fn submit(
    State(intake): State<Arc<Intake>>,
    client: ClientName,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<pb::SubmitRatingResponse>, Failure> {
    let rating: pb::Rating = read(&intake, &client, &headers, body).await?;
    let batch = wire::batch(vec![rating], intake.rules());
    let position = intake.submit_one(&client, batch, Source::Http).await?;
    Ok(Json(pb::SubmitRatingResponse { position: Some(convert::position(position)) }))
}

async fn submit_batch(
    State(intake): State<Arc<Intake>>,
    client: ClientName,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<pb::SubmitRatingsResponse>, Failure> {
    let request: pb::SubmitRatingsRequest = read(&intake, &client, &headers, body).await?;
    intake.check_size("ratings", request.ratings.len())?;
    let batch = wire::batch(request.ratings, intake.rules());
    Ok(Json(wire::submitted(intake.submit_batch(&client, batch, Source::Http).await?)))
}

async fn remove_rating(
    State(intake): State<Arc<Intake>>,
    client: ClientName,
    Path((user, movie)): Path<(String, String)>,
) -> Result<Json<pb::RemoveRatingResponse>, Failure> {
    let position = intake.remove(&client, wire::user(&user)?, Some(wire::movie(&movie)?)).await?;
    Ok(Json(pb::RemoveRatingResponse { position: Some(convert::position(position)) }))
}

async fn remove_user(
    State(intake): State<Arc<Intake>>,
    client: ClientName,
    Path(user): Path<String>,
) -> Result<Json<pb::RemoveUserResponse>, Failure> {
    let position = intake.remove(&client, wire::user(&user)?, None).await?;
    Ok(Json(pb::RemoveUserResponse { position: Some(convert::position(position)) }))
}

async fn upsert(
    State(intake): State<Arc<Intake>>,
    client: ClientName,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<pb::UpsertMoviesResponse>, Failure> {
    let request: pb::UpsertMoviesRequest = read(&intake, &client, &headers, body).await?;
    let _permit = intake.admit(&client, "movies", request.movies.len())?;
    Ok(Json(pb::UpsertMoviesResponse { accepted: intake.upsert(wire::movies(request.movies)?).await? }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[derive(Default)]
struct Page {
    page_size: u32,
    page_token: String,
}

async fn list(
    State(intake): State<Arc<Intake>>,
    Query(page): Query<Page>,
) -> Result<Json<pb::ListMoviesResponse>, Failure> {
    let request = pb::ListMoviesRequest { page_size: page.page_size, page_token: page.page_token };
    Ok(Json(grpc::list(&intake, &request).await?))
}

async fn scale(State(intake): State<Arc<Intake>>) -> Json<pb::GetScaleResponse> {
    Json(grpc::scale(&intake))
}
