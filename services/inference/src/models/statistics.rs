//! How often a model was asked, and how long that took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use marquee_domain::Timestamp;
use marquee_onnx::Stats;

/// How often something happened, and how many nanoseconds that took in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Timed {
    pub(crate) count: u64,
    pub(crate) nanos: u64,
}

/// The counters of a version at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Statistic {
    pub(crate) name: String,
    pub(crate) version: u64,
    /// `None`: it was never asked.
    pub(crate) last: Option<Timestamp>,
    /// Rows that were computed.
    pub(crate) rows: u64,
    /// Runs.
    pub(crate) runs: u64,
    pub(crate) success: Timed,
    pub(crate) fail: Timed,
    pub(crate) queue: Timed,
    pub(crate) compute_input: Timed,
    pub(crate) compute_infer: Timed,
    pub(crate) compute_output: Timed,
    /// Requests that wait now.
    pub(crate) waiting: u64,
}

/// Counts the requests of a version. Each counter is read and written independently, so relaxed
/// order is enough.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    succeeded: AtomicU64,
    success_nanos: AtomicU64,
    failed: AtomicU64,
    fail_nanos: AtomicU64,
    rows: AtomicU64,
    /// Microseconds since 1970. 0: never.
    last: AtomicU64,
}

impl Counters {
    /// Counts a request that ended now.
    pub(super) fn count(&self, rows: Option<u64>, took: Duration, now: Timestamp) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let add = |counter: &AtomicU64, value| counter.fetch_add(value, Ordering::Relaxed);
        match rows {
            Some(rows) => {
                add(&self.succeeded, 1);
                add(&self.success_nanos, nanos);
                add(&self.rows, rows);
            }
            None => {
                add(&self.failed, 1);
                add(&self.fail_nanos, nanos);
            }
        }
        self.last.store(u64::try_from(now.micros()).unwrap_or(0), Ordering::Relaxed);
    }

    /// Returns when a request ended last.
    pub(super) fn last(&self) -> Option<Timestamp> {
        let last = i64::try_from(self.last.load(Ordering::Relaxed)).ok().filter(|last| *last > 0);
        last.map(Timestamp::from_micros)
    }

    /// Returns the counters of a version that computes in one step.
    pub(super) fn read(&self, name: &str, version: u64) -> Statistic {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let success = Timed { count: read(&self.succeeded), nanos: read(&self.success_nanos) };
        Statistic {
            name: name.to_owned(),
            version,
            last: self.last(),
            rows: read(&self.rows),
            runs: success.count,
            success,
            fail: Timed { count: read(&self.failed), nanos: read(&self.fail_nanos) },
            queue: Timed { count: success.count, nanos: 0 },
            compute_input: Timed { count: success.count, nanos: 0 },
            compute_infer: success,
            compute_output: Timed { count: success.count, nanos: 0 },
            waiting: 0,
        }
    }

    /// Returns the counters of a version whose requests share runs.
    pub(super) fn read_batched(&self, name: &str, version: u64, stats: Stats) -> Statistic {
        let count = stats.requests.saturating_sub(stats.abandoned + stats.waiting);
        let timed = |nanos| Timed { count, nanos };
        Statistic {
            rows: stats.rows,
            runs: stats.batches,
            queue: timed(stats.queue_nanos),
            compute_input: timed(stats.join_nanos),
            compute_infer: timed(stats.infer_nanos),
            compute_output: timed(stats.split_nanos),
            waiting: stats.waiting,
            ..self.read(name, version)
        }
    }
}
