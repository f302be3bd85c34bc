//! Tests of an evaluation, on ratings that were made up from two factors.

use std::cell::RefCell;

use bytes::Bytes;
use marquee_datasets::{Dataset, open, open_bytes};
use marquee_domain::{Movie, MovieId};
use marquee_eval::Verdict;

use super::*;

/// Returns the ratings of 60 users and 40 movies: half of the pairs, with taste and noise. Each is
/// user, movie, stars and seconds.
fn ratings() -> Vec<(u64, u64, u64, u64)> {
    let noise = |a: u64, b: u64| ((a * 2_654_435_761 + b * 40_503 + 17) % 1_009) as f64 / 1_009.0 - 0.5;
    let one = |number: u64| {
        let (user, movie) = (number * 7 % 60, (number * 11 + number / 60) % 40);
        let taste = noise(user, 1) * noise(movie, 2) * 8.0 + noise(user, 3) + noise(movie, 4);
        let stars = (3.0 + taste + noise(number, 5)).round().clamp(1.0, 5.0);
        (user, movie, stars as u64, 1_000 + number * 37)
    };
    (0..1_200).map(one).collect()
}

/// Returns the same as MovieLens 100K ships: with users, and folds by the number of the rating.
fn folder() -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().expect("a folder");
    let line = |(user, movie, stars, time): &(u64, u64, u64, u64)| format!("{user}\t{movie}\t{stars}\t{time}\n");
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).expect("written");
    let all = ratings();
    write("u.data", all.iter().map(line).collect());
    for fold in 0..5 {
        write(&format!("u{}.test", fold + 1), all.iter().skip(fold).step_by(5).map(line).collect());
    }
    let user = |user: u64| format!("{user}|{}|{}|other|0\n", 15 + user, if user.is_multiple_of(2) { "F" } else { "M" });
    write("u.user", (0..60).map(user).collect());
    let dataset = open(folder.path(), marquee_datasets::Options::default()).expect("a data set");
    (folder, dataset)
}

fn plan() -> EvaluationPlan {
    EvaluationPlan {
        algorithm: Algorithm::Map,
        parameters: FitParameters { factors: 4, sweeps: 10, ..FitParameters::default_of(Algorithm::Map) },
        seeds: 2,
        arms: Vec::new(),
        holdout: 0.2,
        folds: 3,
        retrain_every: Some(100),
        has_curve: true,
    }
}

#[derive(Default)]
struct Seen {
    fits: RefCell<Vec<(usize, usize)>>,
    parts: RefCell<Vec<Part>>,
    cancel_at: usize,
}

impl Watch for Seen {
    fn fitting(&self, number: usize, of: usize, _what: &str) {
        self.fits.borrow_mut().push((number, of));
    }

    fn measured(&self, part: &Part) {
        self.parts.borrow_mut().push(part.clone());
    }

    fn canceled(&self) -> bool {
        self.cancel_at > 0 && self.fits.borrow().len() >= self.cancel_at
    }
}

#[test]
fn every_arm_is_judged_with_every_seed_on_the_folds_of_the_set() {
    let (_folder, dataset) = folder();
    let data = Data::read(&dataset, None).expect("ratings");
    let side = Side::read(&dataset, data.snapshot.ratings()).expect("reads");
    assert_eq!(side.folds.as_ref().map(Vec::len), Some(data.snapshot.ratings().len()));
    let seen = Seen::default();
    let judged = evaluate(&data, &side, &plan(), &seen).expect("judged");
    let rows: Vec<(Arm, &str)> = judged.arms.iter().map(|row| (row.arm, row.name.as_str())).collect();
    assert_eq!(
        rows,
        [
            (Arm::Prequential, "prequential, strict"),
            (Arm::Prequential, "prequential, one rating after the other"),
            (Arm::Retrained, "retrained every 100 ratings, strict"),
            (Arm::Temporal, "temporal, nothing learned after the cut"),
            (Arm::Folds, "5 folds of the data set"),
        ]
    );
    for row in &judged.arms {
        assert_eq!(row.by_seed.len(), 2, "{}", row.name);
        assert!(row.rmse.mean > 0.2 && row.rmse.mean < 1.5 && row.bias_rmse > 0.2, "{row:?}");
        let mean = (row.by_seed[0] + row.by_seed[1]) / 2.0;
        assert!((row.rmse.mean - mean).abs() < 1e-12);
    }
    assert_eq!(judged.evaluation.rmse, judged.arms[0].by_seed[0]);
    assert_eq!(judged.arms[3].by_seed[0], judged.evaluation.frozen_rmse);
    assert_eq!(judged.arms[4].by_fold.len(), 5);
    assert!(judged.arms[0].coverage.len() == 3 && judged.arms[3].coverage.is_empty());
    // The fits are counted ahead: 2 before the cut, 3 of the curve, and 2 times the others.
    let fits = seen.fits.into_inner();
    let refits = judged.evaluation.ratings.div_ceil(100) as usize;
    assert_eq!(fits.len(), 2 + 3 + 2 * refits + 2 * 5);
    assert!(fits.iter().all(|(_, of)| *of == fits.len()), "{fits:?}");
    let curve: Vec<u64> = judged.curve.iter().map(|point| point.ratings).collect();
    assert_eq!((curve.len(), curve[0], curve[3]), (4, curve[3].div_ceil(8), 1_200 - judged.evaluation.ratings));
    let of_folds = seen.parts.into_inner().into_iter().filter(|part| part.fold.is_some()).count();
    assert_eq!(of_folds, 10);
    assert!(judged.catalog.is_some_and(|catalog| catalog.share > 0.0));
    assert!(judged.against_biases.is_some_and(|one| one.ratings == judged.evaluation.ratings));
}

