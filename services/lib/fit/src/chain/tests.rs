//! The sums that a sweep keeps instead of residuals, compared with the ratings themselves, and what
//! the parts of the model find.

use super::*;

fn ratings() -> Ratings {
    let triplets = (0..60u32).flat_map(|user| {
        (0..25u32)
            .filter(move |movie| (user * 7 + movie * 3) % 4 == 0)
            .map(move |movie| (user, movie, f64::from((user * 5 + movie * 11 + user * movie) % 5) + 1.0))
    });
    Ratings::try_new(60, 26, triplets.collect()).unwrap()
}

fn parameters(factors: usize, seed: u64) -> FitParameters {
    FitParameters { factors, sweeps: 1, burn_in: 0, samples: 1, seed }
}

fn chain(ratings: &Ratings, seed: u64, threads: usize) -> Chain<'_> {
    Chain::with_threads(ratings, &parameters(3, seed), Parts::default(), threads)
}

/// Returns the weighted sums of the residuals, of their squares and of the weights.
fn direct(chain: &Chain<'_>) -> [f64; 3] {
    let mut sums = [0.0; 3];
    for movie in 0..chain.ratings.movies() {
        let (raters, values) = chain.ratings.by_movie().row(movie);
        for (&user, &value) in raters.iter().zip(values) {
            let user = user as usize;
            let (u, m): (Vec<_>, Vec<_>) = (chain.users.whole(user).collect(), chain.movies.whole(movie).collect());
            let error = f64::from(value) - chain.offset - u[0] - m[0] - dot(&u[1..], &m[1..]);
            let weight = chain.users.weights[user] * chain.movies.weights[movie];
            sums.iter_mut().zip([weight * error, weight * error * error, weight]).for_each(|(sum, one)| *sum += one);
        }
    }
    sums
}

#[test]
fn the_sums_of_a_sweep_agree_with_the_ratings() {
    let ratings = ratings();
    let mut chain = chain(&ratings, 1, 2);
    for _ in 0..7 {
        chain.sweep(Update::Sample);
    }
    let Chain { sweep, offset, alpha, .. } = chain;
    let context = Context { sweep, offset, alpha, how: Update::Sample, moves_rows: true };
    let Totals { sum, squares, weights } = chain.movies.update_rows(&chain.users, context);
    let near =
        |found: f64, direct: f64| assert!((found - direct).abs() < 1e-3 * (1.0 + direct.abs()), "{found} {direct}");
    for (found, direct) in [sum, squares, weights].into_iter().zip(direct(&chain)) {
        near(found, direct);
    }
}

#[test]
fn the_sets_of_a_sweep_are_the_scaled_sums_of_their_members() {
    let ratings = ratings();
    for (how, move_every) in [(Update::Sample, 1), (Update::Sample, 100), (Update::Expect, 1)] {
        let mut chain = chain(&ratings, 1, 2);
        chain.move_every = move_every;
        for _ in 0..9 {
            chain.sweep(how);
        }
        for (half, side) in [(&chain.users, ratings.by_user()), (&chain.movies, ratings.by_movie())] {
            let mut direct = vec![0.0; 4];
            for row in 0..side.rows() {
                half.sets.as_ref().expect("sets").sum(side.row(row).0, &mut direct);
                for (kept, direct) in half.set_sums[row * 4..].iter().zip(&direct) {
                    assert!((kept - direct).abs() < 1e-4, "{how:?} {row}: {kept} {direct}");
                }
            }
            assert!(half.set_sums.iter().any(|sum| *sum != 0.0));
        }
    }
}

#[test]
fn both_ways_to_update_sets_lead_to_the_same_posterior() {
    let triplets = (0..24u32).flat_map(|user| (0..8u32).map(move |movie| (user, movie)));
    let rated = triplets.filter(|(user, movie)| (user * 5 + movie * 3) % 7 < 3);
    let rated = rated.map(|(user, movie)| (user, movie, f64::from((user * user + 3 * movie) % 5) + 1.0));
    let ratings = Ratings::try_new(24, 8, rated.collect()).unwrap();
    // For pairs with and without a rating: the mean and the variance of what is predicted.
    let moments = |move_every: usize, seed: u64| -> Vec<f64> {
        let parts = Parts { noise_weights: false, ..Parts::default() };
        let mut chain = Chain::with_threads(&ratings, &parameters(1, seed), parts, 1);
        chain.move_every = move_every;
        let (mut first, mut second) = ([0.0; 8], [0.0; 8]);
        const SWEEPS: usize = 16_000;
        for sweep in 0..SWEEPS + 200 {
            chain.sweep(Update::Sample);
            if sweep < 200 {
                continue;
            }
            for movie in 0..8 {
                let (u, m): (Vec<_>, Vec<_>) = (chain.users.whole(3).collect(), chain.movies.whole(movie).collect());
                let predicted = chain.offset + u[0] + m[0] + u[1] * m[1];
                first[movie] += predicted / SWEEPS as f64;
                second[movie] += predicted * predicted / SWEEPS as f64;
            }
        }
        first.iter().copied().chain(first.iter().zip(second).map(|(mean, square)| square - mean * mean)).collect()
    };
    let (own, whole) = (moments(1, 3), moments(usize::MAX, 4));
    for (own, whole) in own.iter().zip(&whole) {
        assert!((own - whole).abs() < 0.08, "{own} and {whole}");
    }
}

