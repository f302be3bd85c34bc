//! A log with ratings, an object store, and trainers over both.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{Movie, MovieId, Rating, RatingEvent, Scale, SystemClock, Timestamp, UserId};
use marquee_embedded::{EmbeddedLog, EmbeddedObjects, LogSettings};
use marquee_kit::{Context, Transport};
use marquee_onnx::Runtime;
use marquee_ports::{
    Error, NewRecord, Object, ObjectEntry, ObjectKey, ObjectStore, Precondition, RatingLog, Tag, Topic, Tracker,
    TrackingEvent,
};
use marquee_proto::record;
use marquee_proto::training::v1::trainer_client::TrainerClient;
use marquee_proto::training::v1::{
    Algorithm, CancelTrainingRequest, Parameters, StartTrainingRequest, State, Training, WatchTrainingRequest,
};
use marquee_trainer::{Dependencies, Service, Settings};
use tokio::sync::watch;

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
    /// What trainers told the tracker.
    pub(crate) events: Arc<Events>,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl World {
    /// Returns an empty log, or `None` where ONNX Runtime is not installed. It must be installed in
    /// CI.
    pub(crate) async fn empty() -> Option<Self> {
        let runtime = marquee_onnx::testing::runtime()?;
        let folder = tempfile::tempdir().expect("temporary folder");
        let log = EmbeddedLog::open(&folder.path().join("log"), &LogSettings::default()).expect("opens");
        let objects = EmbeddedObjects::open(&folder.path().join("objects")).expect("opens");
        Some(Self { log: Arc::new(log), objects: Arc::new(objects), events: Arc::default(), runtime, _folder: folder })
    }

    /// Returns a log in which users have rated movies, or `None` where ONNX Runtime is not
    /// installed.
    pub(crate) async fn new() -> Option<Self> {
        let world = Self::empty().await?;
        let movies = (0..MOVIES).map(|movie| {
            let movie = Movie::try_new(movie_id(movie), "", None, Vec::new()).expect("valid");
            new_record(movie.id.as_str(), record::encode_movie(&movie))
        });
        world.log.append(Topic::MOVIES, movies.collect()).await.expect("appends");
        world.rate(0..30).await;
        Some(world)
    }

    /// Returns a file of a published version.
    pub(crate) async fn file(&self, version: u64, file: &str) -> Bytes {
        let path = ObjectKey::try_new(&format!("models/ratings/{version}/{file}")).expect("a path");
        self.objects.get(&path).await.expect("reads").expect("the file is there").bytes
    }

    /// Appends ratings of users and movies by number, a second apart.
    pub(crate) async fn append(&self, ratings: impl Iterator<Item = (i32, i32, f64)>) {
        self.append_every(1, ratings).await;
    }

    /// Appends ratings that all have one time.
    pub(crate) async fn append_at_once(&self, ratings: impl Iterator<Item = (i32, i32, f64)>) {
        self.append_every(0, ratings).await;
    }

    async fn append_every(&self, seconds: i64, ratings: impl Iterator<Item = (i32, i32, f64)>) {
        let record = |(order, (user, movie, value)): (i64, (i32, i32, f64))| {
            let rating = Rating {
                user: UserId::try_new(&format!("u{user}")).expect("valid"),
                movie: movie_id(movie),
                value,
                rated_at: Timestamp::from_seconds(1_000 + order * seconds),
            };
            new_record(&format!("u{user}"), record::encode_event(&RatingEvent::Rated(rating)))
        };
        let records = (0..).zip(ratings).map(record).collect();
        self.log.append(Topic::RATINGS, records).await.expect("appends");
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
        self.trainer_over(Arc::clone(&self.objects), instance, change).await
    }

    /// Starts a trainer whose process stops the first time it is about to publish.
    pub(crate) async fn trainer_that_pauses(&self, instance: &str) -> (Trainer, Pause) {
        let pause = Pause::default();
        let objects = Pausable { objects: Arc::clone(&self.objects), pause: pause.clone() };
        (self.trainer_over(Arc::new(objects), instance, |_| {}).await, pause)
    }

    /// Starts a trainer over other objects.
    pub(crate) async fn trainer_over(
        &self,
        objects: Arc<dyn ObjectStore>,
        instance: &str,
        change: impl FnOnce(&mut Settings),
    ) -> Trainer {
        let mut settings = Settings { lease: Duration::from_secs(2), ..Settings::default() };
        change(&mut settings);
        let dependencies = Dependencies {
            log: Arc::clone(&self.log),
            objects,
            clock: Arc::new(SystemClock),
            scale: Scale::try_new(1.0, 5.0, 1.0).expect("valid"),
            signing_key: None,
            runtime: self.runtime.clone(),
            instance: instance.to_owned(),
            tracker: Arc::clone(&self.events) as Arc<dyn Tracker>,
        };
        let context = Context::default();
        let service = Service::start(settings, dependencies, &context).await.expect("starts");
        Trainer { client: TrainerClient::new(Transport::in_process(service.server())), context }
    }
}

