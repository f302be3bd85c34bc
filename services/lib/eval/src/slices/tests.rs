//! Slices whose numbers are known by hand.

use std::collections::{BTreeMap, HashMap};

use marquee_domain::{MovieId, Scale, UserId};

use super::*;
use crate::testing::{outcome, outcomes};
use crate::{Attributes, Bootstrap, Normal, Outcome};

fn options() -> Options<'static> {
    Options::new(Scale::try_new(1.0, 5.0, 1.0).unwrap())
}

fn find<'a>(all: &'a [SliceFigures], dimension: &str, name: &str) -> &'a SliceFigures {
    let names: Vec<_> = all.iter().map(|slice| (&slice.dimension, &slice.name)).collect();
    let found = all.iter().find(|slice| (slice.dimension.as_str(), slice.name.as_str()) == (dimension, name));
    found.unwrap_or_else(|| panic!("{dimension} {name} is not in {names:?}"))
}

#[test]
fn every_rating_is_in_one_slice_of_each_dimension() {
    let list = (0..60u32).map(|n| Outcome {
        history: n,
        user_past: n % 3,
        movie_past: n % 4,
        ..outcome(n % 6, n, f64::from(n % 5) + 1.0, 3.0)
    });
    let all = slices(&outcomes(list.collect()), &options());
    let mut by_dimension: BTreeMap<&str, u64> = BTreeMap::new();
    all.iter().for_each(|slice| *by_dimension.entry(&slice.dimension).or_default() += slice.ratings);
    let dimensions = ["activity", "all", "history", "movies", "popularity", "rating", "users"];
    assert_eq!(by_dimension, dimensions.map(|dimension| (dimension, 60)).into());
    assert_eq!(find(&all, "history", "20–49").ratings, 30);
    assert_eq!(find(&all, "movies", "new").ratings, 15);
    assert_eq!(find(&all, "rating", "5").bias, -2.0);
    assert!(all.iter().all(|slice| slice.ratings > 0));
}

#[test]
fn errors_and_their_difference_to_the_rest_by_hand() {
    // New users are predicted 1 too high, the others 2 too low.
    let one = |user: u32, past, error| Outcome { user_past: past, ..outcome(user, user, 3.0, 3.0 + error) };
    let list = outcomes(vec![one(0, 0, 1.0), one(1, 0, 1.0), one(2, 5, -2.0), one(3, 5, -2.0), one(4, 5, -2.0)]);
    let all = slices(&list, &options());
    let new = find(&all, "users", "new");
    assert_eq!((new.ratings, new.users, new.rmse, new.bias), (2, 2, 1.0, 1.0));
    assert_eq!((new.rmse_to_rest, new.coverage_80), (Some(-1.0), Some(1.0)));
    // No resample changes errors that are all equal.
    assert_eq!(new.bias_interval, Some(Range { lower: 1.0, upper: 1.0 }));
    assert_eq!((new.bias_verdict, new.rmse_verdict), (Verdict::Above, Verdict::Below));
    let known = find(&all, "users", "known");
    assert_eq!((known.bias_verdict, known.rmse_verdict), (Verdict::Below, Verdict::Above));
    assert_eq!((known.coverage_80, known.rmse_to_rest), (Some(0.0), Some(1.0)));
    assert!(new.is_biased() && known.is_biased());
    let whole = &all[0];
    assert_eq!((whole.dimension.as_str(), whole.ratings, whole.rmse_to_rest), ("all", 5, None));
    assert!((whole.bias + 0.8).abs() < 1e-12 && whole.rmse_verdict == Verdict::Unknown);
    let range = whole.rmse_interval.unwrap();
    assert!(range.lower < whole.rmse && whole.rmse < range.upper);
    // By rating there is no verdict, whatever the error.
    assert_eq!(find(&all, "rating", "3").bias_verdict, Verdict::Unknown);
}

