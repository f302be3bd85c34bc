//! The counters of models under the names that Triton gives them, so that dashboards made for
//! Triton show this server too. They are the counters of `ModelStatistics`.
//!
//! Triton's counters have no `_total` in their names, which OpenMetrics demands of counters. So
//! their type is "unknown".

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;

use super::statistics::Statistic;
use crate::metrics::VersionLabels;

/// A metric: its name, its help, and how it is read.
type Reading = (&'static str, &'static str, fn(&Statistic) -> u64);

const READINGS: [Reading; 10] = [
    ("nv_inference_request_success", "Requests that a model answered", |one| one.success.count),
    ("nv_inference_request_failure", "Requests that a model did not answer", |one| one.fail.count),
    ("nv_inference_count", "Rows that a model computed", |one| one.rows),
    ("nv_inference_exec_count", "Runs of a model; requests that share a run count once", |one| one.runs),
    ("nv_inference_request_duration_us", "Time of answered requests in microseconds, summed", |one| {
        one.success.nanos / 1_000
    }),
    ("nv_inference_queue_duration_us", "Time that requests waited in microseconds, summed", |one| {
        one.queue.nanos / 1_000
    }),
    ("nv_inference_compute_input_duration_us", "Time in which inputs were joined in microseconds, summed", |one| {
        one.compute_input.nanos / 1_000
    }),
    ("nv_inference_compute_infer_duration_us", "Time in ONNX Runtime in microseconds, summed", |one| {
        one.compute_infer.nanos / 1_000
    }),
    ("nv_inference_compute_output_duration_us", "Time in which outputs were cut in microseconds, summed", |one| {
        one.compute_output.nanos / 1_000
    }),
    ("nv_inference_pending_request_count", "Requests that wait for a model now", |one| one.waiting),
];

/// Reads the counters when the page of metrics is read. There are lines for the versions that are
/// loaded, and for no others.
pub(crate) struct TritonMetrics<F>(F);

impl<F: Fn() -> Vec<Statistic> + Send + Sync + 'static> TritonMetrics<F> {
    pub(crate) fn new(read: F) -> Self {
        Self(read)
    }
}

impl<F> fmt::Debug for TritonMetrics<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TritonMetrics").finish_non_exhaustive()
    }
}

impl<F: Fn() -> Vec<Statistic> + Send + Sync + 'static> Collector for TritonMetrics<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let all = (self.0)();
        if all.is_empty() {
            return Ok(());
        }
        for (name, help, value) in READINGS {
            let of_versions = OfVersions { all: &all, value };
            of_versions.encode(encoder.encode_descriptor(name, help, None, of_versions.metric_type())?)?;
        }
        Ok(())
    }
}

/// One metric of all versions.
struct OfVersions<'a> {
    all: &'a [Statistic],
    value: fn(&Statistic) -> u64,
}

impl EncodeMetric for OfVersions<'_> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for one in self.all {
            let labels = VersionLabels { model: one.name.clone(), version: one.version };
            // Written like a gauge: the name as it is.
            encode(encoder.encode_family(&labels)?, (self.value)(one))?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Unknown
    }
}

fn encode(mut encoder: MetricEncoder<'_>, value: u64) -> fmt::Result {
    encoder.encode_gauge(&value)
}

#[cfg(test)]
mod tests {
    use marquee_kit::Metrics;

    use super::*;
    use crate::models::Timed;

    #[test]
    fn dashboards_of_triton_find_their_names() {
        let one = Statistic {
            name: "rate".to_owned(),
            version: 7,
            rows: 12,
            runs: 3,
            success: Timed { count: 5, nanos: 9_000_000 },
            fail: Timed { count: 2, nanos: 1 },
            queue: Timed { count: 5, nanos: 4_000 },
            compute_infer: Timed { count: 5, nanos: 8_500 },
            waiting: 4,
            ..Statistic::default()
        };
        let metrics = Metrics::default();
        metrics.register_collector(Box::new(TritonMetrics::new(move || vec![one.clone()])));
        let text = metrics.text();
        for line in [
            "# TYPE nv_inference_request_success unknown",
            "nv_inference_request_success{model=\"rate\",version=\"7\"} 5",
            "nv_inference_request_failure{model=\"rate\",version=\"7\"} 2",
            "nv_inference_count{model=\"rate\",version=\"7\"} 12",
            "nv_inference_exec_count{model=\"rate\",version=\"7\"} 3",
            "nv_inference_request_duration_us{model=\"rate\",version=\"7\"} 9000",
            "nv_inference_queue_duration_us{model=\"rate\",version=\"7\"} 4",
            "nv_inference_compute_input_duration_us{model=\"rate\",version=\"7\"} 0",
            "nv_inference_compute_infer_duration_us{model=\"rate\",version=\"7\"} 8",
            "nv_inference_compute_output_duration_us{model=\"rate\",version=\"7\"} 0",
            "nv_inference_pending_request_count{model=\"rate\",version=\"7\"} 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn without_loaded_models_there_are_no_lines() {
        let metrics = Metrics::default();
        metrics.register_collector(Box::new(TritonMetrics::new(Vec::new)));
        assert!(!metrics.text().contains("nv_inference"));
    }
}
