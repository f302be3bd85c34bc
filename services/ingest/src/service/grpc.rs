//! The door over gRPC.

use std::pin::Pin;

use futures_util::{Stream, StreamExt};
use marquee_proto::convert;
use marquee_proto::ratings::v1::{self as pb, ratings_server};
use tonic::{Request, Response, Status, Streaming};

use super::Service;
use crate::caller::ClientName;
use crate::rejected::Source;

/// Who calls.
fn client<T>(request: &Request<T>) -> Result<ClientName, Status> {
    Ok(ClientName::of(request.metadata().as_ref(), request.extensions())?)
}

#[tonic::async_trait]
impl ratings_server::Ratings for Service {
    async fn submit_rating(
        &self,
        request: Request<pb::SubmitRatingRequest>,
    ) -> Result<Response<pb::SubmitRatingResponse>, Status> {
        let client = client(&request)?;
        let position = self.submit_one(&client, request.into_inner().rating, Source::Grpc).await?;
        Ok(Response::new(pb::SubmitRatingResponse { position: Some(convert::position(position)) }))
    }

    async fn submit_ratings(
        &self,
        request: Request<pb::SubmitRatingsRequest>,
    ) -> Result<Response<pb::SubmitRatingsResponse>, Status> {
        let client = client(&request)?;
        Ok(Response::new(self.submit_batch(&client, request.into_inner(), Source::Grpc).await?))
    }

    type StreamRatingsStream = Pin<Box<dyn Stream<Item = Result<pb::StreamRatingsResponse, Status>> + Send>>;

    async fn stream_ratings(
        &self,
        request: Request<Streaming<pb::StreamRatingsRequest>>,
    ) -> Result<Response<Self::StreamRatingsStream>, Status> {
        let client = client(&request)?;
        let in_flight = self.0.settings.stream_in_flight.max(1);
        let (preparing, committing) = (self.clone(), self.clone());
        // Prepared one by one and committed in that order, so that the log has a stream's ratings as they were sent. `buffered` keeps the order of
        // answers, and takes no further batch from the client while that many wait for the log, or one for its quota.
        let answers = request
            .into_inner()
            .then(move |batch| {
                let (service, client) = (preparing.clone(), client.clone());
                async move {
                    let batch =
                        batch.map_err(|status| marquee_kit::unreadable(&status).map_or(status, Status::from))?;
                    service.check_size("ratings", batch.ratings.len())?;
                    service.0.quotas.wait(&client, batch.ratings.len()).await;
                    Ok((batch.sequence, service.prepare(batch.ratings, Source::Grpc).await?))
                }
            })
            .map(move |prepared: Result<_, Status>| {
                let service = committing.clone();
                async move {
                    let (sequence, prepared) = prepared?;
                    let outcome = service.commit(prepared).await?;
                    Ok(pb::StreamRatingsResponse {
                        sequence,
                        accepted: outcome.accepted,
                        positions: outcome.last_positions(),
                        rejected: outcome.wire_rejected(),
                    })
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
        let position = self.remove(&client, &request.user_id, Some(&request.movie_id)).await?;
        Ok(Response::new(pb::RemoveRatingResponse { position: Some(convert::position(position)) }))
    }

    async fn remove_user(
        &self,
        request: Request<pb::RemoveUserRequest>,
    ) -> Result<Response<pb::RemoveUserResponse>, Status> {
        let client = client(&request)?;
        let position = self.remove(&client, &request.into_inner().user_id, None).await?;
        Ok(Response::new(pb::RemoveUserResponse { position: Some(convert::position(position)) }))
    }

    async fn upsert_movies(
        &self,
        request: Request<pb::UpsertMoviesRequest>,
    ) -> Result<Response<pb::UpsertMoviesResponse>, Status> {
        let client = client(&request)?;
        let accepted = self.upsert(&client, request.into_inner()).await?;
        Ok(Response::new(pb::UpsertMoviesResponse { accepted }))
    }

    async fn list_movies(
        &self,
        request: Request<pb::ListMoviesRequest>,
    ) -> Result<Response<pb::ListMoviesResponse>, Status> {
        Ok(Response::new(self.list(&request.into_inner()).await?))
    }

    async fn get_scale(&self, _: Request<pb::GetScaleRequest>) -> Result<Response<pb::GetScaleResponse>, Status> {
        Ok(Response::new(self.scale()))
    }
}