#[test]
fn moods_are_an_arm_of_their_own_that_is_judged_if_it_is_asked_for() {
    let (_folder, dataset) = folder();
    let data = Data::read(&dataset, None).expect("ratings");
    let side = Side::read(&dataset, data.snapshot.ratings()).expect("reads");
    let parameters = FitParameters { factors: 2, sweeps: 6, burn_in: 3, samples: 3, seed: 1 };
    let algorithm = Algorithm::Bayes;
    let plan = EvaluationPlan { algorithm, parameters, arms: vec![Arm::Mood], has_curve: false, ..plan() };
    let seen = Seen::default();
    let judged = evaluate(&data, &side, &plan, &seen).expect("judged");
    let names: Vec<&str> = judged.arms.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["prequential with moods, strict", "prequential with moods, one rating after the other"]);
    assert!(judged.arms[0].coverage.len() == 3 && judged.arms[0].by_seed.len() == 2);
    assert_ne!(judged.arms[0].by_seed[0], judged.evaluation.rmse, "the page is about what serves");
    assert!(seen.parts.into_inner().iter().all(|part| part.arm == Arm::Mood));
    assert!(judged.notes.iter().any(|note| note.contains("changes no ranking")), "{:?}", judged.notes);
}

#[test]
fn moving_biases_of_movies_are_an_arm_of_their_own_that_is_judged_if_it_is_asked_for() {
    let (_folder, dataset) = folder();
    let data = Data::read(&dataset, None).expect("ratings");
    let side = Side::read(&dataset, data.snapshot.ratings()).expect("reads");
    let plan = EvaluationPlan { arms: vec![Arm::Prequential, Arm::MovieBias], has_curve: false, ..plan() };
    let seen = Seen::default();
    let judged = evaluate(&data, &side, &plan, &seen).expect("judged");
    let names: Vec<&str> = judged.arms.iter().map(|row| row.name.as_str()).collect();
    let moving = "prequential with moving biases of movies, strict";
    assert_eq!(names, ["prequential, strict", "prequential, one rating after the other", moving]);
    assert_eq!(judged.arms[0].by_seed[0], judged.evaluation.rmse, "the page is about what serves");
    assert_ne!(judged.arms[2].by_seed[0], judged.evaluation.rmse);
    let parts = seen.parts.into_inner();
    assert_eq!(parts.iter().filter(|part| part.arm == Arm::MovieBias).count(), 2);
    assert_eq!(parts.iter().filter(|part| part.arm == Arm::Prequential).count(), 2);
    assert!(judged.notes.iter().any(|note| note.contains("until the next training")), "{:?}", judged.notes);
}

#[test]
fn movies_that_are_new_after_the_cut_are_expected_to_be_like_others_of_their_genres() {
    let mut text = "userId,movieId,rating,timestamp\n".to_owned();
    let is_good = |movie: u64| movie.is_multiple_of(2);
    for number in 0..1_000_u64 {
        // A movie is rated for some time only, so those after the cut are new.
        let (user, movie) = (number * 7 % 30, number / 20);
        text.push_str(&format!("{user},{movie},{},{}\n", if is_good(movie) { 5 } else { 2 }, 1_000 + number * 37));
    }
    let dataset = open_bytes("ratings.csv", Bytes::from(text), marquee_datasets::Options::default()).expect("opens");
    let data = Data::read(&dataset, None).expect("ratings");
    let side = Side::read(&dataset, data.snapshot.ratings()).expect("reads");
    let movie = |movie: u64| Movie {
        id: MovieId::try_new(&movie.to_string()).expect("an id"),
        title: String::new(),
        year: None,
        genres: vec![if is_good(movie) { "Drama" } else { "Horror" }.to_owned()],
    };
    let with_genres = Side { movies: (0..50).map(movie).collect(), ..side.clone() };
    let plan = EvaluationPlan { arms: vec![Arm::Temporal], seeds: 1, has_curve: false, ..plan() };
    let error = |side: &Side| evaluate(&data, side, &plan, &()).expect("judged").arms[0].rmse.mean;
    let (with, without) = (error(&with_genres), error(&side));
    assert!(with < 0.7 * without, "{with} with genres, {without} without");
}

