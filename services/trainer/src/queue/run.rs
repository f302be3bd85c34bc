//! The handle of a training run in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use marquee_domain::{RunId, RunState, Stage, TrainingRun};
use marquee_ports::Tag;
use tokio::sync::{Mutex, watch};

use super::document::RunDocument;
use crate::tracking::Tracking;

/// A run, its watchers and its cancellation. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    shared: Arc<Shared>,
    /// This process has stopped its work on the run. Shared by the clones of one [`Run::begin`].
    left: Arc<AtomicBool>,
    /// Tells of the progress of this attempt.
    tracking: Tracking,
}

#[derive(Debug)]
struct Shared {
    id: RunId,
    state: watch::Sender<TrainingRun>,
    canceled: AtomicBool,
    /// The object as this process last read or wrote it. Holding the lock keeps writes in order.
    stored: Mutex<Option<Stored>>,
}

/// A stored document and the tag that the next write must find.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) document: RunDocument,
    pub(super) tag: Tag,
}

impl Run {
    pub(super) fn new(run: TrainingRun, stored: Option<Stored>) -> Self {
        let shared = Arc::new(Shared {
            id: run.id.clone(),
            state: watch::Sender::new(run),
            canceled: AtomicBool::new(false),
            stored: Mutex::new(stored),
        });
        Self { shared, left: Arc::default(), tracking: Tracking::off() }
    }

    pub(crate) fn id(&self) -> &RunId {
        &self.shared.id
    }

    /// Returns the run as this process knows it.
    pub(crate) fn now(&self) -> TrainingRun {
        self.shared.state.borrow().clone()
    }

    pub(crate) fn state(&self) -> RunState {
        self.shared.state.borrow().state
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.shared.state.borrow().has_ended()
    }

    /// Watches the run. The receiver sees the present state first.
    pub(crate) fn watch(&self) -> watch::Receiver<TrainingRun> {
        let mut receiver = self.shared.state.subscribe();
        receiver.mark_changed();
        receiver
    }

    /// Returns whether somebody asked for the run to end.
    pub(crate) fn is_canceled(&self) -> bool {
        self.shared.canceled.load(Ordering::Relaxed)
    }

    /// Ends the run at its next step, whichever attempt works on it.
    pub(crate) fn cancel(&self) {
        self.shared.canceled.store(true, Ordering::Relaxed);
    }

    /// Returns a handle for one attempt to work on the run, which tells of its progress.
    pub(crate) fn begin(&self, tracking: Tracking) -> Self {
        Self { shared: Arc::clone(&self.shared), left: Arc::default(), tracking }
    }

    /// Ends this attempt at its next step. The run is not canceled: it may be worked on again.
    pub(crate) fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    /// Returns whether the work of this attempt must stop.
    pub(crate) fn must_stop(&self) -> bool {
        self.is_canceled() || self.left.load(Ordering::Relaxed)
    }

    /// Begins a stage.
    pub(crate) fn enter(&self, stage: Stage, message: &str) {
        self.tracking.entered(stage);
        self.update(|run| run.enter(stage, message));
    }

    /// Returns what tells of the progress of this attempt.
    pub(crate) fn tracking(&self) -> &Tracking {
        &self.tracking
    }

    /// Sets the progress within the stage, from 0 to 1.
    pub(crate) fn advance(&self, progress: f64) {
        self.update(|run| run.advance(progress));
    }

    /// Changes the run in this process. A run that has ended stays as it is, and so does one whose
    /// attempt was left: a fit that has not noticed that yet may still report.
    pub(crate) fn update(&self, change: impl FnOnce(&mut TrainingRun)) {
        self.shared.state.send_if_modified(|run| {
            let changes = !run.has_ended() && !self.left.load(Ordering::Relaxed);
            if changes {
                change(run);
            }
            changes
        });
    }

    /// Takes over what was read or written. A run that has ended stays as it is.
    pub(super) fn adopt(&self, new: TrainingRun) {
        self.shared.state.send_if_modified(|run| {
            let changes = !run.has_ended() && *run != new;
            if changes {
                *run = new;
            }
            changes
        });
    }

    pub(super) fn stored(&self) -> &Mutex<Option<Stored>> {
        &self.shared.stored
    }
}
