//! The tree-structured Parzen estimator, over all parameters jointly, as Optuna 5.0.0 defines
//! `TPESampler(multivariate=True, group=True, constant_liar=True)`.
//!
//! - Until `startup` trials are complete or pruned, values are drawn at random.
//! - Then the n trials that are complete or pruned are split: the best γ(n) = min(⌈n / 10⌉, 25) are
//!   "good" (Bergstra et al. 2011, equation 2, with the quantile of Optuna). Complete trials come
//!   before pruned ones. Of two pruned trials, the one that came further is better, then the one
//!   with the better last value.
//! - Trials that are running count as bad ("constant liar", Ginsbourger et al. 2010), so that
//!   parallel workers do not try the same values. Failed trials do not count.
//! - With the densities l of the good and g of the other trials, 24 candidates are drawn from l,
//!   and the one with the largest ln l(x) − ln g(x) is chosen. The expected improvement grows with
//!   l(x) / g(x) (Bergstra et al. 2011, equation 6).
//! - Parameters that share a condition are one such step (groups: Falkner et al. 2018 model all
//!   parameters at once; a parameter with a condition has fewer observations).
//!
//! The kernels and their weights are defined in `parzen.rs`.

use rand::Rng;

use super::parzen::Parzen;
use super::random;
use crate::record::{Direction, Record, State};
use crate::space::{Domain, Parameter, Space};
use crate::value::Values;

/// The settings of the tree-structured Parzen estimator.
#[derive(Debug, Clone, PartialEq)]
pub struct Tpe {
    /// The number of complete or pruned trials before the first values that are not random. Default
    /// 10.
    pub startup: usize,
    /// The number of candidates. Default 24.
    pub candidates: usize,
    /// The weight of the prior beside the weight 1 of an observation. Default 1.
    pub prior_weight: f64,
    /// Whether running trials count as bad. Default yes.
    pub constant_liar: bool,
}

impl Default for Tpe {
    fn default() -> Self {
        Self { startup: 10, candidates: 24, prior_weight: 1.0, constant_liar: true }
    }
}

/// Returns the number of good trials among n.
fn gamma(n: usize) -> usize {
    n.div_ceil(10).min(25)
}

impl Tpe {
    pub(super) fn sample(
        &self,
        space: &Space,
        direction: Direction,
        history: &[Record],
        random: &mut impl Rng,
    ) -> Values {
        let drawn = random::sample(space, random);
        let has_ended = |record: &&Record| matches!(record.state, State::Complete | State::Pruned);
        if history.iter().filter(has_ended).count() < self.startup {
            return drawn;
        }
        let (good, bad) = self.split(direction, history);
        let mut values = Values::new();
        for group in space.groups() {
            if !group[0].is_active(&values) {
                continue;
            }
            let domains: Vec<&Domain> = group.iter().map(|parameter| &parameter.domain).collect();
            let estimator = |records: &[&Record]| {
                let rows: Vec<Vec<f64>> = records.iter().filter_map(|record| codes(&group, record)).collect();
                Parzen::new(&domains, &rows, self.prior_weight)
            };
            let (good, bad) = (estimator(&good), estimator(&bad));
            let mut best: Option<(f64, Values)> = None;
            for _ in 0..self.candidates.max(1) {
                let codes = good.sample(random);
                // A step of the domain moves the draw, so the densities are those of the value.
                let pairs = group.iter().zip(codes);
                let candidate: Values = pairs.map(|(p, code)| (p.name.clone(), p.domain.decode(code))).collect();
                let row = row(&group, &candidate).unwrap_or_default();
                let gain = good.log_density(&row) - bad.log_density(&row);
                if best.as_ref().is_none_or(|(most, _)| gain > *most) {
                    best = Some((gain, candidate));
                }
            }
            values.extend(best.into_iter().flat_map(|(_, candidate)| candidate));
        }
        values
    }

    /// Splits the trials into good and bad ones, both by number.
    fn split<'a>(&self, direction: Direction, history: &'a [Record]) -> (Vec<&'a Record>, Vec<&'a Record>) {
        let rank = |record: &Record| match (record.loss(direction), record.last_step()) {
            (Some(loss), _) => (0, 0, loss),
            (None, Some((_, value))) if value.is_nan() => (1, last(record), f64::INFINITY),
            (None, Some((_, value))) => (1, last(record), direction.loss(value)),
            (None, None) => (2, 0, 0.0),
        };
        let mut ended: Vec<&Record> =
            history.iter().filter(|record| matches!(record.state, State::Complete | State::Pruned)).collect();
        ended.sort_by(|a, b| {
            let ((a, a_step, a_loss), (b, b_step, b_loss)) = (rank(a), rank(b));
            (a, b_step).cmp(&(b, a_step)).then(a_loss.total_cmp(&b_loss))
        });
        let mut bad = ended.split_off(gamma(ended.len()));
        if self.constant_liar {
            bad.extend(history.iter().filter(|record| record.state == State::Running));
        }
        ended.sort_by_key(|record| record.number);
        bad.sort_by_key(|record| record.number);
        (ended, bad)
    }
}

