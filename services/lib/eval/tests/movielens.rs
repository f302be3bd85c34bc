//! Accuracy and speed on MovieLens 100K, as in serving: users' states are computed from their
//! histories by `Posterior::state`, never taken from the fit. Run with `--nocapture` to see the
//! tables.

use std::path::PathBuf;
use std::time::Instant;

use marquee_domain::{MovieId, Offset, Rating, RatingEvent, Scale, Timestamp, UserId};
use marquee_eval::{Evaluation, Folds, History, Method, Options, catalog_coverage, evaluate, has_times, kfold};
use marquee_fit::{Algorithm, FitParameters, Fold, MovieIndex, Ratings, fit};

const USERS: usize = 943;
const MOVIES: usize = 1_682;

/// Returns the folder of MovieLens 100K, or `None` where it is absent. It must not be absent in CI
/// with the data beside the checkout.
fn data() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data");
    let data = std::env::var_os("MARQUEE_TEST_DATA").map_or_else(|| beside.clone(), PathBuf::from);
    let set = data.join("ml-100k");
    if set.join("u1.base").is_file() && set.join("u.data").is_file() {
        return Some(set);
    }
    let must = std::env::var("CI").is_ok_and(|value| value == "true") && beside.is_dir();
    assert!(!must, "CI must not skip: {} lacks MovieLens 100K", data.display());
    eprintln!("skipped: data set ml-100k not found");
    None
}

/// Lines of user, movie, stars and seconds.
fn read(path: PathBuf) -> Vec<(u32, u32, f64, i64)> {
    let text = std::fs::read_to_string(path).expect("a data set that ships is readable");
    text.lines()
        .map(|line| {
            let fields: Vec<i64> = line.split('\t').map(|field| field.parse().expect("a number")).collect();
            (fields[0] as u32, fields[1] as u32, fields[2] as f64, fields[3])
        })
        .collect()
}

/// Returns RMSE and MAE of clipped predictions, and the seconds of the fit.
fn judge(ratings: &Ratings, algorithm: Algorithm, test: &[(u32, u32, f64)]) -> (f64, f64, f64) {
    let started = Instant::now();
    let posterior = fit(ratings, algorithm, &FitParameters::default_of(algorithm), &mut ()).expect("fits");
    let seconds = started.elapsed().as_secs_f64();
    let states: Vec<_> = (0..USERS)
        .map(|user| {
            let (movies, values) = ratings.by_user().row(user);
            let history = movies.iter().zip(values).map(|(&movie, &value)| (movie as usize, f64::from(value)));
            posterior.state(&history.collect::<Vec<_>>())
        })
        .collect();
    let (mut squares, mut absolute) = (0.0, 0.0);
    for &(user, movie, value) in test {
        let predicted = posterior.estimate(&states[user as usize], movie as usize).rating;
        let error = predicted.clamp(1.0, 5.0) - value;
        squares += error * error;
        absolute += error.abs();
    }
    let count = test.len() as f64;
    ((squares / count).sqrt(), absolute / count, seconds)
}

#[test]
fn the_five_folds_are_predicted_as_well_as_the_literature_does() {
    let Some(data) = data() else { return };
    let algorithms = [(Algorithm::Bias, 0.950), (Algorithm::Map, 0.893), (Algorithm::Bayes, 0.879)];
    for (algorithm, bar) in algorithms {
        let mut mean = 0.0;
        for fold in 1..=5 {
            let part = |name: &str| -> Vec<(u32, u32, f64)> {
                let lines = read(data.join(format!("u{fold}.{name}")));
                lines.into_iter().map(|(user, movie, value, _)| (user - 1, movie - 1, value)).collect()
            };
            let ratings = Ratings::try_new(USERS, MOVIES, part("base")).unwrap();
            let (rmse, mae, seconds) = judge(&ratings, algorithm, &part("test"));
            println!("{algorithm:?} u{fold}: RMSE {rmse:.4} MAE {mae:.4} in {seconds:.2} s");
            mean += rmse / 5.0;
        }
        println!("{algorithm:?} mean: RMSE {mean:.4}");
        assert!(mean <= bar, "{algorithm:?}: mean RMSE {mean:.4} is above {bar}");
    }
}

/// Prints what is beside the headline.
fn print_figures(judged: &Evaluation) {
    println!("  per user {:?}", judged.per_user);
    println!("  ranking {:?}\n  at the cut {:?}", judged.ranking, judged.ranking_at_cut);
    let spread = judged.spread.as_ref().expect("all movies are in the model");
    println!("  CRPS {:.4}, spread {:.4} ± {:.4}", spread.crps, spread.mean_spread, spread.deviation);
    let curve: Vec<String> =
        spread.reliability.iter().map(|bin| format!("{:.2}:{:.2}", bin.spread, bin.error)).collect();
    println!("  correlation {:?}, spread:error {}", spread.correlation, curve.join(" "));
    let windows: Vec<String> = judged.windows.iter().map(|window| format!("{:.3}", window.rmse)).collect();
    println!("  windows {}", windows.join(" "));
    for slice in &judged.slices {
        println!(
            "  {} {}: {} of {} users, RMSE {:.4} {:?}, bias {:+.4} ({:?}), 80 %: {:.3}, to the rest {:?} ({:?})",
            slice.dimension,
            slice.name,
            slice.ratings,
            slice.users,
            slice.rmse,
            slice.rmse_interval.map(|range| (range.lower, range.upper)),
            slice.bias,
            slice.bias_verdict,
            slice.coverage_80.unwrap_or(f64::NAN),
            slice.rmse_to_rest,
            slice.rmse_verdict,
        );
    }
}

