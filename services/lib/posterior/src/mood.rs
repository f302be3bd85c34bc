//! The mood of a user: a part of the bias that ratings of one sitting share, and that fades.
//!
//! The mood `m(t)` is an Ornstein–Uhlenbeck process: its mean is 0, its variance is `v`, and its
//! correlation over a time `d` is `exp(−d / τ)`. A rating is `offset + B_i + x_i · θ + m(t) +
//! noise` with the state `θ` of the user. All of it is Gaussian, so a Kalman filter (Kalman 1960)
//! over `[θ; m]` is exact for given `v` and `g_u`. Neither is known, so there is one filter for
//! each pair of values, weighted by the likelihood of the ratings so far. One value of `v` is 0: a
//! user without moods soon has none.
//!
//! A mood adds the same to all movies of a moment, so it changes no ranking. It is partly what
//! people choose to rate next. Serving does not use it: the graphs have no times.

use super::{Estimate, Posterior, Sample, dot};

/// Values of `g_u` for a model in which it has no closed form, because the mood does not have the
/// factor: the middles of five equally probable ranges of its distribution
/// ([`super::USER_NOISE_SHAPE`]).
const USER_NOISE: [f64; 5] = [0.4362, 0.6909, 0.9180, 1.1906, 1.6702];

/// How moods are.
#[derive(Debug, Clone, PartialEq)]
pub struct Mood {
    /// The values that the variance may have, in stars², equally probable. None is negative.
    pub variances: Vec<f64>,
    /// After how long a mood has faded to `1 / e`, in seconds.
    pub seconds: f64,
}

impl Default for Mood {
    /// Returns the values that were chosen on the ratings between 60 % and 80 % of the time of
    /// MovieLens 100K, and that MovieLens latest-small confirmed.
    fn default() -> Self {
        Self { variances: vec![0.0, 0.03, 0.1, 0.3], seconds: 600.0 }
    }
}

/// The state of a user with moods, after ratings in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct MoodState {
    seconds: f64,
    /// The time of the newest rating, in seconds.
    at: Option<f64>,
    samples: Vec<Filters>,
}

/// The filters of one sample.
#[derive(Debug, Clone, PartialEq)]
struct Filters {
    all: Vec<Filter>,
    /// `Σ y_j`, `[n]`.
    additions: Vec<f64>,
    /// What the additions add to the mean of the prior, `[n]`.
    shift: Vec<f64>,
    /// The number of rated movies that the model has.
    count: f64,
}

/// The filter of one pair of `v` and `g_u`.
#[derive(Debug, Clone, PartialEq)]
struct Filter {
    variance: f64,
    precision: f64,
    /// The logarithm of its probability, up to a constant.
    log_weight: f64,
    /// The mean of `[θ; m]`, `[n + 1]`.
    mean: Vec<f64>,
    /// The covariance, `[n + 1, n + 1]`.
    covariance: Vec<f64>,
}

/// What a rating depends on: `[1; Q_i; 1]`, `B_i` and `alpha g_i`.
struct Row {
    x: Vec<f64>,
    base: f64,
    precision: f64,
}

impl Row {
    /// A movie outside the model has bias 0 and no factors.
    fn new(sample: &Sample, movie: usize, n: usize) -> Self {
        let mut x = vec![0.0; n + 1];
        (x[0], x[n]) = (1.0, 1.0);
        let (mut bias, mut precision) = (0.0, 1.0);
        if let Some(movie) = sample.movie(movie) {
            x[1..n].copy_from_slice(movie.factors);
            (bias, precision) = (movie.bias, movie.precision);
        }
        Self { x, base: sample.offset + bias, precision: sample.noise_precision * precision }
    }
}

impl Filter {
    fn new(sample: &Sample, variance: f64, precision: f64) -> Self {
        let n = sample.prior_mean.len();
        let size = n + 1;
        let mut covariance = vec![0.0; size * size];
        for (i, precision) in sample.prior_precision.iter().enumerate() {
            covariance[i * size + i] = 1.0 / precision;
        }
        covariance[size * size - 1] = variance;
        let mean = sample.prior_mean.iter().copied().chain([0.0]).collect();
        Self { variance, precision, log_weight: 0.0, mean, covariance }
    }

    /// Lets the mood fade to `keep` times what it was.
    fn fade(&mut self, keep: f64) {
        let n = self.mean.len() - 1;
        self.mean[n] *= keep;
        for i in 0..n {
            self.covariance[i * (n + 1) + n] *= keep;
            self.covariance[n * (n + 1) + i] *= keep;
        }
        let last = &mut self.covariance[n * (n + 1) + n];
        *last = keep * keep * *last + (1.0 - keep * keep) * self.variance;
    }

