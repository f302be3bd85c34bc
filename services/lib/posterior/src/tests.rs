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
    }
}

fn posterior(movies: usize, factors: usize, samples: u64) -> Posterior {
    Posterior { movies, factors, samples: (0..samples).map(|seed| sample(movies, factors, seed)).collect() }
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
    };
    let posterior = Posterior { movies: 2, factors: 0, samples: vec![sample] };
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

proptest! {
    #[test]
    fn learning_one_by_one_equals_recomputing(history in prop::collection::vec((0usize..20, 1u8..=5), 0..40), factors in 0usize..6) {
        let posterior = posterior(20, factors, 3);
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
    }

    #[test]
    fn the_order_of_a_history_does_not_matter(history in prop::collection::vec((0usize..20, 1u8..=5), 0..40)) {
        let posterior = posterior(20, 4, 2);
        let mut history: Vec<_> = history.into_iter().map(|(movie, stars)| (movie, f64::from(stars))).collect();
        let forwards = posterior.estimate(&posterior.state(&history), 0);
        history.reverse();
        let backwards = posterior.estimate(&posterior.state(&history), 0);
        prop_assert!((forwards.rating - backwards.rating).abs() < 1e-10);
    }
}
