//! Tests of the search, on ratings that were made up from two factors.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use marquee_datasets::{Options, open_bytes};
use tempfile::TempDir;

use super::*;
use crate::folds::Order;

/// Returns ratings of 60 users and 40 movies: half of the pairs, with taste and noise.
fn data(has_times: bool) -> Data {
    let mut text = format!("userId,movieId,rating{}\n", if has_times { ",timestamp" } else { "" });
    let noise = |a: u64, b: u64| ((a * 2_654_435_761 + b * 40_503 + 17) % 1_009) as f64 / 1_009.0 - 0.5;
    for number in 0..1_200_u64 {
        let (user, movie) = (number * 7 % 60, (number * 11 + number / 60) % 40);
        let taste = noise(user, 1) * noise(movie, 2) * 8.0 + noise(user, 3) + noise(movie, 4);
        let stars = (3.0 + taste + noise(number, 5)).round().clamp(1.0, 5.0);
        let time = if has_times { format!(",{number}") } else { String::new() };
        text.push_str(&format!("{user},{movie},{stars}{time}\n"));
    }
    let dataset = open_bytes("ratings.csv", Bytes::from(text), Options::default()).expect("a data set");
    Data::read(&dataset, None).expect("ratings")
}

const SPACE: &str = "
    [parameters.factors]\ntype='int'\nlow=1\nhigh=8
    [parameters.sweeps]\ntype='int'\nlow=5\nhigh=20\nstep=5";

