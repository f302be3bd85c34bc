//! What a data set says besides its ratings: movies with genres, facts about users, and folds.
//! Facts about users and folds are used to judge and never to fit. Genres and years also tell what
//! is expected of movies that nobody has rated.

use std::collections::HashMap;

use marquee_datasets::{Dataset, UserFacts};
use marquee_domain::{Movie, MovieId, Rating, UserId};
use marquee_eval::Attributes;
use thiserror::Error;

/// The smallest age of each group, as MovieLens 1M has them, and the name of the group.
const AGES: [(u8, &str); 7] =
    [(0, "under 18"), (18, "18–24"), (25, "25–34"), (35, "35–44"), (45, "45–49"), (50, "50–55"), (56, "56 and over")];

/// What a data set says besides its ratings.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// The movies of the catalog. Empty without one.
    pub movies: Vec<Movie>,
    /// Genres of movies, and gender and age of users, as far as they are known.
    pub attributes: Attributes,
    /// The number of the official fold that holds out each rating, from 0.
    pub folds: Option<Vec<u32>>,
    /// What could not be used, for people.
    pub notes: Vec<String>,
}

/// Why it cannot be read.
#[derive(Debug, Error)]
pub enum SideError {
    /// A file cannot be read.
    #[error("could not read the data set")]
    Dataset(#[from] marquee_datasets::Error),
}

impl Side {
    /// Reads what the data set of these ratings says. A movie file that cannot be read is a note,
    /// because the ratings can be judged without it.
    ///
    /// # Errors
    /// The files of users or of folds cannot be read.
    pub fn read(dataset: &Dataset, ratings: &[Rating]) -> Result<Self, SideError> {
        let mut notes = Vec::new();
        let movies = dataset.movies().unwrap_or_else(|error| {
            notes.push(format!("the movies cannot be read, so there are no slices by genre: {error}"));
            Vec::new()
        });
        let genres = movies.iter().map(|movie| (movie.id.clone(), movie.genres.clone())).collect();
        let mut attributes = Attributes { genres, ..Attributes::default() };
        let users = dataset.users()?;
        group(&mut attributes, "gender", &users, |user| user.gender.clone());
        group(&mut attributes, "age", &users, |user| user.age.map(|age| age_group(age).to_owned()));
        let folds = match official(dataset, ratings)? {
            Some((folds, 0)) => Some(folds),
            Some((_, missing)) => {
                notes.push(format!("{missing} ratings are in none of the official folds: random folds judge instead"));
                None
            }
            None => None,
        };
        Ok(Self { movies, attributes, folds, notes })
    }
}

/// Returns the group of an age.
fn age_group(age: u8) -> &'static str {
    AGES.iter().rev().find(|(from, _)| age >= *from).map_or(AGES[0].1, |(_, name)| name)
}

fn group(attributes: &mut Attributes, name: &str, users: &[UserFacts], value: impl Fn(&UserFacts) -> Option<String>) {
    let of = |user: &UserFacts| Some((UserId::try_new(&user.user).ok()?, value(user)?));
    let values: HashMap<UserId, String> = users.iter().filter_map(of).collect();
    if !values.is_empty() {
        attributes.groups.insert(name.to_owned(), values);
    }
}

/// Returns the fold of each rating, and the number of ratings that no fold holds out. Returns
/// `None` if the data set has no folds.
fn official(dataset: &Dataset, ratings: &[Rating]) -> Result<Option<(Vec<u32>, usize)>, SideError> {
    let folds = dataset.folds()?;
    if folds.is_empty() {
        return Ok(None);
    }
    let mut by_pair: HashMap<(UserId, MovieId), u32> = HashMap::with_capacity(ratings.len());
    for (number, rows) in (0..).zip(folds) {
        for row in rows.filter_map(Result::ok) {
            if let (Ok(user), Ok(movie)) = (UserId::try_new(&row.user), MovieId::try_new(&row.movie)) {
                by_pair.insert((user, movie), number);
            }
        }
    }
    let fold = |rating: &Rating| by_pair.get(&(rating.user.clone(), rating.movie.clone())).copied();
    let found: Vec<u32> = ratings.iter().filter_map(fold).collect();
    let missing = ratings.len() - found.len();
    Ok(Some((found, missing)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_in_the_group_that_begins_at_or_below_it() {
        let groups = [0, 1, 17, 18, 24, 25, 44, 49, 50, 55, 56, 90, 255].map(age_group);
        assert_eq!(groups[..3], ["under 18"; 3]);
        assert_eq!(groups[3..6], ["18–24", "18–24", "25–34"]);
        assert_eq!(groups[6..10], ["35–44", "45–49", "50–55", "50–55"]);
        assert_eq!(groups[10..], ["56 and over"; 3]);
    }
}
