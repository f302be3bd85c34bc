//! Coverage and power, by simulation with fixed seeds. Every simulated sequence is looked at many
//! times, and an error at any look counts.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::mean::{Bounds, Sample};
use super::proportion::{Prior, Trials};
use super::*;
use crate::BlockSums;

/// Sequences of each simulation.
const RUNS: u64 = 600;

fn generator(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A standard normal number.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    random.sample(rand_distr::StandardNormal)
}

/// Losses of two versions on the same ratings, as a duel reports them: both versions err by about
/// 0.9 stars, and their predictions differ by `spread`. The candidate's mean squared error is
/// larger by `worse`. People rate in sessions of `session` ratings, and the candidate suits each
/// person better or worse.
struct Duel {
    spread: f64,
    worse: f64,
    session: u64,
    random: ChaCha8Rng,
    suits: f64,
    index: u64,
}

impl Duel {
    fn new(seed: u64, worse: f64, session: u64) -> Self {
        Self { spread: 0.2, worse, session, random: generator(seed), suits: 0.0, index: 0 }
    }

    /// Returns the losses of the stable version and of the candidate.
    fn next(&mut self) -> (f64, f64) {
        if self.index.is_multiple_of(self.session) {
            self.suits = if self.session > 1 { 0.1 * normal(&mut self.random) } else { 0.0 };
        }
        self.index += 1;
        let common = 0.9 * normal(&mut self.random);
        let variance = self.spread * self.spread / 2.0;
        let stable = common + variance.sqrt() * normal(&mut self.random);
        let candidate = common + (variance + self.worse).sqrt() * normal(&mut self.random);
        (stable * stable, candidate * candidate + self.suits)
    }
}

/// The sums of a duel.
#[derive(Default)]
struct Sums {
    sample: Sample,
    blocks: BlockSums,
}

impl Sums {
    fn add(&mut self, (stable, candidate): (f64, f64)) {
        let difference = candidate - stable;
        self.sample.count += 1;
        self.sample.sum += difference;
        self.sample.sum_of_squares += difference * difference;
        self.blocks.add(1, difference);
    }

    fn interval(&self, bounds: Bounds, blocks: bool) -> Interval {
        let variance = if blocks { self.blocks.variance() } else { 0.0 };
        bounds.interval(&self.sample, variance).expect("enough ratings")
    }
}

/// Returns how many of the simulated duels have the true difference outside of the interval at any
/// look, on the lower and on the upper side.
fn misses(worse: f64, session: u64, blocks: bool) -> (u64, u64) {
    let bounds = Bounds { alpha: 0.05, tuned_for: 2_000 };
    let mut missed = (0, 0);
    for seed in 0..RUNS {
        let (mut duel, mut sums) = (Duel::new(seed, worse, session), Sums::default());
        let mut wrong = (false, false);
        for index in 1..=8_000_u64 {
            sums.add(duel.next());
            if index >= 1_000 && index.is_multiple_of(50) {
                let interval = sums.interval(bounds, blocks);
                wrong = (wrong.0 || interval.lower > worse, wrong.1 || interval.upper < worse);
            }
        }
        missed = (missed.0 + u64::from(wrong.0), missed.1 + u64::from(wrong.1));
    }
    missed
}

#[test]
fn a_duel_is_wrong_at_any_look_as_rarely_as_alpha_says() {
    for worse in [0.0, 0.036] {
        let (low, high) = misses(worse, 1, true);
        assert!(low <= RUNS / 20 && high <= RUNS / 20, "{low} and {high} of {RUNS} at {worse}");
    }
}

#[test]
fn a_duel_of_people_who_rate_in_sessions_is_wrong_as_rarely() {
    let (low, high) = misses(0.0, 60, true);
    assert!(low <= RUNS / 20 && high <= RUNS / 20, "{low} and {high} of {RUNS}");
    let (low, _) = misses(0.0, 60, false);
    assert!(low > RUNS / 10, "{low} of {RUNS}: sessions do not matter in this simulation");
}

#[test]
fn an_interval_for_one_look_would_be_wrong_much_more_often() {
    let mut missed = 0;
    for seed in 0..RUNS {
        let (mut duel, mut sums) = (Duel::new(seed, 0.0, 1), Sums::default());
        let wrong = (1..=8_000_u64).any(|index| {
            sums.add(duel.next());
            let (mean, variance) = (sums.sample.mean(), sums.sample.variance());
            let deviation = (variance.unwrap_or_default() / index as f64).sqrt();
            index >= 500 && index.is_multiple_of(50) && mean.unwrap_or_default() > 1.645 * deviation
        });
        missed += u64::from(wrong);
    }
    assert!(missed > RUNS / 10, "{missed} of {RUNS}: the simulation cannot tell a valid interval from another");
}

#[test]
fn a_duel_finds_0_02_stars_of_rmse_in_a_few_thousand_ratings() {
    // An RMSE of 0.92 instead of 0.9, against a margin of 0.005.
    let (worse, limit) = (0.92_f64.powi(2) - 0.9_f64.powi(2), 0.905_f64.powi(2) - 0.9_f64.powi(2));
    let bounds = Bounds { alpha: 0.01, tuned_for: 2_000 };
    let mut needed: Vec<u64> = Vec::new();
    for seed in 0..200 {
        let (mut duel, mut sums) = (Duel::new(seed, worse, 1), Sums::default());
        let found = (1..=20_000_u64).find(|&index| {
            sums.add(duel.next());
            index >= 500 && sums.interval(bounds, true).lower > limit
        });
        needed.extend(found);
    }
    needed.sort_unstable();
    assert!(needed.len() >= 195, "found in {} of 200", needed.len());
    assert!(needed[100] < 6_000, "the median is {}", needed[100]);
}