/// A tracker that keeps what it gets.
#[derive(Debug, Default)]
pub(crate) struct Events(Mutex<Vec<TrackingEvent>>);

impl Tracker for Events {
    fn record(&self, event: TrackingEvent) {
        self.0.lock().expect("a lock").push(event);
    }
}

impl Events {
    /// Waits for the end of a run, and returns everything that was told so far.
    pub(crate) async fn until_end_of(&self, run: &str) -> Vec<TrackingEvent> {
        let ended = |event: &TrackingEvent| matches!(event, TrackingEvent::RunEnded { run: ended, .. } if ended.as_str() == run);
        let waits = async {
            loop {
                let events = self.0.lock().expect("a lock").clone();
                if events.iter().any(ended) {
                    return events;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, waits).await.expect("in time")
    }
}

/// What a process that pauses has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reached {
    /// Nothing has stopped it.
    Running,
    /// It is stopped right before it publishes.
    Paused,
    /// It goes on.
    Resumed,
    /// The version that it published exists.
    Published,
    /// The version is gone again.
    Withdrawn,
}

/// Controls a process that pauses.
#[derive(Debug, Clone)]
pub(crate) struct Pause(Arc<watch::Sender<Reached>>);

impl Default for Pause {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Reached::Running)))
    }
}

impl Pause {
    fn now(&self) -> Reached {
        *self.0.borrow()
    }

    pub(crate) fn resume(&self) {
        self.0.send_replace(Reached::Resumed);
    }

    pub(crate) async fn until(&self, reached: Reached) {
        let waits = async { self.0.subscribe().wait_for(|now| *now >= reached).await.map(drop) };
        tokio::time::timeout(DEADLINE, waits).await.expect("in time").expect("the sender lives");
    }
}

/// The object store of a process that pauses: while it is stopped, no call goes out.
#[derive(Debug)]
struct Pausable {
    objects: Arc<dyn ObjectStore>,
    pause: Pause,
}

impl Pausable {
    async fn wait(&self) {
        if self.pause.now() == Reached::Paused {
            self.pause.until(Reached::Resumed).await;
        }
    }
}

#[async_trait]
impl ObjectStore for Pausable {
    async fn put(&self, key: &ObjectKey, bytes: Bytes, precondition: Precondition) -> Result<Tag, Error> {
        let publishes = key.as_str().ends_with("/manifest.json");
        if publishes && self.pause.now() == Reached::Running {
            self.pause.0.send_replace(Reached::Paused);
        }
        self.wait().await;
        let written = self.objects.put(key, bytes, precondition).await;
        if publishes {
            self.pause.0.send_replace(Reached::Published);
        }
        written
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Object>, Error> {
        self.wait().await;
        self.objects.get(key).await
    }

    async fn list(&self, folder: Option<&ObjectKey>) -> Result<Vec<ObjectEntry>, Error> {
        self.wait().await;
        self.objects.list(folder).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        self.wait().await;
        let deleted = self.objects.delete(key).await;
        if key.as_str().ends_with("/manifest.json") {
            self.pause.0.send_replace(Reached::Withdrawn);
        }
        deleted
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

    /// Watches a run to its end.
    pub(crate) async fn ended(&self, run: &Training) -> Training {
        let request = WatchTrainingRequest { training_id: run.training_id.clone() };
        let watched = async {
            let mut updates = self.client.clone().watch_training(request).await.expect("watches").into_inner();
            let mut last = None;
            while let Some(update) = updates.message().await.expect("an update") {
                last = update.training;
            }
            last.expect("a run")
        };
        tokio::time::timeout(DEADLINE, watched).await.expect("in time")
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
