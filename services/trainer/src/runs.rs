//! Training runs: kept as JSON objects under `trainings/`, watched while they change, worked off one at a time.
//!
//! Any trainer may start, watch, list or cancel a run; the one that holds the lease works it off. What others wrote is read again and again by
//! [`Runs::refresh`]; of the run at work here this process knows best.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use marquee_domain::{Clock, Timestamp};
use marquee_ports::{Error, ErrorKind, ObjectKey, ObjectStore, Precondition};
use marquee_proto::convert;
use marquee_proto::training::v1::{self as pb, State};
use tokio::sync::watch;

/// Folders of the object store.
const RUNS: &str = "trainings";
const CANCELLATIONS: &str = "cancellations";

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
    known: Mutex<BTreeMap<String, Known>>,
}

/// A run, and the object that it was read from or written to last.
#[derive(Debug)]
struct Known {
    run: Run,
    kept: Option<(Timestamp, u64)>,
    /// At work in this process.
    ours: bool,
}

impl Runs {
    /// Reads every run.
    pub(crate) async fn open(objects: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let runs = Self { objects, clock, known: Mutex::default() };
        runs.refresh().await?;
        Ok(runs)
    }

    /// Reads what other trainers wrote since, and whom they want cancelled.
    pub(crate) async fn refresh(&self) -> Result<(), Error> {
        for entry in self.objects.list(Some(&named(RUNS)?)).await? {
            let Some(id) = id_of(&entry.key) else { continue };
            let kept = Some((entry.modified, entry.size));
            let current = self.lock().get(id).is_some_and(|known| known.ours || known.kept == kept);
            if current {
                continue;
            }
            let Some(object) = self.objects.get(&entry.key).await? else { continue };
            match serde_json::from_slice::<pb::Training>(&object.bytes) {
                Ok(training) => self.adopt(training, kept),
                Err(error) => tracing::warn!(key = %entry.key, %error, "unreadable training run skipped"),
            }
        }
        for entry in self.objects.list(Some(&named(CANCELLATIONS)?)).await? {
            if let Some(run) = id_of(&entry.key).and_then(|id| self.get(id)) {
                run.cancel();
            }
        }
        Ok(())
    }

    fn adopt(&self, training: pb::Training, kept: Option<(Timestamp, u64)>) {
        let mut all = self.lock();
        match all.get_mut(&training.training_id) {
            Some(known) if known.ours => {}
            Some(known) => {
                known.kept = kept;
                // An ended run stays ended: what comes late was read before.
                known.run.state.send_if_modified(|present| {
                    let changed = !has_ended(present) && *present != training;
                    if changed {
                        *present = training;
                    }
                    changed
                });
            }
            None => {
                all.insert(training.training_id.clone(), Known { run: Run::new(training), kept, ours: false });
            }
        }
    }

    /// Ends what a trainer that is gone was working on. Only the holder of the lease may say so.
    pub(crate) async fn interrupt(&self) -> Result<(), Error> {
        let at_work: Vec<Run> = {
            let all = self.lock();
            let running = |known: &&Known| !known.ours && known.run.now().state() == State::Running;
            all.values().filter(running).map(|known| known.run.clone()).collect()
        };
        for run in at_work {
            self.change(&run, |training| {
                training.set_state(State::Failed);
                training.message = "interrupted by a restart: start it again".to_owned();
            })
            .await?;
        }
        Ok(())
    }

    /// The oldest run that waits.
    pub(crate) fn next(&self) -> Option<Run> {
        self.lock().values().find(|known| known.run.now().state() == State::Queued).map(|known| known.run.clone())
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().values().filter(|known| known.run.now().state() == State::Queued).count()
    }

    /// Says whether a run is at work in this process.
    pub(crate) fn at_work(&self, run: &Run, ours: bool) {
        if let Some(known) = self.lock().get_mut(&run.now().training_id) {
            known.ours = ours;
        }
    }

    /// Asks a run to stop, wherever it is at work.
    pub(crate) async fn cancel(&self, run: &Run) -> Result<(), Error> {
        let training = run.now();
        if !has_ended(&training) {
            let key = named(&format!("{CANCELLATIONS}/{}.json", training.training_id))?;
            self.objects.put(&key, Bytes::from_static(b"{}"), Precondition::None).await?;
        }
        run.cancel();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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

    pub(crate) fn get(&self, id: &str) -> Option<Run> {
        self.lock().get(id).map(|known| known.run.clone())
    }

    /// The newest runs first.
    pub(crate) fn newest(&self, most: usize) -> Vec<pb::Training> {
        self.lock().values().rev().take(most).map(|known| known.run.now()).collect()
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
        self.keep(run).await?;
        if has_ended(&run.now()) {
            self.objects.delete(&named(&format!("{CANCELLATIONS}/{}.json", run.now().training_id))?).await?;
        }
        Ok(())
    }

    /// Keeps a run as it is now, for those who watch it through other trainers.
    pub(crate) async fn keep(&self, run: &Run) -> Result<(), Error> {
        self.put(run, Precondition::None).await
    }

    fn add(&self, run: &Run) {
        let known = Known { run: run.clone(), kept: None, ours: false };
        self.lock().insert(run.now().training_id, known);
    }

    async fn put(&self, run: &Run, precondition: Precondition) -> Result<(), Error> {
        let training = run.now();
        let json = serde_json::to_vec_pretty(&training)
            .map_err(|error| Error::new(ErrorKind::Invalid, "encode a training run", error))?;
        self.objects.put(&key(&training.training_id)?, Bytes::from(json), precondition).await?;
        Ok(())
    }
}

fn key(id: &str) -> Result<ObjectKey, Error> {
    named(&format!("{RUNS}/{id}.json"))
}

fn id_of(key: &ObjectKey) -> Option<&str> {
    key.as_str().rsplit('/').next()?.strip_suffix(".json")
}

fn named(path: &str) -> Result<ObjectKey, Error> {
    ObjectKey::try_new(path).map_err(|error| Error::new(ErrorKind::Invalid, "name a training run", error))
}
