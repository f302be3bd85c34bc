//! Figures of a column, from its values and how often each occurs.

use std::collections::BTreeMap;

use marquee_tables::ColumnType;
use serde_json::{Map, Value as Json, json};

use crate::arguments::{Bound, Bounds};
use crate::check::{Interpolation, Measure, Quantiles};
use crate::divergence::{Counted, Divergence, equals};
use crate::outcome::Outcome;
use crate::value::{Value, parse_time};

/// The most values that a result lists.
const MOST: usize = 20;

/// The rows that a figure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    pub(crate) rows: u64,
    pub(crate) present: u64,
}

/// What is computed of a column.
#[derive(Debug)]
pub(crate) enum Fold {
    Moments { measure: Measure, bounds: Bounds, moments: Moments },
    Extreme { is_max: bool, bounds: Bounds, value: Option<Value> },
    Median { bounds: Bounds, ranked: Ranked },
    Unique { is_share: bool, bounds: Bounds, count: u64 },
    NotInSet { values: Vec<Json>, count: u64, first: Vec<Value> },
    Quantiles { quantiles: Quantiles, ranked: Ranked },
    Divergence { divergence: Box<Divergence>, counted: Counted, is_wrong: bool },
}

/// Values by their rank.
#[derive(Debug, Default)]
pub(crate) struct Ranked {
    wanted: Vec<u64>,
    next: usize,
    passed: u64,
    found: BTreeMap<u64, Value>,
}

/// The mean and the spread of numbers, in one pass (Welford's method with weights).
#[derive(Debug, Clone, Default)]
pub(crate) struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
    /// The sum and what rounding took from it (Neumaier).
    sum: f64,
    lost: f64,
    /// The sum of whole numbers, which is exact.
    whole: i128,
}

impl Moments {
    pub(crate) fn push(&mut self, value: f64, count: u64) {
        let weight = count as f64;
        self.count += count;
        let difference = value - self.mean;
        self.mean += difference * weight / self.count as f64;
        self.squares += weight * difference * (value - self.mean);
        let added = value * weight;
        let sum = self.sum + added;
        self.lost += if self.sum.abs() >= added.abs() { (self.sum - sum) + added } else { (added - sum) + self.sum };
        self.sum = sum;
    }

    fn total(&self) -> f64 {
        // What rounding took is no number once a value is infinite.
        if self.sum.is_finite() { self.sum + self.lost } else { self.sum }
    }

    pub(crate) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total() / self.count as f64)
    }

    /// Returns the standard deviation of a sample, with one degree of freedom less than values.
    pub(crate) fn deviation(&self) -> Option<f64> {
        let variance = self.squares / self.count.checked_sub(1).filter(|degrees| *degrees > 0)? as f64;
        // The larger of zero and no number would be zero.
        Some(if variance < 0.0 { 0.0 } else { variance.sqrt() })
    }
}

impl Ranked {
    fn new(mut wanted: Vec<u64>) -> Self {
        wanted.sort_unstable();
        wanted.dedup();
        Self { wanted, ..Self::default() }
    }

    fn push(&mut self, value: &Value, count: u64) {
        self.passed += count;
        while let Some(rank) = self.wanted.get(self.next).filter(|rank| **rank < self.passed) {
            self.found.insert(*rank, value.clone());
            self.next += 1;
        }
    }
}

/// The value at a share of sorted values, between two of them.
fn position(quantile: f64, present: u64, interpolation: Interpolation) -> (u64, u64, f64) {
    // NumPy gets the share in percent, and divides it again.
    let index = (quantile * 100.0 / 100.0) * present.saturating_sub(1) as f64;
    let (low, high) = (index.floor() as u64, index.ceil() as u64);
    match interpolation {
        Interpolation::Linear => (low, high, index - index.floor()),
        Interpolation::Lower => (low, low, 0.0),
        Interpolation::Higher => (high, high, 0.0),
        Interpolation::Midpoint => (low, high, if low == high { 0.0 } else { 0.5 }),
        Interpolation::Nearest => {
            let nearest = index.round_ties_even() as u64;
            (nearest, nearest, 0.0)
        }
    }
}

impl Fold {
    pub(crate) fn measure(measure: Measure, bounds: Bounds, totals: Totals) -> Self {
        match measure {
            Measure::Mean | Measure::Deviation | Measure::Sum => {
                Self::Moments { measure, bounds, moments: Moments::default() }
            }
            Measure::Min | Measure::Max => Self::Extreme { is_max: measure == Measure::Max, bounds, value: None },
            Measure::Median => {
                let last = totals.present.saturating_sub(1);
                Self::Median { bounds, ranked: Ranked::new(vec![last / 2, last.div_ceil(2)]) }
            }
            Measure::UniqueCount | Measure::UniqueShare => {
                Self::Unique { is_share: measure == Measure::UniqueShare, bounds, count: 0 }
            }
        }
    }

