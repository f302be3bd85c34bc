//! Evaluations whose numbers are known by hand.

use marquee_domain::{MovieId, Timestamp};
use marquee_posterior::Sample;

use super::*;

fn rating(user: &str, movie: &str, value: f64, at: i64) -> Rating {
    Rating {
        user: UserId::try_new(user).unwrap(),
        movie: MovieId::try_new(movie).unwrap(),
        value,
        rated_at: Timestamp::from_seconds(at),
    }
}

/// Biases only: offset 3, noise and prior of precision 1, movies x and y of bias `bias`.
fn judge(bias: f64, past: &[Rating], future: &[Rating]) -> Evaluation {
    let ids = ["x", "y"].map(|id| MovieId::try_new(id).unwrap());
    let index = MovieIndex::new(ids.iter());
    let sample = Sample {
        offset: 3.0,
        noise_precision: 1.0,
        prior_mean: vec![0.0],
        prior_precision: vec![1.0],
        movie_bias: vec![bias; 2],
        factors: Vec::new(),
        ..Sample::default()
    };
    let posterior = Posterior { movies: 2, factors: 0, samples: vec![sample], ..Posterior::default() };
    evaluate(&posterior, &index, past, future, Scale::try_new(1.0, 5.0, 1.0).unwrap())
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

#[test]
fn every_rating_is_predicted_before_it_is_learned() {
    let past = [rating("a", "x", 3.0, 1), rating("a", "y", 3.0, 2)];
    // A stranger: 3, then after learning 5: 3 + 2 / 2 = 4.
    let evaluation = judge(0.0, &past, &[rating("b", "x", 5.0, 3), rating("b", "y", 5.0, 4)]);
    assert_eq!((evaluation.ratings, evaluation.users, evaluation.new_users), (2, 1, 1));
    assert!(close(evaluation.mae, 1.5) && close(evaluation.rmse, 2.5f64.sqrt()) && close(evaluation.frozen_rmse, 2.0));
    let slices: Vec<(&str, u64)> = evaluation.by_history.iter().map(|s| (s.name.as_str(), s.ratings)).collect();
    assert_eq!(slices, [("0", 1), ("1–4", 1), ("5–19", 0), ("20–49", 0), ("50+", 0)]);
    // Deviations 2 and 1 at variances 2 and 1.5: inside 50 % none, 80 % the second, 90 % both.
    assert_eq!(evaluation.coverage.iter().map(|interval| interval.actual).collect::<Vec<_>>(), [0.0, 0.5, 1.0]);
    let density =
        |error: f64, variance: f64| 0.5 * (error * error / variance + (std::f64::consts::TAU * variance).ln());
    assert!(close(evaluation.nll, (density(2.0, 2.0) + density(1.0, 1.5)) / 2.0));
}

#[test]
fn a_movie_outside_the_model_is_predicted_as_the_users_mean_and_counted_apart() {
    let past = [rating("a", "x", 2.0, 1), rating("a", "y", 4.0, 1), rating("c", "x", 5.0, 1)];
    let evaluation = judge(0.0, &past, &[rating("a", "new", 5.0, 2), rating("z", "new", 4.0, 2)]);
    // The user's mean is 3; a stranger's is the past's, 11 / 3.
    assert!(close(evaluation.mae, (2.0 + 1.0 / 3.0) / 2.0));
    assert_eq!((evaluation.unseen_movies.ratings, evaluation.nll), (2, 0.0));
}

#[test]
fn a_movie_of_the_model_without_ratings_is_unseen_too() {
    let evaluation = judge(0.0, &[rating("a", "x", 3.0, 1)], &[rating("a", "y", 3.0, 2), rating("b", "x", 3.0, 3)]);
    assert_eq!((evaluation.unseen_movies.ratings, evaluation.ratings), (1, 2));
}

#[test]
fn predictions_are_clipped_to_the_scale() {
    assert!(close(judge(9.0, &[], &[rating("b", "x", 4.0, 2)]).mae, 1.0));
}

#[test]
fn every_rating_is_in_one_bin_of_each_picture() {
    let future: Vec<Rating> =
        (0..40).map(|i| rating(["a", "b", "c"][i % 3], ["x", "y"][i % 2], (i % 5) as f64 + 1.0, i as i64)).collect();
    let evaluation = judge(0.0, &[], &future);
    assert_eq!(evaluation.histogram, [8; 5]);
    assert_eq!(evaluation.calibration.iter().map(|bin| bin.ratings).sum::<u64>(), 40);
    assert_eq!(evaluation.residuals.iter().sum::<u64>(), 40);
    assert_eq!(evaluation.by_history.iter().map(|slice| slice.ratings).sum::<u64>(), 40);
}

#[test]
fn an_evaluation_of_nothing_is_zeros_and_survives_json() {
    let evaluation = judge(0.0, &[], &[]);
    assert_eq!((evaluation.ratings, evaluation.rmse, evaluation.nll), (0, 0.0, 0.0));
    let json = serde_json::to_string(&evaluation).unwrap();
    assert_eq!(serde_json::from_str::<Evaluation>(&json).unwrap(), evaluation);
}