#[test]
fn users_are_judged_by_gender_and_age_where_the_set_knows_them() {
    let (_folder, dataset) = folder();
    let data = Data::read(&dataset, None).expect("ratings");
    let side = Side::read(&dataset, data.snapshot.ratings()).expect("reads");
    let plan = EvaluationPlan { arms: vec![Arm::Prequential], seeds: 1, has_curve: false, ..plan() };
    let judged = evaluate(&data, &side, &plan, &()).expect("judged");
    let names = |dimension: &str| -> Vec<&str> {
        let slices = judged.evaluation.slices.iter().filter(|slice| slice.dimension == dimension);
        slices.map(|slice| slice.name.as_str()).collect()
    };
    assert_eq!(names("gender"), ["female", "male"]);
    assert!(names("age").contains(&"18–24") && names("age").contains(&"56 and over"), "{:?}", names("age"));
    let gender = judged.evaluation.slices.iter().filter(|slice| slice.dimension == "gender");
    assert!(gender.into_iter().all(|slice| slice.bias_verdict != Verdict::Unknown));
    assert!(!judged.notes.iter().any(|note| note.contains("gender")), "{:?}", judged.notes);
}

#[test]
fn a_set_without_times_is_judged_by_random_folds_and_says_so() {
    let mut text = "userId,movieId,rating\n".to_owned();
    ratings().iter().for_each(|(user, movie, stars, _)| text.push_str(&format!("{user},{movie},{stars}\n")));
    let dataset = open_bytes("ratings.csv", Bytes::from(text), marquee_datasets::Options::default()).expect("opens");
    let data = Data::read(&dataset, None).expect("ratings");
    let side = Side::read(&dataset, data.snapshot.ratings()).expect("reads");
    let judged = evaluate(&data, &side, &plan(), &()).expect("judged");
    assert!(!judged.has_times && judged.arms.len() == 1 && judged.arms[0].name == "3 random folds");
    assert_eq!(judged.evaluation.ratings as usize, data.snapshot.ratings().len());
    for words in ["have no times", "nothing about its users"] {
        assert!(judged.notes.iter().any(|note| note.contains(words)), "{words}: {:?}", judged.notes);
    }
    let plan = EvaluationPlan { arms: vec![Arm::Folds, Arm::Temporal], ..plan() };
    let refused = evaluate(&data, &side, &plan, &()).expect_err("no times").to_string();
    assert!(refused.starts_with("temporal needs ratings with times"), "{refused}");
}

#[test]
fn what_cannot_be_judged_is_named_and_a_cancellation_ends_it() {
    let (_folder, dataset) = folder();
    let data = Data::read(&dataset, None).expect("ratings");
    let side = Side::read(&dataset, data.snapshot.ratings()).expect("reads");
    let few = EvaluationPlan { holdout: 1e-9, ..plan() };
    let refused = evaluate(&data, &side, &few, &()).expect_err("nothing is held out").to_string();
    assert!(refused.starts_with("holdout: "), "{refused}");
    let one = EvaluationPlan { folds: 1, arms: vec![Arm::Folds], ..plan() };
    let side = Side { folds: None, ..side };
    let refused = evaluate(&data, &side, &one, &()).expect_err("one fold").to_string();
    assert!(refused.starts_with("folds: ") && refused.contains("give 2 or more folds"), "{refused}");
    let stop = Seen { cancel_at: 2, ..Seen::default() };
    assert!(matches!(evaluate(&data, &side, &plan(), &stop), Err(EvaluateError::Canceled)));
}

#[test]
fn the_report_has_every_part_and_is_small() {
    let (folder, dataset) = folder();
    let data = Data::read(&dataset, None).expect("ratings");
    let side = Side::read(&dataset, data.snapshot.ratings()).expect("reads");
    let judged = evaluate(&data, &side, &plan(), &()).expect("judged");
    let page = judged.write(&folder.path().join("new/report")).expect("written");
    let html = std::fs::read_to_string(&page).expect("a page");
    for part in [
        "Learning curve of a user",
        "Learning curve of the model",
        "Over time: RMSE",
        "Reliability of the spread",
        "prediction minus rating",
        "gender: female",
        "age: 18–24",
        "Against user and movie biases",
        "5 folds of the data set",
        "coverage of the catalog",
    ] {
        assert!(html.contains(part), "{part} is not in the page");
    }
    assert!(html.len() < 1_000_000 && !html.contains("NaN"), "{} bytes", html.len());
    let short = std::fs::read_to_string(page.with_file_name("report.md")).expect("a short form");
    assert!(short.contains("| prequential, strict |") && short.contains(" ± "), "{short}");
    assert!(short.len() < 60_000, "{} bytes", short.len());
    let json = serde_json::to_value(&judged).expect("JSON");
    assert_eq!(json["arms"][0]["arm"], "prequential");
    assert_eq!(json["seeds"].as_array().map(Vec::len), Some(2));
}
