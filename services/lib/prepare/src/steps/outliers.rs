//! Drops ratings and users that are unlike the others.

use marquee_domain::Timestamp;
use marquee_report::counted;
use serde::{Deserialize, Serialize};

use super::{Apply, Effect, Kind, wrong};
use crate::fields::Wrong;
use crate::rating::{NO_TIME, Rating};
use crate::set::Set;
use crate::statistics::{Fence, Method, Side, moments};

/// The usual limit: Tukey's outer fence, and three standard deviations.
const LIMIT: f64 = 3.0;

/// The usual number of ratings from which a group, or a user's mean, is judged.
const AT_LEAST: u64 = 20;

const fn limit() -> f64 {
    LIMIT
}

const fn at_least() -> u64 {
    AT_LEAST
}

fn check_limit(limit: f64) -> Result<(), Wrong> {
    let is_good = limit.is_finite() && limit > 0.0;
    if is_good { Ok(()) } else { wrong("limit", format!("is {limit}: give a number above 0")) }
}

/// Says what has no fence.
const fn alike(method: Method) -> &'static str {
    match method {
        Method::Iqr => "the middle half does not vary; use z_score",
        Method::ZScore => "all are alike",
    }
}

/// Describes the usual values.
fn usual(fence: Fence, shown: impl Fn(f64) -> String) -> String {
    match (fence.low.is_finite(), fence.high.is_finite()) {
        (true, true) => format!("usual is from {} to {}", shown(fence.low), shown(fence.high)),
        (true, false) => format!("usual is at least {}", shown(fence.low)),
        (false, _) => format!("usual is at most {}", shown(fence.high)),
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DropOutlierRatings {
    of: RatingValue,
    method: Method,
    #[serde(default)]
    within: Within,
    #[serde(default = "limit")]
    limit: f64,
    #[serde(default)]
    side: Side,
    /// The fewest ratings of a group that is judged.
    #[serde(default = "at_least")]
    at_least: u64,
}

/// What ratings are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RatingValue {
    Rating,
    RatedAt,
}

impl RatingValue {
    fn of(self, rating: &Rating) -> Option<f64> {
        match self {
            Self::Rating => Some(rating.value),
            Self::RatedAt => (rating.time != NO_TIME).then_some(rating.time as f64),
        }
    }
}

/// The ratings that are compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Within {
    #[default]
    All,
    User,
    Movie,
}

impl Kind for DropOutlierRatings {
    fn check(&self) -> Result<(), Wrong> {
        check_limit(self.limit)
    }
}

