//! The ratings of a data set that count.

use marquee_datasets::Dataset;
use marquee_domain::{MovieId, Offset, Rating, RatingEvent, Scale, UserId};
use marquee_fit::{Fold, Snapshot};
use thiserror::Error;

/// The ratings of a data set.
#[derive(Debug)]
pub struct Data {
    /// The name of the data set.
    pub name: String,
    /// The ratings that count: the last one of each user and movie.
    pub snapshot: Snapshot,
    /// The scale of the ratings.
    pub scale: Scale,
    /// Whether every rating has a time.
    pub has_times: bool,
    /// The number of rows that were left out.
    pub left_out: u64,
    /// Why the first of them was left out.
    pub first_problem: Option<String>,
}

/// Why a data set cannot be used.
#[derive(Debug, Error)]
pub enum DataError {
    /// It cannot be read.
    #[error("could not read the data set")]
    Dataset(#[from] marquee_datasets::Error),
    /// No row is a rating.
    #[error("no row of {name} is a rating{}: give another file, or another --scale", .first.as_deref().map(|first| format!(" ({first})")).unwrap_or_default())]
    NoRatings {
        /// The name of the data set.
        name: String,
        /// Why the first row was left out.
        first: Option<String>,
    },
}

impl Data {
    /// Reads every rating. Without `scale` it is the one of the data set, if it is known, or else
    /// half stars from 0.5 to 5. Rows that are no ratings on the scale are left out and counted.
    ///
    /// # Errors
    /// The data set cannot be read, or no row is a rating.
    pub fn read(dataset: &Dataset, scale: Option<Scale>) -> Result<Self, DataError> {
        let half_stars = || Scale::try_new(0.5, 5.0, 0.5).ok();
        let scale = scale.or(dataset.scale).or_else(half_stars);
        let no_ratings = |first| DataError::NoRatings { name: dataset.name.clone(), first };
        let Some(scale) = scale else { return Err(no_ratings(None)) };
        let mut fold = Fold::default();
        let (mut read, mut left_out, mut first_problem, mut has_times) = (0_u64, 0, None, true);
        for row in dataset.ratings()? {
            let rating = row.map_err(|error| error.to_string()).and_then(|row| {
                let wrong = |field: &str, why: String| format!("line {}: {field} {why}", row.line);
                let user = UserId::try_new(&row.user).map_err(|error| wrong("user", error.to_string()))?;
                let movie = MovieId::try_new(&row.movie).map_err(|error| wrong("movie", error.to_string()))?;
                let value = scale.check(row.rating).map_err(|error| wrong("rating", error.to_string()))?;
                Ok((Rating { user, movie, value, rated_at: row.time() }, row.rated_at.is_some()))
            });
            match rating {
                Ok((rating, has_time)) => {
                    has_times &= has_time;
                    fold.apply(Offset(read), &RatingEvent::Rated(rating));
                    read += 1;
                }
                Err(problem) => {
                    left_out += 1;
                    first_problem.get_or_insert(problem);
                }
            }
        }
        if read == 0 {
            return Err(no_ratings(first_problem));
        }
        Ok(Self { name: dataset.name.clone(), snapshot: fold.finish(), scale, has_times, left_out, first_problem })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use marquee_datasets::{Options, open_bytes};

    use super::*;

    fn read(text: &'static str, scale: Option<Scale>) -> Result<Data, DataError> {
        let dataset = open_bytes("ratings.csv", Bytes::from_static(text.as_bytes()), Options::default());
        Data::read(&dataset.expect("a data set"), scale)
    }

    #[test]
    fn rows_that_are_no_ratings_are_left_out_and_counted() {
        let text = "userId,movieId,rating,timestamp\n1,1,4,10\n1,1,5,20\n1,2,9,30\n,3,4,30\n2,3,x,40\n";
        let data = read(text, None).expect("ratings");
        assert_eq!((data.snapshot.ratings().len(), data.left_out, data.has_times), (1, 3, true));
        assert_eq!(data.snapshot.ratings()[0].value, 5.0, "the later rating counts");
        let problem = data.first_problem.expect("a problem");
        assert!(problem.starts_with("line 4: rating is 9, off the scale"), "{problem}");
        let ten = Scale::try_new(1.0, 10.0, 1.0).expect("a scale");
        assert_eq!(read(text, Some(ten)).expect("ratings").left_out, 2);
    }

    #[test]
    fn a_data_set_without_times_says_so_and_one_without_ratings_is_refused() {
        assert!(!read("userId,movieId,rating\n1,1,4\n", None).expect("ratings").has_times);
        let error = read("userId,movieId,rating\n1,1,44\n", None).expect_err("no ratings").to_string();
        assert!(error.contains("line 2: rating is 44") && error.contains("--scale"), "{error}");
    }
}
