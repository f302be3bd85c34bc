//! Puts the role together and starts its tasks.

use std::sync::{Arc, Mutex};

use marquee_domain::{Clock, IdError, ModelName, RouteError, SystemClock};
use marquee_kit::{Context, Transport};
use marquee_model::{ModelStore, VerifyingKey};
use marquee_onnx::Runtime;
use marquee_ports::{KeyError, ObjectKey, ObjectStore, RatingLog, Tracker};
use thiserror::Error;

use crate::api::{Core, FeatureStores, RequestIds, Service, encode_served};
use crate::evaluation::{self, Copies, Evaluation, States};
use crate::metrics::{LoadMetrics, RoutingMetrics, StateMetrics, StoreMetrics, in_flight};
use crate::models::{Defaults, Models, Packages, Scheduling, Source, Store, StoreParts, TritonMetrics, VersionPolicy};
use crate::pressure::Pressure;
use crate::rating::{self, Capacity, Counted, Histories, Rating};
use crate::repository::{Limits, Opener, PackageLoader, Process, Repository};
use crate::routing::{Follow, Mirror, Parts, RouteMap, Routing, Table};
use crate::served::ServedLog;
use crate::settings::Settings;
use crate::tally::{Incarnation, Tallies};

/// Why the role did not start.
#[derive(Debug, Error)]
pub enum Error {
    /// The default model has no valid name.
    #[error("inference.default_model: not a model name")]
    DefaultModel(#[source] IdError),
    /// The folder of the model repository is not a path of the object store.
    #[error("inference.repository.prefix: not a folder of the object store")]
    Prefix(#[source] KeyError),
    /// The sample of served predictions has no valid salt.
    #[error("sample served predictions")]
    Sample(#[source] RouteError),
}

/// What inference needs from the process.
#[derive(Debug, Clone)]
pub struct Dependencies {
    /// Where model packages and the routing table are.
    pub objects: Arc<dyn ObjectStore>,
    /// Connections to the feature stores; at least one.
    pub features: Vec<Transport>,
    /// ONNX Runtime.
    pub runtime: Runtime,
    /// Packages must carry a signature by this key. `None`: only digests are checked.
    pub verifying_key: Option<VerifyingKey>,
    /// Takes served predictions. `None`: they are not logged.
    pub log: Option<Arc<dyn RatingLog>>,
    /// Names this process among those that share its object store.
    pub instance: String,
    /// Is told when this instance changes a route.
    pub tracker: Arc<dyn Tracker>,
}

impl Service {
    /// Starts to follow the model store and the routing table. The role is ready when each model in
    /// the routing table has an effective route on this instance.
    ///
    /// # Errors
    /// A setting is wrong.
    pub async fn start(settings: Settings, dependencies: Dependencies, context: &Context) -> Result<Self, Error> {
        let default_model = ModelName::try_new(&settings.default_model).map_err(Error::DefaultModel)?;
        let Dependencies { objects, features, runtime, verifying_key, log, instance, tracker } = dependencies;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let plan = Plan { settings: &settings, clock: Arc::clone(&clock), context };
        let (objects_of_models, runtime_of_models) = (Arc::clone(&objects), runtime.clone());
        let opener = Opener::new(runtime, verifying_key, &settings);
        let store = ModelStore::new(Arc::clone(&objects));
        let repository = plan.repository(store.clone(), opener.clone());
        let routing = plan.routing((objects, tracker), &repository).await;
        let incarnation = Incarnation { instance, started_at: clock.now() };
        let tallies = Arc::new(Tallies::new(incarnation, &context.metrics));
        let pressure = Arc::new(Pressure::new(settings.evaluation.busy, in_flight(&context.metrics)));
        let counted = Counted { tallies: Arc::clone(&tallies), pressure: Arc::clone(&pressure) };
        let rating = Arc::new(plan.rating(features, &routing, counted));
        let packages = Packages {
            routing: Arc::clone(&routing),
            repository: Arc::clone(&repository),
            rating: Arc::clone(&rating),
            route_first: settings.route_first,
            scheduling: Scheduling { max_batch_size: settings.max_batch, instances: 1, queue: settings.queue },
            clock: Arc::clone(&clock),
            counters: Mutex::default(),
        };
        let models = Arc::new(Models::new(plan.store(objects_of_models, runtime_of_models)?, packages));
        let counted = Arc::downgrade(&models);
        let read = move || counted.upgrade().map(|models| models.all_statistics()).unwrap_or_default();
        context.metrics.register_collector(Box::new(TritonMetrics::new(read)));
        if plan.has_repository() {
            let poll = settings.repository.poll;
            models.follow((!poll.is_zero()).then_some(poll), context);
        }
        let parts = evaluation::Parts {
            routing: Arc::clone(&routing),
            repository: Arc::clone(&repository),
            copies: plan.copies(store, opener),
            states: States::new(settings.evaluation.cache_bytes, StateMetrics::register(&context.metrics)),
            pressure,
            at_once: settings.evaluation.at_once,
        };
        Ok(Self::new(Core {
            default_model,
            route_first: settings.route_first,
            rating,
            models,
            health: context.health.clone(),
            evaluation: Evaluation::new(parts, context),
            served: ServedLog::start(&settings.predictions, log, encode_served, context).map_err(Error::Sample)?,
            request_ids: RequestIds::default(),
            tallies,
            routing,
            repository,
            clock,
            compute: context.compute.clone(),
        }))
    }
}

/// What the parts of the role are made from.
struct Plan<'a> {
    settings: &'a Settings,
    clock: Arc<dyn Clock>,
    context: &'a Context,
}

impl Plan<'_> {
    /// Returns the versions that serve.
    fn repository(&self, store: ModelStore, opener: Opener) -> Arc<Repository> {
        let Self { settings, context, .. } = self;
        let loader = PackageLoader::new(store, opener, context.compute.clone());
        let limits = Limits {
            loads: settings.loads,
            deadline: settings.load_deadline,
            keep: settings.keep,
            bytes: settings.package_bytes,
        };
        let metrics = LoadMetrics::register(&context.metrics);
        Repository::new(Arc::new(loader), limits, self.process(), metrics)
    }

    fn process(&self) -> Process {
        let Self { clock, context, .. } = self;
        Process { tasks: context.tasks.clone(), stop: context.stop.clone(), clock: Arc::clone(clock) }
    }

    fn has_repository(&self) -> bool {
        let repository = &self.settings.repository;
        !repository.folder.as_os_str().is_empty() || !repository.prefix.is_empty()
    }

    /// Returns the models of the repository, of which none is loaded yet.
    fn store(&self, objects: Arc<dyn ObjectStore>, runtime: Runtime) -> Result<Arc<Store>, Error> {
        let Self { settings, context, .. } = self;
        let repository = &settings.repository;
        let source = match (self.has_repository(), repository.prefix.as_str()) {
            (false, _) => Source::Absent,
            (true, "") => Source::Folder(repository.folder.clone()),
            (true, prefix) => Source::Objects(objects, ObjectKey::try_new(prefix).map_err(Error::Prefix)?),
        };
        let policy = if repository.latest == 0 { VersionPolicy::All } else { VersionPolicy::Latest(repository.latest) };
        let defaults = Defaults {
            policy,
            instances: repository.instances,
            threads: repository.threads,
            queue: settings.queue,
            max_batch: settings.max_batch,
        };
        Ok(Store::new(StoreParts {
            source,
            defaults,
            largest: repository.max_model_bytes,
            memory: repository.memory_bytes,
            runtime,
            compute: context.compute.clone(),
            process: self.process(),
            metrics: StoreMetrics::register(&context.metrics),
        }))
    }

    /// Returns the versions that evaluations use.
    fn copies(&self, store: ModelStore, opener: Opener) -> Copies {
        let loader = PackageLoader::new(store, opener.in_background(), self.context.compute.clone());
        Copies::new(Arc::new(loader), self.settings.load_deadline)
    }

    /// Starts to follow the routing table and the model store.
    async fn routing(
        &self,
        (objects, tracker): (Arc<dyn ObjectStore>, Arc<dyn Tracker>),
        repository: &Arc<Repository>,
    ) -> Arc<Routing> {
        let Self { settings, clock, context } = self;
        let mirror = Mirror::in_folder(&settings.state_dir);
        let remembered = remembered(mirror.clone()).await;
        let routing = Routing::new(Parts {
            table: Table::new(objects, Arc::clone(clock), remembered.clone()).with_tracker(tracker),
            repository: Arc::clone(repository),
            mirror,
            remembered,
            metrics: RoutingMetrics::register(&context.metrics),
            clock: Arc::clone(clock),
        });
        let check = context.health.check("marquee.prediction.v1.Predictions");
        routing.follow(Follow { refresh: settings.refresh, route_first: settings.route_first }, check, context);
        routing
    }

    fn rating(&self, features: Vec<Transport>, routing: &Arc<Routing>, counted: Counted) -> Rating {
        let settings = self.settings;
        let stores = Arc::new(FeatureStores::new(features, settings.feature_deadline));
        // A state has several times the bytes of a history, and a new one costs more.
        let bytes = settings.cache_bytes / 4;
        let histories = Histories::new(stores, Capacity { entries: settings.histories, bytes });
        let states = Capacity { entries: settings.states, bytes: settings.cache_bytes - bytes };
        Rating::new(rating::Parts { routing: Arc::clone(routing), histories, states, counted }, self.context)
    }
}

/// Reads the mirror off the async threads.
async fn remembered(mirror: Option<Mirror>) -> RouteMap {
    let Some(mirror) = mirror else { return RouteMap::new() };
    // It only fails if the runtime is shutting down.
    tokio::task::spawn_blocking(move || mirror.read()).await.unwrap_or_default()
}
