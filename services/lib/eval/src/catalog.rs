//! How much of the catalog a model recommends.

use std::collections::HashSet;
use std::thread;

use marquee_domain::Rating;
use marquee_fit::MovieIndex;
use marquee_posterior::Posterior;
use serde::{Deserialize, Serialize};

use crate::Options;
use crate::prequential::is_usable;
use crate::random::Random;
use crate::tables::{Step, Tables};

/// The length of a list of recommendations.
const LENGTH: usize = 10;

/// The largest number of threads.
const THREADS: usize = 16;

/// How much of the catalog is in the lists of some users. More users have more movies in their
/// lists, so compare models with the same users only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CatalogCoverage {
    /// The number of users.
    pub users: u64,
    /// The number of movies of the model.
    pub movies: u64,
    /// The share of the movies that are in a list of 10 of at least one of the users.
    pub share: f64,
}

/// Makes a list for each of some users of the past, drawn at random by the seed of the bootstrap:
/// of all movies of the model that the user has not rated, the 10 with the highest predictions.
///
/// Takes users × movies predictions, so it is not part of an evaluation. Returns `None` if there
/// are no users or the model has no movies.
pub fn catalog_coverage(
    posterior: &Posterior,
    index: &MovieIndex,
    past: &[Rating],
    users: usize,
    options: &Options<'_>,
) -> Option<CatalogCoverage> {
    let tables = Tables::new(&[], past);
    let mut drawn: Vec<u32> = (0..).take(tables.users().len()).collect();
    Random::new(options.bootstrap.seed, 0).shuffle(&mut drawn);
    drawn.truncate(users);
    let is_drawn: HashSet<u32> = drawn.into_iter().collect();
    let model = |id| index.get(id).map(|movie| movie as usize).filter(|&movie| movie < posterior.movies);
    let models: Vec<Option<usize>> = tables.movies().iter().map(|id| model(id)).collect();
    let own = past.iter().filter(|one| tables.user(&one.user).is_some_and(|user| is_drawn.contains(&user)));
    let steps = tables.steps(own.filter(|one| is_usable(one, options.scale)));
    let by_user: Vec<&[Step]> = steps.chunk_by(|a, b| a.user == b.user).collect();
    if by_user.is_empty() || posterior.movies == 0 {
        return None;
    }
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let work = |users: &[&[Step]]| -> HashSet<usize> {
        users.iter().flat_map(|steps| list(posterior, &models, steps, options.history.limit)).collect()
    };
    let listed: HashSet<usize> = thread::scope(|scope| {
        let work = &work;
        let shares = by_user.chunks(by_user.len().div_ceil(threads));
        let shares: Vec<_> = shares.map(|users| scope.spawn(move || work(users))).collect();
        let join = |share: thread::ScopedJoinHandle<'_, HashSet<usize>>| {
            share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        shares.into_iter().flat_map(join).collect()
    });
    Some(CatalogCoverage {
        users: by_user.len() as u64,
        movies: posterior.movies as u64,
        share: listed.len() as f64 / posterior.movies as f64,
    })
}

/// Returns the list of one user, whose ratings are sorted by time.
fn list(posterior: &Posterior, models: &[Option<usize>], steps: &[Step], limit: usize) -> Vec<usize> {
    let known: Vec<(Option<usize>, f64)> =
        steps.iter().map(|step| (models.get(step.movie as usize).copied().flatten(), step.value)).collect();
    let newest = known[known.len().saturating_sub(limit)..].iter();
    let state = posterior.state(&newest.filter_map(|&(movie, value)| Some((movie?, value))).collect::<Vec<_>>());
    let rated: HashSet<usize> = known.iter().filter_map(|(movie, _)| *movie).collect();
    let others = (0..posterior.movies).filter(|movie| !rated.contains(movie));
    let mut scored: Vec<(f64, usize)> = others.map(|movie| (posterior.estimate(&state, movie).rating, movie)).collect();
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().take(LENGTH).map(|(_, movie)| movie).collect()
}

#[cfg(test)]
mod tests {
    use marquee_domain::Scale;

    use super::*;
    use crate::testing::{biases, index, rating};

    #[test]
    fn a_list_has_the_best_movies_that_the_user_has_not_rated() {
        let movies: Vec<String> = (0..40).map(|number| format!("m{number:02}")).collect();
        let index = index(&movies.iter().map(String::as_str).collect::<Vec<_>>());
        let mut posterior = biases(40, 0.0);
        // The higher the number, the better.
        posterior.samples[0].movie_bias = (0..40).map(|number| f64::from(number) / 40.0).collect();
        let past = [rating("a", "m39", 3.0, 1), rating("b", "m00", 3.0, 1), rating("b", "outside", 3.0, 1)];
        let options = Options::new(Scale::try_new(1.0, 5.0, 1.0).unwrap());
        let both = catalog_coverage(&posterior, &index, &past, 9, &options).unwrap();
        // a: m29 to m38, b: m30 to m39.
        assert_eq!(both, CatalogCoverage { users: 2, movies: 40, share: 11.0 / 40.0 });
        let one = catalog_coverage(&posterior, &index, &past, 1, &options).unwrap();
        assert_eq!((one.users, one.share), (1, 0.25));
        assert_eq!(catalog_coverage(&posterior, &index, &[], 9, &options), None);
        assert_eq!(catalog_coverage(&posterior, &index, &past, 0, &options), None);
    }
}
