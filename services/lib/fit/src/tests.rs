//! The three algorithms on data whose true parameters are known.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::*;

const NOISE: f64 = 0.5;

/// Returns ratings to fit on and others to judge by, from a model with 2 factors. Every third movie
/// has few ratings, and the last one has none.
fn world() -> (Ratings, Vec<(u32, u32, f64)>) {
    let (users, movies) = (200u32, 100u32);
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut normal = |spread: f64| {
        let value: f64 = StandardNormal.sample(&mut random);
        value * spread
    };
    let rows = |count: u32, normal: &mut dyn FnMut(f64) -> f64| -> Vec<[f64; 3]> {
        (0..count).map(|_| [normal(0.4), normal(0.7), normal(0.7)]).collect()
    };
    let (user_rows, movie_rows) = (rows(users, &mut normal), rows(movies, &mut normal));
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for user in 0..users {
        for movie in 0..movies - 1 {
            let (u, m) = (user_rows[user as usize], movie_rows[movie as usize]);
            let rating = 3.5 + u[0] + m[0] + u[1] * m[1] + u[2] * m[2] + normal(NOISE);
            match (user * 31 + movie * 17) % 10 {
                0..=3 if movie % 3 > 0 || user % 5 == 0 => train.push((user, movie, rating)),
                4 => test.push((user, movie, rating)),
                _ => {}
            }
        }
    }
    (Ratings::try_new(users as usize, movies as usize, train).unwrap(), test)
}

fn parameters(algorithm: Algorithm) -> FitParameters {
    match algorithm {
        Algorithm::Bias => FitParameters::default_of(algorithm),
        Algorithm::Map => FitParameters { factors: 4, sweeps: 60, ..FitParameters::default_of(algorithm) },
        Algorithm::Bayes => {
            FitParameters { factors: 4, sweeps: 120, burn_in: 40, samples: 16, ..FitParameters::default_of(algorithm) }
        }
    }
}

/// Returns the RMSE on the test part, and the share of it inside the 90 % interval. The users'
/// states are computed from their ratings.
fn judge(posterior: &Posterior, ratings: &Ratings, test: &[(u32, u32, f64)]) -> (f64, f64) {
    let (mut squares, mut inside) = (0.0, 0.0);
    for &(user, movie, rating) in test {
        let (movies, values) = ratings.by_user().row(user as usize);
        let history: Vec<_> =
            movies.iter().zip(values).map(|(&movie, &value)| (movie as usize, f64::from(value))).collect();
        let estimate = posterior.estimate(&posterior.state(&history), movie as usize);
        squares += (estimate.rating - rating).powi(2);
        inside += f64::from(u8::from((estimate.rating - rating).abs() <= 1.645 * estimate.spread));
    }
    ((squares / test.len() as f64).sqrt(), inside / test.len() as f64)
}

#[test]
fn factors_are_found_and_intervals_hold_what_they_promise() {
    let (ratings, test) = world();
    let judged =
        |algorithm| judge(&fit(&ratings, algorithm, &parameters(algorithm), &mut ()).unwrap(), &ratings, &test);
    let (bias, _) = judged(Algorithm::Bias);
    let (map, map_inside) = judged(Algorithm::Map);
    let (bayes, bayes_inside) = judged(Algorithm::Bayes);
    assert!(bias > 0.8, "the world is not one of biases: {bias}");
    assert!(map < 0.62 && bayes < 0.62, "the noise alone is {NOISE}: {map} {bayes}");
    assert!((0.85..0.95).contains(&map_inside) && (0.86..0.94).contains(&bayes_inside), "{map_inside} {bayes_inside}");
}