    pub(crate) fn quantiles(quantiles: Quantiles, totals: Totals) -> Self {
        let places = quantiles.quantiles.iter().map(|one| position(*one, totals.present, quantiles.interpolation));
        let ranked = Ranked::new(places.flat_map(|(low, high, _)| [low, high]).collect());
        Self::Quantiles { quantiles, ranked }
    }

    pub(crate) fn divergence(divergence: Divergence) -> Self {
        let counted = divergence.count();
        Self::Divergence { divergence: Box::new(divergence), counted, is_wrong: false }
    }

    pub(crate) fn not_in_set(values: Vec<Json>) -> Self {
        Self::NotInSet { values, count: 0, first: Vec::new() }
    }

    /// Takes a value that is there, and how often it occurs.
    pub(crate) fn push(&mut self, value: &Value, count: u64) {
        match self {
            Self::Moments { moments, .. } => match value {
                Value::Time(value) | Value::Int(value) => {
                    moments.whole += i128::from(*value) * i128::from(count);
                    moments.push(*value as f64, count);
                }
                Value::Bool(value) => {
                    moments.whole += i128::from(u64::from(*value) * count);
                    moments.push(f64::from(u8::from(*value)), count);
                }
                value => moments.push(value.number().unwrap_or(f64::NAN), count),
            },
            Self::Extreme { is_max, value: found, .. } => {
                let is_better = found.as_ref().is_none_or(|found| {
                    let order = value.order(found);
                    if *is_max { order.is_gt() } else { order.is_lt() }
                });
                if is_better {
                    *found = Some(value.clone());
                }
            }
            Self::Median { ranked, .. } | Self::Quantiles { ranked, .. } => ranked.push(value, count),
            Self::Unique { count: unique, .. } => *unique += 1,
            Self::NotInSet { values, count, first } => {
                let is_known = values.iter().any(|known| match (value, known) {
                    (Value::Time(micros), Json::String(text)) => parse_time(text) == Some(*micros),
                    (value, known) => equals(value, known),
                });
                if !is_known {
                    *count += 1;
                    if first.len() < MOST {
                        first.push(value.clone());
                    }
                }
            }
            Self::Divergence { divergence, counted, is_wrong } => {
                *is_wrong |= divergence.push(counted, value, count).is_none();
            }
        }
    }

    /// Judges the figure of a column of a type.
    pub(crate) fn finish(self, kind: ColumnType, totals: Totals) -> Outcome {
        match self {
            Self::Moments { measure, bounds, moments } => of_moments(measure, &bounds, &moments, kind),
            Self::Extreme { bounds, value: None, .. } => nothing(&bounds, kind),
            Self::Extreme { bounds, value, .. } => judge(&bounds, value),
            Self::Median { bounds, ranked } => {
                if kind == ColumnType::Text {
                    return Outcome::raised("a text has no median");
                }
                let values: Vec<&Value> = ranked.found.values().collect();
                match values.first().zip(values.last()) {
                    Some((low, high)) => judge(&bounds, Some(middle(low, high))),
                    None => nothing(&bounds, kind),
                }
            }
            Self::Unique { is_share: false, bounds, count } => {
                judge(&bounds, i64::try_from(count).ok().map(Value::Int))
            }
            Self::Unique { is_share: true, bounds, count } => {
                let share = if totals.present == 0 { 0.0 } else { count as f64 / totals.present as f64 };
                judge(&bounds, Some(Value::Float(share)))
            }
            Self::NotInSet { count, first, .. } => {
                let first: Vec<Json> = first.iter().map(Value::json).collect();
                let result = [
                    ("observed_value".to_owned(), Json::Null),
                    ("unexpected_count".to_owned(), json!(count)),
                    ("partial_unexpected_list".to_owned(), Json::Array(first)),
                ];
                Outcome::new(count == 0, Map::from_iter(result))
            }
            Self::Quantiles { quantiles, ranked } => of_quantiles(&quantiles, &ranked, kind, totals),
            Self::Divergence { is_wrong: true, .. } => Outcome::raised("only numbers can be compared with bins"),
            Self::Divergence { divergence, counted, .. } => divergence.finish(&counted, totals.present),
        }
    }
}

fn middle(low: &Value, high: &Value) -> Value {
    match (low, high) {
        (Value::Time(low), Value::Time(high)) => Value::Time(low + (high - low) / 2),
        _ => Value::Float(low.number().zip(high.number()).map_or(f64::NAN, |(low, high)| (low + high) / 2.0)),
    }
}

