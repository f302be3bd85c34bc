//! Compares the conditional distribution with values computed by hand and with a direct
//! computation.

use proptest::prelude::*;

use super::*;

fn sample(movies: usize, factors: usize, seed: u64) -> Sample {
    // A small linear congruential generator. The numbers only have to vary and to be the same in
    // every run.
    let mut state = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    };
    Sample {
        offset: 3.5 + next(),
        noise_precision: 1.5 + next(),
        prior_mean: (0..=factors).map(|_| next()).collect(),
        prior_precision: (0..=factors).map(|_| 3.0 + next()).collect(),
        movie_bias: (0..movies).map(|_| next()).collect(),
        factors: (0..movies * factors).map(|_| next()).collect(),
        ..Sample::default()
    }
}

fn posterior(movies: usize, factors: usize, samples: u64) -> Posterior {
    let samples = (0..samples).map(|seed| sample(movies, factors, seed)).collect();
    Posterior { movies, factors, samples, has_user_noise: false }
}

/// Returns a model with everything that a model may have.
fn rich(movies: usize, factors: usize, samples: u64) -> Posterior {
    let mut posterior = posterior(movies, factors, samples);
    for (sample, number) in posterior.samples.iter_mut().zip(100..) {
        let other = self::sample(movies, factors, number);
        sample.movie_precision = other.movie_bias.iter().map(|value| 1.0 + value).collect();
        sample.additions = [&other.movie_bias[..], &other.factors[..]].concat();
    }
    posterior.has_user_noise = true;
    posterior
}

#[test]
fn without_factors_a_user_is_a_shrunk_mean() {
    let sample = Sample {
        offset: 3.0,
        noise_precision: 2.0,
        prior_mean: vec![0.0],
        prior_precision: vec![4.0],
        movie_bias: vec![0.5, -0.5],
        factors: vec![],
        ..Sample::default()
    };
    let posterior = Posterior { movies: 2, samples: vec![sample], ..Posterior::default() };
    let state = posterior.state(&[(0, 5.0), (1, 3.5)]);
    // The residuals are 1.5 and 1.0, so the user's bias is (2 · 2.5) / (2 · 2 + 4).
    let estimate = posterior.estimate(&state, 0);
    assert!((estimate.rating - (3.5 + 0.625)).abs() < 1e-12);
    assert!((estimate.spread - (0.5f64 + 1.0 / 8.0).sqrt()).abs() < 1e-12);
}

#[test]
fn a_user_without_ratings_is_the_prior_and_learns_towards_the_rating() {
    let posterior = posterior(5, 3, 4);
    let mut state = posterior.state(&[]);
    for ((mean, _), sample) in state.samples().zip(&posterior.samples) {
        for (mean, prior) in mean.iter().zip(&sample.prior_mean) {
            assert!((mean - prior).abs() < 1e-12);
        }
    }
    let before = posterior.estimate(&state, 2);
    state.learn(&posterior, 2, 5.0);
    let after = posterior.estimate(&state, 2);
    assert!((after.rating - 5.0).abs() < (before.rating - 5.0).abs());
    assert!(after.spread < before.spread);
}

#[test]
fn samples_that_disagree_widen_the_spread() {
    let one = posterior(3, 2, 1);
    let mut two = one.clone();
    let mut other = one.samples[0].clone();
    other.movie_bias[1] += 2.0;
    two.samples.push(other);
    let narrow = one.estimate(&one.state(&[]), 1);
    let wide = two.estimate(&two.state(&[]), 1);
    assert!((wide.rating - narrow.rating - 1.0).abs() < 1e-12);
    assert!((wide.spread.powi(2) - narrow.spread.powi(2) - 1.0).abs() < 1e-12);
}

#[test]
fn ratings_that_are_not_numbers_are_ignored() {
    let posterior = posterior(3, 2, 2);
    let state = posterior.state(&[(0, 4.0), (1, f64::NAN)]);
    assert_eq!(state, posterior.state(&[(0, 4.0)]));
    let mut same = state.clone();
    same.learn(&posterior, 1, f64::INFINITY);
    assert_eq!(state, same);
}

#[test]
fn a_movie_beyond_the_model_is_in_no_sample() {
    assert_eq!(sample(3, 2, 0).movie(3), None);
    assert!(sample(3, 2, 0).movie(2).is_some());
    assert_eq!(sample(0, 0, 0).movie(0), None);
}

