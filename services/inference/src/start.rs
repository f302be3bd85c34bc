//! Puts the role together and starts its tasks.

use std::sync::Arc;

use marquee_domain::{Clock, IdError, ModelName, SystemClock};
use marquee_kit::{Context, Transport};
use marquee_model::{ModelStore, VerifyingKey};
use marquee_onnx::Runtime;
use marquee_ports::ObjectStore;
use thiserror::Error;

use crate::api::{Core, FeatureStores, Service};
use crate::metrics::RoutingMetrics;
use crate::rating::{Capacity, Histories, Rating};
use crate::repository::{Limits, Opener, PackageLoader, Process, Repository};
use crate::routing::{Follow, Mirror, Parts, RouteMap, Routing, Table};
use crate::settings::Settings;

/// Why the role did not start.
#[derive(Debug, Error)]
pub enum Error {
    /// The default model has no valid name.
    #[error("inference.default_model: not a model name")]
    DefaultModel(#[source] IdError),
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
}

impl Service {
    /// Starts to follow the model store and the routing table. The role is ready when each model in
    /// the routing table has an effective route on this instance.
    ///
    /// # Errors
    /// A setting is wrong.
    pub async fn start(settings: Settings, dependencies: Dependencies, context: &Context) -> Result<Self, Error> {
        let default_model = ModelName::try_new(&settings.default_model).map_err(Error::DefaultModel)?;
        let Dependencies { objects, features, runtime, verifying_key } = dependencies;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let opener = Opener::new(runtime, verifying_key, &settings);
        let loader = PackageLoader::new(ModelStore::new(Arc::clone(&objects)), opener, context.compute.clone());
        let limits = Limits { loads: settings.loads, deadline: settings.load_deadline, keep: settings.keep };
        let process = Process { tasks: context.tasks.clone(), stop: context.stop.clone(), clock: Arc::clone(&clock) };
        let repository = Repository::new(Arc::new(loader), limits, process);

        let mirror = Mirror::in_folder(&settings.state_dir);
        let remembered = remembered(mirror.clone()).await;
        let routing = Routing::new(Parts {
            table: Table::new(objects, Arc::clone(&clock), remembered.clone()),
            repository: Arc::clone(&repository),
            mirror,
            remembered,
            metrics: RoutingMetrics::register(&context.metrics),
            clock,
        });
        let check = context.health.check("marquee.prediction.v1.Predictions");
        let follow = Follow { refresh: settings.refresh, route_first: settings.route_first };
        routing.follow(follow, check, context);

        let stores = Arc::new(FeatureStores::new(features, settings.feature_deadline));
        // Half for each.
        let bytes = settings.cache_bytes / 2;
        let states = Capacity { entries: settings.states, bytes };
        tracing::info!(mebibytes = settings.cache_bytes >> 20, "most memory that cached histories and states use");
        let histories = Histories::new(stores, Capacity { entries: settings.histories, bytes });
        let rating = Rating::new(Arc::clone(&routing), histories, states, context);
        Ok(Self::new(Core { default_model, route_first: settings.route_first, rating, routing, repository }))
    }
}

/// Reads the mirror off the async threads.
async fn remembered(mirror: Option<Mirror>) -> RouteMap {
    let Some(mirror) = mirror else { return RouteMap::new() };
    // It only fails if the runtime is shutting down.
    tokio::task::spawn_blocking(move || mirror.read()).await.unwrap_or_default()
}
