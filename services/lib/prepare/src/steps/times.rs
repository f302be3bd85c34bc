//! Drops ratings from outside of a period.

use marquee_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Apply, Effect, Kind, wrong};
use crate::fields::Wrong;
use crate::rating::NO_TIME;
use crate::set::Set;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeepTimes {
    from: Option<Moment>,
    to: Option<Moment>,
}

/// A time, or the start of a day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Moment(Timestamp);

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = Timestamp::parse(&text).or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z")));
        let wrong = || format!("'{text}' is no time: give one like 2020-01-31 or 2020-01-31T12:00:00Z");
        time.map(Self).ok_or_else(wrong)
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.0.to_rfc3339()
    }
}

impl Kind for KeepTimes {
    fn check(&self) -> Result<(), Wrong> {
        match (self.from, self.to) {
            (None, None) => wrong("from", "is missing, and so is to: give at least one"),
            (Some(from), Some(to)) if from >= to => wrong("to", "is not after from: give a later time"),
            _ => Ok(()),
        }
    }
}

impl Apply for KeepTimes {
    fn apply(&self, set: &mut Set) -> Effect {
        let (from, to) = (self.from.map(|from| from.0.micros()), self.to.map(|to| to.0.micros()));
        let mark = |time: i64| match time {
            NO_TIME => 0,
            time if from.is_some_and(|from| time < from) => 1,
            time if to.is_some_and(|to| time >= to) => 2,
            _ => 0,
        };
        let marks = set.ratings.iter().map(|rating| mark(rating.time)).collect();
        let reasons = [("before", self.from), ("not before", self.to)];
        let reasons = reasons.map(|(how, moment)| {
            let moment = moment.map(String::from).unwrap_or_default();
            format!("the rating is {how} {moment}")
        });
        Effect { marks, reasons: reasons.into(), ..Effect::default() }
    }
}
