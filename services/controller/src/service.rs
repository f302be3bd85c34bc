//! Puts the role together and starts its tasks.

use std::path::PathBuf;
use std::sync::Arc;

use marquee_domain::Clock;
use marquee_driver::{Driver, FixedInstances, Monitors};
use marquee_kit::{Context, Transport};
use marquee_lease::{Claim, Lease};
use marquee_ports::ObjectStore;
use marquee_settings::is_set;

use crate::api::{Handler, Server};
use crate::files::{FileStates, Files, FolderSettings};
use crate::metrics::RolloutMetrics;
use crate::rollouts::Rollouts;
use crate::settings::Settings;
use crate::store::Store;
use crate::worker::{Worker, Workplace};

/// The object of the lease that lets one controller of many work.
const LEASE: &str = "leases/rollouts.json";

/// What the role needs from the process.
#[derive(Debug, Clone)]
pub struct Dependencies {
    /// Where the rollouts are.
    pub objects: Arc<dyn ObjectStore>,
    /// The time of decisions.
    pub clock: Arc<dyn Clock>,
    /// The inference instances.
    pub inference: Vec<Transport>,
    /// The monitors, in the order in which they are asked.
    pub monitors: Vec<Transport>,
    /// Names this controller in the lease. No other controller of the deployment may have the same
    /// name at the same time.
    pub instance: String,
    /// The folder of what this controller keeps for itself. It may not exist yet.
    pub state_dir: PathBuf,
}

/// The role rollouts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service {
    api: Handler,
}

impl Service {
    /// Begins to drive the stored rollouts. The role is ready once it has read them.
    pub fn start(settings: Settings, dependencies: Dependencies, context: &Context) -> Self {
        let check = context.health.check("marquee.rollout.v1.Rollouts");
        let Dependencies { objects, clock, inference, monitors, instance, state_dir } = dependencies;
        let claim = Claim { key: LEASE, holder: instance, duration: settings.lease };
        let lease = Lease::new(Arc::clone(&objects), Arc::clone(&clock), claim);
        let store = Store::new(objects, Arc::clone(&clock));
        let rollouts = Arc::new(Rollouts::new(store, clock, settings.limit));
        let driver =
            Driver::new(Arc::new(FixedInstances::new(inference)), Arc::new(Monitors::new(monitors)), settings.deadline);
        let workplace = Workplace { lease, driver, metrics: RolloutMetrics::register(&context.metrics), check };
        let worker = Worker::new(Arc::clone(&rollouts), workplace, settings.interval);
        context.tasks.spawn("rollouts", worker.run(context.stop.clone()));
        let files = FileStates::default();
        if is_set(&settings.folder) {
            let Settings { folder, limit, interval, .. } = settings;
            let folder = FolderSettings { folder, state_dir, limit, interval };
            let reader = Files::new(folder, Arc::clone(&rollouts), files.clone());
            context.tasks.spawn("rollout files", reader.run(context.stop.clone()));
        }
        Self { api: Handler::new(rollouts, files) }
    }

    /// Returns the gRPC server.
    pub fn server(&self) -> Server {
        self.api.server()
    }

    /// Returns the same calls over HTTP as JSON.
    pub fn http(&self) -> axum::Router {
        self.api.http()
    }
}
