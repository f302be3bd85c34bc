//! The arm of an evaluation in which the model is fitted again after every so many ratings.

use std::collections::HashMap;

use marquee_domain::{MovieId, Rating, UserId};
use marquee_fit::MovieIndex;
use marquee_posterior::Posterior;

use crate::prequential::{Predictor, Then, collect, is_usable};
use crate::tables::Tables;
use crate::{Method, Options, Outcomes};

/// Predicts every rating of the future like [`crate::prequential()`], and fits the model again on
/// all ratings so far once at least `every` ratings have come since the last fit. Ratings of one
/// instant stay together. `every` of 0 counts as 1.
///
/// `frozen` of an outcome is the prediction with the state at the last fit. A pair of user and
/// movie may come twice; the later rating replaces the earlier one, for the fit too.
///
/// # Errors
/// `fit` failed.
pub fn retrained<E>(
    index: &MovieIndex,
    past: &[Rating],
    future: &[Rating],
    every: usize,
    options: &Options<'_>,
    mut fit: impl FnMut(&[Rating]) -> Result<Posterior, E>,
) -> Result<Outcomes, E> {
    let tables = Tables::new(past, future);
    let usable = |rating: &&Rating| is_usable(rating, options.scale);
    let in_order = |ratings: &mut [&Rating]| {
        ratings.sort_by(|a, b| (a.rated_at, &a.user, &a.movie).cmp(&(b.rated_at, &b.user, &b.movie)))
    };
    let mut all: Vec<&Rating> = past.iter().filter(usable).collect();
    in_order(&mut all);
    let cut = all.len();
    all.extend(future.iter().filter(usable));
    in_order(&mut all[cut..]);
    let replaced = replacements(&all);
    let (mut list, mut from) = (Vec::new(), cut);
    while from < all.len() {
        // A rating that a later one has replaced by now is not known any more.
        let counts = |(_, next): &(&&Rating, &usize)| **next >= from;
        let known = all[..from].iter().zip(&replaced).filter(counts).map(|(one, _)| Rating::clone(one));
        let known: Vec<Rating> = known.collect();
        let last = all[(from + every.max(1) - 1).min(all.len() - 1)].rated_at;
        let to = from + all[from..].partition_point(|one| one.rated_at <= last);
        let posterior = fit(&known)?;
        let predictor = Predictor::new((&posterior, index), &tables, known.iter(), options);
        list.extend(predictor.outcomes(&tables.steps(all[from..to].iter().copied()), Then::Learn));
        from = to;
    }
    list.sort_by_key(|one| (one.user, one.at, one.movie));
    let left_out = future.iter().filter(|rating| !is_usable(rating, options.scale)).count() as u64;
    Ok(collect(&tables, list, left_out, Method::Retrained { every: every.max(1) as u64 }))
}

/// Returns for each rating the place of the next one of the same pair of user and movie, or
/// `usize::MAX`.
fn replacements(all: &[&Rating]) -> Vec<usize> {
    let mut next: HashMap<(&UserId, &MovieId), usize> = HashMap::with_capacity(all.len());
    let mut places = vec![usize::MAX; all.len()];
    for (place, rating) in all.iter().enumerate().rev() {
        if let Some(later) = next.insert((&rating.user, &rating.movie), place) {
            places[place] = later;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use marquee_domain::Scale;

    use super::*;
    use crate::testing::{biases, index, rating};

    fn options() -> Options<'static> {
        Options::new(Scale::try_new(1.0, 5.0, 1.0).unwrap())
    }

    #[test]
    fn the_model_is_fitted_again_on_all_ratings_so_far() {
        let past = [rating("a", "x", 3.0, 1)];
        let future =
            [rating("b", "x", 5.0, 2), rating("b", "y", 5.0, 3), rating("c", "y", 4.0, 3), rating("b", "z", 4.0, 4)];
        let mut fits = Vec::new();
        // Each fit predicts a movie bias of 1 for each fit before it.
        let fit = |known: &[Rating]| {
            fits.push(known.len());
            Ok::<_, Infallible>(biases(3, (fits.len() - 1) as f64))
        };
        let outcomes = retrained(&index(&["x", "y", "z"]), &past, &future, 2, &options(), fit).unwrap();
        // Two ratings, and the third of the same instant.
        assert_eq!(fits, [1, 4]);
        let predicted: Vec<f64> = outcomes.list().iter().map(|one| one.predicted).collect();
        // b: 3; 3 + 2/2; then 4 with b's mean residual: 4 + (1 + 1) / 3. c: 3.
        let expected = [3.0, 4.0, 4.0 + 2.0 / 3.0, 3.0];
        assert!(predicted.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-12), "{predicted:?}");
        let past: Vec<u32> = outcomes.list().iter().map(|one| one.user_past).collect();
        assert_eq!(past, [0, 0, 2, 0]);
        let evaluation = outcomes.evaluation(&options());
        assert_eq!((evaluation.method, evaluation.ratings), (Method::Retrained { every: 2 }, 4));
    }

    #[test]
    fn one_fit_for_all_is_the_prequential_evaluation() {
        let past: Vec<Rating> = (0..20).map(|n| rating(["a", "b"][n % 2], &format!("m{n}"), 4.0, n as i64)).collect();
        let future: Vec<Rating> = (0..20).map(|n| rating(["b", "c"][n % 2], &format!("m{n}"), 2.0, 99)).collect();
        let movies: Vec<String> = (0..20).map(|n| format!("m{n}")).collect();
        let index = index(&movies.iter().map(String::as_str).collect::<Vec<_>>());
        let fit = |_: &[Rating]| Ok::<_, Infallible>(biases(20, 0.5));
        let retrained = retrained(&index, &past, &future, 1_000, &options(), fit).unwrap();
        let once = crate::prequential(&biases(20, 0.5), &index, &past, &future, &options());
        assert_eq!(retrained.list(), once.list());
    }

    #[test]
    fn a_rating_that_was_given_again_is_fitted_once() {
        let past = [rating("a", "x", 1.0, 1), rating("a", "y", 1.0, 1)];
        let future = [rating("a", "x", 5.0, 2), rating("a", "z", 3.0, 3)];
        let mut fitted = Vec::new();
        let fit = |known: &[Rating]| {
            fitted.push(known.iter().map(|one| one.value).collect::<Vec<_>>());
            Ok::<_, Infallible>(biases(3, 0.0))
        };
        retrained(&index(&["x", "y", "z"]), &past, &future, 0, &options(), fit).unwrap();
        assert_eq!(fitted, [vec![1.0, 1.0], vec![1.0, 5.0]]);
    }

    #[test]
    fn without_a_future_nothing_is_fitted_and_a_failed_fit_is_passed_on() {
        let fail = |_: &[Rating]| Err("no");
        let past = [rating("a", "x", 1.0, 1), rating("a", "y", f64::NAN, 1)];
        let nothing = retrained(&index(&["x"]), &past, &past[1..], 5, &options(), fail).unwrap();
        assert_eq!((nothing.list().len(), nothing.left_out()), (0, 1));
        assert_eq!(retrained(&index(&["x"]), &[], &past[..1], 5, &options(), fail), Err("no"));
    }
}
