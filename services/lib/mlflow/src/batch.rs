//! Metrics, parameters and tags of a run, split into calls that the API accepts.
//!
//! One call of `runs/log-batch` takes at most 1,000 metrics, 100 parameters, 100 tags, 1,000 of all
//! together, and 1 MB (MLflow's REST API, "Log Batch").

use std::collections::BTreeMap;

use marquee_domain::Timestamp;
use serde_json::{Value, json};

use crate::names;

/// The most metrics of a call, and the most entries of all kinds together.
const MOST_METRICS: usize = 1_000;

/// The most parameters of a call, and the most tags.
const MOST_PARAMS: usize = 100;

/// The most bytes of a call. The limit is 1 MB, and the id of the run needs some.
const MOST_BYTES: usize = 900_000;

/// A measured value.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// The name. Letters that MLflow refuses are replaced.
    pub key: String,
    /// The value. It need not be finite.
    pub value: f64,
    /// When it was measured.
    pub at: Timestamp,
    /// The position on the curve.
    pub step: u64,
    /// The logged model that was measured, by its id.
    pub model: Option<String>,
}

/// What is logged for a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Measured values.
    pub metrics: Vec<Metric>,
    /// What the run was asked for. A second value of the same name is refused.
    pub params: BTreeMap<String, String>,
    /// Notes. A second value of the same name replaces the first.
    pub tags: BTreeMap<String, String>,
}

/// One entry of a call.
enum Entry {
    Metric(Value),
    Param(Value),
    Tag(Value),
}

/// The entries of one call.
#[derive(Default)]
struct Part {
    metrics: Vec<Value>,
    params: Vec<Value>,
    tags: Vec<Value>,
    bytes: usize,
}

impl Batch {
    /// Returns the bodies of the calls, in order.
    pub(crate) fn calls(&self, run: &str) -> Vec<Value> {
        let pair = |(key, value): (String, String)| json!({"key": key, "value": value});
        let params = self.params.iter().map(|(key, value)| (names::key(key), names::param(value)));
        let tags = self.tags.iter().map(|(key, value)| (names::key(key), names::tag(value)));
        // Tags and parameters first: they say what the metrics are of.
        let entries = (tags.map(|tag| Entry::Tag(pair(tag))))
            .chain(params.map(|param| Entry::Param(pair(param))))
            .chain(self.metrics.iter().map(|metric| Entry::Metric(metric.to_json())));
        let (mut parts, mut part) = (Vec::new(), Part::default());
        for entry in entries {
            let bytes = entry.json().to_string().len() + 1;
            if !part.has_room(&entry, bytes) {
                parts.push(std::mem::take(&mut part));
            }
            part.add(entry, bytes);
        }
        parts.push(part);
        parts.into_iter().filter(|part| part.entries() > 0).map(|part| part.to_json(run)).collect()
    }
}

impl Metric {
    fn to_json(&self) -> Value {
        let mut json = json!({
            "key": names::key(&self.key),
            "value": number(self.value),
            "timestamp": milliseconds(self.at),
            "step": self.step,
        });
        if let (Some(model), Some(fields)) = (&self.model, json.as_object_mut()) {
            fields.insert("model_id".to_owned(), Value::from(model.as_str()));
        }
        json
    }
}

impl Entry {
    fn json(&self) -> &Value {
        match self {
            Self::Metric(json) | Self::Param(json) | Self::Tag(json) => json,
        }
    }
}

impl Part {
    fn entries(&self) -> usize {
        self.metrics.len() + self.params.len() + self.tags.len()
    }

    fn has_room(&self, entry: &Entry, bytes: usize) -> bool {
        let of_kind = match entry {
            Entry::Metric(_) => self.metrics.len() < MOST_METRICS,
            Entry::Param(_) => self.params.len() < MOST_PARAMS,
            Entry::Tag(_) => self.tags.len() < MOST_PARAMS,
        };
        of_kind && self.entries() < MOST_METRICS && self.bytes + bytes <= MOST_BYTES
    }

    fn add(&mut self, entry: Entry, bytes: usize) {
        self.bytes += bytes;
        match entry {
            Entry::Metric(json) => self.metrics.push(json),
            Entry::Param(json) => self.params.push(json),
            Entry::Tag(json) => self.tags.push(json),
        }
    }

    fn to_json(&self, run: &str) -> Value {
        json!({"run_id": run, "metrics": self.metrics, "params": self.params, "tags": self.tags})
    }
}

/// Returns a number as MLflow reads it. JSON has no NaN and no infinity, so these are texts.
pub(crate) fn number(value: f64) -> Value {
    match value {
        value if value.is_nan() => Value::from("NaN"),
        f64::INFINITY => Value::from("Infinity"),
        f64::NEG_INFINITY => Value::from("-Infinity"),
        value => Value::from(value),
    }
}

/// Returns a time in milliseconds, as MLflow counts.
pub(crate) fn milliseconds(time: Timestamp) -> i64 {
    time.micros().div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(key: &str, step: u64, value: f64) -> Metric {
        Metric { key: key.to_owned(), value, at: Timestamp::from_micros(1_234_567), step, model: None }
    }

    fn count(call: &Value, kind: &str) -> usize {
        call[kind].as_array().expect("a list").len()
    }

    #[test]
    fn nothing_is_no_call() {
        assert!(Batch::default().calls("r").is_empty());
    }

    #[test]
    fn every_call_keeps_the_limits_of_the_api_and_nothing_is_lost() {
        let named = |count: usize| (0..count).map(|at| (format!("k{at:04}"), "v".to_owned())).collect();
        let metrics = (0..2_500).map(|step| metric("rmse", step, 0.5)).collect();
        let batch = Batch { metrics, params: named(250), tags: named(101) };
        let calls = batch.calls("r1");
        for call in &calls {
            assert!(count(call, "metrics") <= 1_000 && count(call, "params") <= 100 && count(call, "tags") <= 100);
            assert!(count(call, "metrics") + count(call, "params") + count(call, "tags") <= 1_000);
            assert_eq!(call["run_id"], "r1");
        }
        let total = |kind: &str| calls.iter().map(|call| count(call, kind)).sum::<usize>();
        assert_eq!((total("metrics"), total("params"), total("tags")), (2_500, 250, 101));
    }

    #[test]
    fn a_call_stays_below_a_megabyte() {
        let tags = (0..100).map(|at| (format!("t{at}"), "é\n".repeat(2_500))).collect();
        let params = (0..100).map(|at| (format!("p{at}"), "x".repeat(6_000))).collect();
        let calls = Batch { tags, params, ..Batch::default() }.calls("r1");
        assert!(calls.len() > 1);
        assert!(calls.iter().all(|call| call.to_string().len() <= 1_000_000));
    }

    #[test]
    fn values_that_json_lacks_are_texts() {
        let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.5];
        let metrics = values.into_iter().map(|value| metric("precision@10", 1, value)).collect();
        let call = Batch { metrics, ..Batch::default() }.calls("r").remove(0);
        let sent: Vec<&Value> = call["metrics"].as_array().expect("a list").iter().map(|one| &one["value"]).collect();
        assert_eq!(sent, [&json!("NaN"), &json!("Infinity"), &json!("-Infinity"), &json!(-0.5)]);
        assert_eq!(call["metrics"][0]["key"], "precision_at_10");
        assert_eq!(call["metrics"][0]["timestamp"], 1_234);
    }
}
