//! Evaluations whose numbers are known by hand.

use super::*;
use crate::testing::{biases, index, rating};

fn stars() -> Scale {
    Scale::try_new(1.0, 5.0, 1.0).unwrap()
}

fn judge(bias: f64, past: &[Rating], future: &[Rating]) -> Evaluation {
    judge_with(bias, past, future, &Options::new(stars()))
}

/// Biases only: offset 3, noise and prior of precision 1, movies x and y of bias `bias`.
fn judge_with(bias: f64, past: &[Rating], future: &[Rating], options: &Options<'_>) -> Evaluation {
    let index = index(&["x", "y"]);
    prequential(&biases(2, bias), &index, past, future, options).evaluation(options)
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
fn ratings_of_one_instant_are_predicted_before_any_of_them_is_learned() {
    let future = [rating("b", "x", 5.0, 3), rating("b", "y", 5.0, 3)];
    let evaluation = judge(0.0, &[], &future);
    // Both are predicted as 3. One by one, the second is predicted as 3 + 2 / 2 = 4.
    assert!(close(evaluation.rmse, 2.0) && close(evaluation.mae, 2.0));
    let one_by_one = evaluation.one_by_one.unwrap();
    assert!(close(one_by_one.rmse, 2.5f64.sqrt()) && close(one_by_one.mae, 1.5));
    assert_eq!(evaluation.by_history[0].ratings, 2, "the first instant has no history");
    // After the instant, both are known: 3 + 4 / 3.
    let next = rating("b", "z", 5.0, 4);
    let [all, without] = [&[future[0].clone(), future[1].clone(), next][..], &future]
        .map(|future| evaluate(&biases(3, 0.0), &index(&["x", "y", "z"]), &[], future, stars()));
    assert!(close(all.mae * 3.0 - without.mae * 2.0, 5.0 - 13.0 / 3.0));
}

#[test]
fn the_strict_figure_does_not_depend_on_the_order_of_an_instant() {
    let swapped = |first: f64, second: f64| {
        judge(0.0, &[], &[rating("b", "x", first, 3), rating("b", "y", second, 3), rating("c", "x", 2.0, 4)])
    };
    let (one, other) = (swapped(5.0, 1.0), swapped(1.0, 5.0));
    assert_eq!((one.rmse, one.mae), (other.rmse, other.mae));
}

#[test]
fn only_the_newest_ratings_are_used() {
    let past = [rating("a", "x", 1.0, 1), rating("a", "y", 5.0, 2)];
    let options = Options { history: History { limit: 1 }, ..Options::new(stars()) };
    // One rating of 5: 3 + 2 / 2 = 4. Both ratings would give 3.
    let evaluation = judge_with(0.0, &past, &[rating("a", "x", 4.0, 3)], &options);
    assert!(close(evaluation.mae, 0.0) && close(evaluation.frozen_rmse, 0.0));
    assert_eq!(evaluation.history_limit, 1);
}

#[test]
fn ratings_that_are_off_the_scale_are_left_out_and_counted() {
    let wrong = [f64::NAN, f64::INFINITY, 0.0, 9.0];
    let future: Vec<Rating> = (0..).zip(wrong).map(|(at, value)| rating("b", "x", value, at)).collect();
    let evaluation = judge(0.0, &future, &future);
    assert_eq!((evaluation.ratings, evaluation.users, evaluation.left_out), (0, 0, 4));
    let beside: Vec<Rating> = future.into_iter().chain([rating("b", "x", 4.0, 9)]).collect();
    let evaluation = judge(0.0, &beside[..4], &beside);
    assert_eq!((evaluation.ratings, evaluation.mae, evaluation.left_out), (1, 1.0, 4));
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

#[test]
fn a_file_of_an_older_version_is_read() {
    let json = r#"{"ratings":2,"rmse":1.5,"mae":1.0,"frozen_rmse":2.0,"nll":1.2,"users":1,"new_users":1,
        "unseen_movies":{"name":"unseen movies","ratings":0,"rmse":0.0,"frozen_rmse":0.0},"by_history":[],
        "coverage":[{"nominal":0.5,"actual":0.4}],"histogram":[1,1],"calibration":[],"residuals":[0,2]}"#;
    let evaluation: Evaluation = serde_json::from_str(json).unwrap();
    assert_eq!((evaluation.rmse, evaluation.one_by_one, evaluation.history_limit), (1.5, None, 0));
}

#[test]
fn the_mean_over_users_weighs_users_equally() {
    // Errors of 2 and then, after learning, of 1; and of 0.
    let future = [rating("b", "x", 5.0, 3), rating("b", "y", 5.0, 4), rating("c", "x", 3.0, 3)];
    let per_user = judge(0.0, &[], &future).per_user.unwrap();
    assert!(close(per_user.mae, 0.75) && close(per_user.rmse, 2.5f64.sqrt() / 2.0));
}

#[test]
fn constant_ratings_of_one_user_survive_json() {
    let future: Vec<Rating> = (0..4).map(|at| rating("b", ["x", "y"][at % 2], 3.0, at as i64)).collect();
    let evaluation = judge(0.0, &[], &future[..2]);
    assert_eq!((evaluation.rmse, evaluation.slices[0].rmse_interval), (0.0, None));
    assert_eq!(evaluation.ranking.as_ref().unwrap().fcp, None);
    let json = serde_json::to_string(&evaluation).unwrap();
    assert_eq!(serde_json::from_str::<Evaluation>(&json).unwrap(), evaluation);
    assert!(!json.contains("NaN") && evaluation.windows.len() == 1);
}
