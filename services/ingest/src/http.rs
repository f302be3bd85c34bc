//! The same door over HTTP: JSON in proto3's mapping under `/v1`, and protobuf bodies with `content-type: application/x-protobuf`.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::routing::{delete, get, post, put};
use marquee_kit::Failure;
use marquee_proto::convert;
use marquee_proto::ratings::v1 as pb;
use marquee_proto::record;
use prost::Message;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::caller::ClientName;
use crate::rejected::Source;
use crate::service::Service;

/// Largest body in bytes.
const LARGEST: usize = 16 << 20;

pub(crate) fn routes(service: Service) -> Router {
    Router::new()
        .route("/v1/ratings", post(submit))
        .route("/v1/ratings/batch", post(submit_batch))
        .route("/v1/users/{user}/ratings/{movie}", delete(remove_rating))
        .route("/v1/users/{user}", delete(remove_user))
        .route("/v1/movies", put(upsert).get(list))
        .route("/v1/scale", get(scale))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(service)
}

/// Reads a body by its content type; JSON unless it says otherwise. An unreadable one is kept on the rejected topic.
async fn read<M>(service: &Service, client: &ClientName, headers: &HeaderMap, body: Bytes) -> Result<M, Failure>
where
    M: Message + Default + DeserializeOwned,
{
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or(record::JSON);
    if content_type.starts_with(record::PROTOBUF) {
        return match M::decode(body.clone()) {
            Ok(message) => Ok(message),
            Err(error) => {
                let why = format!("is no protobuf message of this call ({error}): check what was encoded");
                Err(service.unreadable(client, body, record::PROTOBUF, why).await)
            }
        };
    }
    match serde_json::from_slice(&body) {
        Ok(message) => Ok(message),
        Err(error) => {
            let why = format!("is not valid JSON for this request ({error}); check names and values");
            Err(service.unreadable(client, body, record::JSON, why).await)
        }
    }
}

async fn submit(
    State(service): State<Service>,
    client: ClientName,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<pb::SubmitRatingResponse>, Failure> {
    let rating: pb::Rating = read(&service, &client, &headers, body).await?;
    let position = service.submit_one(&client, Some(rating), Source::Http).await?;
    Ok(Json(pb::SubmitRatingResponse { position: Some(convert::position(position)) }))
}

async fn submit_batch(
    State(service): State<Service>,
    client: ClientName,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<pb::SubmitRatingsResponse>, Failure> {
    let request = read(&service, &client, &headers, body).await?;
    Ok(Json(service.submit_batch(&client, request, Source::Http).await?))
}

async fn remove_rating(
    State(service): State<Service>,
    client: ClientName,
    Path((user, movie)): Path<(String, String)>,
) -> Result<Json<pb::RemoveRatingResponse>, Failure> {
    let position = service.remove(&client, &user, Some(&movie)).await?;
    Ok(Json(pb::RemoveRatingResponse { position: Some(convert::position(position)) }))
}

async fn remove_user(
    State(service): State<Service>,
    client: ClientName,
    Path(user): Path<String>,
) -> Result<Json<pb::RemoveUserResponse>, Failure> {
    let position = service.remove(&client, &user, None).await?;
    Ok(Json(pb::RemoveUserResponse { position: Some(convert::position(position)) }))
}

async fn upsert(
    State(service): State<Service>,
    client: ClientName,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<pb::UpsertMoviesResponse>, Failure> {
    let request = read(&service, &client, &headers, body).await?;
    Ok(Json(pb::UpsertMoviesResponse { accepted: service.upsert(&client, request).await? }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[derive(Default)]
struct Page {
    page_size: u32,
    page_token: String,
}

async fn list(
    State(service): State<Service>,
    Query(page): Query<Page>,
) -> Result<Json<pb::ListMoviesResponse>, Failure> {
    let request = pb::ListMoviesRequest { page_size: page.page_size, page_token: page.page_token };
    Ok(Json(service.list(&request).await?))
}

async fn scale(State(service): State<Service>) -> Json<pb::GetScaleResponse> {
    Json(service.scale())
}
