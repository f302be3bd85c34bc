//! The handle of a training run in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use marquee_domain::{RunId, Stage, TrainingRun};
use marquee_ports::Tag;
use tokio::sync::{Mutex, watch};

use super::document::RunDocument;

/// A run, its watchers and its cancellation. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Run(Arc<Shared>);

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
        Self(Arc::new(Shared {
            id: run.id.clone(),
            state: watch::Sender::new(run),
            canceled: AtomicBool::new(false),
            stored: Mutex::new(stored),
        }))
    }

    pub(crate) fn id(&self) -> &RunId {
        &self.0.id
    }

    /// Returns the run as this process knows it.
    pub(crate) fn now(&self) -> TrainingRun {
        self.0.state.borrow().clone()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.state.borrow().has_ended()
    }

    /// Watches the run. The receiver sees the present state first.
    pub(crate) fn watch(&self) -> watch::Receiver<TrainingRun> {
        let mut receiver = self.0.state.subscribe();
        receiver.mark_changed();
        receiver
    }

    pub(crate) fn is_canceled(&self) -> bool {
        self.0.canceled.load(Ordering::Relaxed)
    }

    /// Asks what works on the run in this process to stop at its next step.
    pub(crate) fn cancel(&self) {
        self.0.canceled.store(true, Ordering::Relaxed);
    }

    /// Begins a stage.
    pub(crate) fn enter(&self, stage: Stage, message: &str) {
        self.update(|run| run.enter(stage, message));
    }

    /// Sets the progress within the stage, from 0 to 1.
    pub(crate) fn advance(&self, progress: f64) {
        self.update(|run| run.advance(progress));
    }

    /// Changes the run in this process. A run that has ended stays as it is: a fit that has not
    /// noticed its cancellation yet may still report.
    pub(crate) fn update(&self, change: impl FnOnce(&mut TrainingRun)) {
        self.0.state.send_if_modified(|run| {
            let changes = !run.has_ended();
            if changes {
                change(run);
            }
            changes
        });
    }

    /// Takes over what was read or written. A run that has ended stays as it is.
    pub(super) fn adopt(&self, new: TrainingRun) {
        self.0.state.send_if_modified(|run| {
            let changes = !run.has_ended() && *run != new;
            if changes {
                *run = new;
            }
            changes
        });
    }

    pub(super) fn stored(&self) -> &Mutex<Option<Stored>> {
        &self.0.stored
    }
}
