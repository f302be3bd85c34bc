//! A log with ratings, an object store, and trainers over both.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use marquee_domain::{Movie, MovieId, Rating, RatingEvent, Scale, SystemClock, Timestamp, UserId};
use marquee_embedded::{EmbeddedLog, EmbeddedObjects, LogSettings};
use marquee_kit::{Context, Transport};
use marquee_onnx::Runtime;
use marquee_ports::{NewRecord, ObjectStore, RatingLog, Topic};
use marquee_proto::record;
use marquee_proto::training::v1::trainer_client::TrainerClient;
use marquee_proto::training::v1::{
    Algorithm, CancelTrainingRequest, Parameters, StartTrainingRequest, State, Training, WatchTrainingRequest,
};
use marquee_trainer::{Dependencies, Service, Settings};

pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The number of movies. Every user rates all of them.
const MOVIES: i32 = 20;

fn movie_id(movie: i32) -> MovieId {
    MovieId::try_new(&format!("m{movie}")).expect("valid")
}

fn new_record(key: &str, value: Bytes) -> NewRecord {
    NewRecord {
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value,
        headers: Vec::new(),
        // All records arrive on one day, whatever the day of the test.
        timestamp: Timestamp::from_seconds(1_700_000_000),
    }
}

/// The log and the objects that trainers share.
pub(crate) struct World {
    pub(crate) log: Arc<dyn RatingLog>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl World {
    /// Returns `None` where ONNX Runtime is not installed. It must be installed in CI.
    pub(crate) async fn new() -> Option<Self> {
        let explicit = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        let runtime = match Runtime::load(explicit.as_deref()) {
            Ok(runtime) => runtime,
            Err(error) => {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "{error}");
                println!("skipped: {error}");
                return None;
            }
        };
        let folder = tempfile::tempdir().expect("temporary folder");
        let log = EmbeddedLog::open(&folder.path().join("log"), &LogSettings::default()).expect("opens");
        let objects = EmbeddedObjects::open(&folder.path().join("objects")).expect("opens");
        let movies = (0..MOVIES).map(|movie| {
            let movie = Movie::try_new(movie_id(movie), "", None, Vec::new()).expect("valid");
            new_record(movie.id.as_str(), record::encode_movie(&movie))
        });
        log.append(Topic::MOVIES, movies.collect()).await.expect("appends");
        let world = Self { log: Arc::new(log), objects: Arc::new(objects), runtime, _folder: folder };
        world.rate(0..30).await;
        Some(world)
    }

    /// Each of these users rates every movie.
    pub(crate) async fn rate(&self, users: std::ops::Range<i32>) {
        let rating = |user: i32, movie: i32| {
            let event = RatingEvent::Rated(Rating {
                user: UserId::try_new(&format!("u{user}")).expect("valid"),
                movie: movie_id(movie),
                value: f64::from(1 + (user * 7 + movie * 3) % 5),
                rated_at: Timestamp::from_seconds(1_000 + i64::from(movie * 30 + user)),
            });
            new_record(&format!("u{user}"), record::encode_event(&event))
        };
        let ratings = (0..MOVIES).flat_map(|movie| users.clone().map(move |user| rating(user, movie))).collect();
        self.log.append(Topic::RATINGS, ratings).await.expect("appends");
    }

    pub(crate) async fn trainer(&self, instance: &str) -> Trainer {
        self.trainer_with(instance, |_| {}).await
    }

    pub(crate) async fn trainer_with(&self, instance: &str, change: impl FnOnce(&mut Settings)) -> Trainer {
        let mut settings = Settings { lease: Duration::from_secs(2), ..Settings::default() };
        change(&mut settings);
        let dependencies = Dependencies {
            log: Arc::clone(&self.log),
            objects: Arc::clone(&self.objects),
            clock: Arc::new(SystemClock),
            scale: Scale::try_new(1.0, 5.0, 1.0).expect("valid"),
            signing_key: None,
            runtime: self.runtime.clone(),
            instance: instance.to_owned(),
        };
        let context = Context::default();
        let service = Service::start(settings, dependencies, &context).await.expect("starts");
        Trainer { client: TrainerClient::new(Transport::in_process(service.server())), context }
    }
}

pub(crate) struct Trainer {
    pub(crate) client: TrainerClient<Transport>,
    context: Context,
}

impl Trainer {
    pub(crate) async fn start(&self, (algorithm, parameters): (Algorithm, Parameters)) -> Training {
        let request =
            StartTrainingRequest { model: String::new(), algorithm: algorithm.into(), parameters: Some(parameters) };
        let answer = self.client.clone().start_training(request).await.expect("starts");
        answer.into_inner().training.expect("a run")
    }

    /// Watches a run until it is in a state.
    pub(crate) async fn until(&self, run: &Training, state: State) -> Training {
        let request = WatchTrainingRequest { training_id: run.training_id.clone() };
        let watched = async {
            // A trainer learns of the runs of others at its next refresh.
            let mut updates = loop {
                match self.client.clone().watch_training(request.clone()).await {
                    Ok(updates) => break updates.into_inner(),
                    Err(_) => tokio::task::yield_now().await,
                }
            };
            let mut last = None;
            while let Some(update) = updates.message().await.expect("an update") {
                let training = update.training.expect("a run");
                if training.state() == state {
                    return Ok(training);
                }
                last = Some(training);
            }
            Err(last)
        };
        tokio::time::timeout(DEADLINE, watched).await.expect("in time").expect("the run is in that state")
    }

    pub(crate) async fn cancel(&self, run: &Training) {
        let request = CancelTrainingRequest { training_id: run.training_id.clone() };
        self.client.clone().cancel_training(request).await.expect("is asked to stop");
    }

    /// Stops in order.
    pub(crate) async fn stop(self) {
        self.context.stop.cancel();
        self.context.tasks.join(DEADLINE).await;
    }

    /// Dies and keeps the lease.
    pub(crate) async fn die(self) {
        self.context.tasks.join(Duration::ZERO).await;
    }
}
