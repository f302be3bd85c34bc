//! Training runs: kept as JSON objects under `trainings/`, watched while they change, worked off one at a time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use marquee_domain::Clock;
use marquee_ports::{Error, ErrorKind, ObjectKey, ObjectStore, Precondition};
use marquee_proto::convert;
use marquee_proto::training::v1::{self as pb, State};
use tokio::sync::watch;

/// A run and what moves it. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) state: Arc<watch::Sender<pb::Training>>,
    cancelled: Arc<AtomicBool>,
}

impl Run {
    fn new(training: pb::Training) -> Self {
        Self { state: Arc::new(watch::Sender::new(training)), cancelled: Arc::default() }
    }

    pub(crate) fn now(&self) -> pb::Training {
        self.state.borrow().clone()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Enters a stage.
    pub(crate) fn stage(&self, stage: pb::Stage, message: &str) {
        self.state.send_modify(|training| {
            training.stage = stage as i32;
            training.progress = 0.0;
            message.clone_into(&mut training.message);
        });
    }

    /// Moves on within the stage, from 0 to 1.
    pub(crate) fn progress(&self, progress: f64) {
        self.state.send_modify(|training| training.progress = progress.clamp(0.0, 1.0));
    }
}

/// The run is over.
pub(crate) fn has_ended(training: &pb::Training) -> bool {
    matches!(training.state(), State::Succeeded | State::Failed | State::Cancelled)
}

/// Every run of this deployment.
#[derive(Debug)]
pub(crate) struct Runs {
    objects: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    known: Mutex<BTreeMap<String, Run>>,
}

impl Runs {
    /// Reads the runs of earlier processes. One that was running then was interrupted; those that waited are returned, to run now.
    pub(crate) async fn open(objects: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>) -> Result<(Self, Vec<Run>), Error> {
        let runs = Self { objects, clock, known: Mutex::default() };
        let mut waiting = Vec::new();
        for entry in runs.objects.list(Some(&folder()?)).await? {
            let Some(object) = runs.objects.get(&entry.key).await? else { continue };
            let mut training: pb::Training = match serde_json::from_slice(&object.bytes) {
                Ok(training) => training,
                Err(error) => {
                    tracing::warn!(key = %entry.key, %error, "unreadable training run skipped");
                    continue;
                }
            };
            let interrupted = training.state() == State::Running;
            if interrupted {
                training.set_state(State::Failed);
                training.message = "interrupted by a restart: start it again".to_owned();
                training.ended_at = Some(convert::timestamp(runs.clock.now()));
            }
            let run = Run::new(training);
            if run.now().state() == State::Queued {
                waiting.push(run.clone());
            }
            runs.add(&run);
            if interrupted {
                runs.keep(&run).await?;
            }
        }
        Ok((runs, waiting))
    }

    /// Adds a new run and keeps it.
    pub(crate) async fn create(&self, mut training: pb::Training) -> Result<Run, Error> {
        let now = self.clock.now();
        training.created_at = Some(convert::timestamp(now));
        training.set_state(State::Queued);
        // Sortable by time; the tail keeps two runs of one microsecond apart.
        let mut number = now.micros();
        loop {
            training.training_id = format!("t{number:016}");
            let run = Run::new(training.clone());
            match self.put(&run, Precondition::Absent).await {
                Ok(()) => {
                    self.add(&run);
                    return Ok(run);
                }
                Err(error) if error.kind() == ErrorKind::Conflict => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Forgets a run that was never queued.
    pub(crate) async fn discard(&self, run: &Run) -> Result<(), Error> {
        let id = run.now().training_id;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        self.objects.delete(&key(&id)?).await
    }

    pub(crate) fn get(&self, id: &str) -> Option<Run> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The newest runs first.
    pub(crate) fn newest(&self, most: usize) -> Vec<pb::Training> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().rev().take(most).map(Run::now).collect()
    }

    /// Begins or ends a run and keeps it so.
    pub(crate) async fn change(&self, run: &Run, change: impl FnOnce(&mut pb::Training)) -> Result<(), Error> {
        let now = convert::timestamp(self.clock.now());
        run.state.send_modify(|training| {
            change(training);
            if has_ended(training) {
                training.ended_at = Some(now);
            }
        });
        self.keep(run).await
    }

    async fn keep(&self, run: &Run) -> Result<(), Error> {
        self.put(run, Precondition::None).await
    }

    fn add(&self, run: &Run) {
        let id = run.now().training_id;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(id, run.clone());
    }

    async fn put(&self, run: &Run, precondition: Precondition) -> Result<(), Error> {
        let training = run.now();
        let json = serde_json::to_vec_pretty(&training)
            .map_err(|error| Error::new(ErrorKind::Invalid, "encode a training run", error))?;
        self.objects.put(&key(&training.training_id)?, Bytes::from(json), precondition).await?;
        Ok(())
    }
}

fn folder() -> Result<ObjectKey, Error> {
    named("trainings")
}

fn key(id: &str) -> Result<ObjectKey, Error> {
    named(&format!("trainings/{id}.json"))
}

fn named(path: &str) -> Result<ObjectKey, Error> {
    ObjectKey::try_new(path).map_err(|error| Error::new(ErrorKind::Invalid, "name a training run", error))
}
