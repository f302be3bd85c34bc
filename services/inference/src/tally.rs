//! What each version was asked on this instance: requests, errors by kind and latencies. The
//! metrics show it to people, and the report of the instance to rollouts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use marquee_domain::{ModelName, Timestamp, Version};
use marquee_kit::Metrics;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

use crate::metrics::{ErrorLabels, LATENCY_BOUNDS, TallyMetrics, VersionLabels};
use crate::repository::Key;

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ServingError {
    Encoder,
    Scorer,
    /// No route with the version was effective.
    MissingVersion,
    /// No history of the user.
    Features,
    /// The queue of a graph was full.
    Overloaded,
}

impl ServingError {
    pub(crate) const ALL: [Self; 5] =
        [Self::Encoder, Self::Scorer, Self::MissingVersion, Self::Features, Self::Overloaded];

    /// Returns the label of the metric.
    fn as_str(self) -> &'static str {
        match self {
            Self::Encoder => "encoder",
            Self::Scorer => "scorer",
            Self::MissingVersion => "missing_version",
            Self::Features => "features",
            Self::Overloaded => "overloaded",
        }
    }
}

/// The counters of one version.
#[derive(Debug)]
struct Tally {
    /// The counter of the metrics.
    requests: Counter,
    errors: [AtomicU64; ServingError::ALL.len()],
    latencies: [AtomicU64; LATENCY_BOUNDS.len() + 1],
    nanos: AtomicU64,
    /// The latencies once more, for the metrics: their histogram cannot be read.
    histogram: Histogram,
}

/// The counters of one version at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Served {
    pub(crate) requests: u64,
    /// In the order of [`ServingError::ALL`].
    pub(crate) errors: [u64; ServingError::ALL.len()],
    /// By bucket, not cumulative. The last bucket has no bound.
    pub(crate) latencies: [u64; LATENCY_BOUNDS.len() + 1],
    pub(crate) time: Duration,
}

/// The instance as rollouts tell it from others, and from itself before a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Incarnation {
    pub(crate) instance: String,
    pub(crate) started_at: Timestamp,
}

impl Incarnation {
    /// Returns a name that no other start of an instance has.
    pub(crate) fn name(&self) -> String {
        format!("{}@{}", self.instance, self.started_at.to_rfc3339())
    }
}

/// The counters of all versions since the start of the process. A version keeps them when it is
/// unloaded.
#[derive(Debug)]
pub(crate) struct Tallies {
    pub(crate) incarnation: Incarnation,
    metrics: TallyMetrics,
    versions: RwLock<HashMap<Key, Arc<Tally>>>,
}

impl Tallies {
    pub(crate) fn new(incarnation: Incarnation, metrics: &Metrics) -> Self {
        Self { incarnation, metrics: TallyMetrics::register(metrics), versions: RwLock::default() }
    }

    /// Counts a request under the version that answered it or should have.
    pub(crate) fn count(&self, key: &Key, error: Option<ServingError>, latency: Duration) {
        self.tally(key).count(error, latency);
        if let Some(kind) = error {
            let labels = ErrorLabels { model: key.0.as_str().to_owned(), version: key.1.0, kind: kind.as_str() };
            self.metrics.errors.get_or_create(&labels).inc();
        }
    }

    /// Returns the counters of a version, or `None` if it was never asked.
    pub(crate) fn served(&self, model: &ModelName, version: Version) -> Option<Served> {
        let versions = self.versions.read().unwrap_or_else(PoisonError::into_inner);
        versions.get(&(model.clone(), version)).map(|tally| tally.served())
    }

    fn tally(&self, key: &Key) -> Arc<Tally> {
        let known = self.versions.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        known.unwrap_or_else(|| {
            let mut versions = self.versions.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(versions.entry(key.clone()).or_insert_with(|| Arc::new(Tally::new(key, &self.metrics))))
        })
    }
}

