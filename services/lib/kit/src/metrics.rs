//! The metrics of a process. They are values instead of statics, so that two fleets in one process
//! have a registry each.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use crate::process::ProcessCollector;

/// A registry of metrics. Clones are cheap and share the registry. Every name starts with
/// `marquee_`, except for those of a collector, and the usual metrics of a process, which start
/// with `process_`.
#[derive(Clone)]
pub struct Metrics(Arc<Mutex<Registries>>);

struct Registries {
    own: Registry,
    /// Metrics that have the names of other programs.
    foreign: Registry,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut own = Registry::with_prefix("marquee");
        own.register("build", "The version of this program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let mut foreign = Registry::default();
        foreign.register_collector(Box::new(ProcessCollector));
        Self(Arc::new(Mutex::new(Registries { own, foreign })))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Registers a metric and returns it. `help` is a sentence without its period.
    pub fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).own.register(name, help, metric.clone());
        metric
    }

    /// Registers metrics that are read when the page is. Their names have no prefix.
    pub fn register_collector(&self, collector: Box<dyn Collector>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).foreign.register_collector(collector);
    }

    /// Returns all metrics in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a string cannot fail.
        let _ = encode_registry(&mut text, &registries.own)
            .and_then(|()| encode_registry(&mut text, &registries.foreign))
            .and_then(|()| encode_eof(&mut text));
        text
    }
}

/// The bucket bounds of latency histograms in seconds, from 100 µs to 10 s.
pub fn latency_buckets() -> impl Iterator<Item = f64> {
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0].into_iter()
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    #[test]
    fn registered_metrics_show_in_the_text() {
        let metrics = Metrics::default();
        let counter: Counter = metrics.register("ratings_accepted", "Ratings written to the log", Counter::default());
        counter.inc_by(3);
        assert!(metrics.text().contains("marquee_ratings_accepted_total 3"), "{}", metrics.text());
    }

    #[test]
    fn the_process_and_its_version_are_in_the_text() {
        let text = Metrics::default().text();
        assert!(text.contains(concat!("marquee_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1")), "{text}");
        for name in [
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_virtual_memory_bytes",
            "process_open_fds",
            "process_max_fds",
            "process_threads",
            "process_start_time_seconds",
        ] {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
            assert!(value.is_some_and(|value| value >= 0.0), "{name}: {text}");
        }
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
