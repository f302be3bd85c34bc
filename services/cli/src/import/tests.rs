//! Imports into a fake ingest: one that breaks a stream, has no room, is away, refuses ratings or
//! stops to answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use marquee_datasets::{Dataset, Options};
use marquee_proto::features::v1 as features;
use marquee_proto::features::v1::features_server::{Features, FeaturesServer};
use marquee_proto::ratings::v1 as pb;
use marquee_proto::ratings::v1::ratings_server::{Ratings, RatingsServer};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::RoutesBuilder;
use tonic::{Request, Response, Status, Streaming};

use super::checkpoint::Checkpoint;
use super::{Import, Imported, Plan, Progress, import};
use crate::testing::Server;

/// Accepts everything, except where a test says otherwise.
#[derive(Debug, Default)]
struct Ingest {
    /// Refuses every movie.
    full: bool,
    /// Calls for movies that are answered UNAVAILABLE first.
    away: AtomicU64,
    /// Whether the second message broke a stream already.
    broken: AtomicBool,
    /// Ratings above this value are refused, in tenths. 0: none are.
    limit: AtomicU64,
    /// The number of messages that are answered. 0: all are.
    answers: AtomicU64,
    /// The ratings that were accepted, by user and movie.
    accepted: Mutex<BTreeMap<(String, String), f64>>,
    /// Messages that were received.
    messages: AtomicU64,
    /// The scale, if it is told: minimum, maximum and step.
    scale: Option<(f64, f64, f64)>,
    /// What was refused because it has no value, by the ids.
    refused: Mutex<Vec<(String, String)>>,
}

impl Ingest {
    fn present(&self) -> Result<(), Status> {
        let less = self.away.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        less.map_or(Ok(()), |_| Err(Status::unavailable("starting")))
    }

    fn answer(&self, message: pb::StreamRatingsRequest) -> pb::StreamRatingsResponse {
        let limit = self.limit.load(Ordering::Relaxed) as f64 / 10.0;
        let (mut rejected, mut accepted) = (Vec::new(), 0);
        for (index, rating) in (0..).zip(message.ratings) {
            let value = rating.rating();
            if rating.rating.is_none() {
                self.refused.lock().expect("whole").push((rating.user_id, rating.movie_id));
                rejected.push(pb::RejectedRating { index, ..Default::default() });
            } else if limit > 0.0 && value > limit {
                rejected.push(pb::RejectedRating { index, ..Default::default() });
            } else {
                accepted += 1;
                self.accepted.lock().expect("whole").insert((rating.user_id, rating.movie_id), value);
            }
        }
        let positions = if accepted > 0 { vec![pb::Position { partition: 0, offset: 7 }] } else { Vec::new() };
        pb::StreamRatingsResponse { sequence: message.sequence, accepted, rejected, positions }
    }
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
                let number = ingest.messages.fetch_add(1, Ordering::Relaxed) + 1;
                let breaks = message.sequence == 2 && !ingest.broken.swap(true, Ordering::Relaxed);
                let answers_left = ingest.answers.load(Ordering::Relaxed);
                let breaks = breaks || answers_left > 0 && number > answers_left;
                let answer = if breaks { Err(Status::unavailable("restarting")) } else { Ok(ingest.answer(message)) };
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
        self.0.present()?;
        let accepted = request.into_inner().movies.len() as u64;
        Ok(Response::new(pb::UpsertMoviesResponse { accepted }))
    }

    async fn list_movies(&self, _: Request<pb::ListMoviesRequest>) -> Result<Response<pb::ListMoviesResponse>, Status> {
        self.0.present()?;
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
        let (min, max, step) = self.0.scale.ok_or_else(|| Status::unimplemented(""))?;
        Ok(Response::new(pb::GetScaleResponse { min, max, step }))
    }
}

#[tonic::async_trait]
impl Features for Service {
    async fn get_users(
        &self,
        request: Request<features::GetUsersRequest>,
    ) -> Result<Response<features::GetUsersResponse>, Status> {
        let accepted = self.0.accepted.lock().expect("whole").clone();
        let user = |query: features::UserQuery| {
            let of_user = accepted.iter().filter(|((user, _), _)| *user == query.user_id);
            let entry = |((_, movie), &rating): (&(String, String), &f64)| features::HistoryEntry {
                movie_id: movie.clone(),
                rating,
                ..Default::default()
            };
            let history = of_user.map(entry).collect();
            features::User { user_id: query.user_id, history, ..Default::default() }
        };
        let users = request.into_inner().users.into_iter().map(user).collect();
        Ok(Response::new(features::GetUsersResponse { users }))
    }

    async fn get_progress(
        &self,
        _: Request<features::GetProgressRequest>,
    ) -> Result<Response<features::GetProgressResponse>, Status> {
        let partition = features::PartitionProgress { partition: 0, end_offset: 8, ..Default::default() };
        Ok(Response::new(features::GetProgressResponse { partitions: vec![partition] }))
    }

