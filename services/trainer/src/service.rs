//! Starts the role, works off its queue, and serves `marquee.training.v1`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use marquee_archive::Writer;
use marquee_domain::{Clock, ModelName, Reason, Scale};
use marquee_fit::{Algorithm, FitError, Parameters};
use marquee_kit::{Context, Failure, Kind, Metrics, Stop, Violation, chain};
use marquee_model::SigningKey;
use marquee_onnx::Runtime;
use marquee_ports::{ObjectStore, RatingLog};
use marquee_proto::convert;
use marquee_proto::training::v1::{self as pb, State, trainer_server};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use thiserror::Error;
use tokio::sync::Notify;
use tonic::{Request, Response, Status};

use crate::lease::Lease;
use crate::pipeline::{self, PipelineError};
use crate::runs::{Run, Runs, has_ended};
use crate::settings::Settings;

/// How often a trainer looks at what others wrote.
const LOOK: Duration = Duration::from_secs(1);

/// The role could not start.
#[derive(Debug, Error)]
pub enum Error {
    /// The default model's name is none.
    #[error("trainer.default_model {0}")]
    DefaultModel(marquee_domain::IdError),
    /// The share makes no sense.
    #[error("trainer.holdout is {0}: give a share above 0 and at most 0.5")]
    Holdout(f64),
    /// A setting of the archive makes no sense.
    #[error("trainer.archive.{0}")]
    Archive(&'static str),
    /// Earlier runs could not be read.
    #[error("read the training runs")]
    Runs(#[source] marquee_ports::Error),
}

/// What the trainer needs from the process.
#[derive(Debug, Clone)]
pub struct Dependencies {
    /// Where ratings and movies are.
    pub log: Arc<dyn RatingLog>,
    /// Where runs and packages go.
    pub objects: Arc<dyn ObjectStore>,
    /// The time of runs and packages.
    pub clock: Arc<dyn Clock>,
    /// The scale of the ratings.
    pub scale: Scale,
    /// Signs packages, when there is one.
    pub signing_key: Option<SigningKey>,
    /// Proves that the graphs predict what the trainer does.
    pub runtime: Runtime,
    /// Names this trainer in the lease; no other trainer of the deployment may have the name at the same time.
    pub instance: String,
}

/// The trainer role. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    default_model: ModelName,
    dependencies: Dependencies,
    runs: Runs,
    lease: Lease,
    /// A run was started here.
    wake: Notify,
    meters: Meters,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    outcome: &'static str,
}

#[derive(Debug)]
struct Meters {
    runs: Family<OfOutcome, Counter>,
    running: Gauge,
}

impl Meters {
    fn register(metrics: &Metrics) -> Self {
        Self {
            runs: metrics.register("trainer_runs", "Training runs that ended, by outcome", Family::default()),
            running: metrics.register("trainer_running", "Training runs at work", Gauge::default()),
        }
    }
}

impl Service {
    /// Reads earlier runs and begins to work.
    pub async fn start(settings: Settings, dependencies: Dependencies, context: &Context) -> Result<Self, Error> {
        let default_model = ModelName::try_new(&settings.default_model).map_err(Error::DefaultModel)?;
        if !(settings.holdout > 0.0 && settings.holdout <= 0.5) {
            return Err(Error::Holdout(settings.holdout));
        }
        settings.archive.check().map_err(Error::Archive)?;
        let check = context.health.check("marquee.training.v1.Trainer");
        let (objects, clock) = (Arc::clone(&dependencies.objects), Arc::clone(&dependencies.clock));
        let lease = Lease::new(Arc::clone(&objects), Arc::clone(&clock), dependencies.instance.clone(), settings.lease);
        let runs = Runs::open(objects, clock).await.map_err(Error::Runs)?;
        let meters = Meters::register(&context.metrics);
        let wake = Notify::new();
        if settings.archive.enabled {
            let (log, objects) = (Arc::clone(&dependencies.log), Arc::clone(&dependencies.objects));
            let writer = Writer::new(settings.archive.clone(), dependencies.scale, log, objects, &context.metrics);
            context.tasks.spawn("archive", writer.run(context.stop.clone()));
        }
        let service = Self(Arc::new(Inner { settings, default_model, dependencies, runs, lease, wake, meters }));
        context.tasks.spawn("trainer", service.clone().work(context.stop.clone()));
        check.ready();
        Ok(service)
    }