fn of_moments(measure: Measure, bounds: &Bounds, moments: &Moments, kind: ColumnType) -> Outcome {
    let is_whole = matches!(kind, ColumnType::Int | ColumnType::Bool);
    let value = match (measure, kind) {
        (_, ColumnType::Text) => return Outcome::raised("a text has no mean, no deviation and no sum"),
        (Measure::Deviation | Measure::Sum, ColumnType::Time) => {
            return Outcome::raised("a time has no deviation and no sum that compares with a number");
        }
        (Measure::Sum, _) if is_whole => i64::try_from(moments.whole).ok().map(Value::Int),
        (Measure::Sum, _) => Some(Value::Float(moments.total())),
        (Measure::Deviation, _) => moments.deviation().map(Value::Float),
        (_, ColumnType::Time) => {
            let mean = moments.whole.checked_div(i128::from(moments.count));
            match mean.and_then(|mean| i64::try_from(mean).ok()) {
                None => return nothing(bounds, kind),
                mean => mean.map(Value::Time),
            }
        }
        _ if is_whole => (moments.count > 0).then(|| Value::Float(moments.whole as f64 / moments.count as f64)),
        _ => moments.mean().map(Value::Float),
    };
    judge(bounds, value)
}

/// Judges a column without values. Python compares the time that is none with everything, and finds
/// it neither greater nor less.
fn nothing(bounds: &Bounds, kind: ColumnType) -> Outcome {
    match kind {
        ColumnType::Time => {
            if [bounds.min, bounds.max].iter().flatten().any(|bound| matches!(bound, Bound::Number(_))) {
                return Outcome::raised("the value and its limits have different types");
            }
            let is_free = bounds.min.is_none() && bounds.max.is_none();
            Outcome::observed(is_free, Value::Missing(kind).json())
        }
        _ => judge(bounds, None),
    }
}

/// Judges a figure. Without one, the expectation is not met.
pub(crate) fn judge(bounds: &Bounds, value: Option<Value>) -> Outcome {
    let Some(value) = value else { return Outcome::observed(false, Json::Null) };
    if let Value::Float(number) = value
        && number.is_nan()
    {
        return Outcome::observed(false, Json::Null);
    }
    let bound = match &value {
        Value::Time(micros) => Some(Bound::Time(*micros)),
        value => value.number().map(Bound::Number),
    };
    let is_free = bounds.min.is_none() && bounds.max.is_none();
    match bound.and_then(|bound| bounds.hold(bound)) {
        Some(holds) => Outcome::observed(holds, value.json()),
        None if is_free => Outcome::observed(true, value.json()),
        None => Outcome::raised("the value and its limits have different types"),
    }
}

fn of_quantiles(quantiles: &Quantiles, ranked: &Ranked, kind: ColumnType, totals: Totals) -> Outcome {
    if matches!(kind, ColumnType::Text | ColumnType::Time) {
        return Outcome::raised("only numbers have quantiles that compare with numbers");
    }
    let is_between = matches!(quantiles.interpolation, Interpolation::Linear | Interpolation::Midpoint);
    if kind == ColumnType::Bool && is_between && totals.present > 0 {
        return Outcome::raised("there is nothing between true and false");
    }
    let (mut values, mut details) = (Vec::new(), Vec::new());
    for (quantile, (low, high)) in quantiles.quantiles.iter().zip(&quantiles.ranges) {
        let (below, above, share) = position(*quantile, totals.present, quantiles.interpolation);
        let pair = ranked.found.get(&below).zip(ranked.found.get(&above));
        let value = pair.and_then(|(below, above)| {
            let (a, b) = (below.number()?, above.number()?);
            let between = if share >= 0.5 { b - (b - a) * (1.0 - share) } else { a + (b - a) * share };
            Some(if is_between { Value::Float(between) } else { below.clone() })
        });
        let (low, high) = (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY));
        let number = value.as_ref().and_then(Value::number);
        let is_met = number
            .is_some_and(|number| is_close(number, low) || is_close(number, high) || (low <= number && number <= high));
        details.push(json!(is_met));
        values.push(value.map_or(Json::Null, |value| value.json()));
    }
    let success = details.iter().all(|is_met| *is_met == Json::Bool(true));
    let result = [
        ("observed_value".to_owned(), json!({"quantiles": quantiles.given, "values": values})),
        ("details".to_owned(), json!({"success_details": details})),
    ];
    Outcome::new(success, Map::from_iter(result))
}

/// Returns whether a value is a limit but for rounding, as `numpy.isclose` does with a relative
/// tolerance of 1e-4.
fn is_close(value: f64, limit: f64) -> bool {
    value == limit || (limit.is_finite() && (value - limit).abs() <= 1e-8 + 1e-4 * limit.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_infinite_value_makes_the_sum_and_the_mean_infinite_and_leaves_no_deviation() {
        let mut moments = Moments::default();
        for value in [1.0, f64::INFINITY, 2.0] {
            moments.push(value, 1);
        }
        assert_eq!((moments.total(), moments.mean()), (f64::INFINITY, Some(f64::INFINITY)));
        assert!(moments.deviation().is_some_and(f64::is_nan));
        let mut moments = Moments::default();
        moments.push(3.0, 2);
        assert_eq!(moments.deviation(), Some(0.0));
        assert_eq!(Moments::default().deviation(), None);
    }
}
