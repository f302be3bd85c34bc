//! The queue between the port and the tracking server, and the task that empties it.
//!
//! [`Queue`] is the port: it takes an event or drops it, and never waits. [`Delivery`] sends one
//! event after another. An event that the server cannot take now is tried again with growing
//! delays, for as long as `tracking.patience`. Routes are kept apart from the queue, the newest one
//! of each model, because a version may be registered after its route changed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use marquee_backoff::{Backoff, Delays};
use marquee_domain::{ModelName, RunId};
use marquee_ports::{TrackedRoute, Tracker, TrackingEvent};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::recorder::measured;
use crate::sink::Sink;
use crate::{Error, Metric, Settings};

/// The delays between two tries of an event or of a route.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

/// The events that are taken from the queue at once, so that metrics share a call.
const AT_ONCE: usize = 256;

/// The most routes that wait. A further model takes the place of the one that waited longest.
const MOST_ROUTES: usize = 1_000;

/// How long the last events are sent when the process stops.
const LAST: Duration = Duration::from_millis(500);

/// Why an event was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reason {
    /// `full`: the queue was full. `refused`: the server refused it for good. `late`: the server
    /// failed for longer than `tracking.patience`. `stopped`: the process ended.
    pub reason: &'static str,
}

impl Reason {
    /// The queue was full.
    pub const FULL: Self = Self { reason: "full" };
    /// The server refused the event for good.
    pub const REFUSED: Self = Self { reason: "refused" };
    /// The server failed for too long.
    pub const LATE: Self = Self { reason: "late" };
    /// The process ended.
    pub const STOPPED: Self = Self { reason: "stopped" };
}

/// What became of events. Cheap to clone; clones share the counters.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Events that the server has taken.
    pub delivered: Counter,
    /// Events that were dropped, by reason.
    pub dropped: Family<Reason, Counter>,
}

impl Counts {
    fn drop(&self, reason: Reason) {
        self.dropped.get_or_create(&reason).inc();
    }
}

/// The port: puts events into the queue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    sender: mpsc::Sender<TrackingEvent>,
    counts: Counts,
    /// The full queue was logged.
    told: Arc<AtomicBool>,
}

impl Tracker for Queue {
    fn record(&self, event: TrackingEvent) {
        // Half of the queue is kept for events that are worth more than a point of a curve.
        let is_point = matches!(event, TrackingEvent::Measured { .. });
        let has_room = !is_point || self.sender.capacity() > self.sender.max_capacity() / 2;
        if has_room && self.sender.try_send(event).is_ok() {
            return;
        }
        let reason = if self.sender.is_closed() { Reason::STOPPED } else { Reason::FULL };
        self.counts.drop(reason);
        if reason == Reason::FULL && !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!("the tracking server is too slow; events are dropped until it has taken those that wait");
        }
    }
}

/// What is sent at once.
#[derive(Debug)]
enum Item {
    /// Metrics of one run, of several events.
    Metrics {
        run: RunId,
        metrics: Vec<Metric>,
        events: u64,
    },
    Event(TrackingEvent),
}

/// A route that the aliases do not follow yet.
#[derive(Debug)]
struct Waiting {
    route: TrackedRoute,
    delays: Delays,
    since: Instant,
    due: Instant,
}

/// Sends the events of a queue.
#[derive(Debug)]
pub struct Delivery<S> {
    receiver: mpsc::Receiver<TrackingEvent>,
    sink: S,
    counts: Counts,
    told: Arc<AtomicBool>,
    patience: Duration,
    /// Taken from the queue, the oldest first. An item stays until it is sent or dropped.
    items: VecDeque<Item>,
    routes: BTreeMap<ModelName, Waiting>,
    /// The server does not take events, and this was logged.
    failing: bool,
}

impl<S> Delivery<S> {
    /// Returns a queue, and what sends its events to `sink`.
    pub fn new(settings: &Settings, sink: S) -> (Queue, Self) {
        let (sender, receiver) = mpsc::channel(settings.queue);
        let (counts, told) = (Counts::default(), Arc::<AtomicBool>::default());
        let queue = Queue { sender, counts: counts.clone(), told: Arc::clone(&told) };
        let (patience, items, routes) = (settings.patience, VecDeque::new(), BTreeMap::new());
        (queue, Self { receiver, sink, counts, told, patience, items, routes, failing: false })
    }

    /// Returns what became of events, for the metrics of the process.
    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }
}

