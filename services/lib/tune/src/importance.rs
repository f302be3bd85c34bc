//! How much each parameter mattered: PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023,
//! arXiv 2304.10255).
//!
//! The importance of a parameter is the variance, over its values, of the probability that a trial
//! with the value is among the best γ'. By theorem 1 of the paper it is γ'² ∫ (p'(x) / p(x) − 1)²
//! p(x) dx (a Pearson divergence), where p' is the density of the value among the best γ' and p
//! among all trials. Both densities are estimated over at most 50 cells of the domain. Unlike
//! fANOVA (Hutter et al. 2014), this needs no regression forest and no randomness, and asks what
//! leads to good values rather than what changes the objective anywhere.
//!
//! A parameter with a condition has the factor α² / β, with the shares α of the best and β of all
//! trials in which its condition held (arXiv 2601.20800, theorem 4.2).

use crate::normal::log_mass;
use crate::record::{Direction, Record};
use crate::space::{Domain, Parameter, Space};

/// The share γ' of trials that count as good.
const GOOD: f64 = 0.1;

/// The largest number of cells of a domain.
const CELLS: usize = 50;

/// The importance of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    /// The name of the parameter.
    pub parameter: String,
    /// Its share of the importance of all parameters, 0 to 1.
    pub share: f64,
}

/// Returns the importances of all parameters, the largest first. The shares are 0 if there are
/// fewer than two complete trials, or if the good ones are distributed like all.
pub fn importances(space: &Space, direction: Direction, trials: &[Record]) -> Vec<Importance> {
    let mut complete: Vec<(f64, &Record)> =
        trials.iter().filter_map(|trial| Some((trial.loss(direction)?, trial))).collect();
    complete.sort_by(|a, b| a.0.total_cmp(&b.0));
    let wanted = ((complete.len() as f64 * GOOD).ceil() as usize).max(2);
    let cut = complete.get(wanted - 1).map_or(f64::INFINITY, |(loss, _)| *loss);
    // Trials as good as the last one are good too.
    let good = complete.partition_point(|(loss, _)| *loss <= cut);
    let all: Vec<&Record> = complete.into_iter().map(|(_, trial)| trial).collect();
    let measure = |parameter: &Parameter| {
        let share = if all.len() < 2 { 0.0 } else { divergence(parameter, &all[..good], &all) };
        Importance { parameter: parameter.name.clone(), share }
    };
    let mut found: Vec<Importance> = space.parameters().iter().map(measure).collect();
    let sum: f64 = found.iter().map(|importance| importance.share).sum();
    if sum > 0.0 {
        found.iter_mut().for_each(|importance| importance.share /= sum);
    }
    found.sort_by(|a, b| b.share.total_cmp(&a.share));
    found
}

/// Returns the variance that the parameter explains, but for the factor γ'² that all have.
fn divergence(parameter: &Parameter, good: &[&Record], all: &[&Record]) -> f64 {
    let (good_counts, good_number) = count(parameter, good);
    let (counts, number) = count(parameter, all);
    if good_number == 0 || number < 2 || counts.len() < 2 {
        return 0.0;
    }
    let is_choice = matches!(parameter.domain, Domain::Choice(_));
    let density = |counts: &[u32]| if is_choice { choice_density(counts) } else { number_density(counts) };
    let (of_good, of_all) = (density(&good_counts), density(&counts));
    let terms = of_good.iter().zip(&of_all).map(|(good, all)| {
        let (good, all) = (good + 1e-12, all + 1e-12);
        all * (good / all - 1.0).powi(2)
    });
    let (alpha, beta) = (good_number as f64 / good.len() as f64, number as f64 / all.len() as f64);
    alpha * alpha / beta * terms.sum::<f64>()
}

/// Returns how many trials have a value in each cell of the domain, and how many have a value.
fn count(parameter: &Parameter, trials: &[&Record]) -> (Vec<u32>, usize) {
    let scaled = |value: f64| if parameter.domain.is_log() { value.ln() } else { value };
    let (cells, low, width) = match (parameter.domain.bounds(), &parameter.domain) {
        (None, Domain::Choice(choices)) => (choices.len(), 0.0, 1.0),
        (bounds, domain) => {
            let (low, high, step) = bounds.unwrap_or((0.0, 1.0, 0.0));
            let values = if step > 0.0 { (high - low) / step + 1.0 } else { f64::INFINITY };
            // Small whole numbers are far apart in the logarithm.
            let values = if domain.is_log() && step > 0.0 { values.log2().ceil() + 1.0 } else { values };
            let cells = values.min(CELLS as f64).round() as usize;
            (cells, scaled(low), (scaled(high) - scaled(low)) / (cells - 1).max(1) as f64)
        }
    };
    let (mut counts, mut number) = (vec![0; cells], 0);
    for trial in trials {
        let code = trial.values.get(&parameter.name).and_then(|value| parameter.domain.encode(value));
        let Some(code) = code else { continue };
        let is_choice = matches!(parameter.domain, Domain::Choice(_));
        let place = if is_choice { code } else { (scaled(code) - low) / width };
        // The cast of a negative number is 0. Ties belong to the lower cell.
        counts[((place - 0.5).ceil() as usize).min(cells - 1)] += 1;
        number += 1;
    }
    (counts, number)
}

