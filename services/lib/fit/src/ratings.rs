//! Ratings by dense indices, sorted once by user and once by movie. Every algorithm reads these.

use thiserror::Error;

/// Ratings in both orders, at most one for each pair of user and movie.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratings {
    by_user: Side,
    by_movie: Side,
}

/// One order in compressed sparse rows. Row `r` has the entries `starts[r]..starts[r + 1]`, sorted
/// by partner.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    starts: Vec<usize>,
    partners: Vec<u32>,
    values: Vec<f32>,
}

/// Why triplets are not ratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RatingsError {
    /// An index is beyond the number of users or movies.
    #[error("rating {0} has a user or movie index beyond their number")]
    Beyond(usize),
    /// A value is NaN or infinite.
    #[error("rating {0} is not a finite number")]
    NotFinite(usize),
    /// A pair has two ratings.
    #[error("user {user} rates movie {movie} twice: keep the latest rating of a pair")]
    Twice {
        /// The user's index.
        user: u32,
        /// The movie's index.
        movie: u32,
    },
}

impl Ratings {
    /// Sorts triplets (user, movie, stars), which may come in any order.
    ///
    /// # Errors
    /// [`RatingsError`] names the first triplet that is wrong.
    pub fn try_new(users: usize, movies: usize, mut triplets: Vec<(u32, u32, f64)>) -> Result<Self, RatingsError> {
        for (at, &(user, movie, value)) in triplets.iter().enumerate() {
            if user as usize >= users || movie as usize >= movies {
                return Err(RatingsError::Beyond(at));
            }
            if !value.is_finite() {
                return Err(RatingsError::NotFinite(at));
            }
        }
        triplets.sort_unstable_by_key(|&(user, movie, _)| (user, movie));
        if let Some(pair) = triplets.windows(2).find(|pair| (pair[0].0, pair[0].1) == (pair[1].0, pair[1].1)) {
            return Err(RatingsError::Twice { user: pair[0].0, movie: pair[0].1 });
        }
        let by_user = Side::new(users, triplets.iter().copied());
        triplets.sort_unstable_by_key(|&(user, movie, _)| (movie, user));
        let by_movie = Side::new(movies, triplets.iter().map(|&(user, movie, value)| (movie, user, value)));
        Ok(Self { by_user, by_movie })
    }

    /// Returns the number of users, with ratings or without.
    pub fn users(&self) -> usize {
        self.by_user.rows()
    }

    /// Returns the number of movies, with ratings or without.
    pub fn movies(&self) -> usize {
        self.by_movie.rows()
    }

    /// Returns the number of ratings.
    pub fn len(&self) -> usize {
        self.by_user.values.len()
    }

    /// Returns whether there are no ratings.
    pub fn is_empty(&self) -> bool {
        self.by_user.values.is_empty()
    }

    /// Returns the order in which rows are users and partners are movies.
    pub fn by_user(&self) -> &Side {
        &self.by_user
    }

    /// Returns the order in which rows are movies and partners are users.
    pub fn by_movie(&self) -> &Side {
        &self.by_movie
    }

    /// Returns the mean of all ratings in stars, or 0 when there are none.
    pub fn mean(&self) -> f64 {
        self.by_user.values.iter().copied().map(f64::from).sum::<f64>() / self.len().max(1) as f64
    }
}

impl Side {
    /// Lays out triplets (row, partner, stars) that are sorted by row.
    fn new(rows: usize, sorted: impl ExactSizeIterator<Item = (u32, u32, f64)>) -> Self {
        let mut side = Self {
            starts: vec![0; rows + 1],
            partners: Vec::with_capacity(sorted.len()),
            values: Vec::with_capacity(sorted.len()),
        };
        for (row, partner, value) in sorted {
            side.starts[row as usize + 1] += 1;
            side.partners.push(partner);
            side.values.push(value as f32);
        }
        for row in 0..rows {
            side.starts[row + 1] += side.starts[row];
        }
        side
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Returns where each row starts among the entries, `[rows + 1]`.
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// Returns the partners and stars of a row, in single precision. Both are empty beyond the last
    /// row.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        match (self.starts.get(row), self.starts.get(row + 1)) {
            (Some(&start), Some(&end)) => (&self.partners[start..end], &self.values[start..end]),
            _ => (&[], &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_hold_the_same_ratings() {
        let ratings = Ratings::try_new(2, 3, vec![(1, 2, 5.0), (0, 2, 1.0), (1, 0, 3.0)]).unwrap();
        assert_eq!(ratings.by_user().row(1), (&[0, 2][..], &[3.0, 5.0][..]));
        assert_eq!(ratings.by_movie().row(2), (&[0, 1][..], &[1.0, 5.0][..]));
        assert_eq!(ratings.by_movie().row(1), (&[][..], &[][..]));
        assert_eq!(ratings.by_user().row(2), (&[][..], &[][..]));
        assert_eq!((ratings.users(), ratings.movies(), ratings.len(), ratings.mean()), (2, 3, 3, 3.0));
    }

    #[test]
    fn invalid_triplets_are_refused() {
        assert_eq!(Ratings::try_new(1, 1, vec![(0, 1, 3.0)]), Err(RatingsError::Beyond(0)));
        assert_eq!(Ratings::try_new(1, 1, vec![(0, 0, f64::NAN)]), Err(RatingsError::NotFinite(0)));
        let twice = Ratings::try_new(1, 1, vec![(0, 0, 3.0), (0, 0, 4.0)]);
        assert_eq!(twice, Err(RatingsError::Twice { user: 0, movie: 0 }));
    }
}
