//! The metrics of ingest, by name.

use marquee_kit::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// Label: why a value was refused; one of the reasons of `FieldViolation`, so bounded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Reason {
    pub(crate) reason: &'static str,
}

/// Counters of one instance.
#[derive(Debug, Clone)]
pub(crate) struct Counters {
    pub(crate) accepted: Counter,
    pub(crate) rejected: Family<Reason, Counter>,
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
            removed: metrics.register("ingest_removals", "Ratings and users taken back", Counter::default()),
            movies: metrics.register("ingest_movies_upserted", "Movies written to the catalogue", Counter::default()),
            overloaded: metrics.register(
                "ingest_overloaded",
                "Requests turned away because too many waited for the log",
                Counter::default(),
            ),
        }
    }
}
