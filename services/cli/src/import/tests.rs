//! Imports into a fake ingest: one that breaks a stream, and one that has no room.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use marquee_datasets::{Dataset, Options};
use marquee_proto::ratings::v1 as pb;
use marquee_proto::ratings::v1::ratings_server::{Ratings, RatingsServer};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::RoutesBuilder;
use tonic::{Request, Response, Status, Streaming};

use super::{Imported, Plan, Progress, import};
use crate::testing::Server;

/// Accepts everything, except where a test says otherwise.
#[derive(Debug, Default)]
struct Ingest {
    /// Refuses every movie.
    full: bool,
    /// Whether the second message broke a stream already.
    broken: AtomicBool,
    /// Messages that were received.
    messages: AtomicU64,
}

/// The generated server's view of the fake.
struct Service(Arc<Ingest>);

#[tonic::async_trait]
impl Ratings for Service {
    type StreamRatingsStream = ReceiverStream<Result<pb::StreamRatingsResponse, Status>>;

    async fn stream_ratings(
        &self,
        request: Request<Streaming<pb::StreamRatingsRequest>>,
    ) -> Result<Response<Self::StreamRatingsStream>, Status> {
        let (mut messages, ingest) = (request.into_inner(), Arc::clone(&self.0));
        let (answers, receiver) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok(Some(message)) = messages.message().await {
                ingest.messages.fetch_add(1, Ordering::Relaxed);
                let breaks = message.sequence == 2 && !ingest.broken.swap(true, Ordering::Relaxed);
                let (sequence, accepted) = (message.sequence, message.ratings.len() as u64);
                let answer = pb::StreamRatingsResponse { sequence, accepted, ..Default::default() };
                let answer = if breaks { Err(Status::unavailable("restarting")) } else { Ok(answer) };
                if answers.send(answer).await.is_err() || breaks {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn upsert_movies(
        &self,
        request: Request<pb::UpsertMoviesRequest>,
    ) -> Result<Response<pb::UpsertMoviesResponse>, Status> {
        if self.0.full {
            return Err(Status::resource_exhausted("no room for more requests"));
        }
        let accepted = request.into_inner().movies.len() as u64;
        Ok(Response::new(pb::UpsertMoviesResponse { accepted }))
    }

    async fn list_movies(&self, _: Request<pb::ListMoviesRequest>) -> Result<Response<pb::ListMoviesResponse>, Status> {
        Ok(Response::new(pb::ListMoviesResponse::default()))
    }

    async fn submit_rating(
        &self,
        _: Request<pb::SubmitRatingRequest>,
    ) -> Result<Response<pb::SubmitRatingResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn submit_ratings(
        &self,
        _: Request<pb::SubmitRatingsRequest>,
    ) -> Result<Response<pb::SubmitRatingsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn remove_rating(
        &self,
        _: Request<pb::RemoveRatingRequest>,
    ) -> Result<Response<pb::RemoveRatingResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn remove_user(&self, _: Request<pb::RemoveUserRequest>) -> Result<Response<pb::RemoveUserResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_scale(&self, _: Request<pb::GetScaleRequest>) -> Result<Response<pb::GetScaleResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// Records why the import waited.
#[derive(Default)]
struct Waits(Vec<String>);

impl Progress for Waits {
    fn movies(&mut self, _: u64, _: u64) {}
    fn ratings(&mut self, _: u64) {}
    fn acknowledged(&mut self, _: &Imported, _: u64, _: u64) {}
    fn waiting(&mut self, why: &str, _: Duration) {
        self.0.push(why.to_owned());
    }
}

async fn serve(ingest: &Arc<Ingest>) -> Server {
    let mut routes = RoutesBuilder::default();
    routes.add_service(RatingsServer::new(Service(Arc::clone(ingest))));
    Server::start(routes.routes()).await
}

/// Three ratings of two movies, in a folder that is removed with the returned guard.
fn ratings() -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("some.csv");
    std::fs::write(&file, "user,movie,rating\nann,1,4\nann,2,5\nbob,1,3\n").expect("a file");
    let dataset = marquee_datasets::open(&file, Options::default()).expect("a data set");
    (folder, dataset)
}

#[tokio::test]
async fn a_broken_stream_is_opened_again_and_every_row_is_acknowledged_once() {
    let (ingest, (_folder, dataset)) = (Arc::new(Ingest::default()), ratings());
    let (server, mut waits) = (serve(&ingest).await, Waits::default());
    let plan = Plan { batch: 1, ..Plan::default() };
    let imported = import(dataset, &server.client(), plan, &mut waits).await.expect("an import");
    assert_eq!((imported.accepted, imported.rejected, imported.movies, imported.reconnects), (3, 0, 2, 1));
    assert_eq!(waits.0, ["restarting"]);
    assert!(ingest.messages.load(Ordering::Relaxed) >= 4, "the second message was sent again");
}

#[tokio::test]
async fn a_fleet_without_room_is_named_while_waiting_and_given_up_after_the_timeout() {
    let (ingest, (_folder, dataset)) = (Arc::new(Ingest { full: true, ..Ingest::default() }), ratings());
    let (server, mut waits) = (serve(&ingest).await, Waits::default());
    let plan = Plan { timeout: Duration::from_millis(200), ..Plan::default() };
    let error = import(dataset, &server.client(), plan, &mut waits).await.expect_err("a failure");
    assert!(error.line().starts_with("the fleet accepted nothing for"), "{}", error.line());
    assert!(error.line().ends_with("no room for more requests"), "{}", error.line());
    assert!(error.hint().is_some_and(|hint| hint.contains("--timeout")));
    assert!(!waits.0.is_empty() && waits.0.iter().all(|why| why == "no room for more requests"), "{:?}", waits.0);
}
