//! Sets of movies by their index in the graphs, and the movies of each genre.

use std::collections::HashMap;

use marquee_domain::Movie;

/// A set of movies, with a bit for each movie of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MovieSet(Vec<u64>);

/// The movies of each genre. They are lists and not sets of bits, because a catalog may have as
/// many genres as movies.
#[derive(Debug)]
pub(crate) struct Genres {
    movies: usize,
    by_name: HashMap<String, Vec<u32>>,
}

impl Genres {
    /// Reads the genres of movies in index order.
    pub(crate) fn new(movies: &[Movie]) -> Self {
        let mut by_name: HashMap<String, Vec<u32>> = HashMap::new();
        for (index, movie) in (0..).zip(movies) {
            for genre in &movie.genres {
                match by_name.get_mut(genre) {
                    Some(indices) => indices.push(index),
                    None => drop(by_name.insert(genre.clone(), vec![index])),
                }
            }
        }
        Self { movies: movies.len(), by_name }
    }

    /// Returns the movies that have one of these genres, or all movies if there are no genres.
    pub(crate) fn any_of(&self, genres: &[String]) -> MovieSet {
        if genres.is_empty() {
            return MovieSet::all(self.movies);
        }
        let mut set = MovieSet(vec![0; self.movies.div_ceil(64)]);
        for &index in genres.iter().filter_map(|genre| self.by_name.get(genre)).flatten() {
            set.0[index as usize / 64] |= 1 << (index % 64);
        }
        set
    }
}

impl MovieSet {
    /// Returns the set of all movies of a catalog.
    fn all(movies: usize) -> Self {
        let mut words = vec![u64::MAX; movies.div_ceil(64)];
        if let Some(last) = words.last_mut().filter(|_| !movies.is_multiple_of(64)) {
            *last = (1 << (movies % 64)) - 1;
        }
        Self(words)
    }

    /// Takes a movie out of the set.
    pub(crate) fn remove(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word &= !(1 << (index % 64));
        }
    }

    /// Returns the indices in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, &word)| {
            let next = |rest: &u64| Some(rest & (rest - 1)).filter(|rest| *rest != 0);
            let rests = std::iter::successors(Some(word).filter(|word| *word != 0), next);
            rests.map(move |rest| 64 * at + rest.trailing_zeros() as usize)
        })
    }

    /// Returns the `count` movies with the largest ratings, in no order. Of equal ratings those
    /// with the smaller indices are taken. Takes time for each movie, and none to sort them all.
    pub(crate) fn best(&self, ratings: &[f32], count: usize) -> Vec<usize> {
        if count == 0 {
            return Vec::new();
        }
        // Twice as many are kept before the worse half is dropped.
        let most = count.saturating_mul(2);
        let mut kept: Vec<(usize, f32)> = Vec::with_capacity(most.min(ratings.len()));
        let mut least: Option<f32> = None;
        let order = |(a, x): &(usize, f32), (b, y): &(usize, f32)| y.total_cmp(x).then(a.cmp(b));
        for index in self.iter() {
            let Some(&rating) = ratings.get(index) else { break };
            // A later movie with the same rating comes after those that are kept.
            if least.is_some_and(|least| rating.total_cmp(&least).is_le()) {
                continue;
            }
            kept.push((index, rating));
            if kept.len() == most {
                let (_, worst, _) = kept.select_nth_unstable_by(count - 1, order);
                least = Some(worst.1);
                kept.truncate(count);
            }
        }
        if kept.len() > count {
            kept.select_nth_unstable_by(count - 1, order);
            kept.truncate(count);
        }
        kept.into_iter().map(|(index, _)| index).collect()
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::MovieId;
    use proptest::prelude::*;

    use super::*;

    fn movies(count: usize) -> Vec<Movie> {
        let movie = |index: usize| {
            let genres = if index.is_multiple_of(3) { vec!["Drama".to_owned()] } else { vec![format!("g{index}")] };
            Movie::try_new(MovieId::try_new(&format!("m{index}")).unwrap(), "A", None, genres).unwrap()
        };
        (0..count).map(movie).collect()
    }

    #[test]
    fn a_filter_has_the_movies_of_any_of_its_genres() {
        for count in [0, 1, 63, 64, 65, 200] {
            let genres = Genres::new(&movies(count));
            assert_eq!(genres.any_of(&[]).iter().collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
            let wanted = ["Drama".to_owned(), "g4".to_owned(), "nothing".to_owned()];
            let expected: Vec<usize> = (0..count).filter(|index| index.is_multiple_of(3) || *index == 4).collect();
            assert_eq!(genres.any_of(&wanted).iter().collect::<Vec<_>>(), expected);
        }
    }

    proptest! {
        #[test]
        fn the_best_are_those_that_a_sort_puts_first(
            ratings in prop::collection::vec(prop_oneof![(-3_i8..4).prop_map(f32::from), any::<f32>()], 0..300),
            removed in prop::collection::vec(0_usize..300, 0..50),
            count in 0_usize..40,
        ) {
            let mut set = MovieSet::all(ratings.len());
            removed.iter().for_each(|&index| set.remove(index));
            let mut sorted: Vec<usize> = (0..ratings.len()).filter(|index| !removed.contains(index)).collect();
            sorted.sort_by(|&a, &b| ratings[b].total_cmp(&ratings[a]).then(a.cmp(&b)));
            sorted.truncate(count);
            sorted.sort_unstable();
            let mut best = set.best(&ratings, count);
            best.sort_unstable();
            prop_assert_eq!(best, sorted);
        }
    }
}
