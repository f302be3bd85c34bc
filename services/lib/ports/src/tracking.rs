//! The tracker: tells a system outside the fleet what training runs do and which versions answer.
//!
//! A tracking system is for people. So a [`Tracker`] never fails and never makes its caller wait:
//! an event that cannot be delivered is lost, and the implementation counts it.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use marquee_domain::{ModelName, RunId, RunState, Timestamp, Version};

use crate::ObjectKey;

/// Takes events for a tracking system.
pub trait Tracker: Debug + Send + Sync {
    /// Takes an event. Returns at once, whatever the state of the tracking system is.
    ///
    /// Events of one tracker are delivered in the order in which they were taken. An event may be
    /// delivered twice, and an event may be lost.
    fn record(&self, event: TrackingEvent);
}

/// A tracker that drops every event. The default where no tracking system is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoTracker;

impl Tracker for NoTracker {
    fn record(&self, _event: TrackingEvent) {}
}

/// What a tracking system learns.
#[derive(Debug, Clone, PartialEq)]
pub enum TrackingEvent {
    /// The work on a run began. Work that begins again after a restart is the same run.
    RunStarted(TrackedRun),
    /// A run has read its ratings.
    DatasetRead {
        /// The run.
        run: RunId,
        /// When they were read.
        at: Timestamp,
        /// The ratings.
        dataset: TrackedDataset,
    },
    /// Something was measured while a run works.
    Measured {
        /// The run.
        run: RunId,
        /// When it was measured.
        at: Timestamp,
        /// The position on the curve, for example the number of sweeps. Grows from 1.
        step: u64,
        /// The values by name.
        metrics: Vec<(String, f64)>,
    },
    /// A run wrote a file for people, for example a report. Comes before the end of the run.
    Reported {
        /// The run.
        run: RunId,
        /// When it was written.
        at: Timestamp,
        /// The name of the file.
        file: &'static str,
        /// What is in it.
        bytes: Bytes,
    },
    /// A run published a version. Comes before the end of the run.
    Published(PublishedModel),
    /// A run ended.
    RunEnded {
        /// The run.
        run: RunId,
        /// When it ended.
        at: Timestamp,
        /// How it ended. A state that is not final counts as failed.
        state: RunState,
        /// Why nothing was published, for people. Empty if a version was published.
        message: String,
        /// The final figures by name.
        metrics: BTreeMap<String, f64>,
    },
    /// Another version answers users, or is on trial.
    RouteMoved(TrackedRoute),
}

/// A training run, a trial of a tuning, or a fold of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackedRun {
    /// Names the run.
    pub run: RunId,
    /// The run that this one is a part of.
    pub parent: Option<RunId>,
    /// The model.
    pub model: ModelName,
    /// When the work began.
    pub at: Timestamp,
    /// What the run was asked for, by name. The values never change.
    pub params: BTreeMap<String, String>,
}

/// The ratings that a run reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedDataset {
    /// The name, for example `ratings`.
    pub name: String,
    /// The digest (SHA-256 in hexadecimal).
    pub digest: String,
    /// The number of ratings.
    pub ratings: u64,
    /// The number of users with a rating.
    pub users: u64,
    /// The number of movies with a rating.
    pub movies: u64,
}

/// A version in the model store.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedModel {
    /// The run that published it.
    pub run: RunId,
    /// The model.
    pub model: ModelName,
    /// The version.
    pub version: Version,
    /// When it was published.
    pub at: Timestamp,
    /// The digest of its manifest (SHA-256 in hexadecimal).
    pub digest: String,
    /// The folder of its package in the object store.
    pub package: ObjectKey,
    /// The parameters of the fit by name.
    pub params: BTreeMap<String, String>,
    /// The figures of the model by name.
    pub metrics: BTreeMap<String, f64>,
}

/// Which versions of a model answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedRoute {
    /// The model.
    pub model: ModelName,
    /// The version that answers all users who are not on the candidate.
    pub stable: Version,
    /// The version on trial.
    pub candidate: Option<Version>,
    /// The revision of the route. It grows with every change, so an older one is out of date.
    pub revision: u64,
}
