//! Drops many ratings of a user in a short time, or the users who have them.

use serde::{Deserialize, Serialize};

use super::{Apply, Effect, Kind, wrong};
use crate::fields::Wrong;
use crate::rating::NO_TIME;
use crate::set::Set;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DropBursts {
    /// The fewest ratings of a burst.
    ratings: u32,
    /// The time in which they are.
    seconds: u32,
    #[serde(default)]
    drop: Dropped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Dropped {
    /// All ratings of users with a burst.
    #[default]
    Users,
    /// The ratings of the bursts.
    Ratings,
}

impl Kind for DropBursts {
    fn check(&self) -> Result<(), Wrong> {
        if self.ratings < 2 {
            return wrong("ratings", format!("is {}: give at least 2", self.ratings));
        }
        if self.seconds == 0 {
            return wrong("seconds", "is 0: give at least 1");
        }
        Ok(())
    }
}

impl Apply for DropBursts {
    fn apply(&self, set: &mut Set) -> Effect {
        let mut marks = vec![0; set.ratings.len()];
        let (fewest, within) = (self.ratings as usize, u64::from(self.seconds) * 1_000_000);
        let time = |row: u32| set.ratings[row as usize].time;
        let mut by_user = set.by_user();
        by_user.sort_by_key(|row| set.ratings[row].time);
        for rows in by_user.iter() {
            // Ratings without a time are the first.
            let timed = &rows[rows.partition_point(|row| time(*row) == NO_TIME)..];
            let is_burst = |rows: &[u32]| time(rows[fewest - 1]).abs_diff(time(rows[0])) < within;
            let mut bursts = timed.windows(fewest).enumerate().filter(|(_, rows)| is_burst(rows));
            match self.drop {
                Dropped::Ratings => {
                    let mut marked = 0;
                    bursts.for_each(|(at, _)| {
                        let rows = timed[at.max(marked)..at + fewest].iter();
                        rows.for_each(|row| marks[*row as usize] = 1);
                        marked = at + fewest;
                    });
                }
                Dropped::Users if bursts.next().is_some() => rows.iter().for_each(|row| marks[*row as usize] = 1),
                Dropped::Users => {}
            }
        }
        let burst = format!("at least {} ratings in less than {} s", self.ratings, self.seconds);
        let reason = match self.drop {
            Dropped::Users => format!("the user has {burst}"),
            Dropped::Ratings => format!("one of {burst} of the user"),
        };
        Effect { marks, reasons: vec![reason], ..Effect::default() }
    }
}