    /// Writes `C x`, and returns mean and variance of a rating when the mood has faded to `keep`
    /// times what it was.
    fn predict(&self, row: &Row, keep: f64, projected: &mut [f64]) -> (f64, f64) {
        let n = self.mean.len() - 1;
        let x = |i: usize| if i == n { keep } else { row.x[i] };
        for (out, row) in projected.iter_mut().zip(self.covariance.chunks_exact(n + 1)) {
            *out = (0..=n).map(|j| row[j] * x(j)).sum();
        }
        let mean: f64 = (0..=n).map(|i| self.mean[i] * x(i)).sum();
        let known: f64 = (0..=n).map(|i| projected[i] * x(i)).sum();
        let fresh = (1.0 - keep * keep) * self.variance;
        (row.base + mean, known + fresh + 1.0 / (row.precision * self.precision))
    }

    fn learn(&mut self, row: &Row, rating: f64, projected: &mut [f64]) {
        let (mean, variance) = self.predict(row, 1.0, projected);
        let error = rating - mean;
        self.log_weight -= 0.5 * (error * error / variance + variance.ln());
        self.mean.iter_mut().zip(&*projected).for_each(|(mean, gain)| *mean += gain * error / variance);
        for (row, gain) in self.covariance.chunks_exact_mut(projected.len()).zip(&*projected) {
            let gain = gain / variance;
            row.iter_mut().zip(&*projected).for_each(|(cell, other)| *cell -= gain * other);
        }
    }

    /// Moves the mean as if the mean of the prior had been moved by `precision⁻¹ target`, `[n]`.
    fn shift(&mut self, target: &[f64]) {
        for (mean, row) in self.mean.iter_mut().zip(self.covariance.chunks_exact(target.len() + 1)) {
            *mean += dot(&row[..target.len()], target);
        }
    }
}

impl Posterior {
    /// Returns the state of a user without ratings.
    pub fn mood_state(&self, mood: &Mood) -> MoodState {
        let n = self.state_len();
        let values: &[f64] = if self.has_user_noise { &USER_NOISE } else { &[1.0] };
        let filters = |sample: &Sample| {
            let pairs = mood.variances.iter().flat_map(|v| values.iter().map(move |g| (*v, *g)));
            let all = pairs.map(|(v, g)| Filter::new(sample, v, g)).collect();
            Filters { all, additions: vec![0.0; n], shift: vec![0.0; n], count: 0.0 }
        };
        MoodState { seconds: mood.seconds, at: None, samples: self.samples.iter().map(filters).collect() }
    }
}

impl MoodState {
    fn keep(&self, at: f64) -> f64 {
        self.at.map_or(0.0, |before| (-(at - before).max(0.0) / self.seconds).exp())
    }

    /// Learns a rating at a time in seconds, which is not before that of the last one. Ignores a
    /// movie that the model does not have and a rating that is not finite. Takes O(samples · pairs
    /// · n²) time.
    pub fn learn(&mut self, posterior: &Posterior, (movie, rating): (usize, f64), at: f64) {
        if !rating.is_finite() || movie >= posterior.movies {
            return;
        }
        let keep = self.keep(at);
        self.at = Some(at);
        let n = posterior.state_len();
        let mut projected = vec![0.0; n + 1];
        for (sample, filters) in posterior.samples.iter().zip(&mut self.samples) {
            let row = Row::new(sample, movie, n);
            let addition = sample.movie(movie).map(|movie| movie.addition).unwrap_or_default();
            filters.additions.iter_mut().zip(addition).for_each(|(sum, y)| *sum += y);
            filters.count += 1.0;
            let scale = 1.0 / filters.count.sqrt();
            let mut target = vec![0.0; n];
            for (i, target) in target.iter_mut().enumerate() {
                let shift = scale * filters.additions[i];
                *target = sample.prior_precision[i] * (shift - filters.shift[i]);
                filters.shift[i] = shift;
            }
            for filter in &mut filters.all {
                filter.fade(keep);
                filter.learn(&row, rating, &mut projected);
                if !addition.is_empty() {
                    filter.shift(&target);
                }
            }
        }
    }

