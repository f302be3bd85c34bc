//! Latencies in a histogram of fixed size, so a load of hours takes the memory of one of minutes.

use std::time::Duration;

use serde::Serialize;

/// Bits of a value that are kept: it is known to within one part in 128.
const BITS: u32 = 7;

/// The longest latency that is told apart, in microseconds: 12 days.
const LONGEST: u64 = 1 << 40;

/// Buckets of values up to the longest one.
const BUCKETS: usize = bucket(LONGEST) + 1;

/// The number of latencies in each bucket. Buckets grow with the values in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Latencies {
    buckets: Vec<u64>,
    count: u64,
    longest: u64,
}

/// Latencies in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// Returns the bucket of a value in microseconds.
const fn bucket(micros: u64) -> usize {
    let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(BITS + 1);
    ((shift as usize) << BITS) + (micros >> shift) as usize
}

/// Returns the largest value of a bucket.
const fn largest(bucket: usize) -> u64 {
    let shift = (bucket >> BITS).saturating_sub(1);
    (((bucket - (shift << BITS)) as u64 + 1) << shift) - 1
}

impl Default for Latencies {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, longest: 0 }
    }
}

impl Latencies {
    /// Adds one.
    pub(crate) fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).min(LONGEST);
        self.buckets[bucket(micros)] += 1;
        self.count += 1;
        self.longest = self.longest.max(micros);
    }

    /// Adds those of another histogram.
    pub(crate) fn add(&mut self, other: &Self) {
        for (own, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *own += theirs;
        }
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }

    /// Returns the percentiles, or `None` without latencies.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let at = |share: f64| millis(self.quantile(share));
        (self.count > 0).then(|| Percentiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: millis(self.longest) })
    }

    /// Returns the microseconds that a share of the latencies does not exceed.
    fn quantile(&self, share: f64) -> u64 {
        let rank = ((share * self.count as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return largest(bucket).min(self.longest);
            }
        }
        self.longest
    }
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_a_bucket_that_is_at_most_one_part_in_128_larger() {
        let mut last = 0;
        for micros in (0..5_000).chain((13..40).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 1])) {
            let found = bucket(micros);
            assert!(found >= last && found < BUCKETS, "{micros}");
            assert!(largest(found) >= micros && largest(found) - micros <= micros / 128, "{micros}");
            last = found;
        }
        assert_eq!(bucket(LONGEST) + 1, BUCKETS);
    }

    #[test]
    fn percentiles_are_those_of_all_parts_together() {
        let (mut whole, mut part) = (Latencies::default(), Latencies::default());
        assert_eq!(whole.percentiles(), None);
        for millis in 1..=100 {
            let latencies = if millis % 2 == 0 { &mut whole } else { &mut part };
            latencies.record(Duration::from_millis(millis));
        }
        whole.add(&part);
        let found = whole.percentiles().expect("there are latencies");
        for (value, expected) in [(found.p50, 50.0), (found.p90, 90.0), (found.p99, 99.0)] {
            assert!(value >= expected && value <= expected * 129.0 / 128.0, "{found:?}");
        }
        assert!((found.max - 100.0).abs() < 1e-9, "{found:?}");
        whole.record(Duration::MAX);
        assert!(whole.percentiles().is_some_and(|found| found.max > 1e9));
    }
}