fn plan(folder: &TempDir) -> Plan {
    Plan {
        algorithm: Algorithm::Map,
        space: Space::parse(SPACE).expect("a space"),
        trials: 14,
        workers: 1,
        sampler: Sampler::default(),
        pruning: Pruning::Never,
        folds: Folds { outer: 2, inner: 2, share: 0.15, order: Order::Time },
        seed: 3,
        folder: folder.path().to_owned(),
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[derive(Debug, Default)]
struct Watch {
    /// Cancel after this many trials, if it is not 0.
    cancel_after: usize,
    ended: AtomicUsize,
    folds: Mutex<Vec<(usize, usize)>>,
    judged: AtomicUsize,
}

impl Progress for Watch {
    fn fold(&self, fold: usize, done: usize) {
        self.folds.lock().expect("no panic").push((fold, done));
    }

    fn advanced(&self, _trial: u64, share: f64) {
        assert!(share > 0.0 && share < 1.0 + 1e-9, "{share}");
    }

    fn ended(&self, trial: &Record, best: Option<&Record>) {
        if !trial.interrupted {
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
        assert!(best.is_none() || best.is_some_and(|best| best.value.is_some()));
    }

    fn judging(&self, _values: &Values) {
        self.judged.fetch_add(1, Ordering::Relaxed);
    }

    fn canceled(&self) -> bool {
        self.cancel_after > 0 && self.ended.load(Ordering::Relaxed) >= self.cancel_after
    }
}

#[test]
fn each_outer_fold_has_its_own_choice_and_both_figures() {
    let (folder, data, watch) = (folder(), data(true), Watch::default());
    let outcome = tune(&data, &plan(&folder), &watch).expect("an outcome");
    assert_eq!((outcome.ratings, outcome.by_fold.len(), outcome.algorithm), (1_200, 2, "map"));
    assert_eq!(watch.folds.into_inner().expect("no panic"), [(0, 0), (1, 0)]);
    for fold in &outcome.by_fold {
        assert_eq!(fold.trials, Counts { complete: 14, pruned: 0, failed: 0 });
        assert_eq!(plan(&folder).space.check(&fold.chosen), Ok(()));
        assert!([fold.inner_rmse, fold.outer_rmse, fold.default_rmse].iter().all(|rmse| (0.3..2.0).contains(rmse)));
        let best = fold.records.iter().filter_map(|record| record.value).fold(f64::INFINITY, f64::min);
        assert_eq!(best, fold.inner_rmse, "the smallest inner error is chosen");
        // 14 trials of a space with 32 values repeat some, and all repetitions agree.
        for record in &fold.records {
            let same = fold.records.iter().filter(|other| other.values == record.values);
            assert!(same.map(|other| other.value).all(|value| value == record.value));
        }
    }
    assert_eq!(outcome.best, outcome.by_fold[1].chosen);
    let mean = (outcome.by_fold[0].outer_rmse + outcome.by_fold[1].outer_rmse) / 2.0;
    assert!((outcome.outer_rmse - mean).abs() < 1e-12);

    let page = crate::write(folder.path(), &outcome, &plan(&folder).space).expect("written");
    let html = std::fs::read_to_string(page).expect("a page");
    assert!(html.contains("Fold 2") && html.contains("RMSE of the default") && html.len() < 1_000_000);
    assert!(!html.contains("<script") && !html.contains("http"), "the page is one file");
    assert!(folder.path().join("fold-2-slice-factors.svg").is_file());
}

#[test]
fn a_canceled_search_goes_on_to_the_same_outcome() {
    let data = data(true);
    let whole = folder();
    let wanted = tune(&data, &plan(&whole), &()).expect("an outcome");
    let halted = folder();
    let cancel = Watch { cancel_after: 9, ..Watch::default() };
    let error = tune(&data, &plan(&halted), &cancel).expect_err("canceled");
    assert!(matches!(error, TuneError::Canceled), "{error:?}");
    let watch = Watch::default();
    let found = tune(&data, &plan(&halted), &watch).expect("an outcome");
    assert_eq!(watch.folds.into_inner().expect("no panic")[0], (0, 9));
    assert_eq!(found.by_fold[1].chosen, wanted.by_fold[1].chosen, "the second fold was not interrupted");
    assert_eq!(found.by_fold[0].trials, wanted.by_fold[0].trials);
    // Nothing is fitted again when everything is known.
    let again = Watch::default();
    let same = tune(&data, &plan(&halted), &again).expect("an outcome");
    assert_eq!((again.ended.into_inner(), same.best), (0, found.best));
}

#[test]
fn pruning_ends_trials_early_and_random_folds_need_no_times() {
    let data = data(false);
    assert!(!data.has_times);
    for pruning in [Pruning::Median, Pruning::Hyperband] {
        let folder = folder();
        let folds = Folds { outer: 1, inner: 3, share: 0.2, order: Order::Random };
        let plan = Plan { pruning, folds, trials: 24, workers: 2, ..plan(&folder) };
        let outcome = tune(&data, &plan, &()).expect("an outcome");
        let Counts { complete, pruned, failed } = outcome.by_fold[0].trials;
        assert_eq!((complete + pruned, failed), (24, 0), "{pruning:?}");
        assert!(pruned > 0 && complete > 0, "{pruning:?}: {complete} complete");
    }
}

#[test]
fn what_cannot_be_searched_is_a_clear_error() {
    let (data, place) = (data(true), folder());
    let foreign = Space::parse("[parameters.rate]\ntype='int'\nlow=1\nhigh=2").expect("a space");
    let error = tune(&data, &Plan { space: foreign, ..plan(&place) }, &()).expect_err("a foreign parameter");
    assert!(with_source(&error).contains("parameters.rate: is not a parameter of a fit"), "{error:?}");
    let wide = Space::parse("[parameters.factors]\ntype='int'\nlow=1000\nhigh=2000").expect("a space");
    let error = tune(&data, &Plan { space: wide, trials: 3, ..plan(&place) }, &()).expect_err("no trial");
    assert!(error.to_string().contains("factors is out of range"), "{error}");
    let error = tune(&data, &plan(&place), &()).expect_err("another space");
    assert!(with_source(&error).contains("another search space"), "{error:?}");
    let folds = Folds { outer: 9, ..plan(&place).folds };
    let error = tune(&data, &Plan { folds, ..plan(&place) }, &()).expect_err("too many folds");
    assert!(with_source(&error).contains("folds: 9 folds"), "{error:?}");
}