#[test]
fn genres_and_groups_are_slices() {
    let movies = ["m0", "m1"].map(|id| MovieId::try_new(id).unwrap());
    let genres = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let users: HashMap<UserId, String> =
        [("u0", "f"), ("u1", "m"), ("u9", "m")].map(|(id, value)| (UserId::try_new(id).unwrap(), value.into())).into();
    let attributes = Attributes {
        genres: [(movies[0].clone(), genres(&["Comedy", "Drama"])), (movies[1].clone(), genres(&["Drama"]))].into(),
        groups: [("gender".to_owned(), users)].into(),
    };
    let list = outcomes(vec![outcome(0, 0, 3.0, 4.0), outcome(1, 1, 3.0, 3.0), outcome(2, 1, 3.0, 3.0)]);
    let all = slices(&list, &Options { attributes: Some(&attributes), ..options() });
    let counts = |dimension: &str| -> Vec<(&str, u64)> {
        let own = all.iter().filter(|slice| slice.dimension == dimension);
        own.map(|slice| (slice.name.as_str(), slice.ratings)).collect()
    };
    assert_eq!(counts("genre"), [("Comedy", 1), ("Drama", 3)]);
    assert_eq!(counts("gender"), [("f", 1), ("m", 1)], "a user without a value is in no group");
    assert_eq!(find(&all, "genre", "Comedy").bias, 1.0);
    assert_eq!(find(&all, "genre", "Comedy").bias_interval, None, "it has one user");
}

#[test]
fn rare_values_share_a_slice() {
    let movie = |number: u32| MovieId::try_new(&format!("m{number}")).unwrap();
    let genres = (0..100).map(|number| (movie(number), vec![format!("g{number:03}")])).collect();
    let attributes = Attributes { genres, ..Attributes::default() };
    // The first movie has two ratings.
    let mut list: Vec<Outcome> = (0..100).map(|number| outcome(0, number, 3.0, 3.0)).collect();
    list.push(outcome(1, 0, 3.0, 3.0));
    let all = slices(&outcomes(list), &Options { attributes: Some(&attributes), ..options() });
    let own: Vec<_> = all.iter().filter(|slice| slice.dimension == "genre").collect();
    assert_eq!((own.len(), own[0].name.as_str(), own[0].ratings), (65, "g000", 2));
    assert_eq!((own[64].name.as_str(), own[64].ratings), ("other", 36));
}

#[test]
fn long_scales_have_ranges() {
    let list = outcomes(vec![outcome(0, 0, 0.0, 0.0), outcome(0, 1, 10.0, 0.0), outcome(0, 2, 100.0, 0.0)]);
    let all = slices(&list, &Options::new(Scale::try_new(0.0, 100.0, 1.0).unwrap()));
    let names: Vec<_> = all.iter().filter(|slice| slice.dimension == "rating").map(|slice| &slice.name).collect();
    assert_eq!(names, ["0–10", "10–20", "90–100"]);
    let halves =
        slices(&outcomes(vec![outcome(0, 0, 0.3, 0.0)]), &Options::new(Scale::try_new(0.1, 0.5, 0.1).unwrap()));
    assert_eq!(halves.iter().find(|slice| slice.dimension == "rating").unwrap().name, "0.3");
}

#[test]
fn nothing_and_one_user_have_a_defined_result() {
    assert!(slices(&outcomes(Vec::new()), &options()).is_empty());
    let outside = Outcome { normal: None, ..outcome(0, 0, 3.0, 4.0) };
    let one = slices(&outcomes(vec![outside]), &options());
    assert!(one.iter().all(|slice| slice.rmse_interval.is_none() && slice.bias_verdict == Verdict::Unknown));
    assert!(one.iter().all(|slice| slice.coverage_80.is_none() && slice.rmse == 1.0));
}

#[test]
fn intervals_depend_on_the_seed_only() {
    let list = (0..200u32).map(|n| Outcome {
        normal: Some(Normal { mean: 3.0, spread: 0.5 + f64::from(n % 7) / 7.0 }),
        ..outcome(n % 20, n, f64::from(n * 7 % 5) + 1.0, 3.0)
    });
    let list = outcomes(list.collect());
    let with = |seed| slices(&list, &Options { bootstrap: Bootstrap { resamples: 200, seed }, ..options() });
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}