    async fn get_movies(
        &self,
        _: Request<features::GetMoviesRequest>,
    ) -> Result<Response<features::GetMoviesResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_views(
        &self,
        _: Request<features::ListViewsRequest>,
    ) -> Result<Response<features::ListViewsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_features(
        &self,
        _: Request<features::GetFeaturesRequest>,
    ) -> Result<Response<features::GetFeaturesResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// Records why the import waited or started again.
#[derive(Default)]
struct Waits(Vec<String>);

impl Progress for Waits {
    fn movies(&mut self, _: u64, _: u64) {}
    fn ratings(&mut self, _: u64) {}
    fn acknowledged(&mut self, _: &Imported, _: u64, _: u64) {}
    fn restarting(&mut self, why: &str) {
        self.0.push(why.to_owned());
    }
    fn waiting(&mut self, why: &str, _: Duration) {
        self.0.push(why.to_owned());
    }
}

async fn serve(ingest: &Arc<Ingest>) -> Server {
    let mut routes = RoutesBuilder::default();
    routes.add_service(RatingsServer::new(Service(Arc::clone(ingest))));
    routes.add_service(FeaturesServer::new(Service(Arc::clone(ingest))));
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

#[tokio::test]
async fn a_fleet_that_is_starting_is_waited_for_before_the_first_rating() {
    let ingest = Arc::new(Ingest { away: AtomicU64::new(2), ..Ingest::default() });
    let ((_folder, dataset), server, mut waits) = (ratings(), serve(&ingest).await, Waits::default());
    let imported = import(dataset, &server.client(), Plan::default(), &mut waits).await.expect("an import");
    assert_eq!((imported.accepted, imported.movies), (3, 2));
    assert_eq!(waits.0[..2], ["starting", "starting"]);
}

#[tokio::test]
async fn a_fleet_that_does_not_run_is_not_waited_for() {
    let (_folder, dataset) = ratings();
    let client = crate::Client::connect("http://127.0.0.1:1").expect("a client");
    let error = import(dataset, &client, Plan::default(), &mut ()).await.expect_err("a failure");
    assert!(error.hint().is_some_and(|hint| hint.contains("marquee up")), "{}", error.line());
}

/// Rows of one file: users 0 to 9 rate movies, ten rows with 1.0 stars, then ten with 1.5, to 5.5.
fn file(folder: &std::path::Path, seconds: u64) -> Dataset {
    let path = folder.join("some.csv");
    let rows: String =
        (0..100).map(|row| format!("u{},m{row},{}\n", row % 10, 1.0 + (row / 10) as f64 / 2.0)).collect();
    std::fs::write(&path, format!("user,movie,rating\n{rows}")).expect("a file");
    let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    std::fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(time)).expect("a time");
    marquee_datasets::open(&path, Options::default()).expect("a data set")
}

/// Imports with a checkpoint in the folder of the file.
async fn resumed(
    dataset: Dataset,
    folder: &std::path::Path,
    server: &Server,
    waits: &mut Waits,
) -> Result<Imported, crate::Error> {
    let client = server.client();
    let checkpoint = Some(Checkpoint::within(folder, client.address(), &dataset).expect("a checkpoint"));
    let plan = Plan { batch: 10, resume: true, judge: false, timeout: Duration::from_millis(200) };
    Import { dataset: Arc::new(dataset), client: &client, plan, checkpoint }.run(waits).await
}

/// An import of 100 rows that ended after some of its messages.
async fn interrupted(ingest: &Arc<Ingest>, folder: &std::path::Path) -> Server {
    ingest.broken.store(true, Ordering::Relaxed);
    ingest.answers.store(4, Ordering::Relaxed);
    let server = serve(ingest).await;
    let ended = resumed(file(folder, 1), folder, &server, &mut Waits::default()).await;
    let ended = ended.expect_err("interrupted").line();
    assert!(ended.starts_with("the fleet accepted nothing"), "{ended}");
    ingest.answers.store(0, Ordering::Relaxed);
    server
}

#[tokio::test]
async fn rows_that_were_refused_are_sent_again() {
    for (limit, resumed_at, expected) in [(9, 0, 100), (19, 40, 80), (100, 40, 60)] {
        let (ingest, folder) = (Arc::new(Ingest::default()), tempfile::tempdir().expect("a folder"));
        ingest.limit.store(limit, Ordering::Relaxed);
        let server = interrupted(&ingest, folder.path()).await;
        // The scale is mended.
        ingest.limit.store(0, Ordering::Relaxed);
        let mut waits = Waits::default();
        let imported = resumed(file(folder.path(), 1), folder.path(), &server, &mut waits).await.expect("an import");
        assert_eq!((imported.resumed_at, imported.rejected), (resumed_at, 0), "limit {limit}: {:?}", waits.0);
        assert_eq!(imported.accepted, expected, "limit {limit}: only what was accepted is left out");
        assert_eq!(ingest.accepted.lock().expect("whole").len(), 100);
        let left = std::fs::read_dir(folder.path()).expect("a folder").flatten();
        assert_eq!(left.filter(|entry| entry.file_name() != "some.csv").count(), 0, "no checkpoint stays");
    }
}

#[tokio::test]
async fn a_file_that_changed_and_another_log_start_at_the_first_row_and_say_why() {
    for (changed, why) in [(true, "the file has changed"), (false, "the fleet does not have the ratings")] {
        let (ingest, folder) = (Arc::new(Ingest::default()), tempfile::tempdir().expect("a folder"));
        let server = interrupted(&ingest, folder.path()).await;
        if !changed {
            // Another log, which reaches as far.
            ingest.accepted.lock().expect("whole").clear();
        }
        let (dataset, mut waits) = (file(folder.path(), if changed { 2 } else { 1 }), Waits::default());
        let imported = resumed(dataset, folder.path(), &server, &mut waits).await.expect("an import");
        assert_eq!((imported.resumed_at, imported.accepted), (0, 100), "{:?}", waits.0);
        assert!(waits.0[0].contains(why), "{:?}", waits.0);
    }
}

#[tokio::test]
async fn rows_without_times_have_the_times_of_their_places_and_are_counted() {
    let (ingest, (_folder, dataset)) = (Arc::new(Ingest::default()), ratings());
    let server = serve(&ingest).await;
    let imported = import(dataset, &server.client(), Plan::default(), &mut ()).await.expect("an import");
    assert_eq!((imported.accepted, imported.without_time), (3, 3));
    let crate::Human::Text(text) = crate::Show::human(&imported) else { panic!("a text") };
    assert!(text.contains("3 ratings without a time"), "{text}");
}

/// Opens a file with this text.
fn written(text: &str) -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("some.csv");
    std::fs::write(&file, text).expect("a file");
    let dataset = marquee_datasets::open(&file, Options::default()).expect("a data set");
    (folder, dataset)
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_sent_with_its_place_and_text_so_that_ingest_keeps_it() {
    let (_folder, dataset) = written("user,movie,rating\nann,1,4\nann,2,many\nbob,1,3\n");
    let ingest = Arc::new(Ingest::default());
    let server = serve(&ingest).await;
    let imported = import(dataset, &server.client(), Plan::default(), &mut ()).await.expect("an import");
    assert_eq!((imported.accepted, imported.rejected, imported.reasons["UNREADABLE"]), (2, 1, 1));
    assert_eq!((imported.rejections[0].line, imported.rejections[0].file.clone()), (3, None));
    assert!(imported.rejections[0].message.contains("rating is not a number"), "{:?}", imported.rejections);
    let refused = ingest.refused.lock().expect("whole").clone();
    assert_eq!(refused, [("line 3".to_owned(), "ann,2,many".to_owned())]);
}

#[tokio::test]
async fn a_file_of_another_scale_is_refused_before_a_row_is_lost() {
    let rows: String = (0..100).map(|row| format!("u{row},m1,{}\n", row % 10 + 1)).collect();
    let text = format!("user,movie,rating\n{rows}");
    let ingest = Arc::new(Ingest { scale: Some((0.5, 5.0, 0.5)), ..Ingest::default() });
    let server = serve(&ingest).await;
    let plan = Plan { judge: true, ..Plan::default() };
    let (_folder, dataset) = written(&text);
    let error = import(dataset, &server.client(), plan, &mut ()).await.expect_err("a refusal");
    let expected = "nothing was imported: 50 % of the values are above the scale's maximum 5: the file looks like 1–10";
    assert!(error.line().starts_with(expected), "{}", error.line());
    assert!(error.hint().is_some_and(|hint| hint.contains("--allow-loss")));
    assert_eq!(ingest.messages.load(Ordering::Relaxed), 0);
    let (_folder, dataset) = written(&text);
    let imported = import(dataset, &server.client(), Plan::default(), &mut ()).await.expect("an import");
    assert_eq!(imported.accepted, 100, "without the judgment every row is sent");
}

#[test]
fn a_dry_run_shows_what_was_understood_and_the_first_rows_as_they_would_be_stored() {
    let (_folder, dataset) =
        written("userId;movieId;rating;timestamp\n1;7;3,5;964982703000\n1;8;9;964982704000\n1;9;x;1\n");
    let scale = marquee_domain::Scale::try_new(0.5, 5.0, 0.5).expect("a scale");
    let shown = super::dry_run::DryRun::of(&dataset, Some(&scale)).expect("readable");
    let crate::Human::Text(text) = crate::Show::human(&shown) else { panic!("a text") };
    for part in [
        "separator     semicolon",
        "decimal sign  comma",
        "milliseconds since 1970, by their size",
        "user          `userId`",
        "2 ratings, 1 row that cannot be read",
        "2000-07-30T18:45:03Z",
        "rating is 9, off the scale",
        "rating is not a number",
    ] {
        assert!(text.contains(part), "no '{part}' in:\n{text}");
    }
    let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let stored = ["2", "1", "7", "3.5", "2000-07-30T18:45:03Z"];
    assert!(text.lines().any(|line| cells(line) == stored), "{text}");
}