#[test]
fn the_number_of_threads_never_shows() {
    let ratings = ratings();
    let fitted = |threads| {
        let mut chain = chain(&ratings, 9, threads);
        for sweep in 0..8 {
            chain.sweep(if sweep < 3 { Update::Expect } else { Update::Sample });
        }
        chain.sample()
    };
    let one = fitted(1);
    for threads in [2, 3, 7] {
        assert_eq!(fitted(threads), one, "{threads}");
    }
}

#[test]
fn expectation_never_forgets_what_it_does_not_know() {
    let ratings = ratings();
    let parts = Parts { noise_weights: false, ..Parts::default() };
    let mut chain = Chain::with_threads(&ratings, &parameters(3, 1), parts, 2);
    for _ in 0..10 {
        chain.sweep(Update::Expect);
    }
    // The noise of a movie, as exported, is that of the ratings plus what is open of the movie. The
    // last movie has no rating, so most is open there.
    let sample = chain.sample();
    assert!(sample.movie_precision.iter().all(|precision| *precision < 0.99), "{:?}", sample.movie_precision);
    let (last, others) = sample.movie_precision.split_last().expect("movies");
    assert!(others.iter().all(|precision| precision > last));
    chain.sweep(Update::Sample);
    assert!(chain.sample().movie_precision.is_empty());
}

#[test]
fn users_and_movies_with_noisier_ratings_weigh_less() {
    // The noise of every third user and of every fourth movie is three times that of others.
    let noisy = |user: u32, movie: u32| if user.is_multiple_of(3) || movie.is_multiple_of(4) { 1.2 } else { 0.4 };
    let mut random = stream(5, 0, Group::Start, 0);
    let mut normal = || -> f64 { StandardNormal.sample(&mut random) };
    let rated = (0..90u32).flat_map(|user| (0..40u32).map(move |movie| (user, movie)));
    let rated = rated.map(|(user, movie)| (user, movie, 3.0 + noisy(user, movie) * normal()));
    let ratings = Ratings::try_new(90, 40, rated.collect()).unwrap();
    for how in [Update::Expect, Update::Sample] {
        let mut chain = chain(&ratings, 1, 2);
        for _ in 0..30 {
            chain.sweep(how);
        }
        let mean = |weights: &[f64], is_noisy: &dyn Fn(usize) -> bool| {
            let some: Vec<f64> = (0..weights.len()).filter(|&row| is_noisy(row)).map(|row| weights[row]).collect();
            some.iter().sum::<f64>() / some.len() as f64
        };
        for (weights, every) in [(&chain.users.weights, 3), (&chain.movies.weights, 4)] {
            let noisy = mean(weights, &|row| row % every == 0);
            let calm = mean(weights, &|row| row % every != 0);
            assert!(calm > 1.5 * noisy, "{how:?}: {calm} and {noisy}");
        }
    }
}

#[test]
fn a_part_that_is_left_out_is_not_in_the_model() {
    let ratings = ratings();
    let none = Parts { noise_weights: false, user_sets: false, movie_sets: false };
    let fitted = |parts| {
        let mut chain = Chain::with_threads(&ratings, &parameters(3, 1), parts, 2);
        (0..3).for_each(|_| chain.sweep(Update::Sample));
        chain.sample()
    };
    let without = fitted(none);
    assert!(without.additions.is_empty() && without.movie_precision.is_empty());
    let with = fitted(Parts::default());
    assert_eq!((with.additions.len(), with.movie_precision.len()), (26 * 4, 26));
}

#[test]
fn movies_that_nobody_rated_take_no_part_in_a_sweep() {
    let few = ratings();
    let triplets = (0..60).flat_map(|user| {
        let (movies, values) = few.by_user().row(user);
        movies.iter().zip(values).map(move |(&movie, &value)| (user as u32, movie, f64::from(value)))
    });
    let many = Ratings::try_new(60, 300, triplets.collect()).unwrap();
    let sample = |ratings: &Ratings| {
        let mut chain = chain(ratings, 5, 2);
        for sweep in 0..8 {
            chain.sweep(if sweep < 3 { Update::Expect } else { Update::Sample });
        }
        chain.sample()
    };
    let (few, many) = (sample(&few), sample(&many));
    assert_eq!(many.movie_bias.len(), 300);
    assert_eq!(few.movie_bias[..25], many.movie_bias[..25]);
    assert_eq!((few.offset, few.noise_precision), (many.offset, many.noise_precision));
    assert_eq!(few.additions[..100], many.additions[..100]);
    assert_eq!(few.prior_precision, many.prior_precision);
}

#[test]
fn the_probes_are_predicted_as_serving_predicts_them() {
    let ratings = ratings();
    let mut chain = chain(&ratings, 2, 2);
    for sweep in 0..6 {
        chain.sweep(if sweep < 2 { Update::Expect } else { Update::Sample });
    }
    let posterior = marquee_posterior::Posterior {
        movies: ratings.movies(),
        factors: 3,
        samples: vec![chain.sample()],
        ..Default::default()
    };
    let probes = Probes::new(&ratings, 8);
    let mut predictions = chain.predictions(&probes).into_iter();
    for (user, movies) in &probes.0 {
        let (rated, values) = ratings.by_user().row(*user);
        let history = rated.iter().zip(values).map(|(&movie, &value)| (movie as usize, f64::from(value)));
        let state = posterior.state(&history.collect::<Vec<_>>());
        for &movie in movies {
            let (found, direct) = (predictions.next().unwrap(), posterior.estimate(&state, movie).rating);
            assert!((found - direct).abs() < 1e-3, "{user} {movie}: {found} {direct}");
        }
    }
}
