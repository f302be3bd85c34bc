//! When a chain has sampled enough: more samples would change the error of its predictions by less
//! than anyone can see.
//!
//! A chain is watched where it matters: in what its samples predict for some pairs of users and
//! movies, with the users' states computed from their ratings as in serving. The effective number
//! of samples is `N / τ`, where `τ` is the integrated autocorrelation time of these predictions
//! (Geyer, "Practical Markov chain Monte Carlo", Statistical Science 1992: sums of neighboring
//! autocorrelations until they are no longer positive). The autocovariances of all pairs are added
//! before they are divided, so pairs that are hard to predict count most. The average of `N / τ`
//! independent samples has a squared error of their variance over that number. With errors of `σ`
//! otherwise, the root mean squared error grows by that over `2 σ`.
//!
//! The rule reads nothing but the chain. So it needs no held-out ratings, and the same seed stops
//! after the same sweep.

use rand::RngExt;

use super::random::{Group, stream};
use super::ratings::Ratings;

/// The users whose predictions are watched, and the movies of each.
const USERS: usize = 64;
const MOVIES: usize = 4;

/// The pairs whose predictions are watched, by user.
#[derive(Debug)]
pub(super) struct Probes(pub(super) Vec<(usize, [usize; MOVIES])>);

impl Probes {
    /// Draws users with ratings, each with movies as often as they are rated.
    pub(super) fn new(ratings: &Ratings, seed: u64) -> Self {
        let mut random = stream(seed, 0, Group::Probes, 0);
        let starts = ratings.by_user().starts();
        let mut movie = || {
            let entry = random.random_range(0..ratings.len());
            let user = starts.partition_point(|start| *start <= entry) - 1;
            ratings.by_user().row(user).0[entry - starts[user]] as usize
        };
        let movies: Vec<[usize; MOVIES]> = (0..USERS).map(|_| std::array::from_fn(|_| movie())).collect();
        let users: Vec<usize> =
            (0..ratings.users()).filter(|user| !ratings.by_user().row(*user).0.is_empty()).collect();
        let step = users.len().div_ceil(USERS).max(1);
        Self(users.into_iter().step_by(step).zip(movies).collect())
    }
}

/// What the samples of a chain predict for the probes, in stars.
#[derive(Debug, Default)]
pub(super) struct Trace(Vec<Vec<f64>>);

impl Trace {
    /// Adds the predictions of one more sample.
    pub(super) fn push(&mut self, predictions: Vec<f64>) {
        self.0.push(predictions);
    }

    /// Returns the mean squared error that the average of the samples has because there are no more
    /// of them, in stars²: the variance between samples over their effective number.
    pub(super) fn squared_error(&self) -> f64 {
        let (variance, effective) = self.variance_and_effective();
        if effective > 0.0 { variance / effective } else { 0.0 }
    }

    /// Returns the variance of a prediction between samples, and of how many independent samples
    /// the trace is worth. Predictions that never change are as good as one can get.
    fn variance_and_effective(&self) -> (f64, f64) {
        let count = self.0.len();
        let probes = self.0.first().map_or(0, Vec::len);
        let mut means = vec![0.0; probes];
        for row in &self.0 {
            means.iter_mut().zip(row).for_each(|(mean, value)| *mean += value / count as f64);
        }
        let covariance = |lag: usize| -> f64 {
            let pairs = self.0.iter().zip(&self.0[lag.min(count)..]);
            let product = |(a, b): (&Vec<f64>, &Vec<f64>)| -> f64 {
                a.iter().zip(b).zip(&means).map(|((a, b), mean)| (a - mean) * (b - mean)).sum()
            };
            pairs.map(product).sum()
        };
        let variance = covariance(0);
        let mean_variance = variance / (count * probes).max(1) as f64;
        // The means are rounded, so predictions that never change have a variance of about 0.
        if mean_variance <= 1e-18 {
            return (0.0, count as f64);
        }
        let mut time = -1.0;
        for lag in (0..count).step_by(2) {
            let pair = (covariance(lag) + covariance(lag + 1)) / variance;
            if pair <= 0.0 {
                break;
            }
            time += 2.0 * pair;
        }
        (mean_variance, count as f64 / time.max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    /// Returns a trace of autoregressive predictions: each is `keep` times the one before and
    /// noise.
    fn trace(count: usize, keep: f64) -> Trace {
        let mut random = ChaCha8Rng::seed_from_u64(9);
        let mut values = vec![0.0; 100];
        let mut trace = Trace::default();
        for _ in 0..count {
            for value in &mut values {
                let noise: f64 = StandardNormal.sample(&mut random);
                *value = keep * *value + noise;
            }
            trace.push(values.clone());
        }
        trace
    }

    #[test]
    fn correlated_samples_are_worth_fewer() {
        // The autocorrelation time of such a process is (1 + keep) / (1 − keep).
        for (keep, time) in [(0.0, 1.0), (0.5, 3.0), (0.8, 9.0)] {
            let trace = trace(400, keep);
            let (variance, effective) = trace.variance_and_effective();
            let found = 400.0 / effective;
            assert!((found / time - 1.0).abs() < 0.15, "{found} instead of {time}");
            assert!((variance * (1.0 - keep * keep) - 1.0).abs() < 0.1, "{variance}");
            assert!((trace.squared_error() - variance / effective).abs() < 1e-12);
        }
    }

    #[test]
    fn predictions_that_never_change_are_enough() {
        let mut trace = Trace::default();
        (0..10).for_each(|_| trace.push(vec![3.0, 4.0]));
        assert_eq!(trace.variance_and_effective(), (0.0, 10.0));
        assert_eq!((trace.squared_error(), Trace::default().squared_error()), (0.0, 0.0));
    }

    #[test]
    fn probes_are_rated_movies_and_users_with_ratings() {
        let ratings = Ratings::try_new(300, 9, (0..299).map(|user| (user, user % 8, 3.0)).collect()).unwrap();
        let Probes(probes) = Probes::new(&ratings, 4);
        assert!((50..=USERS).contains(&probes.len()));
        assert!(probes.iter().all(|(user, movies)| *user < 299 && movies.iter().all(|movie| *movie < 8)));
        let Probes(few) = Probes::new(&Ratings::try_new(1, 1, vec![(0, 0, 3.0)]).unwrap(), 4);
        assert_eq!(few, [(0, [0; MOVIES])]);
    }
}
