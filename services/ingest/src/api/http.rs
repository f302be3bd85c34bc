//! The API over HTTP under `/v1`: JSON in the mapping of proto3, or protobuf bodies with
//! `content-type: application/x-protobuf`.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use marquee_kit::{Bodies, BodyParser, Failure, parse_json};
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

/// A body, and who sent it in which form.
struct Received {
    client: ClientName,
    parser: BodyParser,
    headers: HeaderMap,
    body: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Received {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let parts = <(ClientName, BodyParser, HeaderMap, Bytes)>::from_request(request, state);
        let (client, parser, headers, body) = parts.await?;
        Ok(Self { client, parser, headers, body })
    }
}

impl Received {
    /// Decodes a body by its content type. A body that does not decode is copied to the rejected
    /// topic.
    async fn read<M>(self, intake: &Intake) -> Result<(ClientName, M), Failure>
    where
        M: Message + Default + DeserializeOwned + 'static,
    {
        let Self { client, parser, headers, body } = self;
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_protobuf = content_type.is_some_and(|value| value.starts_with(record::PROTOBUF));
        let form = if is_protobuf { record::PROTOBUF } else { record::JSON };
        let parse = if is_protobuf { parse_protobuf::<M> } else { parse_json::<M> };
        match parser.parse(body.clone(), parse).await {
            Ok(message) => Ok((client, message)),
            Err(why) => Err(intake.unreadable(&client, body, form, why).await),
        }
    }
}

fn parse_protobuf<M: Message + Default>(body: &[u8]) -> Result<M, String> {
    let refused =
        |error| format!("does not decode as the protobuf message of this call ({error}): check how it was encoded");
    M::decode(body).map_err(refused)
}

async fn submit(
    State(intake): State<Arc<Intake>>,
    received: Received,
) -> Result<Json<pb::SubmitRatingResponse>, Failure> {
    let (client, rating): (_, pb::Rating) = received.read(&intake).await?;
    let batch = wire::batch(vec![rating], intake.rules(), intake.compute()).await;
    let position = intake.submit_one(&client, batch, Source::Http).await?;
    Ok(Json(pb::SubmitRatingResponse { position: Some(convert::position(position)) }))
}

async fn submit_batch(
    State(intake): State<Arc<Intake>>,
    received: Received,
) -> Result<Json<pb::SubmitRatingsResponse>, Failure> {
    let (client, request): (_, pb::SubmitRatingsRequest) = received.read(&intake).await?;
    intake.check_size("ratings", request.ratings.len())?;
    let batch = wire::batch(request.ratings, intake.rules(), intake.compute()).await;
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
    received: Received,
) -> Result<Json<pb::UpsertMoviesResponse>, Failure> {
    let (client, request): (_, pb::UpsertMoviesRequest) = received.read(&intake).await?;
    let _permit = intake.admit(&client, "movies", request.movies.len())?;
    let movies = wire::movies(request.movies, intake.compute()).await?;
    Ok(Json(pb::UpsertMoviesResponse { accepted: intake.upsert(movies).await? }))
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
