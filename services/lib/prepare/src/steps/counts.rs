//! Drops users and movies with few ratings, until every one that is left has enough: the largest
//! set of ratings in which that holds.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Apply, Effect, Kind, wrong};
use crate::fields::Wrong;
use crate::groups::Groups;
use crate::set::Set;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MinimumCounts {
    users: Option<u32>,
    movies: Option<u32>,
}

impl Kind for MinimumCounts {
    fn check(&self) -> Result<(), Wrong> {
        if self.users.or(self.movies).is_none() {
            return wrong("users", "is missing, and so is movies: give the fewest ratings of one of them");
        }
        for (field, fewest) in [("users", self.users), ("movies", self.movies)] {
            if fewest == Some(0) {
                return wrong(field, "is 0: give at least 1");
            }
        }
        Ok(())
    }
}

/// Users or movies that are being counted.
struct Side {
    groups: Groups,
    /// The ratings that are left of each.
    left: Vec<usize>,
    /// Whether each has too few ratings.
    is_few: Vec<bool>,
    fewest: usize,
}

impl Side {
    fn new(groups: Groups, fewest: Option<u32>) -> Self {
        let left: Vec<usize> = groups.iter().map(<[u32]>::len).collect();
        let fewest = fewest.unwrap_or(0) as usize;
        Self { is_few: left.iter().map(|left| *left < fewest).collect(), groups, left, fewest }
    }

    /// Takes a rating away. Returns whether there are too few from now on.
    fn lose(&mut self, number: usize) -> bool {
        self.left[number] -= 1;
        let is_newly_few = self.left[number] < self.fewest && !self.is_few[number];
        self.is_few[number] |= is_newly_few;
        is_newly_few
    }
}

impl Apply for MinimumCounts {
    /// Each rating is dropped once, so the time is that of reading the set, however often dropping
    /// one leaves too few of another.
    fn apply(&self, set: &mut Set) -> Effect {
        let mut marks = vec![0; set.ratings.len()];
        let mut sides = [Side::new(set.by_user(), self.users), Side::new(set.by_movie(), self.movies)];
        let mut waiting = VecDeque::new();
        for (side, counted) in sides.iter().enumerate() {
            let few = counted.is_few.iter().enumerate().filter(|(_, is_few)| **is_few);
            waiting.extend(few.map(|(number, _)| (side, number)));
        }
        while let Some((side, number)) = waiting.pop_front() {
            let [mine, other] = match &mut sides {
                [users, movies] if side == 0 => [users, movies],
                [users, movies] => [movies, users],
            };
            for row in mine.groups.get(number) {
                let row = *row as usize;
                if marks[row] != 0 {
                    continue;
                }
                marks[row] = side as u8 + 1;
                let rating = &set.ratings[row];
                let there = if side == 0 { rating.movie } else { rating.user } as usize;
                if other.lose(there) {
                    waiting.push_back((1 - side, there));
                }
            }
        }
        let reason = |of: &str, fewest: Option<u32>| format!("the {of} has fewer than {} ratings", fewest.unwrap_or(0));
        let reasons = vec![reason("user", self.users), reason("movie", self.movies)];
        Effect { marks, reasons, ..Effect::default() }
    }
}
