//! A Parzen estimator over several parameters: a mixture with one component for each observation
//! and one for the prior. A component is a product of one distribution for each parameter
//! (Bergstra et al. 2011, section 4; joint over parameters as in Falkner et al. 2018, section 3.1).
//! The bandwidths are those of Optuna 5.0.0.

use rand::{Rng, RngExt};

use crate::normal::{log_density, log_mass, quantile};
use crate::space::Domain;

/// Observations beyond this number are weighted by age.
const RECENT: usize = 25;

/// The mixture.
#[derive(Debug)]
pub(super) struct Parzen {
    /// The weights of the components, of sum 1. The last one is the prior's.
    weights: Vec<f64>,
    columns: Vec<Column>,
}

/// The distributions of one parameter, one for each component.
#[derive(Debug)]
enum Column {
    /// Normal distributions between two bounds, over the number or its logarithm.
    Numbers(Numbers),
    /// The probability of each choice.
    Choices(Vec<Vec<f64>>),
}

#[derive(Debug)]
struct Numbers {
    means: Vec<f64>,
    deviations: Vec<f64>,
    /// The logarithm of the probability between the bounds, by which a density is divided.
    log_masses: Vec<f64>,
    low: f64,
    high: f64,
    log: bool,
    /// The distance between two values before the logarithm, or 0.
    step: f64,
}

impl Parzen {
    /// Makes the mixture. `observations` are rows of codes, oldest first.
    ///
    /// Weights: 1 for each of the newest 25 observations, for older ones rising evenly from 1/n to
    /// 1 with their order, and `prior_weight` for the prior.
    pub(super) fn new(domains: &[&Domain], observations: &[Vec<f64>], prior_weight: f64) -> Self {
        let count = observations.len();
        let older = count.saturating_sub(RECENT);
        let weight = |index: usize| {
            let oldest = 1.0 / count as f64;
            if index >= older {
                1.0
            } else if older == 1 {
                oldest
            } else {
                oldest + (1.0 - oldest) * index as f64 / (older - 1) as f64
            }
        };
        let mut weights: Vec<f64> = (0..count).map(weight).collect();
        weights.push(if count == 0 { 1.0 } else { prior_weight });
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        let column = |(index, domain): (usize, &&Domain)| {
            let codes: Vec<f64> = observations.iter().map(|row| row[index]).collect();
            match domain {
                Domain::Choice(choices) => Column::Choices(choice_kernels(&codes, choices.len(), prior_weight)),
                numbers => Column::Numbers(Numbers::new(numbers, codes)),
            }
        };
        Self { weights, columns: domains.iter().enumerate().map(column).collect() }
    }

    /// Draws the codes of all parameters from one component.
    pub(super) fn sample(&self, random: &mut impl Rng) -> Vec<f64> {
        let component = pick(&self.weights, random.random());
        let draw = |column: &Column| {
            let share: f64 = random.random();
            match column {
                Column::Choices(kernels) => pick(&kernels[component], share) as f64,
                Column::Numbers(numbers) => numbers.draw(component, share),
            }
        };
        self.columns.iter().map(draw).collect()
    }

    /// Returns the logarithm of the density of a row of codes: of the probability for choices and
    /// numbers with steps.
    pub(super) fn log_density(&self, row: &[f64]) -> f64 {
        let component = |(index, weight): (usize, &f64)| {
            let of_column = |(column, &code): (&Column, &f64)| match column {
                Column::Choices(kernels) => kernels[index].get(code as usize).copied().unwrap_or(0.0).ln(),
                Column::Numbers(numbers) => numbers.log_density(index, code),
            };
            weight.ln() + self.columns.iter().zip(row).map(of_column).sum::<f64>()
        };
        let logs: Vec<f64> = self.weights.iter().enumerate().map(component).collect();
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if largest == f64::NEG_INFINITY {
            return largest;
        }
        largest + logs.iter().map(|log| (log - largest).exp()).sum::<f64>().ln()
    }
}

/// Returns the probabilities of the choices in each component: 1 for the observed choice, plus the
/// prior's weight shared by the components for every choice, scaled to the sum 1.
fn choice_kernels(codes: &[f64], choices: usize, prior_weight: f64) -> Vec<Vec<f64>> {
    let components = codes.len() + 1;
    let share = prior_weight / components as f64;
    let sum = 1.0 + share * choices as f64;
    let kernel = |&code: &f64| {
        let mut kernel = vec![share / sum; choices];
        if let Some(observed) = kernel.get_mut(code as usize) {
            *observed = (1.0 + share) / sum;
        }
        kernel
    };
    codes.iter().map(kernel).chain([vec![1.0 / choices as f64; choices]]).collect()
}