    /// The gRPC server.
    pub fn server(&self) -> trainer_server::TrainerServer<Self> {
        trainer_server::TrainerServer::new(self.clone())
    }

    /// Works off the queue while this trainer holds the lease, and stands by while another one does.
    async fn work(self, stop: Stop) -> Result<(), std::convert::Infallible> {
        let mut holding = false;
        loop {
            holding = match self.look(holding).await {
                Ok(holding) => holding,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "the training runs could not be read: trying again");
                    false
                }
            };
            if let Some(run) = self.0.runs.next().filter(|_| holding) {
                self.0.meters.running.set(1);
                self.0.runs.at_work(&run, true);
                let stopped = tokio::select! {
                    ended = self.train(&run) => {
                        if let Err(error) = ended {
                            tracing::error!(%error, run = run.now().training_id, "a training run could not be kept");
                        }
                        false
                    }
                    () = self.keep(&run) => {
                        tracing::error!(run = run.now().training_id, "another trainer took over: the run stops here");
                        holding = false;
                        false
                    }
                    () = stop.cancelled() => true,
                };
                // What still fits on another thread stops at its next sweep; whoever holds the lease next marks the run as interrupted.
                run.cancel();
                self.0.runs.at_work(&run, false);
                self.0.meters.running.set(0);
                if !stopped {
                    continue;
                }
            } else {
                tokio::select! {
                    () = self.0.wake.notified() => continue,
                    () = tokio::time::sleep(LOOK) => continue,
                    () = stop.cancelled() => {}
                }
            }
            if holding && let Err(error) = self.0.lease.release().await {
                tracing::warn!(error = chain(&error), "the lease could not be given back: others wait until it ends");
            }
            return Ok(());
        }
    }

    /// Reads what others wrote, and takes or renews the lease.
    async fn look(&self, held: bool) -> Result<bool, marquee_ports::Error> {
        let holding = self.0.lease.hold().await?;
        self.0.runs.refresh().await?;
        if holding && !held {
            self.0.runs.interrupt().await?;
        }
        Ok(holding)
    }

    /// Keeps the lease while a run is at work, and the run as it is for those who watch from elsewhere. Ends when the lease is lost.
    async fn keep(&self, run: &Run) {
        let mut kept = std::time::Instant::now();
        let mut shown = run.now();
        loop {
            tokio::time::sleep(LOOK.min(self.0.lease.renewal())).await;
            match self.0.lease.hold().await {
                Ok(true) => kept = std::time::Instant::now(),
                Ok(false) => return,
                // Given up before anybody else may take it.
                Err(_) if kept.elapsed() > self.0.lease.renewal() * 2 => return,
                Err(error) => tracing::warn!(error = chain(&error), "the lease could not be renewed: trying again"),
            }
            let now = run.now();
            let unended = !has_ended(&now) && now != shown;
            let seen = self.0.runs.refresh().await;
            let seen = if unended { seen.and(self.0.runs.keep(run).await) } else { seen };
            if let Err(error) = seen {
                tracing::warn!(error = chain(&error), "the training run could not be shown to others");
            }
            shown = now;
        }
    }

    async fn train(&self, run: &Run) -> Result<(), marquee_ports::Error> {
        if run.is_cancelled() {
            return self.end(run, State::Cancelled, "cancelled before it began".to_owned()).await;
        }
        let begin = |training: &mut pb::Training| {
            training.set_state(State::Running);
            training.set_stage(pb::Stage::Snapshot);
        };
        self.0.runs.change(run, begin).await?;
        let started = std::time::Instant::now();
        let outcome = pipeline::run(&self.0.settings, &self.0.dependencies, run).await;
        let seconds = started.elapsed().as_secs_f64();
        let (id, model) = (run.now().training_id, run.now().model);
        match outcome {
            Ok(published) => {
                tracing::info!(run = id, model, version = %published.version, seconds, "model published");
                self.0.meters.runs.get_or_create(&OfOutcome { outcome: "succeeded" }).inc();
                self.0
                    .runs
                    .change(run, |training| {
                        training.set_state(State::Succeeded);
                        training.progress = 1.0;
                        training.version = published.version.0;
                        training.digest = published.digest;
                        training.message = format!("published version {}", published.version);
                    })
                    .await
            }
            Err(PipelineError::Fit(FitError::Cancelled)) => {
                self.0.meters.runs.get_or_create(&OfOutcome { outcome: "cancelled" }).inc();
                self.end(run, State::Cancelled, "cancelled".to_owned()).await
            }
            Err(error) => {
                let text = chain(&error);
                tracing::warn!(run = id, model, error = text, "training failed");
                self.0.meters.runs.get_or_create(&OfOutcome { outcome: "failed" }).inc();
                self.end(run, State::Failed, text).await
            }
        }
    }

    async fn end(&self, run: &Run, state: State, message: String) -> Result<(), marquee_ports::Error> {
        let change = |training: &mut pb::Training| {
            training.set_state(state);
            training.message = message;
        };
        self.0.runs.change(run, change).await
    }

    /// Checks a request and fills in the deployment's defaults; all that is wrong at once.
    fn plan(&self, request: &pb::StartTrainingRequest) -> Result<pb::Training, Failure> {
        let mut violations = Vec::new();
        let mut wrong = |field: &str, reason: Reason, description: String| {
            violations.push(Violation { field: field.to_owned(), reason, description });
        };
        let model = match request.model.as_str() {
            "" => Some(self.0.default_model.clone()),
            text => ModelName::try_new(text).map_err(|e| wrong("model", convert::id_reason(e), e.to_string())).ok(),
        };
        let algorithm = algorithm(request.algorithm());
        if algorithm.is_none() {
            wrong(
                "algorithm",
                Reason::Missing,
                "is missing: give ALGORITHM_BIAS, ALGORITHM_MAP or ALGORITHM_BAYES".to_owned(),
            );
        }
        let asked = request.parameters.unwrap_or_default();
        let default = Parameters::default_of(algorithm.unwrap_or(Algorithm::Map));
        let or = |asked: u32, default: usize| if asked == 0 { default } else { asked as usize };
        let sweeps = or(asked.sweeps, default.sweeps);
        // Fewer sweeps than usual shorten the burn-in and the samples that are not asked for with them.
        let burn_in = or(asked.burn_in, default.burn_in.min(sweeps / 2));
        let parameters = Parameters {
            factors: or(asked.factors, default.factors),
            sweeps,
            burn_in,
            samples: or(asked.samples, default.samples.min(sweeps.saturating_sub(burn_in).max(1))),
            seed: if asked.seed == 0 { default.seed } else { asked.seed },
        };
        if let Err(FitError::Parameter { field, fix }) = parameters.check() {
            wrong(&format!("parameters.{field}"), Reason::OutOfRange, format!("is out of range: {fix}"));
        }
        let holdout = if asked.holdout == 0.0 { self.0.settings.holdout } else { asked.holdout };
        if !(holdout > 0.0 && holdout <= 0.5) {
            wrong(
                "parameters.holdout",
                Reason::OutOfRange,
                format!("is {holdout}: give a share above 0 and at most 0.5"),
            );
        }
        let Some(model) = model.filter(|_| violations.is_empty()) else {
            return Err(Failure::invalid(violations));
        };
        Ok(pb::Training {
            model: model.as_str().to_owned(),
            algorithm: request.algorithm,
            parameters: Some(pb::Parameters {
                factors: parameters.factors as u32,
                sweeps: parameters.sweeps as u32,
                burn_in: parameters.burn_in as u32,
                samples: parameters.samples as u32,
                seed: parameters.seed,
                holdout,
            }),
            ..pb::Training::default()
        })
    }

    fn find(&self, id: &str) -> Result<Run, Failure> {
        self.0.runs.get(id).ok_or_else(|| {
            let id: String = id.chars().take(80).collect();
            Failure::new(
                Kind::NotFound,
                format!("there is no training run '{id}'; list the training runs to see their ids"),
            )
        })
    }
}

