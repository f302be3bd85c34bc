//! The gRPC service `marquee.ratings.v1.Ratings`.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use marquee_domain::Position;
use marquee_kit::Failure;
use marquee_proto::convert;
use marquee_proto::ratings::v1::ratings_server::{Ratings, RatingsServer};
use marquee_proto::ratings::v1::{self as pb};
use tonic::{Request, Response, Status, Streaming};

use super::wire;
use crate::client::ClientName;
use crate::intake::{Intake, LARGE};
use crate::rejected::Source;

/// The largest request in bytes.
const MAX_MESSAGE: usize = 16 << 20;

/// The server of the role.
pub(crate) type Server = RatingsServer<Handler>;

/// Returns the server.
pub(crate) fn server(intake: Arc<Intake>) -> Server {
    RatingsServer::new(Handler(intake)).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE)
}

/// Answers calls from the core.
#[derive(Debug, Clone)]
pub struct Handler(Arc<Intake>);

fn client<T>(request: &Request<T>) -> Result<ClientName, Failure> {
    ClientName::of(request.metadata().as_ref(), request.extensions())
}

fn wire_position(position: Position) -> Option<pb::Position> {
    Some(convert::position(position))
}

#[tonic::async_trait]
impl Ratings for Handler {
    async fn submit_rating(
        &self,
        request: Request<pb::SubmitRatingRequest>,
    ) -> Result<Response<pb::SubmitRatingResponse>, Status> {
        let client = client(&request)?;
        let Some(rating) = request.into_inner().rating else {
            let missing = marquee_domain::Reason::Missing;
            return Err(Failure::field("rating", missing, "is missing: give a rating").into());
        };
        let batch = wire::batch(vec![rating], self.0.rules(), self.0.compute()).await;
        let position = self.0.submit_one(&client, batch, Source::Grpc).await?;
        Ok(Response::new(pb::SubmitRatingResponse { position: wire_position(position) }))
    }

    async fn submit_ratings(
        &self,
        request: Request<pb::SubmitRatingsRequest>,
    ) -> Result<Response<pb::SubmitRatingsResponse>, Status> {
        let client = client(&request)?;
        let ratings = request.into_inner().ratings;
        self.0.check_size("ratings", ratings.len())?;
        let batch = wire::batch(ratings, self.0.rules(), self.0.compute()).await;
        Ok(Response::new(wire::submitted(self.0.submit_batch(&client, batch, Source::Grpc).await?)))
    }

    type StreamRatingsStream = Pin<Box<dyn Stream<Item = Result<pb::StreamRatingsResponse, Status>> + Send>>;

    async fn stream_ratings(
        &self,
        request: Request<Streaming<pb::StreamRatingsRequest>>,
    ) -> Result<Response<Self::StreamRatingsStream>, Status> {
        let client = client(&request)?;
        let in_flight = self.0.stream_in_flight();
        let (preparing, committing) = (Arc::clone(&self.0), Arc::clone(&self.0));
        // Batches are prepared one by one and committed in that order, so that the log has the
        // ratings of a stream in the order in which they were sent. `buffered` keeps the order of
        // the answers, and takes no further batch while its places are full or a batch waits for
        // its quota: that slows the client down.
        let answers = request
            .into_inner()
            .then(move |received| {
                let (intake, client) = (Arc::clone(&preparing), client.clone());
                async move {
                    let received =
                        received.map_err(|status| marquee_kit::unreadable(&status).map_or(status, Status::from))?;
                    intake.check_size("ratings", received.ratings.len())?;
                    let batch = wire::batch(received.ratings, intake.rules(), intake.compute()).await;
                    Ok((received.sequence, intake.prepare_streamed(&client, batch).await?))
                }
            })
            .map(move |prepared: Result<_, Status>| {
                let intake = Arc::clone(&committing);
                async move {
                    let (sequence, prepared) = prepared?;
                    Ok(wire::streamed(sequence, intake.commit(prepared).await?))
                }
            })
            .buffered(in_flight);
        Ok(Response::new(Box::pin(answers)))
    }

    async fn remove_rating(
        &self,
        request: Request<pb::RemoveRatingRequest>,
    ) -> Result<Response<pb::RemoveRatingResponse>, Status> {
        let client = client(&request)?;
        let request = request.into_inner();
        let (user, movie) = (wire::user(&request.user_id)?, wire::movie(&request.movie_id)?);
        let position = self.0.remove(&client, user, Some(movie)).await?;
        Ok(Response::new(pb::RemoveRatingResponse { position: wire_position(position) }))
    }

    async fn remove_user(
        &self,
        request: Request<pb::RemoveUserRequest>,
    ) -> Result<Response<pb::RemoveUserResponse>, Status> {
        let client = client(&request)?;
        let position = self.0.remove(&client, wire::user(&request.into_inner().user_id)?, None).await?;
        Ok(Response::new(pb::RemoveUserResponse { position: wire_position(position) }))
    }

    async fn upsert_movies(
        &self,
        request: Request<pb::UpsertMoviesRequest>,
    ) -> Result<Response<pb::UpsertMoviesResponse>, Status> {
        let client = client(&request)?;
        let movies = request.into_inner().movies;
        let _permit = self.0.admit(&client, "movies", movies.len())?;
        let accepted = self.0.upsert(wire::movies(movies, self.0.compute()).await?).await?;
        Ok(Response::new(pb::UpsertMoviesResponse { accepted }))
    }

    async fn list_movies(
        &self,
        request: Request<pb::ListMoviesRequest>,
    ) -> Result<Response<pb::ListMoviesResponse>, Status> {
        Ok(Response::new(list(&self.0, &request.into_inner()).await?))
    }

    async fn get_scale(&self, _: Request<pb::GetScaleRequest>) -> Result<Response<pb::GetScaleResponse>, Status> {
        Ok(Response::new(scale(&self.0)))
    }
}

/// Returns a page of the movie catalog.
pub(super) async fn list(intake: &Intake, request: &pb::ListMoviesRequest) -> Result<pb::ListMoviesResponse, Failure> {
    let page = intake.list(&request.page_token, request.page_size).await?;
    let is_large = page.movies.len() > LARGE;
    let answer = move || pb::ListMoviesResponse {
        movies: page.movies.iter().map(convert::movie).collect(),
        next_page_token: page.next_page_token,
    };
    Ok(intake.compute().run_if(is_large, answer).await)
}

/// Returns the scale of the deployment.
pub(super) fn scale(intake: &Intake) -> pb::GetScaleResponse {
    let scale = intake.scale();
    pb::GetScaleResponse { min: scale.min(), max: scale.max(), step: scale.step() }
}
