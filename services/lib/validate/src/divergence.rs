//! The Kullback-Leibler divergence of a column from an expected distribution, in natural units.

use serde_json::{Map, Value as Json, json};

use crate::arguments::{Arguments, Taken, wrong};
use crate::outcome::Outcome;
use crate::value::Value;

/// What a column is compared with.
#[derive(Debug, Clone)]
pub(crate) struct Divergence {
    pub(crate) partition: Partition,
    threshold: Option<f64>,
    tail_holdout: f64,
    inner_holdout: f64,
}

/// An expected distribution.
#[derive(Debug, Clone)]
pub(crate) enum Partition {
    /// Weights of values.
    Values { values: Vec<Json>, weights: Vec<f64> },
    /// Weights between limits, and of what is below and above them.
    Bins { bins: Vec<f64>, given: Json, weights: Vec<f64>, tails: Option<[f64; 2]> },
    /// The distribution of the column itself.
    Itself,
}

/// Takes the arguments of the expectation.
pub(crate) fn take(arguments: &mut Arguments<'_>) -> Taken<Divergence> {
    let is_in_bins = arguments.flag("bucketize_data", true)?;
    let threshold = arguments.number("threshold")?;
    if threshold.is_some_and(|threshold| threshold < 0.0) {
        return Err(wrong("threshold", "give a number of at least 0"));
    }
    let mut share = |name| match arguments.number(name)?.unwrap_or(0.0) {
        share if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(wrong(name, "give a share from 0 to 1")),
    };
    let (tail_holdout, inner_holdout) = (share("tail_weight_holdout")?, share("internal_weight_holdout")?);
    let partition = match arguments.take("partition_object")? {
        None if is_in_bins => {
            return Err(wrong("partition_object", "is missing; give one, or give bucketize_data as false"));
        }
        None => Partition::Itself,
        Some(object) => partition(object)?,
    };
    match &partition {
        Partition::Values { .. } | Partition::Itself if inner_holdout > 0.0 => {
            Err(wrong("internal_weight_holdout", "cannot be used with values; give it with bins"))
        }
        Partition::Bins { .. } if !is_in_bins => Err(wrong("bucketize_data", "cannot be false with bins")),
        Partition::Bins { tails: Some(_), .. } if tail_holdout != 0.0 => {
            Err(wrong("tail_weight_holdout", "cannot be used with tail_weights"))
        }
        _ => Ok(Divergence { partition, threshold, tail_holdout, inner_holdout }),
    }
}

fn partition(object: &Json) -> Taken<Partition> {
    const NAME: &str = "partition_object";
    let numbers = |name: &str| -> Taken<Vec<f64>> {
        let list = object.get(name).and_then(Json::as_array);
        let numbers = list.and_then(|list| list.iter().map(Json::as_f64).collect());
        numbers.ok_or_else(|| wrong(NAME, format!("give {name} as a list of numbers")))
    };
    let weights = numbers("weights")?;
    let is_whole = |sum: f64| (sum - 1.0).abs() <= 1e-8 + 1e-5;
    if let Some(values) = object.get("values").and_then(Json::as_array) {
        if values.len() != weights.len() || !is_whole(weights.iter().sum()) {
            return Err(wrong(NAME, "give as many weights as values, with a sum of 1"));
        }
        return Ok(Partition::Values { values: values.clone(), weights });
    }
    let bins = numbers("bins")?;
    let tails = match object.get("tail_weights") {
        None => None,
        Some(_) => {
            let pair = <[f64; 2]>::try_from(numbers("tail_weights")?);
            Some(pair.map_err(|_| wrong(NAME, "give two tail_weights"))?)
        }
    };
    let sum: f64 = weights.iter().chain(tails.iter().flatten()).sum();
    let is_rising = bins.windows(2).all(|pair| pair[0] < pair[1]);
    if bins.len() != weights.len() + 1 || !is_rising || !is_whole(sum) {
        return Err(wrong(NAME, "give rising bins, one weight less than bins, and a sum of all weights of 1"));
    }
    let given = object.get("bins").cloned().unwrap_or_default();
    Ok(Partition::Bins { bins, given, weights, tails })
}

/// What was counted of a column.
#[derive(Debug, Clone)]
pub(crate) enum Counted {
    /// The values in order, and their counts.
    Values(Vec<(Value, u64)>),
    /// The counts between limits, below and above.
    Bins { counts: Vec<u64>, below: u64, above: u64 },
}

impl Divergence {
    /// Returns an empty count.
    pub(crate) fn count(&self) -> Counted {
        match &self.partition {
            Partition::Bins { weights, .. } => Counted::Bins { counts: vec![0; weights.len()], below: 0, above: 0 },
            Partition::Values { .. } | Partition::Itself => Counted::Values(Vec::new()),
        }
    }