/// Returns the probability of each choice, with a prior of the weight 1.
fn choice_density(counts: &[u32]) -> Vec<f64> {
    let number = f64::from(counts.iter().sum::<u32>());
    let choices = counts.len() as f64;
    // Only the observed choices have a component.
    let observed = counts.iter().filter(|count| **count > 0).count() as f64;
    let share = 1.0 / (observed + 1.0);
    let sum = 1.0 + share * choices;
    let prior = 1.0 / choices;
    counts.iter().map(|&count| ((f64::from(count) + number * share) / sum + prior) / (number + 1.0)).collect()
}

/// Returns the probability of each cell: a normal kernel for each observation with the deviation of
/// Scott's rule, and a prior of the weight 1 over the whole domain.
fn number_density(counts: &[u32]) -> Vec<f64> {
    let number = f64::from(counts.iter().sum::<u32>());
    let places = || counts.iter().enumerate().map(|(cell, &count)| (cell as f64, f64::from(count)));
    let mean = places().map(|(cell, count)| cell * count).sum::<f64>() / number;
    let squares: f64 = places().map(|(cell, count)| (cell - mean).powi(2) * count).sum();
    let deviation = (squares / (number - 1.0).max(1.0)).sqrt();
    let spread =
        (quartile(counts, (number * 0.75).floor(), true) - quartile(counts, (number * 0.25).floor(), false)).abs();
    let wanted = 1.059 * (spread / 1.34).min(deviation) * number.powf(-0.2);
    // A kernel must not vanish between two cells: 90 % of the narrowest one is in its cell.
    let kernel = wanted.max(0.5 / 1.64);
    let last = counts.len() as f64 - 0.5;
    let mass = |cell: f64, mean: f64, deviation: f64| {
        let scaled = |x: f64| (x - mean) / deviation;
        (log_mass(scaled(cell - 0.5), scaled(cell + 0.5)) - log_mass(scaled(-0.5), scaled(last))).exp()
    };
    let (middle, whole) = ((counts.len() as f64 - 1.0) / 2.0, counts.len() as f64);
    let density = |(at, _): (f64, f64)| {
        let observed = places().filter(|(_, count)| *count > 0.0);
        let sum: f64 = observed.map(|(cell, count)| count * mass(at, cell, kernel)).sum();
        (sum + mass(at, middle, whole)) / (number + 1.0)
    };
    places().map(density).collect()
}

/// Returns the first observed cell at which the running count reaches `wanted`, or is above it.
fn quartile(counts: &[u32], wanted: f64, above: bool) -> f64 {
    let mut sum = 0.0;
    let mut last = 0.0;
    for (cell, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        sum += f64::from(count);
        last = cell as f64;
        if sum > wanted || (!above && sum >= wanted) {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::State;
    use crate::value::{Value, Values};

    fn complete(number: u64, values: Values, value: f64) -> Record {
        let mut record = Record::running(number, values);
        record.state = State::Complete;
        record.value = Some(value);
        record
    }

    fn studied() -> (Space, Vec<Record>) {
        let text = "
            [parameters.x]\ntype='float'\nlow=0\nhigh=10
            [parameters.y]\ntype='float'\nlow=0\nhigh=10
            [parameters.k]\ntype='choice'\nchoices=['a','b']";
        let trial = |i: u64| {
            let (x, y) = ((i * 37 % 100) as f64 / 10.0, (i * 53 % 100) as f64 / 10.0);
            let is_b = i * 7 % 3 % 2 == 1;
            let k = Value::Text(if is_b { "b" } else { "a" }.to_owned());
            let values = [("x", Value::Float(x)), ("y", Value::Float(y)), ("k", k)];
            let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            complete(i, values, (x - 3.0).powi(2) + 0.1 * y + if is_b { 4.0 } else { 0.0 })
        };
        (Space::parse(text).expect("a space"), (0..100).map(trial).collect())
    }

    /// The expected shares are those of Optuna 5.0.0.
    #[test]
    fn shares_are_those_of_optuna() {
        let (space, trials) = studied();
        let found = importances(&space, Direction::Minimize, &trials);
        let names: Vec<&str> = found.iter().map(|importance| importance.parameter.as_str()).collect();
        assert_eq!(names, ["x", "k", "y"]);
        for (importance, wanted) in found.iter().zip([0.975_196_489_6, 0.017_769_518_5, 0.007_033_991_9]) {
            assert!((importance.share - wanted).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn without_trials_no_parameter_matters() {
        let (space, trials) = studied();
        for trials in [&[][..], &trials[..1]] {
            let found = importances(&space, Direction::Minimize, trials);
            assert!(found.len() == 3 && found.iter().all(|importance| importance.share == 0.0), "{found:?}");
        }
        let equal: Vec<Record> = trials.iter().map(|trial| complete(trial.number, trial.values.clone(), 1.0)).collect();
        let found = importances(&space, Direction::Minimize, &equal);
        assert!(found.iter().all(|importance| importance.share.is_finite()), "{found:?}");
    }

    #[test]
    fn the_direction_decides_what_is_good() {
        let (space, trials) = studied();
        let flipped: Vec<Record> = trials
            .iter()
            .map(|trial| complete(trial.number, trial.values.clone(), -trial.value.unwrap_or_default()))
            .collect();
        let minimized = importances(&space, Direction::Minimize, &trials);
        assert_eq!(importances(&space, Direction::Maximize, &flipped), minimized);
    }
}