/// The algorithm of a request; none when it names none.
pub(crate) fn algorithm(wire: pb::Algorithm) -> Option<Algorithm> {
    match wire {
        pb::Algorithm::Bias => Some(Algorithm::Bias),
        pb::Algorithm::Map => Some(Algorithm::Map),
        pb::Algorithm::Bayes => Some(Algorithm::Bayes),
        pb::Algorithm::Unspecified => None,
    }
}

#[tonic::async_trait]
impl trainer_server::Trainer for Service {
    async fn start_training(
        &self,
        request: Request<pb::StartTrainingRequest>,
    ) -> Result<Response<pb::StartTrainingResponse>, Status> {
        let plan = self.plan(&request.into_inner())?;
        if self.0.runs.waiting() >= self.0.settings.queue.max(1) {
            let message = format!("{} training runs wait already: start this one later", self.0.settings.queue);
            return Err(Failure::new(Kind::ResourceExhausted, message).retry_after(Duration::from_secs(30)).into());
        }
        let run =
            self.0.runs.create(plan).await.map_err(|error| Failure::unavailable("keep the training run", &error))?;
        self.0.wake.notify_one();
        Ok(Response::new(pb::StartTrainingResponse { training: Some(run.now()) }))
    }

    type WatchTrainingStream = Pin<Box<dyn Stream<Item = Result<pb::WatchTrainingResponse, Status>> + Send>>;

