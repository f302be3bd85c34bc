//! The sums that a sweep carries instead of residuals, against the ratings themselves.

use super::*;

fn ratings() -> Ratings {
    let triplets = (0..60u32).flat_map(|user| {
        (0..25u32)
            .filter(move |movie| (user * 7 + movie * 3) % 4 == 0)
            .map(move |movie| (user, movie, f64::from((user * 5 + movie * 11 + user * movie) % 5) + 1.0))
    });
    Ratings::try_new(60, 26, triplets.collect()).unwrap()
}

/// Rating less prediction for every rating of a movie, given the chain's parameters.
fn residuals<'a>(chain: &'a Chain<'_>, movie: usize, offset: f64) -> impl Iterator<Item = (usize, f64)> + 'a {
    let n = chain.n;
    let (raters, values) = chain.ratings.by_movie().row(movie);
    raters.iter().zip(values).map(move |(&user, value)| {
        let user = user as usize;
        // The leading 1 of either row meets that of the other: the biases are kept apart.
        let together = dot(&chain.users.x[user * n..][1..n], &chain.movies.x[movie * n..][1..n]);
        (user, value - offset - chain.users.bias[user] - chain.movies.bias[movie] - together)
    })
}

#[test]
fn the_sums_of_a_sweep_agree_with_the_ratings() {
    let ratings = ratings();
    let mut chain = Chain::with_threads(&ratings, 3, 1, 2);
    for _ in 0..5 {
        chain.sweep(Update::Sample);
    }
    let offset = chain.offset;
    chain.sweep(Update::Sample);
    // The sums are those of the offset at the start of the sweep.
    let projected = chain.projected_residuals();
    let (sum, squares) = chain.totals(&projected);
    let all = || (0..ratings.movies()).flat_map(|movie| residuals(&chain, movie, offset));
    assert!((sum - all().map(|(_, e)| e).sum::<f64>()).abs() < 1e-8);
    assert!((squares - all().map(|(_, e)| e * e).sum::<f64>()).abs() < 1e-8);
    let n = chain.n;
    for movie in 0..ratings.movies() {
        for i in 0..n {
            let direct: f64 = residuals(&chain, movie, offset).map(|(user, e)| chain.users.x[user * n + i] * e).sum();
            assert!((projected[movie * n + i] - direct).abs() < 1e-8);
        }
    }
}

#[test]
fn the_sets_of_a_sweep_are_the_scaled_sums_of_their_members() {
    let ratings = ratings();
    for how in [Update::Sample, Update::Expect] {
        let mut chain = Chain::with_threads(&ratings, 3, 1, 2);
        for _ in 0..4 {
            chain.sweep(how);
        }
        let mut direct = vec![0.0; chain.n];
        for movie in 0..ratings.movies() {
            chain.sets.sum(ratings.by_movie().row(movie).0, &mut direct);
            for (kept, direct) in chain.set_sums[movie * chain.n..].iter().zip(&direct) {
                assert!((kept - direct).abs() < 1e-9, "{how:?} {movie}");
            }
        }
    }
}

#[test]
fn the_number_of_threads_never_shows() {
    let ratings = ratings();
    let fitted = |threads| {
        let mut chain = Chain::with_threads(&ratings, 3, 9, threads);
        for sweep in 0..6 {
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
    let mut chain = Chain::with_threads(&ratings, 3, 1, 2);
    for _ in 0..10 {
        chain.sweep(Update::Expect);
    }
    assert!(chain.unknown > 0.0);
    // Its noise, as exported, is that of the ratings plus what is open of the movies.
    assert!(chain.sample().noise_precision < chain.alpha);
    chain.sweep(Update::Sample);
    assert!((chain.sample().noise_precision - chain.alpha).abs() < 1e-12);
}