    /// Predicts the rating of a movie at a time in seconds.
    pub fn estimate(&self, posterior: &Posterior, movie: usize, at: f64) -> Estimate {
        let keep = self.keep(at);
        let n = posterior.state_len();
        let mut projected = vec![0.0; n + 1];
        let (mut sum, mut squares, mut variance) = (0.0, 0.0, 0.0);
        for (sample, filters) in posterior.samples.iter().zip(&self.samples) {
            let row = Row::new(sample, movie, n);
            let largest = filters.all.iter().map(|filter| filter.log_weight).fold(f64::NEG_INFINITY, f64::max);
            let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
            for filter in &filters.all {
                let weight = (filter.log_weight - largest).exp();
                // Filters of hardly any probability change nothing and take time.
                if weight < 1e-6 {
                    continue;
                }
                let (mean, variance) = filter.predict(&row, keep, &mut projected);
                let mean = mean - row.base;
                total += weight;
                first += weight * mean;
                second += weight * (variance + mean * mean);
            }
            let mean = first / total;
            variance += second / total - mean * mean;
            sum += row.base + mean;
            squares += (row.base + mean).powi(2);
        }
        let count = self.samples.len().max(1) as f64;
        let mean = sum / count;
        Estimate { rating: mean, spread: (variance / count + (squares / count - mean * mean).max(0.0)).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posterior(additions: bool) -> Posterior {
        let number = |seed: usize| ((seed * 37 % 101) as f64 / 101.0 - 0.5) * 1.4;
        let sample = |seed: usize| Sample {
            offset: 3.5,
            noise_precision: 1.3,
            prior_mean: vec![0.1, -0.2, 0.05],
            prior_precision: vec![3.0, 4.0, 5.0],
            movie_bias: (0..8).map(|movie| number(seed + movie)).collect(),
            factors: (0..16).map(|at| number(seed + 3 * at + 1)).collect(),
            movie_precision: (0..8).map(|movie| 1.0 + number(seed + 5 * movie).abs()).collect(),
            additions: (0..24).filter(|_| additions).map(|at| number(seed + 7 * at + 2)).collect(),
        };
        Posterior { movies: 8, factors: 2, samples: vec![sample(1), sample(50)], has_user_noise: false }
    }

    const RATINGS: [(usize, f64); 5] = [(0, 5.0), (3, 2.0), (6, 4.0), (1, 1.0), (4, 5.0)];

    fn learned(posterior: &Posterior, mood: &Mood, gap: f64) -> MoodState {
        let mut state = posterior.mood_state(mood);
        for (place, rating) in RATINGS.into_iter().enumerate() {
            state.learn(posterior, rating, place as f64 * gap);
        }
        state
    }

    #[test]
    fn without_moods_the_filter_is_the_conditional() {
        for has_additions in [false, true] {
            let posterior = posterior(has_additions);
            let none = Mood { variances: vec![0.0], seconds: 600.0 };
            let (filter, exact) = (learned(&posterior, &none, 30.0), posterior.state(&RATINGS));
            for movie in 0..8 {
                let (a, b) = (filter.estimate(&posterior, movie, 200.0), posterior.estimate(&exact, movie));
                assert!((a.rating - b.rating).abs() < 1e-9 && (a.spread - b.spread).abs() < 1e-9, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn a_mood_that_never_fades_is_a_wider_bias() {
        let posterior = posterior(false);
        let mood = Mood { variances: vec![0.3], seconds: 1e12 };
        let filter = learned(&posterior, &mood, 1.0);
        let mut wider = posterior.clone();
        for sample in &mut wider.samples {
            sample.prior_precision[0] = 1.0 / (1.0 / sample.prior_precision[0] + 0.3);
        }
        let exact = wider.state(&RATINGS);
        for movie in 0..8 {
            let (a, b) = (filter.estimate(&posterior, movie, 6.0), wider.estimate(&exact, movie));
            assert!((a.rating - b.rating).abs() < 1e-6 && (a.spread - b.spread).abs() < 1e-6, "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_mood_lifts_the_next_ratings_and_fades() {
        let posterior = posterior(false);
        let mood = Mood { variances: vec![0.5], seconds: 600.0 };
        let mut state = posterior.mood_state(&mood);
        [0, 3, 6].into_iter().for_each(|movie| state.learn(&posterior, (movie, 5.0), 0.0));
        let at = |seconds: f64| state.estimate(&posterior, 2, seconds);
        assert!(at(1.0).rating > at(600.0).rating + 0.05 && at(600.0).rating > at(6_000.0).rating + 0.05);
        assert!(at(1.0).spread < at(6_000.0).spread);
        // The prediction is the same if the filter fades first and predicts then.
        let mut later = state.clone();
        later.samples.iter_mut().flat_map(|filters| &mut filters.all).for_each(|filter| filter.fade((-0.5f64).exp()));
        later.at = Some(300.0);
        let (a, b) = (at(300.0), later.estimate(&posterior, 2, 300.0));
        assert!((a.rating - b.rating).abs() < 1e-12 && (a.spread - b.spread).abs() < 1e-12);
    }

    #[test]
    fn a_user_without_moods_has_none_in_the_end() {
        let mut posterior = posterior(false);
        posterior.has_user_noise = true;
        let mut state = posterior.mood_state(&Mood::default());
        // Every rating is as far from what is expected as the one before, whatever the time.
        for place in 0..200 {
            let rating = if place % 2 == 0 { 4.3 } else { 2.7 };
            state.learn(&posterior, (0, rating), place as f64 * 60.0);
        }
        let filters = &state.samples[0].all;
        let likely = filters.iter().max_by(|a, b| a.log_weight.total_cmp(&b.log_weight)).unwrap();
        assert_eq!(likely.variance, 0.0);
    }

    #[test]
    fn ratings_that_are_no_numbers_and_movies_outside_are_ignored() {
        let posterior = posterior(true);
        let mut state = posterior.mood_state(&Mood::default());
        let before = state.clone();
        state.learn(&posterior, (1, f64::NAN), 5.0);
        state.learn(&posterior, (8, 3.0), 5.0);
        assert_eq!(state, before);
    }
}