#[test]
fn a_proportion_is_missed_at_any_look_as_rarely_as_alpha_says() {
    let alpha = 0.05;
    for (probability, prior) in
        [(0.01, Prior::around(0.01, 100.0)), (0.01, Prior::around(0.3, 20.0)), (0.2, Prior::JEFFREYS)]
    {
        let mut missed = 0;
        for seed in 0..RUNS {
            let mut random = generator(seed);
            let mut events = 0;
            let wrong = (1..=3_000_u64).any(|count| {
                events += u64::from(random.random_bool(probability));
                let refuted = || {
                    let interval = proportion::interval(Trials { count, events }, prior, alpha);
                    probability < interval.lower || probability > interval.upper
                };
                count.is_multiple_of(10) && refuted()
            });
            missed += u64::from(wrong);
        }
        assert!(missed <= RUNS / 20, "{missed} of {RUNS} at {probability}");
    }
}

#[test]
fn a_proportion_has_the_interval_of_its_martingale() {
    // scipy: log(1/0.05) = betaln(1 + 5, 99 + 195) - betaln(1, 99) - 5 log p - 195 log(1 - p).
    let interval = proportion::interval(Trials { count: 200, events: 5 }, Prior::around(0.01, 100.0), 0.05);
    let ln = |p: f64| gamma::ln_beta(6.0, 294.0) - gamma::ln_beta(1.0, 99.0) - 5.0 * p.ln() - 195.0 * (1.0 - p).ln();
    assert!((ln(interval.lower) - 20.0_f64.ln()).abs() < 1e-9 && (ln(interval.upper) - 20.0_f64.ln()).abs() < 1e-9);
    assert!(interval.lower < 0.025 && 0.025 < interval.upper && interval.estimate == 0.025, "{interval:?}");
    let nothing = proportion::interval(Trials { count: 0, events: 0 }, Prior::JEFFREYS, 0.05);
    assert_eq!((nothing.lower, nothing.upper), (0.0, 1.0));
    let never = proportion::interval(Trials { count: 1_000, events: 0 }, Prior::JEFFREYS, 0.05);
    assert!(never.lower == 0.0 && never.upper < 0.01, "{never:?}");
    let always = proportion::interval(Trials { count: 1_000, events: 1_000 }, Prior::JEFFREYS, 0.05);
    assert!(always.upper == 1.0 && always.lower > 0.99, "{always:?}");
}

#[test]
fn a_difference_is_missed_at_any_look_as_rarely_as_alpha_says() {
    let (probability, increase, mut missed) = (0.02, 0.01, 0);
    let runs = 300;
    for seed in 0..runs {
        let mut random = generator(seed);
        let (mut first, mut second) = (Trials { count: 0, events: 0 }, Trials { count: 0, events: 0 });
        let wrong = (1..=4_000_u64).any(|index| {
            let candidate = random.random_bool(0.1);
            let share = if candidate { probability + increase } else { probability };
            let group = if candidate { &mut second } else { &mut first };
            *group = Trials { count: group.count + 1, events: group.events + u64::from(random.random_bool(share)) };
            let refuted = || {
                let interval = difference::interval(first, second, 0.05);
                increase < interval.lower || increase > interval.upper
            };
            index.is_multiple_of(100) && refuted()
        });
        missed += u64::from(wrong);
    }
    assert!(missed <= runs / 20, "{missed} of {runs}");
}

#[test]
fn an_error_rate_that_rises_from_1_to_5_percent_is_found_in_a_thousand_requests() {
    let (stable, candidate) = (Trials { count: 19_000, events: 190 }, Trials { count: 1_000, events: 50 });
    let interval = difference::interval(stable, candidate, 0.01);
    assert!(interval.lower > 0.01 && (interval.estimate - 0.04).abs() < 1e-12, "{interval:?}");
    let same = difference::interval(stable, Trials { count: 1_000, events: 10 }, 0.01);
    assert!(same.lower < 0.0 && same.upper < 0.03, "{same:?}");
}

#[test]
fn an_interval_shrinks_with_the_evidence_and_grows_with_confidence() {
    let sample = |count: u64| Sample { count, sum: 0.0, sum_of_squares: count as f64 };
    let width = |count, alpha| {
        let bounds = Bounds { alpha, tuned_for: 1_000 };
        bounds.interval(&sample(count), 0.0).expect("enough").upper
    };
    assert!(width(1_000, 0.05) > width(2_000, 0.05) && width(1_000, 0.01) > width(1_000, 0.05));
    let bounds = Bounds { alpha: 0.05, tuned_for: 1_000 };
    assert_eq!(bounds.interval(&sample(1), 0.0), None);
    let wide = bounds.interval(&sample(1_000), 4.0).expect("enough");
    assert!((wide.upper / width(1_000, 0.05) - 2.0).abs() < 1e-2, "the larger variance counts: {wide:?}");
}

#[test]
fn alpha_is_split_over_tests() {
    assert_eq!((share(0.02, 4), share(0.02, 0)), (0.005, 0.02));
}
