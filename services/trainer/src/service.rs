//! Starts the trainer role: the archive, the worker and the gRPC service.

use std::sync::Arc;

use marquee_archive::{Source, Writer};
use marquee_domain::ModelName;
use marquee_kit::Context;
use marquee_lease::{Claim, Lease};
use marquee_settings::{Invalid, Validate};
use thiserror::Error;

use crate::api;
use crate::dependencies::Dependencies;
use crate::pipeline::Pipeline;
use crate::plan::Defaults;
use crate::queue::{Queue, QueueError};
use crate::settings::Settings;
use crate::tracking::Tracking;
use crate::worker::Worker;

/// The object of the lease that lets one trainer of many work.
const LEASE: &str = "leases/trainer.json";

/// The role could not start.
#[derive(Debug, Error)]
pub enum Error {
    /// A setting makes no sense.
    #[error("check the settings of the trainer")]
    Settings(#[source] Invalid),
    /// The earlier runs could not be read.
    #[error("read the training runs")]
    Queue(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The trainer role. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service {
    api: api::Handler,
}

impl Service {
    /// Reads the earlier runs and begins to work.
    ///
    /// # Errors
    /// A setting makes no sense, or the runs can't be read.
    pub async fn start(settings: Settings, dependencies: Dependencies, context: &Context) -> Result<Self, Error> {
        settings.validate().map_err(Error::Settings)?;
        let model = ModelName::try_new(&settings.default_model);
        let model = model.map_err(|error| Error::Settings(Invalid::new("default_model", error.to_string())))?;
        let check = context.health.check("marquee.training.v1.Trainer");
        let Dependencies { log, objects, clock, scale, .. } = &dependencies;
        let claim = Claim { key: LEASE, holder: dependencies.instance.clone(), duration: settings.lease };
        let lease = Lease::new(Arc::clone(objects), Arc::clone(clock), claim);
        let opened = Queue::open(Arc::clone(objects), Arc::clone(clock)).await;
        let queue = Arc::new(opened.map_err(|error: QueueError| Error::Queue(error.into()))?);
        if settings.archive.enabled {
            let source = Source { log: Arc::clone(log), scale: *scale, objects: Arc::clone(objects) };
            let writer = Writer::new(settings.archive.clone(), source, context);
            context.tasks.spawn("archive", writer.run(context.stop.clone()));
        }
        let defaults = Defaults { model, holdout: settings.holdout };
        let api = api::Handler::new(Arc::clone(&queue), defaults, settings.queue);
        let tracking = Tracking::new(Arc::clone(&dependencies.tracker), Arc::clone(&dependencies.clock));
        let pipeline = Pipeline::new(settings, dependencies, context.compute.clone());
        let worker = Worker::new(queue, lease, (pipeline, tracking), &context.metrics);
        context.tasks.spawn("trainer", worker.run(context.stop.clone()));
        check.ready();
        Ok(Self { api })
    }

    /// Returns the gRPC server.
    pub fn server(&self) -> api::Server {
        self.api.server()
    }
}
