//! The tasks that keep an instance current.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use marquee_backoff::{Backoff, Delays};
use marquee_domain::ModelName;
use marquee_kit::{Check, Context, Stop, chain};
use tokio::time::Instant;

use super::{RouteMap, Routing};

/// Longest wait between two reads of an object store that is away.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How an instance follows the object store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Follow {
    /// How often the object store is read.
    pub(crate) refresh: Duration,
    /// Routes the first warm version of a model that has no route.
    pub(crate) route_first: bool,
}

impl Routing {
    /// Starts the tasks. The check is ready while every model with a wanted route has an effective
    /// one.
    pub(crate) fn follow(self: &Arc<Self>, follow: Follow, check: Check, context: &Context) {
        let stop = || context.stop.clone();
        context.tasks.spawn("inference-table", Arc::clone(self).follow_table(follow, stop()));
        context.tasks.spawn("inference-models", Arc::clone(self).follow_models(follow, stop()));
        context.tasks.spawn("inference-routes", Arc::clone(self).keep_settled(check, stop()));
    }

    async fn follow_table(self: Arc<Self>, follow: Follow, stop: Stop) -> Result<(), Infallible> {
        let mut source = Source::new("routing table", follow.refresh);
        loop {
            let read = tokio::select! {
                read = self.parts.table.refresh() => read,
                () = stop.cancelled() => return Ok(()),
            };
            let wait = source.wait_after(&read);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    async fn follow_models(self: Arc<Self>, follow: Follow, stop: Stop) -> Result<(), Infallible> {
        let mut source = Source::new("model store", follow.refresh);
        let mut changes = self.parts.repository.changes();
        let mut next = Instant::now();
        loop {
            let work = async {
                if Instant::now() >= next {
                    let listed = self.parts.repository.refresh().await;
                    next = Instant::now() + source.wait_after(&listed);
                }
                if follow.route_first {
                    self.route_first().await;
                }
            };
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => return Ok(()),
            }
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                _ = changes.changed() => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// Computes the effective table after every change, reports readiness, and mirrors the table.
    async fn keep_settled(self: Arc<Self>, check: Check, stop: Stop) -> Result<(), Infallible> {
        let mut wanted = self.parts.table.subscribe();
        let mut reading = self.parts.table.reading();
        let mut versions = self.parts.repository.changes();
        let mut effective = self.effective.subscribe();
        let mut mirrored = self.parts.remembered.clone();
        loop {
            wanted.mark_unchanged();
            reading.mark_unchanged();
            versions.mark_unchanged();
            self.settle();
            effective.mark_unchanged();
            match self.not_ready() {
                None => check.ready(),
                Some(reason) => check.not_ready(reason),
            }
            self.write_mirror(&mut mirrored).await;
            tokio::select! {
                _ = wanted.changed() => {}
                _ = reading.changed() => {}
                _ = versions.changed() => {}
                // A handler settled the table.
                _ = effective.changed() => {}
                () = stop.cancelled() => {
                    self.write_mirror(&mut mirrored).await;
                    return Ok(());
                }
            }
        }
    }

    /// Returns the last effective route of every routed model, also from before the restart.
    fn last_effective(&self) -> RouteMap {
        let effective = self.effective.borrow();
        let last = |name: &ModelName| match effective.get(name) {
            Some(effective) => Some(Arc::clone(&effective.route)),
            None => self.parts.remembered.get(name).cloned(),
        };
        let wanted = self.parts.table.routes();
        wanted.into_keys().filter_map(|name| last(&name).map(|route| (name, route))).collect()
    }

    /// Writes the mirror if the table is another one than the mirrored one.
    async fn write_mirror(&self, mirrored: &mut RouteMap) {
        let Some(mirror) = self.parts.mirror.clone() else { return };
        let routes = self.last_effective();
        if routes == *mirrored {
            return;
        }
        let written = routes.clone();
        let write = move || {
            let written = mirror.write(routes.values().map(|route| &**route));
            if let Err(error) = &written {
                tracing::warn!(%error, path = %mirror.path().display(), "the routing table was not mirrored");
            }
            written.is_ok()
        };
        // A write that failed is tried again at the next change. It panics only with the process.
        if tokio::task::spawn_blocking(write).await.unwrap_or(false) {
            *mirrored = written;
        }
    }
}

/// An object store that is read at an interval: says once that it is away and once that it is back.
struct Source {
    name: &'static str,
    refresh: Duration,
    delays: Delays,
    away: bool,
}

impl Source {
    fn new(name: &'static str, refresh: Duration) -> Self {
        let delays = Backoff::new(refresh, refresh.max(LONGEST_WAIT)).start();
        Self { name, refresh, delays, away: false }
    }

    /// Returns how long to wait after a read.
    fn wait_after(&mut self, read: &Result<(), marquee_ports::Error>) -> Duration {
        match read {
            Ok(()) => {
                if std::mem::take(&mut self.away) {
                    tracing::info!("the {} can be read again", self.name);
                }
                self.delays.reset();
                self.refresh
            }
            Err(error) => {
                if !std::mem::replace(&mut self.away, true) {
                    tracing::warn!(error = chain(error), "the {} cannot be read; the last one is used", self.name);
                }
                self.delays.next()
            }
        }
    }
}
