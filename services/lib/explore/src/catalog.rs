//! Genres and years of the movies, with their ratings, and what the catalog lacks.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::table::Table;

/// The movies of a set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Catalog {
    /// Movies of the catalog.
    pub movies: u64,
    /// Movies of the catalog without a rating.
    pub unrated: u64,
    /// Rated movies that the catalog does not have.
    pub unknown: u64,
    /// Ratings of these.
    pub unknown_ratings: u64,
    /// Movies without a title.
    pub without_title: u64,
    /// Movies without a year.
    pub without_year: u64,
    /// Movies without a genre.
    pub without_genre: u64,
    /// Rows of the catalog that cannot be read.
    pub left_out: u64,
    /// The genres, those with the most ratings first. A movie counts for each of its genres.
    pub genres: Vec<Group>,
    /// The decades in which the movies were released, in order.
    pub decades: Vec<Group>,
}

/// Movies that have something in common.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// The name of the genre, or the first year of the decade.
    pub name: String,
    /// Its movies.
    pub movies: u64,
    /// Their ratings.
    pub ratings: u64,
    /// The mean of these ratings. `None` without any.
    pub mean: Option<f64>,
}

/// Sums of a group.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    movies: u64,
    ratings: u64,
    values: f64,
}

impl Sums {
    fn add(&mut self, (ratings, values): (u64, f64)) {
        self.movies += 1;
        self.ratings += ratings;
        self.values += values;
    }

    fn group(self, name: String) -> Group {
        let mean = (self.ratings > 0).then(|| self.values / self.ratings as f64);
        Group { name, movies: self.movies, ratings: self.ratings, mean }
    }
}

/// Describes the catalog, or returns `None` if the set has none.
pub(crate) fn of(table: &Table, catalog: &marquee_datasets::Catalog) -> Option<Catalog> {
    if catalog.movies.is_empty() && catalog.left_out == 0 {
        return None;
    }
    let mut of_movies = vec![(0_u64, 0.0_f64); table.movies.len()];
    for rating in table.ratings() {
        let (ratings, values) = &mut of_movies[rating.movie as usize];
        *ratings += 1;
        *values += f64::from(rating.value);
    }
    let mut is_known = vec![false; table.movies.len()];
    let (mut genres, mut decades) = (BTreeMap::<&str, Sums>::new(), BTreeMap::<i32, Sums>::new());
    let mut unrated = 0;
    for movie in &catalog.movies {
        let number = table.movies.find(movie.id.as_str());
        let rated = number.map_or((0, 0.0), |number| of_movies[number]);
        match number {
            Some(number) => is_known[number] = true,
            None => unrated += 1,
        }
        movie.genres.iter().for_each(|genre| genres.entry(genre).or_default().add(rated));
        if let Some(year) = movie.year {
            decades.entry(year.div_euclid(10) * 10).or_default().add(rated);
        }
    }
    let unknown = || is_known.iter().zip(&of_movies).filter(|(is_known, _)| !**is_known);
    let mut genres: Vec<Group> = genres.into_iter().map(|(name, sums)| sums.group(name.to_owned())).collect();
    genres.sort_by_key(|genre| std::cmp::Reverse(genre.ratings));
    let without = |is_absent: fn(&marquee_domain::Movie) -> bool| {
        catalog.movies.iter().filter(|movie| is_absent(movie)).count() as u64
    };
    Some(Catalog {
        movies: catalog.movies.len() as u64,
        unrated,
        unknown: unknown().count() as u64,
        unknown_ratings: unknown().map(|(_, (ratings, _))| ratings).sum(),
        without_title: without(|movie| movie.title.trim().is_empty()),
        without_year: without(|movie| movie.year.is_none()),
        without_genre: without(|movie| movie.genres.is_empty()),
        left_out: catalog.left_out,
        genres,
        decades: decades.into_iter().map(|(decade, sums)| sums.group(decade.to_string())).collect(),
    })
}

#[cfg(test)]
mod tests {
    use marquee_domain::{Movie, MovieId};

    use super::*;
    use crate::table::tests::table;

    fn movie(id: &str, title: &str, year: Option<i32>, genres: &[&str]) -> Movie {
        let genres = genres.iter().map(|genre| (*genre).to_owned()).collect();
        Movie::try_new(MovieId::try_new(id).expect("an id"), title, year, genres).expect("a movie")
    }

    #[test]
    fn groups_have_their_movies_and_ratings_and_what_is_missing_is_counted() {
        let movies = vec![
            movie("1", "Heat", Some(1995), &["Crime", "Drama"]),
            movie("2", "", Some(1999), &["Drama"]),
            movie("3", "Silent", None, &[]),
        ];
        let catalog = marquee_datasets::Catalog { movies, left_out: 2, faults: Vec::new() };
        let table = table("1,1,4,10\n2,1,5,10\n1,2,2,10\n1,9,3,10\n2,9,3,10\n");
        let found = of(&table, &catalog).expect("a catalog");
        assert_eq!((found.movies, found.unrated, found.unknown, found.unknown_ratings), (3, 1, 1, 2));
        assert_eq!((found.without_title, found.without_year, found.without_genre, found.left_out), (1, 1, 1, 2));
        let group = |name: &str, movies, ratings, mean| Group { name: name.to_owned(), movies, ratings, mean };
        assert_eq!(found.genres, [group("Drama", 2, 3, Some(11.0 / 3.0)), group("Crime", 1, 2, Some(4.5))]);
        assert_eq!(found.decades, [group("1990", 2, 3, Some(11.0 / 3.0))]);
        assert_eq!(of(&table, &marquee_datasets::Catalog::default()), None);
    }
}