fn last(record: &Record) -> u64 {
    record.last_step().map_or(0, |(step, _)| step)
}

/// Returns the codes of a trial that has values for the whole group.
fn codes(group: &[&Parameter], record: &Record) -> Option<Vec<f64>> {
    row(group, &record.values)
}

fn row(group: &[&Parameter], values: &Values) -> Option<Vec<f64>> {
    group.iter().map(|parameter| parameter.domain.encode(values.get(&parameter.name)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn record(number: u64, state: State, value: Option<f64>, steps: &[(u64, f64)]) -> Record {
        let mut record = Record::running(number, Values::from([("x".to_owned(), Value::Float(number as f64))]));
        record.state = state;
        record.value = value;
        record.steps = steps.iter().map(|&(step, value)| (step, value.is_finite().then_some(value))).collect();
        record
    }

    fn numbers(records: &[&Record]) -> Vec<u64> {
        records.iter().map(|record| record.number).collect()
    }

    #[test]
    fn complete_trials_are_better_than_pruned_ones_and_running_ones_are_bad() {
        let mut history = vec![
            record(0, State::Pruned, None, &[(1, 0.1), (2, 0.2)]),
            record(1, State::Complete, Some(5.0), &[]),
            record(2, State::Running, None, &[(1, 0.0)]),
            record(3, State::Failed, None, &[]),
            record(4, State::Pruned, None, &[(1, 0.1), (3, 0.9)]),
            record(5, State::Pruned, None, &[(3, f64::NAN)]),
        ];
        let more = (6..26).map(|number| record(number, State::Pruned, None, &[]));
        history.extend(more);
        let (good, bad) = Tpe::default().split(Direction::Minimize, &history);
        assert_eq!(numbers(&good), [1, 4, 5], "24 ended, so 3 are good: complete, then the furthest");
        assert!(numbers(&bad).contains(&2) && !numbers(&bad).contains(&3), "{:?}", numbers(&bad));
        let without_lie = Tpe { constant_liar: false, ..Tpe::default() };
        assert!(!numbers(&without_lie.split(Direction::Minimize, &history).1).contains(&2));
    }

    #[test]
    fn the_number_of_good_trials_grows_up_to_25() {
        assert_eq!([0, 1, 10, 11, 250, 9_999].map(gamma), [0, 1, 1, 2, 25, 25]);
    }

    #[test]
    fn larger_values_are_better_when_maximizing() {
        let history: Vec<Record> = (0..10).map(|n| record(n, State::Complete, Some(n as f64), &[])).collect();
        assert_eq!(numbers(&Tpe::default().split(Direction::Maximize, &history).0), [9]);
        assert_eq!(numbers(&Tpe::default().split(Direction::Minimize, &history).0), [0]);
    }

    #[test]
    fn running_trials_keep_parallel_workers_apart() {
        let space = Space::parse("[parameters.x]\ntype='float'\nlow=0\nhigh=30").expect("a space");
        let at = |number: u64, state: State, x: f64| {
            let mut record = record(number, state, (state == State::Complete).then(|| (x - 15.0).abs()), &[]);
            record.values.insert("x".to_owned(), Value::Float(x));
            record
        };
        let mut history: Vec<Record> = (0..40).map(|n| at(n, State::Complete, n as f64 * 0.75)).collect();
        // Twenty workers try the best value at the same time.
        history.extend((40..60).map(|number| at(number, State::Running, 15.0)));
        let distance = |tpe: &Tpe| {
            let sampled = (0..50).map(|seed| {
                let mut random = super::super::stream(seed, 60);
                let values = tpe.sample(&space, Direction::Minimize, &history, &mut random);
                (values["x"].as_f64().expect("a number") - 15.0).abs()
            });
            sampled.sum::<f64>() / 50.0
        };
        let (with, without) = (distance(&Tpe::default()), distance(&Tpe { constant_liar: false, ..Tpe::default() }));
        assert!(with > 1.5 * without, "{with} and {without}");
    }
}