impl Apply for DropOutlierRatings {
    fn apply(&self, set: &mut Set) -> Effect {
        let groups = match self.within {
            Within::All => crate::groups::Groups::whole(set.ratings.len()),
            Within::User => set.by_user(),
            Within::Movie => set.by_movie(),
        };
        let mut marks = vec![0; set.ratings.len()];
        let mut values = Vec::new();
        let (mut judged, mut last) = (0_u64, None);
        for rows in groups.iter() {
            values.clear();
            values.extend(rows.iter().filter_map(|row| self.of.of(&set.ratings[*row as usize])));
            if (values.len() as u64) < self.at_least {
                continue;
            }
            let Some(fence) = Fence::of(self.method, self.limit, self.side, &mut values) else { continue };
            judged += 1;
            last = Some(fence);
            for row in rows {
                let value = self.of.of(&set.ratings[*row as usize]);
                marks[*row as usize] = u8::from(value.is_some_and(|value| !fence.has(value)));
            }
        }
        let shown = |value: f64| match self.of {
            RatingValue::Rating => format!("{value:.3}"),
            RatingValue::RatedAt => Timestamp::from_micros(value as i64).to_string(),
        };
        let note = match (self.within, last) {
            (Within::All, None) => format!("no rating was judged: too few ratings, or {}", alike(self.method)),
            (Within::All, Some(fence)) => usual(fence, shown),
            (Within::User, _) => format!("the ratings of {} were judged", counted(judged, "user")),
            (Within::Movie, _) => format!("the ratings of {} were judged", counted(judged, "movie")),
        };
        let value = if self.of == RatingValue::Rating { "value" } else { "time" };
        let reason = format!("the {value} of the rating is an outlier");
        Effect { marks, reasons: vec![reason], notes: vec![note], ..Effect::default() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DropOutlierUsers {
    of: UserValue,
    method: Method,
    #[serde(default = "limit")]
    limit: f64,
    #[serde(default)]
    side: Side,
    /// Whether the logarithms are compared.
    #[serde(default)]
    log: bool,
    /// The fewest ratings of a user who is judged. `None`: 1 for the number of ratings, or else
    /// [`AT_LEAST`].
    at_least: Option<u64>,
}

/// What users are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum UserValue {
    /// The number of ratings.
    Ratings,
    /// The mean of the values.
    Mean,
    /// The standard deviation of the values.
    Deviation,
}

impl Kind for DropOutlierUsers {
    fn check(&self) -> Result<(), Wrong> {
        if self.log && self.of != UserValue::Ratings {
            return wrong("log", "is true, and of is no number of ratings: leave it out");
        }
        check_limit(self.limit)
    }
}

impl DropOutlierUsers {
    /// Returns what a user is compared by, or `None` for one with too few ratings.
    fn value(&self, set: &Set, rows: &[u32]) -> Option<f64> {
        let usual = if self.of == UserValue::Ratings { 1 } else { AT_LEAST };
        if rows.is_empty() || (rows.len() as u64) < self.at_least.unwrap_or(usual) {
            return None;
        }
        let figures = || moments(rows.iter().map(|row| set.ratings[*row as usize].value));
        match self.of {
            UserValue::Ratings if self.log => Some((rows.len() as f64).ln()),
            UserValue::Ratings => Some(rows.len() as f64),
            UserValue::Mean => figures().map(|(mean, _)| mean),
            UserValue::Deviation => figures().map(|(_, deviation)| deviation),
        }
    }
}

impl Apply for DropOutlierUsers {
    fn apply(&self, set: &mut Set) -> Effect {
        let by_user = set.by_user();
        let values: Vec<Option<f64>> = by_user.iter().map(|rows| self.value(set, rows)).collect();
        let mut known: Vec<f64> = values.iter().copied().flatten().collect();
        let Some(fence) = Fence::of(self.method, self.limit, self.side, &mut known) else {
            let note = format!("no user was judged: too few users, or {}", alike(self.method));
            return Effect { notes: vec![note], ..Effect::default() };
        };
        let mut marks = vec![0; set.ratings.len()];
        for (rows, value) in by_user.iter().zip(values) {
            if value.is_some_and(|value| !fence.has(value)) {
                rows.iter().for_each(|row| marks[*row as usize] = 1);
            }
        }
        let note = usual(fence, |value| format!("{:.3}", if self.log { value.exp() } else { value }));
        let what = match self.of {
            UserValue::Ratings => "number",
            UserValue::Mean => "mean",
            UserValue::Deviation => "deviation",
        };
        let reason = format!("the {what} of the user's ratings is an outlier");
        Effect { marks, reasons: vec![reason], notes: vec![note], ..Effect::default() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DropConstantUsers {
    /// The fewest ratings from which one value only is odd.
    #[serde(default = "at_least")]
    at_least: u64,
}

impl Kind for DropConstantUsers {
    fn check(&self) -> Result<(), Wrong> {
        if self.at_least < 2 {
            return wrong("at_least", format!("is {}: give at least 2", self.at_least));
        }
        Ok(())
    }
}

impl Apply for DropConstantUsers {
    fn apply(&self, set: &mut Set) -> Effect {
        let mut marks = vec![0; set.ratings.len()];
        let value = |row: u32| set.ratings[row as usize].value;
        for rows in set.by_user().iter() {
            let is_constant = rows.windows(2).all(|pair| value(pair[0]) == value(pair[1]));
            if is_constant && rows.len() as u64 >= self.at_least {
                rows.iter().for_each(|row| marks[*row as usize] = 1);
            }
        }
        let reason = format!("the user has at least {} ratings, all of one value", self.at_least);
        Effect { marks, reasons: vec![reason], ..Effect::default() }
    }
}
