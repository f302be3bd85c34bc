//! Two trainers over one log and one object store: one of them works, both may be asked, and when the one is gone the other goes on.

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

const DEADLINE: Duration = Duration::from_secs(60);

/// Log and objects that trainers share.
struct World {
    log: Arc<dyn RatingLog>,
    objects: Arc<dyn ObjectStore>,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl World {
    /// None where ONNX Runtime is not installed, which continuous integration does not forgive.
    async fn new() -> Option<Self> {
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
        let record = |key: &str, value: Bytes| NewRecord {
            key: Some(Bytes::copy_from_slice(key.as_bytes())),
            value,
            headers: Vec::new(),
            timestamp: Timestamp::EPOCH,
        };
        let (mut movies, mut ratings) = (Vec::new(), Vec::new());
        for movie in 0..20 {
            let id = MovieId::try_new(&format!("m{movie}")).expect("valid");
            let entry = Movie::try_new(id.clone(), "", None, Vec::new()).expect("valid");
            movies.push(record(id.as_str(), record::encode_movie(&entry)));
            for user in 0..30 {
                let event = RatingEvent::Rated(Rating {
                    user: UserId::try_new(&format!("u{user}")).expect("valid"),
                    movie: id.clone(),
                    value: f64::from(1 + (user * 7 + movie * 3) % 5),
                    rated_at: Timestamp::from_seconds(1_000 + i64::from(movie * 30 + user)),
                });
                ratings.push(record(&format!("u{user}"), record::encode_event(&event)));
            }
        }
        log.append(Topic::Movies, movies).await.expect("appends");
        log.append(Topic::Ratings, ratings).await.expect("appends");
        Some(Self { log: Arc::new(log), objects: Arc::new(objects), runtime, _folder: folder })
    }

    async fn trainer(&self, instance: &str) -> Trainer {
        let settings = Settings { lease: Duration::from_secs(2), ..Settings::default() };
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

struct Trainer {
    client: TrainerClient<Transport>,
    context: Context,
}

impl Trainer {
    async fn start(&self, (algorithm, parameters): (Algorithm, Parameters)) -> Training {
        let request =
            StartTrainingRequest { model: String::new(), algorithm: algorithm.into(), parameters: Some(parameters) };
        let answer = self.client.clone().start_training(request).await.expect("starts");
        answer.into_inner().training.expect("a run")
    }

    /// Watches a run until it is in a state.
    async fn until(&self, run: &Training, state: State) -> Training {
        let request = WatchTrainingRequest { training_id: run.training_id.clone() };
        let watched = async {
            // A trainer that has not looked yet does not know a run of another's.
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
                    return training;
                }
                last = Some(training);
            }
            panic!("the run never was {state:?}, but {last:?}");
        };
        tokio::time::timeout(DEADLINE, watched).await.expect("in time")
    }

    async fn cancel(&self, run: &Training) {
        let request = CancelTrainingRequest { training_id: run.training_id.clone() };
        self.client.clone().cancel_training(request).await.expect("is asked to stop");
    }

    /// Goes down in order.
    async fn stop(self) {
        self.context.stop.cancel();
        self.context.tasks.join(DEADLINE).await;
    }

    /// Is gone from one instant to the next, with the lease in its hands.
    async fn die(self) {
        self.context.tasks.join(Duration::ZERO).await;
    }
}

fn endless() -> (Algorithm, Parameters) {
    (Algorithm::Bayes, Parameters { sweeps: 10_000, burn_in: 10, samples: 4, factors: 64, ..Parameters::default() })
}

fn short() -> (Algorithm, Parameters) {
    (Algorithm::Bias, Parameters::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_works_and_both_may_be_asked() {
    let Some(world) = World::new().await else { return };
    let one = world.trainer("one").await;
    let long = one.start(endless()).await;
    one.until(&long, State::Running).await;

    let other = world.trainer("other").await;
    let seen = other.until(&long, State::Running).await;
    assert_eq!(seen.training_id, long.training_id);
    let queued = other.start(short()).await;
    other.cancel(&long).await;
    assert_eq!(other.until(&long, State::Cancelled).await.version, 0);
    assert_eq!(other.until(&queued, State::Succeeded).await.version, 1, "the one with the lease worked it off");

    // The one goes down in order and gives the lease back: the other does not have to wait for its end.
    one.stop().await;
    let next = other.start(short()).await;
    assert_eq!(other.until(&next, State::Succeeded).await.version, 2);
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_one_at_work_dies_its_run_ends_and_the_other_goes_on() {
    let Some(world) = World::new().await else { return };
    let one = world.trainer("one").await;
    let cut = one.start(endless()).await;
    one.until(&cut, State::Running).await;
    let other = world.trainer("other").await;
    let queued = other.start(short()).await;
    one.cancel(&cut).await;
    one.die().await;
    let ended = other.until(&queued, State::Succeeded).await;
    assert_eq!(ended.version, 1);
    // Cancelled if the one still got to it, else given up for it.
    let request = marquee_proto::training::v1::ListTrainingsRequest::default();
    let all = other.client.clone().list_trainings(request).await.expect("lists").into_inner().trainings;
    let cut = all.iter().find(|run| run.training_id == cut.training_id).expect("kept");
    assert!(matches!(cut.state(), State::Failed | State::Cancelled), "{:?}", cut.state());
    other.stop().await;
}
