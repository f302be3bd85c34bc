//! The kinds of steps.

mod bursts;
mod counts;
mod deduplicate;
mod derive;
mod missing;
mod outliers;
mod scale;
mod split;
#[cfg(test)]
mod tests;
mod times;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use toml::Table;

use crate::fields::{self, Wrong};
use crate::set::Set;

/// A kind of step.
#[derive(Debug)]
pub struct KindInfo {
    /// The name of the kind in a plan.
    pub does: &'static str,
    /// What the step does.
    pub about: &'static str,
    pub(crate) order: Order,
    pub(crate) read: fn(Table) -> Result<Made, Wrong>,
}

/// Where a step may be in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Order {
    /// Anywhere before the others.
    Changes,
    /// After all that drops or changes ratings.
    Derives,
    /// The last.
    Splits,
}

/// A step that was made, and its parameters for the report.
pub(crate) type Made = (Box<dyn Apply>, Map<String, Json>);

/// Every kind of step.
pub static KINDS: [KindInfo; 12] = [
    kind::<deduplicate::Deduplicate>("deduplicate", "keeps one rating of each pair of a user and a movie"),
    kind::<missing::DropMissing>("drop_missing", "drops ratings without a time, or of movies without some facts"),
    kind::<times::KeepTimes>("keep_times", "drops ratings from outside of a period"),
    kind::<scale::MapScale>("map_scale", "maps ratings to another scale"),
    kind::<scale::DropOffScale>("drop_off_scale", "drops ratings that are not on a scale"),
    kind::<outliers::DropOutlierRatings>("drop_outlier_ratings", "drops ratings unlike the others"),
    kind::<outliers::DropOutlierUsers>("drop_outlier_users", "drops users unlike the others"),
    kind::<outliers::DropConstantUsers>("drop_constant_users", "drops users with a single value"),
    kind::<bursts::DropBursts>("drop_bursts", "drops many ratings of a user in a short time, or such users"),
    kind::<counts::MinimumCounts>("minimum_counts", "drops users and movies with few ratings, until none is left"),
    KindInfo { order: Order::Derives, ..kind::<derive::Derive>("derive", "adds features of movies and ratings") },
    KindInfo { order: Order::Splits, ..kind::<split::Split>("split", "splits the ratings into parts") },
];

/// What a step does to a set.
#[derive(Debug, Default)]
pub(crate) struct Effect {
    /// For each rating 0 to keep it, or the number of the reason to drop it, from 1. Empty: all are
    /// kept.
    pub(crate) marks: Vec<u8>,
    pub(crate) reasons: Vec<String>,
    /// What else is to be said, in sentences without a full stop.
    pub(crate) notes: Vec<String>,
    /// Why the step cannot do what it is for, and what to change.
    pub(crate) problem: Option<String>,
}

/// A step with its parameters.
pub(crate) trait Apply: fmt::Debug + Send + Sync {
    /// Changes the set, and says which ratings are dropped.
    fn apply(&self, set: &mut Set) -> Effect;
}

/// A kind of step whose parameters are read from a plan.
trait Kind: DeserializeOwned + Serialize + Apply + 'static {
    /// Checks the parameters together.
    fn check(&self) -> Result<(), Wrong>;
}

const fn kind<K: Kind>(does: &'static str, about: &'static str) -> KindInfo {
    KindInfo { does, about, order: Order::Changes, read: read::<K> }
}

fn read<K: Kind>(table: Table) -> Result<Made, Wrong> {
    let step: K = fields::read(table)?;
    step.check()?;
    let parameters = fields::parameters(&step);
    Ok((Box::new(step), parameters))
}

/// Returns the error for a field.
fn wrong<T>(field: &str, problem: impl Into<String>) -> Result<T, Wrong> {
    Err((Some(field.to_owned()), problem.into()))
}
