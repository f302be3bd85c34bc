//! Decides about rollouts of model versions.
//!
//! [`decide`] is a pure state machine: it takes a [`Spec`], the last [`Status`], [`Observations`]
//! of the fleet and the time, and returns the next status and the [`Action`]s that follow from it.
//! It reads no clock, does no I/O and has no state of its own, so equal inputs have equal outputs.
//! A caller stores the status before it carries out the actions. What the actions want follows from
//! the status alone, so an action that was lost is decided again.
//!
//! Evidence is judged by [`statistics`] that stay valid however often they are looked at.
//! [`simulate`] replays recorded outcomes through a specification.

mod action;
mod clock;
mod decide;
mod evidence;
mod observation;
mod percent;
mod simulate;
mod spec;
pub mod statistics;
mod status;
mod unknown;

pub use action::{Action, Decision, Event, Reason, Severity};
pub use decide::decide;
pub use evidence::{
    Above, BlockSums, Counters, DuelEvidence, Evidence, InstanceCounters, MetricWindow, VersionCounters,
};
pub use observation::{
    Command, Histogram, InstanceObservation, InstanceReport, LossSums, Observations, PairObservation, PairSums, Served,
    Verb, VersionObservation, VersionState, WantedRoute,
};
pub use percent::{Percent, PercentError};
pub use simulate::{Point, RecordedRating, Replay, Trajectory, simulate};
pub use spec::{
    AnalysisStep, Background, DuelTest, ErrorTest, Follow, LatencyTest, Measure, Metric, OnDeadline, OnFailure,
    OnMissingData, PauseStep, RollbackWindow, ShadowStep, Spec, SpecError, Step, StepKind, Test,
};
pub use status::{
    Condition, ConditionStatus, ConditionType, GoodVersion, InstanceStatus, InstanceVersion, Measurement, MetricCounts,
    MetricState, MetricStatus, Outcome, Past, Pause, Phase, Placement, Run, RunKind, Scope, Status, StepStatus, Undo,
    Verdict, Weights,
};
pub use unknown::{Unknown, Value};