#[expect(private_bounds, reason = "the recorder is the only sink outside of tests")]
impl<S: Sink> Delivery<S> {
    /// Sends events until `stop`. Then it sends what waits, for half a second, and drops the rest.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        tokio::select! {
            () = self.work() => {}
            () = stop => {}
        }
        self.receiver.close();
        let _ = timeout(LAST, self.send_last()).await;
        let left = self.items.iter().map(Item::events).sum::<u64>() + self.receiver.len() as u64;
        if left > 0 {
            self.counts.dropped.get_or_create(&Reason::STOPPED).inc_by(left);
            tracing::warn!(events = left, "events did not reach the tracking server before the process ended");
        }
    }

    async fn work(&mut self) {
        loop {
            let due = self.routes.values().map(|waiting| waiting.due).min();
            tokio::select! {
                biased;
                is_open = self.take(), if self.items.is_empty() => if !is_open { return },
                () = until(due), if self.items.is_empty() => {}
                () = std::future::ready(()), if !self.items.is_empty() => {}
            }
            self.send_first().await;
            self.follow_routes().await;
        }
    }

    /// Waits for events and takes them. Returns whether more may come.
    async fn take(&mut self) -> bool {
        let mut events = Vec::new();
        let taken = self.receiver.recv_many(&mut events, AT_ONCE).await;
        for event in events {
            self.add(event);
        }
        if self.receiver.len() < self.receiver.max_capacity() / 2 && self.told.swap(false, Ordering::Relaxed) {
            tracing::info!("the tracking server takes events again");
        }
        taken > 0
    }

    /// Adds an event to what is to be sent. Metrics of one run join.
    fn add(&mut self, event: TrackingEvent) {
        match (event, self.items.back_mut()) {
            (
                TrackingEvent::Measured { run, at, step, metrics: new },
                Some(Item::Metrics { run: last, metrics, events }),
            ) if run == *last => {
                metrics.extend(measured(&new, at, step));
                *events += 1;
            }
            (TrackingEvent::Measured { run, at, step, metrics }, _) => {
                let metrics = measured(&metrics, at, step);
                self.items.push_back(Item::Metrics { run, metrics, events: 1 });
            }
            (TrackingEvent::RouteMoved(route), _) => self.wait_for(route),
            (event, _) => self.items.push_back(Item::Event(event)),
        }
    }

    /// Keeps a route until the aliases follow it. A newer one takes the place of an older one.
    fn wait_for(&mut self, route: TrackedRoute) {
        let now = Instant::now();
        if self.routes.len() >= MOST_ROUTES && !self.routes.contains_key(&route.model) {
            let oldest = self.routes.iter().min_by_key(|(_, waiting)| waiting.since).map(|(model, _)| model.clone());
            if oldest.and_then(|model| self.routes.remove(&model)).is_some() {
                self.counts.drop(Reason::FULL);
            }
        }
        let is_newer = self.routes.get(&route.model).is_none_or(|before| before.route.revision <= route.revision);
        if is_newer {
            let waiting = Waiting { delays: BACKOFF.start(), since: now, due: now, route };
            self.routes.insert(waiting.route.model.clone(), waiting);
        }
    }

    /// Sends the oldest item, again until the server has taken it or it is dropped.
    async fn send_first(&mut self) {
        let (began, mut delays) = (Instant::now(), BACKOFF.start());
        while let Some(item) = self.items.front() {
            let events = item.events();
            match send(&mut self.sink, item).await {
                Ok(()) => {
                    self.items.pop_front();
                    self.counts.delivered.inc_by(events);
                    return self.recovered();
                }
                Err(error) if error.is_retryable() && began.elapsed() < self.patience => {
                    self.failed(&error);
                    delays.wait().await;
                }
                Err(error) => {
                    let reason = if error.is_retryable() { Reason::LATE } else { Reason::REFUSED };
                    self.items.pop_front();
                    self.counts.dropped.get_or_create(&reason).inc_by(events);
                    tracing::warn!(error = chain(&error), reason = reason.reason, "an event was not tracked");
                    return;
                }
            }
        }
    }

    /// Tries the routes that are due.
    async fn follow_routes(&mut self) {
        let now = Instant::now();
        let due = self.routes.iter().filter(|(_, waiting)| waiting.due <= now).map(|(model, _)| model.clone());
        for model in due.collect::<Vec<_>>() {
            let Some(waiting) = self.routes.get_mut(&model) else { continue };
            let followed = self.sink.route(&waiting.route).await;
            let is_late = waiting.since.elapsed() >= self.patience;
            waiting.due = Instant::now() + waiting.delays.next();
            let dropped = match &followed {
                Ok(None) => None,
                Ok(Some(_)) if !is_late => continue,
                Err(error) if error.is_retryable() && !is_late => {
                    let error = chain(error);
                    tracing::debug!(%model, error, "the aliases do not follow the route yet; trying again");
                    continue;
                }
                Err(error) if !error.is_retryable() => Some((Reason::REFUSED, chain(error))),
                Err(error) => Some((Reason::LATE, chain(error))),
                Ok(Some(version)) => Some((Reason::LATE, format!("version {version} is not registered"))),
            };
            self.routes.remove(&model);
            match dropped {
                None => {
                    self.counts.delivered.inc();
                }
                Some((reason, error)) => {
                    self.counts.drop(reason);
                    tracing::warn!(%model, error, "the aliases of the model do not follow its route");
                }
            }
        }
    }

    /// Sends what waits, each once.
    async fn send_last(&mut self) {
        while self.take().await {}
        while let Some(item) = self.items.front() {
            let events = item.events();
            if send(&mut self.sink, item).await.is_err() {
                return;
            }
            self.items.pop_front();
            self.counts.delivered.inc_by(events);
        }
        for waiting in self.routes.values_mut() {
            waiting.due = Instant::now();
        }
        self.follow_routes().await;
    }

    fn failed(&mut self, error: &Error) {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(error = chain(error), "the tracking server takes no events; trying again");
        }
    }

    fn recovered(&mut self) {
        if std::mem::take(&mut self.failing) {
            tracing::info!("the tracking server takes events again");
        }
    }
}

impl Item {
    /// Returns the number of events.
    fn events(&self) -> u64 {
        match self {
            Self::Metrics { events, .. } => *events,
            Self::Event(_) => 1,
        }
    }
}

async fn send<S: Sink>(sink: &mut S, item: &Item) -> Result<(), Error> {
    match item {
        Item::Metrics { run, metrics, .. } => sink.measure(run, metrics).await,
        Item::Event(event) => sink.deliver(event).await,
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Formats an error and its causes in one line.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
