//! What a caller observed of the fleet. What it could not observe is a value too.

use std::collections::BTreeMap;
use std::time::Duration;

use marquee_domain::{Route, Timestamp, Version};
use serde::{Deserialize, Serialize};

/// Everything that a decision needs to know about the fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Observations {
    /// The route in the routing table.
    pub route: WantedRoute,
    /// The inference instances by name, or `None` if they could not be listed.
    pub instances: Option<Vec<InstanceObservation>>,
    /// The versions that are published, or `None` if the model store could not be read.
    pub published: Option<Vec<Version>>,
    /// The newest published version that passed its gates. `None` if there is no such version, or
    /// if the model store could not be read.
    pub latest: Option<Version>,
    /// The duels of the model, or `None` if the monitor could not be read completely. Sums over
    /// some of its partitions only must not be passed.
    pub duels: Option<Vec<PairObservation>>,
    /// Why the last change of the route was refused, or `None` if it was not. A version that does
    /// not verify cannot be routed.
    pub refusal: Option<String>,
    /// Commands that were not carried out yet, the oldest first. A command may be passed again: its
    /// id is remembered.
    pub commands: Vec<Command>,
}

/// The route in the routing table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedRoute {
    /// The table could not be read.
    Unreachable,
    /// The table has no route of the model.
    Absent,
    /// The route of the model.
    Present(Route),
}

/// One inference instance.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceObservation {
    /// The name, which stays over restarts of the process if the deployment keeps it.
    pub name: String,
    /// The instance is meant to receive requests, by the list of endpoints.
    pub ready: bool,
    /// What the instance says, or `None` if it could not be asked.
    pub report: Option<InstanceReport>,
}

/// What an instance says about the model.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceReport {
    /// Another text after every start of the process. All counters begin at 0 with it.
    pub incarnation: String,
    /// When the process started.
    pub started_at: Timestamp,
    /// The route that answers, or `None` if no route answers yet.
    pub effective: Option<Route>,
    /// Every version that is stored or that a route names.
    pub versions: Vec<VersionObservation>,
    /// What each version was asked since the process started.
    pub served: BTreeMap<Version, Served>,
}

/// One version on one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionObservation {
    /// The version.
    pub version: Version,
    /// Its state.
    pub state: VersionState,
    /// Why it failed, or empty.
    pub reason: String,
    /// The instance tries to load it again by itself.
    pub retrying: bool,
}

/// The state of a version on an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum VersionState {
    /// In the model store only.
    Stored,
    /// Being verified and loaded.
    Loading,
    /// Verified, loaded, and run at least once.
    Warm,
    /// Could not be loaded.
    Failed,
    /// A route names it, and the model store does not have it.
    NotFound,
}

/// What a version was asked on one instance. The counters only grow within an incarnation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Served {
    /// Requests, whatever their outcome.
    pub requests: u64,
    /// Requests that failed, at most `requests`.
    pub errors: u64,
    /// How long the requests took.
    pub latency: Histogram,
}

/// A histogram of durations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    /// The upper bounds of the buckets, inclusive and ascending.
    pub bounds: Vec<Duration>,
    /// The number of requests in each bucket, not cumulative. The last bucket has no bound, so
    /// there is one more than `bounds`.
    pub counts: Vec<u64>,
}

/// The duel of two versions: sums over every rating that both predicted from the history before it.
/// They are cumulative and never reset.
#[derive(Debug, Clone, PartialEq)]
pub struct PairObservation {
    /// The version that is compared with.
    pub stable: Version,
    /// The version that is compared.
    pub candidate: Version,
    /// The sums by slice. All ratings are in the slice [`PairObservation::ALL`].
    pub slices: BTreeMap<String, PairSums>,
}

impl PairObservation {
    /// The name of the slice of all ratings.
    pub const ALL: &'static str = "all";
}

/// The sums of a duel over the ratings of one slice.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct PairSums {
    /// The squared error, in square stars.
    pub squared: LossSums,
    /// The absolute error, in stars.
    pub absolute: LossSums,
    /// Minus the log density of the rating, in nats.
    pub log_loss: LossSums,
    /// Ratings that the stable version predicted and the candidate failed to predict. 0 if unknown.
    pub failures: u64,
}

/// The sums of one loss over ratings that both versions predicted. The difference is that of the
/// candidate minus that of the stable version, so it is above 0 if the candidate is worse.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct LossSums {
    /// The number of ratings.
    pub ratings: u64,
    /// The sum of the stable version's loss.
    pub stable: f64,
    /// The sum of the candidate's loss.
    pub candidate: f64,
    /// The sum of the differences.
    pub difference: f64,
    /// The sum of the squared differences.
    pub difference_squares: f64,
}

/// A command of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Command {
    /// Names the command, so that it is carried out once. Must not be used again.
    pub id: String,
    /// What is to be done.
    pub verb: Verb,
}

/// What a rollout can be told to do. No command changes the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// Ends the present step, whatever it waits for.
    Promote,
    /// Ends all steps: the candidate is to answer all users.
    PromoteAll,
    /// Holds the rollout at its present weight.
    Pause,
    /// Goes on after a pause that a person or a failure caused. Failed metrics are measured again
    /// with new evidence.
    Resume,
    /// Takes all users from the candidate and ends the rollout.
    Abort,
    /// Begins an aborted rollout again, with the first step and new evidence.
    Retry,
    /// Returns to the version that was stable before. During a rollout, the same as `Abort`.
    Undo,
}