impl Tally {
    fn new((model, version): &Key, metrics: &TallyMetrics) -> Self {
        let labels = VersionLabels { model: model.as_str().to_owned(), version: version.0 };
        Self {
            requests: metrics.requests.get_or_create_owned(&labels),
            errors: Default::default(),
            latencies: Default::default(),
            nanos: AtomicU64::new(0),
            histogram: metrics.predict_seconds.get_or_create_owned(&labels),
        }
    }

    /// **Invariant:** a reader never sees more errors or latencies than requests
    /// (`tests::a_reader_never_sees_more_errors_than_requests`): requests are counted first, and
    /// read last.
    fn count(&self, error: Option<ServingError>, latency: Duration) {
        self.requests.inc();
        self.nanos.fetch_add(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        let seconds = latency.as_secs_f64();
        self.histogram.observe(seconds);
        let bucket = LATENCY_BOUNDS.partition_point(|bound| *bound < seconds);
        self.latencies[bucket].fetch_add(1, Ordering::Release);
        if let Some(kind) = error {
            self.errors[kind as usize].fetch_add(1, Ordering::Release);
        }
    }

    fn served(&self) -> Served {
        let errors = std::array::from_fn(|kind| self.errors[kind].load(Ordering::Acquire));
        let latencies = std::array::from_fn(|bucket| self.latencies[bucket].load(Ordering::Acquire));
        let time = Duration::from_nanos(self.nanos.load(Ordering::Relaxed));
        Served { requests: self.requests.get(), errors, latencies, time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::key;

    fn tallies(metrics: &Metrics) -> Tallies {
        let incarnation = Incarnation { instance: "one".to_owned(), started_at: Timestamp::EPOCH };
        Tallies::new(incarnation, metrics)
    }

    #[test]
    fn requests_errors_and_latencies_are_counted_by_version() {
        let metrics = Metrics::default();
        let tallies = tallies(&metrics);
        tallies.count(&key(1), None, Duration::from_millis(1));
        tallies.count(&key(1), Some(ServingError::Encoder), Duration::from_micros(1_001));
        tallies.count(&key(1), Some(ServingError::Overloaded), Duration::from_secs(60));
        tallies.count(&key(2), Some(ServingError::MissingVersion), Duration::ZERO);
        let served = tallies.served(&key(1).0, Version(1)).expect("asked");
        assert_eq!((served.requests, served.errors), (3, [1, 0, 0, 0, 1]));
        // One millisecond is the third bound, and bounds are inclusive.
        let filled: Vec<usize> = (0..served.latencies.len()).filter(|&at| served.latencies[at] > 0).collect();
        assert_eq!(filled, [2, 3, LATENCY_BOUNDS.len()]);
        assert_eq!(served.time, Duration::from_micros(60_002_001));
        assert_eq!(tallies.served(&key(2).0, Version(2)).expect("asked").errors, [0, 0, 1, 0, 0]);
        assert_eq!(tallies.served(&key(3).0, Version(3)), None);
        let text = metrics.text();
        for line in [
            "marquee_inference_requests_total{model=\"ratings\",version=\"1\"} 3\n",
            "marquee_inference_errors_total{model=\"ratings\",version=\"1\",kind=\"encoder\"} 1\n",
            "marquee_inference_errors_total{model=\"ratings\",version=\"2\",kind=\"missing_version\"} 1\n",
            "marquee_inference_predict_seconds_count{model=\"ratings\",version=\"1\"} 3\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }

    #[test]
    fn a_reader_never_sees_more_errors_than_requests() {
        let (metrics, rounds) = (Metrics::default(), 20_000);
        let tallies = tallies(&metrics);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..rounds {
                    tallies.count(&key(1), Some(ServingError::Scorer), Duration::ZERO);
                }
            });
            loop {
                let Some(served) = tallies.served(&key(1).0, Version(1)) else { continue };
                let (errors, latencies) = (served.errors.iter().sum::<u64>(), served.latencies.iter().sum::<u64>());
                assert!(errors <= latencies && latencies <= served.requests, "{served:?}");
                if served.requests == rounds {
                    break;
                }
            }
        });
    }
}
