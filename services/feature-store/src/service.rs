//! Starts the role: the stream, and the handlers of its services.

use std::sync::Arc;

use marquee_archive::Archive;
use marquee_domain::{Clock, Partition, Scale};
use marquee_features::Definition;
use marquee_kit::Context;
use marquee_log::{Decoder, MovieCatalog};
use marquee_ports::{ErrorKind, ObjectStore, OnlineStore, RatingLog, Topic};
use marquee_settings::Validate as _;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::api::{FeastHandler, FeaturesHandler, HistoryHandler};
use crate::metrics::Meters;
use crate::offline::{Offline, RatingEvents};
use crate::online::{Online, Positions};
use crate::rows::Rows;
use crate::settings::Settings;
use crate::stream::{CutShort, Stream};

/// The name of the health check.
pub(crate) const HEALTH: &str = "marquee.features.v1.Features";

/// The role could not start.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// A setting is wrong.
    #[error("check the settings of the feature store")]
    Settings(#[source] marquee_settings::Invalid),
    /// The log could not be read.
    #[error("read the bounds of the rating log")]
    Log(#[source] marquee_ports::Error),
    /// The online store could not be read.
    #[error("read the online store")]
    Store(#[source] marquee_ports::Error),
    /// Applied events are gone from the log.
    #[error(transparent)]
    CutShort(#[from] CutShort),
    /// The archive is that of another log.
    #[error(transparent)]
    Replaced(marquee_ports::Error),
}

/// What the feature store needs from the process.
#[derive(Debug, Clone)]
pub(crate) struct Dependencies {
    /// The rating events and the movies.
    pub(crate) log: Arc<dyn RatingLog>,
    /// The rows.
    pub(crate) store: Arc<dyn OnlineStore>,
    /// The archive's events, which the log may no longer have. `None`: only the log is read.
    pub(crate) objects: Option<Arc<dyn ObjectStore>>,
    /// The end of windows for which the caller names none.
    pub(crate) clock: Arc<dyn Clock>,
    /// The scale of the ratings. Other producers may write ratings off it; they are rejected.
    pub(crate) scale: Scale,
}

/// The running role.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    features: FeaturesHandler,
    history: HistoryHandler,
    feast: FeastHandler,
}

impl Service {
    /// Starts to apply the log. The role is ready once it has reached the end that the log has now.
    pub(crate) async fn start(
        settings: Settings,
        dependencies: Dependencies,
        context: &Context,
    ) -> Result<Self, Error> {
        settings.validate().map_err(Error::Settings)?;
        let check = context.health.check(HEALTH);
        let Dependencies { log, store, objects, clock, scale } = dependencies;
        let partitions = check_markers(&*log, &*store).await?;
        let (decoder, meters) = (Decoder { scale, partitions }, Meters::register(&context.metrics));
        let rows = Rows { store: Arc::clone(&store), partitions };
        let definition = Arc::new(Definition::new(&settings.windows, settings.history));
        let compute = context.compute.clone();
        let archive = objects.map(|objects| Archive::new(objects, compute.clone()));
        if let Some(archive) = &archive {
            check_archive(archive, &*log, partitions).await?;
        }
        let catalog = Arc::new(MovieCatalog::new(Arc::clone(&log)));
        let stream = Stream {
            log: Arc::clone(&log),
            store,
            archive: archive.clone(),
            catalog: Arc::clone(&catalog),
            decoder,
            meters: meters.clone(),
        };
        let progress = stream.start(&settings, check, context);
        let online = Arc::new(Online {
            rows: rows.clone(),
            definition: Arc::clone(&definition),
            positions: Positions { log: Arc::clone(&log), rows: rows.clone(), progress },
            ttl: settings.ttl,
            compute: compute.clone(),
            meters,
        });
        let events = RatingEvents { log, archive, catalog, decoder, compute: compute.clone() };
        let permits = Arc::new(Semaphore::new(1));
        let offline = Arc::new(Offline { events, definition, rows, compute, permits });
        Ok(Self {
            features: FeaturesHandler { online: Arc::clone(&online), clock: Arc::clone(&clock) },
            history: HistoryHandler { offline, clock: Arc::clone(&clock) },
            feast: FeastHandler { online, clock },
        })
    }

    /// Returns the handler of `marquee.features.v1.Features`.
    pub(crate) fn features(&self) -> FeaturesHandler {
        self.features.clone()
    }

    /// Returns the handler of `marquee.features.v1.FeatureHistory`.
    pub(crate) fn history(&self) -> HistoryHandler {
        self.history.clone()
    }

    /// Returns the handler of `feast.serving.ServingService`.
    pub(crate) fn feast(&self) -> FeastHandler {
        self.feast.clone()
    }
}

/// Checks that the log is the one that was archived: offsets alone do not tell a log that was made
/// again and has grown since.
///
/// # Errors
/// It is another log. An object store that does not answer is no error.
async fn check_archive(archive: &Archive, log: &dyn RatingLog, partitions: u32) -> Result<(), Error> {
    let all: Vec<Partition> = (0..partitions).map(Partition).collect();
    match archive.check_belongs(log, &all).await {
        Err(error) if error.kind() == ErrorKind::Conflict => Err(Error::Replaced(error)),
        Err(error) => {
            tracing::warn!(
                error = marquee_kit::chain(&error),
                "could not check whether the archive is that of the log"
            );
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Checks that the log still has every event that was applied. Returns the number of partitions.
///
/// **Invariant:** a store that others write while this one starts is never ahead of the log: the
/// ends are read after the markers (`a_store_that_moves_during_the_check_is_no_cut_short_log`).
async fn check_markers(log: &dyn RatingLog, store: &dyn OnlineStore) -> Result<u32, Error> {
    let mut markers = Vec::new();
    for partition in log.ends(Topic::RATINGS).await.map_err(Error::Log)?.into_keys() {
        markers.push((partition, store.marker(partition).await.map_err(Error::Store)?));
    }
    let ends = log.ends(Topic::RATINGS).await.map_err(Error::Log)?;
    for (partition, applied) in markers {
        if let Some(&end) = ends.get(&partition).filter(|&&end| applied > end) {
            return Err(CutShort { partition, end, applied }.into());
        }
    }
    // A topic has at least one partition.
    Ok((ends.len() as u32).max(1))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use marquee_domain::Offset;
    use marquee_ports::memory::{Fault, Step};
    use tokio::time::sleep;

    use super::*;
    use crate::testing::World;

    #[tokio::test(start_paused = true)]
    async fn a_store_that_moves_during_the_check_is_no_cut_short_log() {
        let world = World::new(1);
        world.faults.add(Step::on("marker", 1, Fault::Delay(Duration::from_secs(2))));
        // Another instance applies a rating after this one has begun, and before it has the marker.
        let others = async {
            sleep(Duration::from_secs(1)).await;
            let at = world.rate("ada", "alien", 4.0).await;
            let mut lease = world.store.lease(at.partition).await.unwrap();
            lease.apply(Vec::new(), Offset(at.offset.0 + 1)).await.unwrap();
        };
        let (checked, ()) = tokio::join!(check_markers(&world.log, &world.store), others);
        assert_eq!(checked.unwrap(), 1);
        // A marker that no log can explain is told.
        world.store.lease(Partition(0)).await.unwrap().apply(Vec::new(), Offset(7)).await.unwrap();
        let error = check_markers(&world.log, &world.store).await.unwrap_err();
        assert!(matches!(error, Error::CutShort(CutShort { applied: Offset(7), end: Offset(1), .. })), "{error}");
    }
}
