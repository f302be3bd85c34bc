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
    Posterior { movies, factors, samples, user_noise: Vec::new() }
}

/// Returns a model with everything that a model may have.
fn rich(movies: usize, factors: usize, samples: u64) -> Posterior {
    let mut posterior = posterior(movies, factors, samples);
    for (sample, number) in posterior.samples.iter_mut().zip(100..) {
        let other = self::sample(movies, factors, number);
        sample.movie_precision = other.movie_bias.iter().map(|value| 1.0 + value).collect();
        sample.additions = [&other.movie_bias[..], &other.factors[..]].concat();
    }
    let value = |precision, probability| UserNoise { precision, probability };
    posterior.user_noise = vec![value(0.4, 0.3), value(1.0, 0.5), value(2.0, 0.2)];
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
fn the_weights_of_the_noise_are_those_of_the_likelihood_of_the_ratings() {
    // One rating, one sample, no factors: r = 3 + b + noise, b ~ N(0.2, 1/4), alpha g_i = 2 · 1.5.
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
    let user_noise = [(0.5, 0.25), (2.0, 0.75)].map(|(precision, probability)| UserNoise { precision, probability });
    let posterior = Posterior { movies: 1, factors: 0, samples: vec![sample], user_noise: user_noise.to_vec() };
    let density = |g: f64| {
        let variance = 1.0 / (3.0 * g) + 0.25;
        (-0.5 * (4.5f64 - 3.2).powi(2) / variance).exp() / variance.sqrt()
    };
    let joint = [0.25 * density(0.5), 0.75 * density(2.0)];
    let weights = joint.map(|one| one / (joint[0] + joint[1]));
    let g = 0.5 * weights[0] + 2.0 * weights[1];
    let state = posterior.state(&[(0, 4.5)]);
    assert!((state.noise() - 2.0 * weights[0] - 0.5 * weights[1]).abs() < 1e-12);
    // The conditional has the precision 4 + 3 g and the mean (4 · 0.2 + 3 g · 1.5) / (4 + 3 g).
    let estimate = posterior.estimate(&state, 0);
    assert!((estimate.rating - 3.0 - (0.8 + 4.5 * g) / (4.0 + 3.0 * g)).abs() < 1e-12);
    let variance = state.noise() / 3.0 + 1.0 / (4.0 + 3.0 * g);
    assert!((estimate.spread.powi(2) - variance).abs() < 1e-12);
}

#[test]
fn ratings_that_do_not_fit_make_noise_probable() {
    let posterior = rich(20, 2, 2);
    let noise = |history: &[(usize, f64)]| posterior.state(history).noise();
    let wild: Vec<_> = (0..20).map(|movie| (movie, if movie % 2 == 0 { 0.0 } else { 7.0 })).collect();
    let calm: Vec<_> = (0..20).map(|movie| (movie, 3.5)).collect();
    let prior = 0.3 / 0.4 + 0.5 + 0.2 / 2.0;
    assert!((noise(&[]) - prior).abs() < 1e-12);
    assert!(noise(&wild) > 2.4 && noise(&calm) < prior, "{} {}", noise(&wild), noise(&calm));
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
