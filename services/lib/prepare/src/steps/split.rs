//! Splits the ratings into parts, for example to train and to test a model.

use marquee_domain::Timestamp;
use marquee_report::counted;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Apply, Effect, Kind, wrong};
use crate::fields::Wrong;
use crate::rating::{NO_TIME, Rating};
use crate::set::{Parts, Set};

/// The most parts.
const MOST: usize = 100;

/// The longest name of a part, which is the name of a folder.
const LONGEST: usize = 32;

/// The largest error of a sum of shares.
const ROUNDING: f64 = 1e-9;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Split {
    by: By,
    #[serde(default)]
    within: Within,
    salt: Option<String>,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum By {
    /// The oldest ratings are the first part. Those without a time are older than all others.
    Time,
    /// All ratings of a user are in one part, by a hash of the user.
    User,
    /// Each rating on its own, by a hash of user and movie.
    Random,
}

/// The ratings whose order in time is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Within {
    /// All of them. Ratings of one instant stay together.
    #[default]
    All,
    /// Those of each user.
    User,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    name: String,
    share: f64,
}

impl Kind for Split {
    fn check(&self) -> Result<(), Wrong> {
        let count = self.parts.len();
        if count < 2 {
            return wrong("parts", format!("has {count} part: give at least 2"));
        }
        if count > MOST {
            return wrong("parts", format!("has {count} parts: give at most {MOST}"));
        }
        for (at, part) in self.parts.iter().enumerate() {
            let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
            if !(1..=LONGEST).contains(&part.name.len()) || !part.name.chars().all(is_name) {
                let fix = format!("give 1 to {LONGEST} letters, digits, dashes and underscores");
                return wrong(&format!("parts[{at}].name"), format!("is {}: {fix}", part.name));
            }
            if self.parts[..at].iter().any(|other| other.name == part.name) {
                return wrong(&format!("parts[{at}].name"), format!("is {} again: give another name", part.name));
            }
            if !(part.share > 0.0 && part.share < 1.0) {
                return wrong(
                    &format!("parts[{at}].share"),
                    format!("is {}: give one above 0 and below 1", part.share),
                );
            }
        }
        let sum: f64 = self.parts.iter().map(|part| part.share).sum();
        if (sum - 1.0).abs() > ROUNDING {
            return wrong("parts", format!("have the shares {sum} together: give shares that make 1"));
        }
        match self.by {
            By::Time if self.salt.is_some() => wrong("salt", "is of no use with by = \"time\": leave it out"),
            By::User | By::Random if self.within == Within::User => {
                wrong("within", "is user, and by is not time: leave it out")
            }
            _ if self.salt.as_ref().is_some_and(|salt| salt.chars().any(char::is_control)) => {
                wrong("salt", "has a control character: give printable text")
            }
            _ => Ok(()),
        }
    }
}

impl Split {
    /// Returns the part of a share from 0 to 1 of the whole.
    fn part(&self, share: f64) -> u8 {
        let mut end = 0.0;
        let ends = self.parts.iter().map(|part| {
            end += part.share;
            end
        });
        // The last part has what rounding leaves.
        let before = ends.take_while(|end| share >= *end).count();
        before.min(self.parts.len() - 1) as u8
    }

    fn hashed(&self, set: &Set, rating: &Rating) -> u8 {
        let mut hash = Sha256::new();
        let (user, movie) = (&set.users.names()[rating.user as usize], &set.movies.names()[rating.movie as usize]);
        // No id and no salt has a line break.
        hash.update(self.salt.as_deref().unwrap_or_default());
        hash.update(b"\n");
        hash.update(user.as_bytes());
        if self.by == By::Random {
            hash.update(b"\n");
            hash.update(movie.as_bytes());
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hash.finalize()[..8]);
        // As many bits as a float holds exactly.
        self.part((u64::from_be_bytes(first) >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// Splits by the instants at which shares of the ratings are reached.
    fn by_time(&self, set: &Set, notes: &mut Vec<String>) -> Vec<u8> {
        let mut times: Vec<i64> = set.ratings.iter().map(|rating| rating.time).collect();
        times.sort_unstable();
        let mut end = 0.0;
        let starts: Vec<i64> = self.parts[..self.parts.len() - 1]
            .iter()
            .map(|part| {
                end += part.share;
                times[((end * times.len() as f64).round() as usize).min(times.len() - 1)]
            })
            .collect();
        for (part, start) in self.parts[1..].iter().zip(&starts).filter(|(_, start)| **start != NO_TIME) {
            notes.push(format!("{} starts at {}", part.name, Timestamp::from_micros(*start).to_rfc3339()));
        }
        set.ratings.iter().map(|one| starts.partition_point(|start| *start <= one.time) as u8).collect()
    }

    /// Splits the ratings of each user. Those of one instant stay together, and those of the first
    /// instant are in the first part, so that a user with one rating is in it.
    fn by_time_of_users(&self, set: &Set) -> Vec<u8> {
        let mut parts = vec![0; set.ratings.len()];
        let mut by_user = set.by_user();
        by_user.sort_by_key(|row| set.ratings[row].time);
        for rows in by_user.iter() {
            let (mut instant, mut part) = (NO_TIME, 0);
            for (at, row) in rows.iter().enumerate() {
                let time = set.ratings[*row as usize].time;
                if at == 0 {
                    (instant, part) = (time, 0);
                } else if time != instant {
                    (instant, part) = (time, self.part((at as f64 + 0.5) / rows.len() as f64));
                }
                parts[*row as usize] = part;
            }
        }
        parts
    }
}

impl Apply for Split {
    fn apply(&self, set: &mut Set) -> Effect {
        let mut notes = Vec::new();
        let untimed = set.ratings.iter().filter(|rating| rating.time == NO_TIME).count();
        let of: Vec<u8> = match (self.by, self.within) {
            (By::Time, Within::All) => self.by_time(set, &mut notes),
            (By::Time, Within::User) => self.by_time_of_users(set),
            (By::User | By::Random, _) => set.ratings.iter().map(|rating| self.hashed(set, rating)).collect(),
        };
        let mut empty = None;
        for (part, number) in self.parts.iter().zip(0_u8..) {
            let ratings = of.iter().filter(|of| **of == number).count();
            if ratings == 0 {
                empty.get_or_insert(&part.name);
            }
            let share = ratings as f64 / of.len().max(1) as f64 * 100.0;
            notes.push(format!("{} has {}, {share:.2} %", part.name, counted(ratings as u64, "rating")));
        }
        if self.by == By::Time && untimed > 0 {
            notes.push(format!("without a time, and therefore the oldest: {}", counted(untimed as u64, "rating")));
        }
        let problem = empty.map(|empty| {
            let total = counted(of.len() as u64, "rating");
            let why = match self.by {
                By::Time if untimed > 0 => {
                    format!("{} of {total} have no time: drop them first with drop_missing, or split by user", untimed)
                }
                By::Time => format!("{total} have too few instants: change the shares, or split by user"),
                By::User | By::Random => format!("{total} are too few: change the shares, or leave the part out"),
            };
            format!("no rating is in the part {empty}, as {why}")
        });
        set.parts = Some(Parts { names: self.parts.iter().map(|part| part.name.clone()).collect(), of });
        Effect { notes, problem, ..Effect::default() }
    }
}