/// Returns the index at which the running sum of probabilities reaches `share`.
fn pick(probabilities: &[f64], share: f64) -> usize {
    let mut sum = 0.0;
    let reached = probabilities.iter().position(|probability| {
        sum += probability;
        share < sum
    });
    reached.unwrap_or(probabilities.len().saturating_sub(1))
}

impl Numbers {
    /// The prior's component has its mean in the middle and the whole range as its deviation.
    fn new(domain: &Domain, codes: Vec<f64>) -> Self {
        let (low, high, step) = domain.bounds().unwrap_or((0.0, 1.0, 0.0));
        let log = domain.is_log();
        let scaled = |value: f64| if log { value.ln() } else { value };
        let (low, high) = (scaled(low - step / 2.0), scaled(high + step / 2.0));
        let mut means: Vec<f64> = codes.into_iter().map(scaled).collect();
        let mut deviations = bandwidths(&means, low, high);
        means.push(0.5 * (low + high));
        deviations.push(high - low);
        let mass = |(mean, deviation): (&f64, &f64)| log_mass((low - mean) / deviation, (high - mean) / deviation);
        let log_masses = means.iter().zip(&deviations).map(mass).collect();
        Self { means, deviations, log_masses, low, high, log, step }
    }

    fn draw(&self, component: usize, share: f64) -> f64 {
        let (mean, deviation) = (self.means[component], self.deviations[component]);
        let x = mean + deviation * quantile(share, (self.low - mean) / deviation, (self.high - mean) / deviation);
        let x = x.clamp(self.low, self.high);
        if self.log { x.exp() } else { x }
    }

    fn log_density(&self, component: usize, code: f64) -> f64 {
        let (mean, deviation) = (self.means[component], self.deviations[component]);
        let scaled = |value: f64| ((if self.log { value.ln() } else { value }) - mean) / deviation;
        let log = if self.step > 0.0 {
            log_mass(scaled(code - self.step / 2.0), scaled(code + self.step / 2.0))
        } else {
            log_density(scaled(code)) - deviation.ln()
        };
        log - self.log_masses[component]
    }
}

