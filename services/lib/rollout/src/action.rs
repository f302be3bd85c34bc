//! What follows from a decision.

use std::fmt;

use marquee_domain::{Route, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Status;
use crate::clock::rfc3339;

/// The outcome of one decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The status to store, before any action is carried out.
    pub status: Status,
    /// What to do then, in this order. A lost [`Action::SetRoute`] is decided again.
    pub actions: Vec<Action>,
    /// The latest time of the next decision. Changes that are observed earlier need one earlier.
    pub next: Timestamp,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Replace the wanted route.
    SetRoute {
        /// The new route. Its revision is one more than `expected_revision`.
        route: Route,
        /// The revision of the route that was observed, or 0 if there was none.
        expected_revision: u64,
    },
    /// Tell people.
    Event(Event),
}

/// Something that happened to a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Counts the events of a status from 1. A name that is made of it keeps an event from being
    /// told twice.
    pub number: u64,
    /// When it happened.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub time: Timestamp,
    /// What happened, for machines.
    pub reason: Reason,
    /// One sentence with the figures.
    pub message: String,
    /// How much it matters.
    pub severity: Severity,
}

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Severity {
    /// The rollout goes its way.
    Normal,
    /// Something failed, or a person has to decide.
    Warning,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Why something is as it is, for machines: the reason of conditions, events, log lines and
        /// metrics.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum Reason {
            $($(#[$doc])* $name),+
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns the name, as it is stored and shown.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name)),+
                }
            }
        }
    };
}

reasons! {
    /// Nothing was decided yet.
    #[default]
    Waiting,
    /// The target is not published.
    VersionNotPublished,
    /// The routing table could not be read.
    RouteUnreachable,
    /// A rollout started.
    RolloutStarted,
    /// The model's first version is routed without steps.
    FirstVersion,
    /// The target was the stable version already.
    AlreadyStable,
    /// The share of users of the candidate changes.
    WeightChanged,
    /// The candidate is loaded without users.
    ShadowStarted,
    /// A step waits until every ready instance has the wanted route.
    WaitingForInstances,
    /// No ready instance is known.
    NoInstances,
    /// Every ready instance has the wanted route.
    InstancesReady,
    /// A ready instance has an older route, and answers with it.
    InstancesBehind,
    /// A ready instance answers with no route.
    InstancesUnavailable,
    /// A step ended.
    StepCompleted,
    /// A pause of limited length runs.
    PauseRunning,
    /// A pause waits for a person.
    WaitingForPromotion,
    /// A person paused the rollout.
    PausedByUser,
    /// A pause of a person or after a failure ended.
    Resumed,
    /// A person ended a step or all steps.
    Promoted,
    /// Metrics are measured.
    AnalysisRunning,
    /// A metric failed.
    AnalysisFailed,
    /// A metric was inconclusive too often.
    AnalysisInconclusive,
    /// A metric could not be measured for too long.
    AnalysisError,
    /// The candidate cannot be loaded.
    VersionFailed,
    /// The candidate is not published any more.
    VersionWithdrawn,
    /// A step took longer than the progress deadline.
    DeadlineExceeded,
    /// A person aborted the rollout.
    AbortedByUser,
    /// A person started an aborted rollout again.
    Retried,
    /// Another target replaced the one of the rollout.
    Superseded,
    /// An earlier good version returns without steps.
    RolledBack,
    /// A person returned to the version before.
    Undone,
    /// The candidate answers all users, and is the stable version now.
    RolloutCompleted,
    /// The candidate is about to answer all users.
    Promoting,
    /// Another writer changed the route, and it was set back.
    RouteRestored,
    /// The steps changed, so they begin again.
    StepsChanged,
    /// A command had no meaning in the present phase.
    CommandIgnored,
    /// The specification makes no sense.
    InvalidSpec,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