    /// Counts a value. Returns `None` for one that is no number where numbers are expected.
    pub(crate) fn push(&self, counted: &mut Counted, value: &Value, count: u64) -> Option<()> {
        match (counted, &self.partition) {
            (Counted::Values(values), _) => values.push((value.clone(), count)),
            (Counted::Bins { counts, below, above }, Partition::Bins { bins, .. }) => {
                let number = match value {
                    Value::Bool(_) | Value::Int(_) | Value::Float(_) => value.number()?,
                    _ => return None,
                };
                let at = bins.partition_point(|limit| *limit <= number);
                let is_last = bins.last() == Some(&number);
                match at {
                    0 => *below += count,
                    _ if is_last => *counts.last_mut()? += count,
                    at if at == bins.len() => *above += count,
                    at => *counts.get_mut(at - 1)? += count,
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Compares what was counted with the expected distribution.
    pub(crate) fn finish(&self, counted: &Counted, total: u64) -> Outcome {
        let share = |count: u64| count as f64 / total as f64;
        match (counted, &self.partition) {
            (Counted::Bins { counts, below, above }, Partition::Bins { given, weights, tails, .. }) => {
                let observed: Vec<f64> = counts.iter().copied().map(share).collect();
                let scale = 1.0 - self.tail_holdout - self.inner_holdout;
                let mut expected: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
                let empty = expected.iter().filter(|weight| **weight == 0.0).count();
                if self.inner_holdout > 0.0 {
                    let each = self.inner_holdout / empty as f64;
                    expected.iter_mut().filter(|weight| **weight == 0.0).for_each(|weight| *weight = each);
                }
                let expected_tails = tails.unwrap_or([self.tail_holdout / 2.0; 2]);
                let observed_tails = [share(*below), share(*above)];
                let whole = |inner: &[f64], [low, high]: [f64; 2]| {
                    [low].iter().chain(inner).chain(&[high]).copied().collect::<Vec<_>>()
                };
                let divergence = entropy(&whole(&observed, observed_tails), &whole(&expected, expected_tails));
                let side = |weights: &[f64], tails: [f64; 2]| json!({"bins": given, "weights": numbers(weights), "tail_weights": numbers(&tails)});
                self.outcome(divergence, &side(&observed, observed_tails), &side(&expected, expected_tails))
            }
            (Counted::Values(_), Partition::Itself) if total == 0 => {
                Outcome::raised("a column without values has no distribution")
            }
            (Counted::Values(values), partition) => {
                let (names, observed, expected) = self.matched(values, partition, &share);
                let divergence = entropy(&observed, &expected);
                let side = |weights: &[f64]| json!({"values": names, "weights": numbers(weights)});
                self.outcome(divergence, &side(&observed), &side(&expected))
            }
            _ => Outcome::raised("the distribution was counted in another way"),
        }
    }

    /// Returns the values, first those that are expected, with their observed and expected weights.
    fn matched(
        &self,
        values: &[(Value, u64)],
        partition: &Partition,
        share: &dyn Fn(u64) -> f64,
    ) -> (Vec<Json>, Vec<f64>, Vec<f64>) {
        let Partition::Values { values: wanted, weights } = partition else {
            let weights: Vec<f64> = values.iter().map(|(_, count)| share(*count)).collect();
            return (values.iter().map(|(value, _)| value.json()).collect(), weights.clone(), weights);
        };
        let mut is_known = vec![false; values.len()];
        let mut names = wanted.clone();
        let mut observed: Vec<f64> = wanted
            .iter()
            .map(|wanted| {
                let at = values.iter().position(|(value, _)| equals(value, wanted));
                if let Some(known) = at.and_then(|at| is_known.get_mut(at)) {
                    *known = true;
                }
                at.and_then(|at| values.get(at)).map_or(0.0, |(_, count)| share(*count))
            })
            .collect();
        let others: Vec<&(Value, u64)> =
            values.iter().zip(is_known).filter(|(_, is_known)| !is_known).map(|(value, _)| value).collect();
        let scale = if others.is_empty() { 1.0 } else { 1.0 - self.tail_holdout };
        let mut expected: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
        for (value, count) in &others {
            names.push(value.json());
            observed.push(share(*count));
            expected.push(self.tail_holdout / others.len() as f64);
        }
        (names, observed, expected)
    }

    fn outcome(&self, divergence: f64, observed: &Json, expected: &Json) -> Outcome {
        let success = self.threshold.is_none_or(|threshold| divergence <= threshold);
        let value = if divergence.is_finite() { json!(divergence) } else { Json::Null };
        let details = json!({"observed_partition": observed, "expected_partition": expected});
        let result = [("observed_value".to_owned(), value), ("details".to_owned(), details)];
        Outcome::new(success, Map::from_iter(result))
    }
}

/// Returns whether a value of a column equals one of JSON. True equals 1.
pub(crate) fn equals(value: &Value, json: &Json) -> bool {
    match (value, json) {
        (Value::Text(text), Json::String(json)) => text == json,
        (Value::Bool(_) | Value::Int(_) | Value::Float(_), Json::Number(json)) => value.number() == json.as_f64(),
        (Value::Bool(_) | Value::Int(_) | Value::Float(_), Json::Bool(json)) => {
            value.number() == Some(f64::from(u8::from(*json)))
        }
        _ => false,
    }
}

fn numbers(values: &[f64]) -> Vec<Json> {
    values.iter().map(|value| if value.is_finite() { json!(value) } else { Json::Null }).collect()
}

/// Returns Σ p ln(p / q), where both are scaled to a sum of 1.
fn entropy(p: &[f64], q: &[f64]) -> f64 {
    let (of_p, of_q): (f64, f64) = (p.iter().sum(), q.iter().sum());
    let terms = p.iter().zip(q).map(|(p, q)| {
        let (p, q) = (p / of_p, q / of_q);
        match (p, q) {
            (p, q) if p > 0.0 && q > 0.0 => p * (p / q).ln(),
            (0.0, q) if q >= 0.0 => 0.0,
            (p, q) if p.is_nan() || q.is_nan() => f64::NAN,
            _ => f64::INFINITY,
        }
    });
    terms.sum()
}
