//! The metrics of ingest, by name.

use marquee_kit::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

/// The label `reason`. Its values are the reasons of violations and of quotas, so their number is
/// bounded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfReason {
    pub(crate) reason: &'static str,
}

/// The counters of one instance.
#[derive(Debug, Clone)]
pub(crate) struct Counters {
    pub(crate) accepted: Counter,
    pub(crate) rejected: Family<OfReason, Counter>,
    pub(crate) removed: Counter,
    pub(crate) movies: Counter,
    pub(crate) overloaded: Counter,
}

impl Counters {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        Self {
            accepted: metrics.register("ingest_ratings_accepted", "Ratings written to the log", Counter::default()),
            rejected: metrics.register(
                "ingest_ratings_rejected",
                "Ratings refused, by first reason",
                Family::default(),
            ),
            removed: metrics.register("ingest_removals", "Ratings and users removed", Counter::default()),
            movies: metrics.register("ingest_movies_upserted", "Movies written to the catalogue", Counter::default()),
            overloaded: metrics.register(
                "ingest_overloaded",
                "Requests turned away because too many waited for the log",
                Counter::default(),
            ),
        }
    }
}

/// The metrics of quotas. The name of a client is never a label: callers choose it, and must not be
/// able to create time series.
#[derive(Debug, Clone)]
pub(crate) struct QuotaMeters {
    pub(crate) requests: Family<OfReason, Counter>,
    pub(crate) ratings: Counter,
    waiting: Gauge,
}

/// Counts one waiting stream while it is alive.
#[derive(Debug)]
pub(crate) struct Waiting(Gauge);

impl QuotaMeters {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        Self {
            requests: metrics.register(
                "ingest_requests_refused",
                "Requests refused: over the quota of their client (QUOTA) or larger than it ever lets in (BURST)",
                Family::default(),
            ),
            ratings: metrics.register(
                "ingest_quota_ratings_refused",
                "Ratings, removals and movies in requests that a quota refused",
                Counter::default(),
            ),
            waiting: metrics.register(
                "ingest_quota_streams_waiting",
                "Streams that wait for the quota of their client",
                Gauge::default(),
            ),
        }
    }

    pub(crate) fn waiting(&self) -> Waiting {
        self.waiting.inc();
        Waiting(self.waiting.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}
