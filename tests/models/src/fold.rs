//! A fold: ratings to learn from and ratings to predict. It is stored in a folder, where the peers
//! read the same bytes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// A rating by indices: user, movie and stars.
pub(crate) type Rated = (u32, u32, f64);

/// A user's ratings by movie, in stars.
pub(crate) type History = Vec<(usize, f64)>;

/// The bytes of a stored rating: two integers and a number of 32 bits each, little-endian.
const RECORD: usize = 12;

/// Ratings to learn from and ratings to predict.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fold {
    pub(crate) users: usize,
    pub(crate) movies: usize,
    pub(crate) train: Vec<Rated>,
    pub(crate) test: Vec<Rated>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Shape {
    users: usize,
    movies: usize,
}

impl Fold {
    /// Holds every `step`th rating of an order out, from `first` on.
    pub(crate) fn of_order(
        ratings: &[Rated],
        (users, movies): (usize, usize),
        order: &[u32],
        first: usize,
        step: usize,
    ) -> Self {
        let mut fold = Self { users, movies, train: Vec::with_capacity(ratings.len()), test: Vec::new() };
        for (place, &index) in order.iter().enumerate() {
            let part = if place % step == first { &mut fold.test } else { &mut fold.train };
            part.push(ratings[index as usize]);
        }
        fold
    }

    /// Returns the numbers of users and movies.
    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.users, self.movies)
    }

    /// Stores the fold in a new folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let shape = serde_json::to_vec(&Shape { users: self.users, movies: self.movies })?;
        std::fs::write(folder.join("shape.json"), shape)?;
        for (name, ratings) in [("train", &self.train), ("test", &self.test)] {
            let mut file = BufWriter::new(File::create(folder.join(name))?);
            for &(user, movie, stars) in ratings {
                file.write_all(&user.to_le_bytes())?;
                file.write_all(&movie.to_le_bytes())?;
                file.write_all(&(stars as f32).to_le_bytes())?;
            }
            file.flush()?;
        }
        Ok(())
    }

    /// Reads a fold from its folder.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let read = |name| std::fs::read(folder.join(name)).with_context(|| format!("read {}", folder.display()));
        let Shape { users, movies } = serde_json::from_slice(&read("shape.json")?)?;
        Ok(Self { users, movies, train: decode(&read("train")?)?, test: decode(&read("test")?)? })
    }
}

fn decode(bytes: &[u8]) -> Result<Vec<Rated>> {
    ensure!(bytes.len().is_multiple_of(RECORD), "a stored fold ends within a rating");
    let word = |record: &[u8], at: usize| [record[at], record[at + 1], record[at + 2], record[at + 3]];
    let rating = |record: &[u8]| {
        let (user, movie) = (u32::from_le_bytes(word(record, 0)), u32::from_le_bytes(word(record, 4)));
        (user, movie, f64::from(f32::from_le_bytes(word(record, 8))))
    };
    Ok(bytes.chunks_exact(RECORD).map(rating).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fold_is_read_as_it_was_written_and_holds_every_rating_once() {
        let ratings: Vec<Rated> = (0..10).map(|index| (index % 3, index, f64::from(index % 5) + 0.5)).collect();
        let order = [9, 0, 8, 1, 7, 2, 6, 3, 5, 4];
        let fold = Fold::of_order(&ratings, (3, 10), &order, 1, 5);
        assert_eq!(fold.test, [ratings[0], ratings[6]]);
        let mut all = [fold.train.clone(), fold.test.clone()].concat();
        all.sort_by_key(|rating| rating.1);
        assert_eq!(all, ratings);
        let folder = tempfile::tempdir().unwrap();
        fold.write(folder.path()).unwrap();
        assert_eq!(Fold::read(folder.path()).unwrap(), fold);
        std::fs::write(folder.path().join("test"), [0; 13]).unwrap();
        assert!(Fold::read(folder.path()).is_err());
    }
}
