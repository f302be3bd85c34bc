//! Starts the role: the stream, the metrics, and the handlers of its service.

use std::sync::Arc;

use marquee_archive::Archive;
use marquee_domain::{Clock, Scale};
use marquee_kit::Context;
use marquee_log::Decoder;
use marquee_ports::{ObjectStore, OnlineStore, RatingLog, Record, Topic};
use marquee_settings::Validate as _;
use thiserror::Error;

use crate::api::MonitorHandler;
use crate::inference::Inference;
use crate::join::{JoinOptions, Shown, SideInput};
use crate::metrics::Meters;
use crate::reader::Reader;
use crate::report::Reporter;
use crate::settings::Settings;
use crate::stream::Stream;

/// The name of the health check.
pub(crate) const HEALTH: &str = "marquee.monitor.v1.Monitor";

/// The role could not start.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// A setting is wrong.
    #[error("check the settings of the monitor")]
    Settings(#[source] marquee_settings::Invalid),
    /// The log could not be read.
    #[error("read the bounds of the rating log")]
    Log(#[source] marquee_ports::Error),
}

/// What the monitor needs from the process.
#[derive(Debug, Clone)]
pub(crate) struct Dependencies {
    /// The rating events, the movies and the predictions that users were shown.
    pub(crate) log: Arc<dyn RatingLog>,
    /// The monitor's own rows and tallies.
    pub(crate) store: Arc<dyn OnlineStore>,
    /// The archive's events, which the log may no longer have. `None`: only the log is read.
    pub(crate) objects: Option<Arc<dyn ObjectStore>>,
    /// Predicts.
    pub(crate) inference: Arc<dyn Inference>,
    /// Reads a record of the predictions topic.
    pub(crate) decode_shown: fn(&Record) -> Vec<Shown>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The scale of the ratings. Other producers may write ratings off it; they are passed over.
    pub(crate) scale: Scale,
}

/// Starts to compare and to learn.
pub(crate) async fn start(
    settings: Settings,
    dependencies: Dependencies,
    context: &Context,
) -> Result<MonitorHandler, Error> {
    settings.validate().map_err(Error::Settings)?;
    let check = context.health.check(HEALTH);
    let Dependencies { log, store, objects, inference, decode_shown, clock, scale } = dependencies;
    let bounds = log.bounds(Topic::RATINGS).await.map_err(Error::Log)?;
    // A topic has at least one partition.
    let partitions = (bounds.len() as u32).max(1);
    let reader = Reader { store: Arc::clone(&store), partitions };
    let join = JoinOptions { window: settings.join_window, late: settings.late, bytes: settings.join_bytes };
    let models = settings.model_names().map_err(Error::Settings)?;
    let stream = Stream {
        log: Arc::clone(&log),
        store,
        archive: objects.map(|objects| Archive::new(objects, context.compute.clone())),
        inference,
        models,
        side: SideInput::new(Arc::clone(&log), join, decode_shown),
        decoder: Decoder { scale, partitions },
        clock: Arc::clone(&clock),
        meters: Meters::register(&context.metrics),
    };
    let progress = stream.start(&settings, check, context);
    let reporter = Reporter::new(reader.clone(), Arc::clone(&clock), &context.metrics);
    context.tasks.spawn("monitor-metrics", reporter.run(context.stop.clone()));
    Ok(MonitorHandler { reader, log, progress, clock, stop: context.stop.clone() })
}