#[test]
fn every_result_has_the_shape_of_a_posterior() {
    let (ratings, _) = world();
    for (algorithm, factors, samples) in [(Algorithm::Bias, 0, 1), (Algorithm::Map, 4, 1), (Algorithm::Bayes, 4, 16)] {
        let posterior = fit(&ratings, algorithm, &parameters(algorithm), &mut ()).unwrap();
        assert_eq!((posterior.movies, posterior.factors, posterior.samples.len()), (100, factors, samples));
        for sample in &posterior.samples {
            assert_eq!((sample.prior_mean.len(), sample.prior_precision.len()), (factors + 1, factors + 1));
            assert_eq!((sample.movie_bias.len(), sample.factors.len()), (100, 100 * factors));
            let all = sample.movie_bias.iter().chain(&sample.factors).chain(&sample.prior_mean);
            assert!(all.chain([&sample.offset]).all(|value| value.is_finite()));
            let positive = sample.prior_precision.iter().chain([&sample.noise_precision]);
            assert!(positive.copied().all(|value| value > 0.0 && value.is_finite()));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_model_and_another_seed_another() {
    let (ratings, _) = world();
    for algorithm in [Algorithm::Bias, Algorithm::Map, Algorithm::Bayes] {
        let parameters = FitParameters { sweeps: 12, burn_in: 4, samples: 2, ..parameters(algorithm) };
        let fitted = |seed| fit(&ratings, algorithm, &FitParameters { seed, ..parameters }, &mut ()).unwrap();
        assert_eq!(fitted(5), fitted(5));
        assert_eq!(fitted(5) == fitted(6), algorithm == Algorithm::Bias);
    }
}

#[test]
fn movies_that_nobody_rated_are_all_predicted_alike() {
    let ratings =
        Ratings::try_new(30, 20, (0..300).map(|i| (i / 10, i % 10, f64::from(i % 5) + 1.0)).collect()).unwrap();
    for algorithm in [Algorithm::Bias, Algorithm::Map, Algorithm::Bayes] {
        let posterior = fit(&ratings, algorithm, &parameters(algorithm), &mut ()).unwrap();
        let state = posterior.state(&[]);
        let estimates: Vec<f64> = (10..20).map(|movie| posterior.estimate(&state, movie).rating).collect();
        assert!(estimates.iter().all(|estimate| (estimate - estimates[0]).abs() < 0.12), "{algorithm:?} {estimates:?}");
    }
}

#[test]
fn ratings_that_hardly_differ_give_a_finite_model_with_a_floor_on_its_doubt() {
    let all = |users: u32, movies: u32, value: fn(u32, u32) -> f64| -> Ratings {
        let pairs = (0..users).flat_map(|user| (0..movies).map(move |movie| (user, movie, value(user, movie))));
        Ratings::try_new(users as usize, movies as usize, pairs.collect()).unwrap()
    };
    let one_each = (0..100).map(|one| (one, one, f64::from(one * 7 % 5) + 1.0)).collect();
    let sets = [
        ("constant", all(20, 20, |_, _| 4.0)),
        ("flat users", all(20, 20, |user, _| f64::from(user % 5) + 1.0)),
        ("one user", all(1, 100, |_, movie| f64::from(movie % 5) + 1.0)),
        ("one movie", all(100, 1, |user, _| f64::from(user % 5) + 1.0)),
        ("one rating", all(1, 1, |_, _| 3.0)),
        ("one each", Ratings::try_new(100, 100, one_each).unwrap()),
    ];
    for (name, ratings) in sets {
        for algorithm in [Algorithm::Bias, Algorithm::Map, Algorithm::Bayes] {
            let posterior = fit(&ratings, algorithm, &parameters(algorithm), &mut ()).unwrap();
            let posterior = with_smallest_spread(posterior, 0.25);
            for history in [Vec::new(), vec![(0, 4.0)], vec![(0, 4.0); 300]] {
                let estimate = posterior.estimate(&posterior.state(&history), 0);
                assert!(estimate.rating.is_finite(), "{name} {algorithm:?} {estimate:?}");
                assert!(estimate.spread.is_finite() && estimate.spread >= 0.25, "{name} {algorithm:?} {estimate:?}");
                let is_near = (estimate.rating - 4.0).abs() < 0.3;
                assert!(name != "constant" || is_near, "{algorithm:?} {estimate:?}");
            }
        }
    }
}

#[derive(Default)]
struct Watch {
    seen: Vec<(usize, usize)>,
    stop_after: Option<usize>,
}

impl Observer for Watch {
    fn progress(&mut self, done: usize, total: usize) {
        self.seen.push((done, total));
    }

    fn canceled(&self) -> bool {
        self.stop_after == Some(self.seen.len())
    }
}

#[test]
fn every_sweep_is_reported_and_a_canceled_fit_stops_at_the_next() {
    let (ratings, _) = world();
    for algorithm in [Algorithm::Bias, Algorithm::Map, Algorithm::Bayes] {
        let parameters = FitParameters { sweeps: 6, burn_in: 2, samples: 2, ..parameters(algorithm) };
        let mut watch = Watch::default();
        fit(&ratings, algorithm, &parameters, &mut watch).unwrap();
        assert_eq!(watch.seen, (1..=6).map(|sweep| (sweep, 6)).collect::<Vec<_>>());
        let mut watch = Watch { stop_after: Some(3), ..Watch::default() };
        assert_eq!(fit(&ratings, algorithm, &parameters, &mut watch), Err(FitError::Canceled));
        assert_eq!(watch.seen.len(), 3);
    }
}

#[test]
fn nothing_is_fitted_without_ratings() {
    let empty = Ratings::try_new(3, 3, Vec::new()).unwrap();
    assert_eq!(fit(&empty, Algorithm::Map, &parameters(Algorithm::Map), &mut ()), Err(FitError::NoRatings));
}

#[test]
fn a_fit_refuses_parameters_out_of_range() {
    let (ratings, _) = world();
    let wrong = FitParameters { factors: 0, ..parameters(Algorithm::Map) };
    let refused = fit(&ratings, Algorithm::Map, &wrong, &mut ());
    assert!(matches!(refused, Err(FitError::Parameter(ParameterError { field: "factors", .. }))), "{refused:?}");
}