/// Returns the standard deviation of each observation's component: the larger distance to its two
/// neighbors. The smallest and the largest observation have one neighbor; a single observation has
/// the bounds as its neighbors. The result is between the range divided by min(100, n + 2) and the
/// range ("magic clip").
fn bandwidths(means: &[f64], low: f64, high: f64) -> Vec<f64> {
    let range = high - low;
    let smallest = range / (means.len() as f64 + 2.0).min(100.0);
    let mut order: Vec<usize> = (0..means.len()).collect();
    order.sort_by(|&a, &b| means[a].total_cmp(&means[b]));
    let mut deviations = vec![0.0; means.len()];
    for (rank, &index) in order.iter().enumerate() {
        let gap = |other: Option<&usize>| other.map(|&other| (means[other] - means[index]).abs());
        let before = gap(rank.checked_sub(1).and_then(|before| order.get(before)));
        let after = gap(order.get(rank + 1));
        let wanted = match (before, after) {
            (Some(before), Some(after)) => before.max(after),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => (means[index] - low).max(high - means[index]),
        };
        deviations[index] = wanted.clamp(smallest, range);
    }
    deviations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Space;

    fn space() -> Space {
        let text = "
            [parameters.a]\ntype='float'\nlow=-5\nhigh=10
            [parameters.b]\ntype='float'\nlow=1e-4\nhigh=1\nlog=true
            [parameters.c]\ntype='int'\nlow=4\nhigh=64\nstep=4
            [parameters.d]\ntype='int'\nlow=1\nhigh=512\nlog=true
            [parameters.e]\ntype='choice'\nchoices=['p','q','r']";
        Space::parse(text).expect("a space")
    }

    const OBSERVED: [[f64; 5]; 4] = [
        [-4.0, 1e-3, 4.0, 1.0, 0.0],
        [0.5, 2e-3, 8.0, 2.0, 1.0],
        [0.75, 0.5, 32.0, 100.0, 1.0],
        [9.0, 0.9, 64.0, 512.0, 2.0],
    ];

    const POINTS: [[f64; 5]; 3] =
        [[0.6, 1.5e-3, 8.0, 2.0, 1.0], [-5.0, 1.0, 60.0, 300.0, 0.0], [7.0, 0.03, 16.0, 17.0, 2.0]];

    /// The expected values were computed with the estimator of Optuna 5.0.0. Its density over the
    /// logarithm is the one here.
    #[test]
    fn densities_are_those_of_optuna() {
        let space = space();
        let domains: Vec<&Domain> = space.parameters().iter().map(|parameter| &parameter.domain).collect();
        let joint = [
            (0, [-11.402_118_810_638_957, -16.697_676_289_342_954, -13.496_659_325_189_22]),
            (1, [-11.414_757_553_099_39, -16.660_938_720_836_09, -13.745_226_216_436_711]),
            (4, [-9.808_108_012_003_897, -16.619_663_737_777_206, -14.411_279_663_761_26]),
        ];
        for (count, wanted) in joint {
            let rows: Vec<Vec<f64>> = OBSERVED[..count].iter().map(|row| row.to_vec()).collect();
            let mixture = Parzen::new(&domains, &rows, 1.0);
            for (point, wanted) in POINTS.iter().zip(wanted) {
                let found = mixture.log_density(point);
                assert!((found - wanted).abs() < 1e-9, "{count} observations: {found} is not {wanted}");
            }
        }
        let single = [
            [-2.539_384_893_503_429_6, -2.687_726_84, -2.952_297_02],
            [-2.136_966_681_233_58, -1.826_593_88, -2.477_713_01],
            [-2.321_215_620_238_367, -3.124_430_99, -2.514_587_87],
            [-2.460_984_526_485_159_8, -7.474_331_19, -5.046_776_83],
            [-0.875_468_737_353_899_6, -1.232_143_68, -1.232_143_68],
        ];
        for (column, wanted) in single.iter().enumerate() {
            let rows: Vec<Vec<f64>> = OBSERVED.iter().map(|row| vec![row[column]]).collect();
            let mixture = Parzen::new(&domains[column..=column], &rows, 1.0);
            for (point, wanted) in POINTS.iter().zip(wanted) {
                let found = mixture.log_density(&[point[column]]);
                assert!((found - wanted).abs() < 1e-7, "column {column}: {found} is not {wanted}");
            }
        }
    }

    #[test]
    fn more_than_25_observations_are_weighted_by_age_as_in_optuna() {
        let space = space();
        let rows: Vec<Vec<f64>> = (0..30).map(|i| vec![f64::from(i * 7 % 30) / 2.0 - 5.0]).collect();
        let mixture = Parzen::new(&[&space.parameters()[0].domain], &rows, 1.0);
        let wanted = [-2.628_601_663_212_087_7, -2.629_175_667_240_592_6, -2.631_767_080_037_627];
        for (x, wanted) in [-3.0, 0.0, 9.0].into_iter().zip(wanted) {
            let found = mixture.log_density(&[x]);
            assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
        }
    }

    #[test]
    fn draws_follow_the_density() {
        let space = space();
        let domains: Vec<&Domain> = space.parameters().iter().map(|parameter| &parameter.domain).collect();
        let rows: Vec<Vec<f64>> = OBSERVED.iter().map(|row| row.to_vec()).collect();
        for column in [2, 3, 4] {
            let rows: Vec<Vec<f64>> = rows.iter().map(|row| vec![row[column]]).collect();
            let mixture = Parzen::new(&domains[column..=column], &rows, 1.0);
            let mut random = super::super::stream(7, column as u64);
            let draws = 20_000;
            let mut counts = std::collections::BTreeMap::<i64, u32>::new();
            for _ in 0..draws {
                let value = domains[column].decode(mixture.sample(&mut random)[0]);
                let code = domains[column].encode(&value).expect("a value of the domain");
                *counts.entry(code as i64).or_default() += 1;
            }
            for (code, count) in counts {
                let expected = f64::from(draws) * mixture.log_density(&[code as f64]).exp();
                let error = (f64::from(count) - expected).abs();
                assert!(error < 5.0 * expected.sqrt() + 1.0, "column {column}, {code}: {count}, not {expected}");
            }
        }
    }
}
