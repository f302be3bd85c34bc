//! What is asked and what is rated. Both follow from the number of a request, so the client knows
//! afterwards which ratings must count without having stored them.
//!
//! **Invariant:** no pair of user and movie is rated twice. The users of ratings are those of this
//! load alone. So the ratings that count of a user are exactly those that were acknowledged.

/// The ids that a load uses.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Names the users that rate, and mixes the users and movies of predictions.
    pub(crate) seed: u64,
    /// The users that predictions are for.
    pub(crate) users: Ids,
    /// The movies that are predicted and rated.
    pub(crate) movies: Ids,
    /// How many movies a prediction asks for.
    pub(crate) asked: u64,
    /// How many users rate at the same time.
    pub(crate) raters: u64,
    /// How many movies a user rates before another user takes over. At most the number of movies.
    pub(crate) per_user: u64,
}

/// Ids that exist: a prefix and a number.
#[derive(Debug, Clone)]
pub(crate) struct Ids {
    pub(crate) prefix: String,
    pub(crate) first: u64,
    pub(crate) count: u64,
}

/// A rating to give.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned {
    pub(crate) user: String,
    pub(crate) movie: String,
    /// Whole stars from 1 to 5.
    pub(crate) value: f64,
}

impl Ids {
    /// Returns the id at a place; places beyond the last one begin again.
    pub(crate) fn at(&self, place: u64) -> String {
        format!("{}{}", self.prefix, self.first + place % self.count)
    }
}

/// Mixes the bits of a number, so that neighbors become unlike each other.
fn mixed(number: u64) -> u64 {
    let product = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ (product >> 29)
}

impl Plan {
    /// Returns the user and the movies of a prediction.
    pub(crate) fn prediction(&self, number: u64) -> (String, Vec<String>) {
        let place = mixed(number.wrapping_add(mixed(self.seed)));
        let movies = (0..self.asked.min(self.movies.count)).map(|step| self.movies.at((place >> 32) + step));
        (self.users.at(place & 0xffff_ffff), movies.collect())
    }

    /// Returns the rating of a number.
    pub(crate) fn rating(&self, number: u64) -> Planned {
        let (user, step) = (self.rater(number), number % self.turn() / self.raters);
        // Users begin at other movies, so that no movie is rated by all of them at once.
        let movie = self.movies.at((mixed(user) >> 32) + step);
        Planned { user: self.name(user), movie, value: (mixed(number) >> 33) as f64 % 5.0 + 1.0 }
    }

    /// Returns which user gives the rating of a number.
    pub(crate) fn rater(&self, number: u64) -> u64 {
        number / self.turn() * self.raters + number % self.turn() % self.raters
    }

    /// Returns the numbers of a user's ratings.
    pub(crate) fn numbers(&self, user: u64) -> impl Iterator<Item = u64> {
        let first = user / self.raters * self.turn() + user % self.raters;
        let raters = self.raters;
        (0..self.per_user).map(move |step| first + step * raters)
    }

    /// Returns the id of a user that rates.
    pub(crate) fn name(&self, user: u64) -> String {
        format!("load-{}-u{user}", self.seed)
    }

    /// The number of ratings until other users take over.
    fn turn(&self) -> u64 {
        self.raters * self.per_user
    }
}

#[cfg(test)]
pub(crate) fn small() -> Plan {
    let ids = |prefix: &str, count| Ids { prefix: prefix.to_owned(), first: 1, count };
    Plan { seed: 7, users: ids("", 50), movies: ids("m", 10), asked: 3, raters: 4, per_user: 8 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_pair_of_user_and_movie_is_rated_twice_and_every_id_exists() {
        let plan = small();
        let mut pairs = BTreeSet::new();
        for number in 0..200 {
            let rating = plan.rating(number);
            assert!((1..=10).any(|movie| rating.movie == format!("m{movie}")), "{rating:?}");
            assert!([1.0, 2.0, 3.0, 4.0, 5.0].contains(&rating.value), "{rating:?}");
            assert!(rating.user.starts_with("load-7-u"), "{rating:?}");
            assert!(pairs.insert((rating.user, rating.movie)), "rating {number}");
        }
    }

    #[test]
    fn the_numbers_of_a_user_are_those_of_its_ratings() {
        let plan = small();
        for user in 0..9 {
            let expected: Vec<u64> = (0..200).filter(|&number| plan.rater(number) == user).collect();
            let found: Vec<u64> = plan.numbers(user).filter(|&number| number < 200).collect();
            assert_eq!(found, expected, "user {user}");
            assert!(found.iter().all(|&number| plan.rating(number).user == plan.name(user)));
        }
    }

    #[test]
    fn predictions_ask_for_ids_that_exist_and_for_no_movie_twice() {
        let plan = small();
        let mut users = BTreeSet::new();
        for number in 0..500 {
            let (user, movies) = plan.prediction(number);
            let distinct: BTreeSet<&String> = movies.iter().collect();
            assert_eq!((movies.len(), distinct.len()), (3, 3));
            assert!(movies.iter().all(|movie| (1..=10).any(|known| *movie == format!("m{known}"))), "{movies:?}");
            users.insert(user.parse::<u64>().expect("a number"));
        }
        assert!(users.len() > 40 && users.iter().all(|user| (1..=50).contains(user)), "{users:?}");
    }
}