/// The published folds through `kfold` give what the loop by hand gives.
#[test]
fn the_published_folds_are_folds() {
    let Some(data) = data() else { return };
    let rating = |(user, movie, value, seconds): (u32, u32, f64, i64)| Rating {
        user: UserId::try_new(&format!("{user:04}")).unwrap(),
        movie: MovieId::try_new(&format!("{movie:04}")).unwrap(),
        value,
        rated_at: Timestamp::from_seconds(seconds),
    };
    let (mut ratings, mut folds, mut by_hand) = (Vec::new(), Vec::new(), 0.0);
    for fold in 0..5 {
        let part = |name: &str| read(data.join(format!("u{}.{name}", fold + 1)));
        let test = part("test");
        folds.extend(test.iter().map(|_| fold));
        let plain = |lines: &[(u32, u32, f64, i64)]| -> Vec<(u32, u32, f64)> {
            lines.iter().map(|&(user, movie, value, _)| (user - 1, movie - 1, value)).collect()
        };
        let training = Ratings::try_new(USERS, MOVIES, plain(&part("base"))).unwrap();
        by_hand += judge(&training, Algorithm::Bias, &plain(&test)).0 / 5.0;
        ratings.extend(test.into_iter().map(rating));
    }
    let index = MovieIndex::new(ratings.iter().map(|rating| &rating.movie));
    // The published figures use whole histories.
    let history = History { limit: usize::MAX };
    let options = Options { history, ..Options::new(Scale::try_new(1.0, 5.0, 1.0).unwrap()) };
    let parameters = FitParameters::default_of(Algorithm::Bias);
    let fit = |_: u32, training: &[Rating]| {
        let dense = index.dense(training).expect("a pair comes once");
        fit(&dense, Algorithm::Bias, &parameters, &mut ())
    };
    let result = kfold(&ratings, &index, Folds::Given(&folds), &options, fit).unwrap();
    println!("biases by folds: RMSE {:?}, MAE {:?}, by hand {by_hand:.6}", result.rmse, result.mae);
    assert!((result.rmse.mean - by_hand).abs() < 1e-4, "{} and {by_hand}", result.rmse.mean);
    assert!(result.has_times && result.method == Method::GivenFolds { folds: 5 });
    assert_eq!((result.pooled.ratings, result.pooled.users), (100_000, 943));
}

#[test]
fn learning_at_once_beats_a_model_frozen_at_the_cut() {
    let Some(data) = data() else { return };
    let mut fold = Fold::default();
    for (offset, (user, movie, value, seconds)) in (0..).map(Offset).zip(read(data.join("u.data"))) {
        let user = UserId::try_new(&user.to_string()).unwrap();
        let movie = MovieId::try_new(&movie.to_string()).unwrap();
        let rated_at = Timestamp::from_seconds(seconds);
        fold.apply(offset, &RatingEvent::Rated(Rating { user, movie, value, rated_at }));
    }
    let snapshot = fold.finish();
    assert!(has_times(snapshot.ratings()));
    let split = snapshot.split_as_of_cut(0.2);
    let (past, future) = (&*split.past, &*split.future);
    let index = MovieIndex::new(snapshot.ratings().iter().map(|rating| &rating.movie));
    let ratings = index.dense(past).unwrap();
    let scale = Scale::try_new(1.0, 5.0, 1.0).unwrap();
    for (algorithm, bar) in [(Algorithm::Bias, 0.985), (Algorithm::Map, 0.936), (Algorithm::Bayes, 0.931)] {
        let posterior = fit(&ratings, algorithm, &FitParameters::default_of(algorithm), &mut ()).unwrap();
        let started = Instant::now();
        let judged = evaluate(&posterior, &index, past, future, scale);
        let seconds = started.elapsed().as_secs_f64();
        let one_by_one = judged.one_by_one.expect("this version measures both");
        let held: Vec<String> = judged.coverage.iter().map(|held| format!("{:.3}", held.actual)).collect();
        println!(
            "{algorithm:?}: prequential RMSE strict {:.4} MAE {:.4}, one by one {:.4} MAE {:.4}, frozen {:.4}, NLL {:.4}, coverage of 50/80/90 % {}, judged in {seconds:.2} s",
            judged.rmse,
            judged.mae,
            one_by_one.rmse,
            one_by_one.mae,
            judged.frozen_rmse,
            judged.nll,
            held.join("/"),
        );
        let options = Options::new(scale);
        print_figures(&judged);
        println!("  catalog: {:?}", catalog_coverage(&posterior, &index, past, 50, &options));
        assert!(judged.rmse <= bar, "{algorithm:?}: {:.4} is above {bar}", judged.rmse);
        assert!(one_by_one.rmse < judged.rmse && judged.rmse < judged.frozen_rmse);
    }
}