#[test]
fn the_noise_of_a_user_is_that_of_the_likelihood_of_the_ratings() {
    // One rating, one sample, no factors: with g ~ Gamma(4, 4), r = 3 + b + noise, the noise has
    // the precision 2 · 1.5 g, and b ~ N(0.2, 1 / (4 g)).
    let sample = Sample {
        offset: 3.0,
        noise_precision: 2.0,
        prior_mean: vec![0.0],
        prior_precision: vec![4.0],
        movie_bias: vec![0.0],
        movie_precision: vec![1.5],
        additions: vec![0.2],
        ..Sample::default()
    };
    let posterior = Posterior { movies: 1, factors: 0, samples: vec![sample], has_user_noise: true };
    let state = posterior.state(&[(0, 4.5)]);
    // The integrals over g, by sums of small steps.
    let (mut total, mut inverse) = (0.0, 0.0);
    for step in 1..200_000 {
        let g = f64::from(step) * 1e-4;
        let precision = g / (1.0 / 3.0 + 1.0 / 4.0);
        let density = g.powi(3) * (-4.0 * g).exp() * precision.sqrt() * (-0.5 * 1.3f64.powi(2) * precision).exp();
        total += density;
        inverse += density / g;
    }
    assert!((state.noise() - inverse / total).abs() < 1e-6, "{} and {}", state.noise(), inverse / total);
    // The conditional has the precision (4 + 3) g and the mean (4 · 0.2 + 3 · 1.5) / (4 + 3).
    let estimate = posterior.estimate(&state, 0);
    assert!((estimate.rating - 3.0 - (0.8 + 4.5) / 7.0).abs() < 1e-12);
    assert!((estimate.spread.powi(2) - state.noise() * (1.0 / 3.0 + 1.0 / 7.0)).abs() < 1e-12);
}

#[test]
fn ratings_that_do_not_fit_make_noise_probable() {
    let posterior = rich(20, 2, 2);
    let noise = |history: &[(usize, f64)]| posterior.state(history).noise();
    let wild: Vec<_> = (0..20).map(|movie| (movie, if movie % 2 == 0 { 0.0 } else { 7.0 })).collect();
    let calm: Vec<_> = (0..20).map(|movie| (movie, 3.5)).collect();
    // Before any rating nothing is known but the mean of 1 / g.
    assert!((noise(&[]) - 4.0 / 3.0).abs() < 1e-12, "{}", noise(&[]));
    assert!(noise(&wild) > 2.4 && noise(&calm) < 1.0, "{} {}", noise(&wild), noise(&calm));
}

#[test]
fn nobody_is_predicted_for_certain() {
    let posterior = rich(20, 2, 2);
    let expected = |state: &UserState, movie| posterior.estimate(state, movie).rating;
    // A user who always rates as expected.
    let mut state = posterior.state(&[]);
    for movie in (0..20).cycle().take(400) {
        let rating = expected(&state, movie);
        state.learn(&posterior, movie, rating);
    }
    assert_eq!(state.noise(), LEAST_USER_NOISE);
}

#[test]
fn what_is_taken_away_leaves_no_trace() {
    let posterior = rich(20, 4, 5);
    let rating = |movie: usize| (movie, 1.0 + (movie * 7 % 5) as f64);
    let history: Vec<_> = (0..15).map(rating).collect();
    let mut state = posterior.state(&history);
    state.update(&posterior, &[], &history[3..9]);
    let left = posterior.state(&[&history[..3], &history[9..]].concat());
    for movie in 0..20 {
        let (a, b) = (posterior.estimate(&state, movie), posterior.estimate(&left, movie));
        assert!((a.rating - b.rating).abs() < 1e-9 && (a.spread - b.spread).abs() < 1e-9, "{a:?} {b:?}");
    }
    state.update(&posterior, &[], &[&history[..3], &history[9..]].concat());
    let (a, b) = (posterior.estimate(&state, 0), posterior.estimate(&posterior.state(&[]), 0));
    assert!((a.rating - b.rating).abs() < 1e-9 && (a.spread - b.spread).abs() < 1e-9, "{a:?} {b:?}");
}

proptest! {
    #[test]
    fn learning_one_by_one_equals_recomputing(history in prop::collection::vec((0usize..20, 1u8..=5), 0..40), factors in 0usize..6, is_rich: bool) {
        let posterior = if is_rich { rich(20, factors, 3) } else { posterior(20, factors, 3) };
        let history: Vec<_> = history.into_iter().map(|(movie, stars)| (movie, f64::from(stars))).collect();
        let whole = posterior.state(&history);
        let mut learned = posterior.state(&[]);
        for &(movie, rating) in &history {
            learned.learn(&posterior, movie, rating);
        }
        for movie in 0..20 {
            let (a, b) = (posterior.estimate(&whole, movie), posterior.estimate(&learned, movie));
            prop_assert!((a.rating - b.rating).abs() < 1e-9 && (a.spread - b.spread).abs() < 1e-9, "{a:?} {b:?}");
        }
        prop_assert!((whole.noise() - learned.noise()).abs() < 1e-9);
    }

    #[test]
    fn the_order_of_a_history_does_not_matter(history in prop::collection::vec((0usize..20, 1u8..=5), 0..40)) {
        let posterior = rich(20, 4, 2);
        let mut history: Vec<_> = history.into_iter().map(|(movie, stars)| (movie, f64::from(stars))).collect();
        let forwards = posterior.estimate(&posterior.state(&history), 0);
        history.reverse();
        let backwards = posterior.estimate(&posterior.state(&history), 0);
        prop_assert!((forwards.rating - backwards.rating).abs() < 1e-10);
    }
}