    async fn watch_training(
        &self,
        request: Request<pb::WatchTrainingRequest>,
    ) -> Result<Response<Self::WatchTrainingStream>, Status> {
        let run = self.find(&request.into_inner().training_id)?;
        let mut state = run.state.subscribe();
        state.mark_changed();
        let changes = futures_util::stream::unfold((state, false), |(mut state, ended)| async move {
            if ended {
                return None;
            }
            state.changed().await.ok()?;
            let training = state.borrow_and_update().clone();
            let ended = has_ended(&training);
            if !ended {
                // Some ten updates a second are enough for people; what changes meanwhile is in the next.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Some((Ok(pb::WatchTrainingResponse { training: Some(training) }), (state, ended)))
        });
        Ok(Response::new(Box::pin(changes)))
    }

    async fn list_trainings(
        &self,
        request: Request<pb::ListTrainingsRequest>,
    ) -> Result<Response<pb::ListTrainingsResponse>, Status> {
        let most = request.into_inner().page_size;
        let trainings = self.0.runs.newest(if most == 0 { 100 } else { most.min(1_000) as usize });
        Ok(Response::new(pb::ListTrainingsResponse { trainings }))
    }

    async fn cancel_training(
        &self,
        request: Request<pb::CancelTrainingRequest>,
    ) -> Result<Response<pb::CancelTrainingResponse>, Status> {
        let run = self.find(&request.into_inner().training_id)?;
        let cancelled = self.0.runs.cancel(&run).await;
        cancelled.map_err(|error| Failure::unavailable("ask the training run to stop", &error))?;
        Ok(Response::new(pb::CancelTrainingResponse { training: Some(run.now()) }))
    }
}
