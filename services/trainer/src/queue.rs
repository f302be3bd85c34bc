//! The queue of training runs: JSON objects under `trainings/`, one worked on at a time.
//!
//! Every trainer can create, watch, list and cancel runs. The trainer with the lease works on them.
//! [`Queue::refresh`] reads what other trainers wrote. Of the run that this process works on, it
//! knows more than the store, so that run is not read.
//!
//! **Invariant:** a trainer never overwrites what another one wrote. Every write names the content
//! that it replaces (`a_trainer_that_lost_its_lease_does_not_overwrite_the_verdict`).

mod document;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod prune;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use marquee_domain::{Clock, Outcome, RunId, RunState, Timestamp, TrainingPlan, TrainingRun};
use marquee_ports::{Error, ErrorKind, Object, ObjectKey, ObjectStore, Precondition};
use thiserror::Error as ThisError;
use tokio::sync::Notify;

use self::document::{DocumentError, RunDocument};
use self::run::Stored;

pub(crate) use self::run::Run;

/// The folder of the runs.
const RUNS: &str = "trainings";

/// The folder of requests to cancel a run. An object per run, so that every trainer may write one.
const CANCELLATIONS: &str = "cancellations";

/// How often the end of an abandoned run is tried while its object changes.
const TRIES: usize = 3;

/// A change of a run was not stored.
#[derive(Debug, ThisError)]
pub(crate) enum QueueError {
    #[error("another trainer has changed the training run")]
    Superseded,
    #[error("encode the training run")]
    Document(#[source] DocumentError),
    #[error("reach the training runs in the object store")]
    Store(#[source] Error),
}

impl QueueError {
    /// Returns whether the same change may succeed later.
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_retryable())
    }
}

/// Every training run of the deployment.
#[derive(Debug)]
pub(crate) struct Queue {
    objects: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    entries: Mutex<BTreeMap<RunId, Entry>>,
    /// Time and size of the objects that could not be read. They are not read again before they
    /// change.
    unreadable: Mutex<BTreeMap<RunId, (Timestamp, u64)>>,
    /// Cancellations of runs that have ended.
    late_cancellations: Mutex<Vec<ObjectKey>>,
    created: Notify,
}

#[derive(Debug)]
struct Entry {
    run: Run,
    /// Time and size of the object that was read last. `None`: it must be read.
    listed: Option<(Timestamp, u64)>,
    /// This process works on the run.
    working: bool,
}

impl Queue {
    /// Reads every run.
    pub(crate) async fn open(objects: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>) -> Result<Self, QueueError> {
        let queue = Self {
            objects,
            clock,
            entries: Mutex::default(),
            unreadable: Mutex::default(),
            late_cancellations: Mutex::default(),
            created: Notify::new(),
        };
        queue.refresh().await?;
        Ok(queue)
    }

    /// Reads what other trainers wrote since, and the cancellations.
    pub(crate) async fn refresh(&self) -> Result<(), QueueError> {
        let mut present = BTreeSet::new();
        for entry in self.objects.list(Some(&key(RUNS)?)).await.map_err(QueueError::Store)? {
            let Some(id) = id_of(&entry.key) else { continue };
            present.insert(id.clone());
            let listed = Some((entry.modified, entry.size));
            let is_current = |known: &Entry| known.working || known.listed == listed;
            if self.lock().get(&id).is_some_and(is_current) || self.unreadable().get(&id).copied() == listed {
                continue;
            }
            let Some(object) = self.objects.get(&entry.key).await.map_err(QueueError::Store)? else { continue };
            match decode(object) {
                Ok((run, stored)) => {
                    self.unreadable().remove(&id);
                    self.adopt(run, stored, listed).await;
                }
                Err(error) => {
                    tracing::warn!(key = %entry.key, error = marquee_kit::chain(&error), "skipped a training run");
                    self.unreadable().insert(id, (entry.modified, entry.size));
                }
            }
        }
        // The holder of the lease has removed the others.
        let is_kept = |id: &RunId, entry: &Entry| {
            entry.working || entry.listed.is_none() || !entry.run.has_ended() || present.contains(id)
        };
        self.lock().retain(|id, entry| is_kept(id, entry));
        let mut late = Vec::new();
        for entry in self.objects.list(Some(&key(CANCELLATIONS)?)).await.map_err(QueueError::Store)? {
            match id_of(&entry.key).and_then(|id| self.get(&id)) {
                Some(run) if run.has_ended() => late.push(entry.key),
                Some(run) => run.cancel(),
                None => {}
            }
        }
        *self.late_cancellations() = late;
        Ok(())
    }

    async fn adopt(&self, run: TrainingRun, stored: Stored, listed: Option<(Timestamp, u64)>) {
        let known = match self.lock().get_mut(&run.id) {
            Some(entry) if entry.working => return,
            Some(entry) => {
                entry.listed = listed;
                Some(entry.run.clone())
            }
            None => None,
        };
        match known {
            Some(known) => {
                *known.stored().lock().await = Some(stored);
                known.adopt(run);
            }
            None => {
                self.insert(Run::new(run, Some(stored)), listed);
            }
        }
    }

    /// Adds a run and returns its handle. A run that is known already keeps its handle.
    fn insert(&self, run: Run, listed: Option<(Timestamp, u64)>) -> Run {
        let mut entries = self.lock();
        let entry = entries.entry(run.id().clone()).or_insert(Entry { run, listed, working: false });
        entry.run.clone()
    }

    /// Creates a run and stores it.
    pub(crate) async fn create(&self, plan: TrainingPlan) -> Result<Run, QueueError> {
        let now = self.clock.now();
        // Ids sort by time. Two runs of one microsecond get two numbers.
        let mut number = u64::try_from(now.micros()).unwrap_or_default();
        loop {
            let run = TrainingRun::queued(RunId::numbered(number), plan.clone(), now);
            match self.put(&run, None).await {
                Ok(stored) => {
                    let run = self.insert(Run::new(run, Some(stored)), None);
                    self.created.notify_one();
                    return Ok(run);
                }
                Err(QueueError::Superseded) => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    async fn read(&self, id: &RunId) -> Result<Option<(TrainingRun, Stored)>, QueueError> {
        let object = self.objects.get(&key_of(id)?).await.map_err(QueueError::Store)?;
        Ok(object.and_then(|object| decode(object).ok()))
    }

    /// Waits until a run is created in this process.
    pub(crate) async fn wait_for_run(&self) {
        self.created.notified().await;
    }

    /// Stores a run as this process knows it. Fails if the run has ended: then another trainer
    /// ended it, because this one calls [`Self::end`].
    pub(crate) async fn save(&self, run: &Run) -> Result<(), QueueError> {
        let mut stored = run.stored().lock().await;
        let now = run.now();
        if now.has_ended() {
            return Err(QueueError::Superseded);
        }
        self.write(run, &now, &mut stored).await
    }

    /// Ends a run and stores it. Watchers learn of the end when it is stored. Fails if another
    /// trainer has ended the run.
    pub(crate) async fn end(&self, run: &Run, outcome: Outcome) -> Result<(), QueueError> {
        {
            let mut stored = run.stored().lock().await;
            let mut ended = run.now();
            if ended.has_ended() {
                return Err(QueueError::Superseded);
            }
            ended.end(outcome, self.clock.now());
            self.write(run, &ended, &mut stored).await?;
            run.adopt(ended);
        }
        let cancellation = key(&format!("{CANCELLATIONS}/{}.json", run.id()))?;
        if let Err(error) = self.objects.delete(&cancellation).await {
            // It is harmless: a run that has ended can't be canceled.
            tracing::warn!(run = %run.id(), error = marquee_kit::chain(&error), "could not delete a cancellation");
        }
        Ok(())
    }

    /// Writes a run over the document that this process knows. If another trainer has changed it,
    /// reads that change instead.
    async fn write(&self, run: &Run, new: &TrainingRun, stored: &mut Option<Stored>) -> Result<(), QueueError> {
        match self.put(new, stored.as_ref()).await {
            Ok(written) => {
                *stored = Some(written);
                Ok(())
            }
            Err(QueueError::Superseded) => {
                let Some((theirs, document)) = self.read(run.id()).await? else { return Err(QueueError::Superseded) };
                *stored = Some(document);
                if theirs == *new {
                    // It is this trainer's own write, whose answer was lost.
                    return Ok(());
                }
                run.adopt(theirs);
                Err(QueueError::Superseded)
            }
            Err(error) => Err(error),
        }
    }

    async fn put(&self, run: &TrainingRun, replaces: Option<&Stored>) -> Result<Stored, QueueError> {
        let mut document = replaces.map(|stored| stored.document.clone()).unwrap_or_default();
        document.update(run);
        let precondition = replaces.map_or(Precondition::Absent, |stored| Precondition::Matches(stored.tag.clone()));
        let json = document.encode().map_err(QueueError::Document)?;
        match self.objects.put(&key_of(&run.id)?, json, precondition).await {
            Ok(tag) => Ok(Stored { document, tag }),
            Err(error) if error.kind() == ErrorKind::Conflict => Err(QueueError::Superseded),
            Err(error) => Err(QueueError::Store(error)),
        }
    }

    /// Returns the runs that a trainer left when it died.
    pub(crate) fn abandoned(&self) -> Vec<Run> {
        let is_abandoned = |entry: &&Entry| !entry.working && entry.run.state() == RunState::Running;
        self.lock().values().filter(is_abandoned).map(|entry| entry.run.clone()).collect()
    }

    /// Ends an abandoned run. Only the holder of the lease may call it.
    pub(crate) async fn end_abandoned(&self, run: &Run, outcome: Outcome) -> Result<(), QueueError> {
        // A write of the dead trainer may still arrive, which makes the first try fail.
        for _ in 0..TRIES {
            match self.end(run, outcome.clone()).await {
                Err(QueueError::Superseded) if !run.has_ended() => {}
                Ok(()) | Err(QueueError::Superseded) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Asks a run to stop, whichever trainer works on it. A run that has ended stays as it is.
    pub(crate) async fn cancel(&self, run: &Run) -> Result<(), QueueError> {
        if !run.has_ended() {
            let cancellation = key(&format!("{CANCELLATIONS}/{}.json", run.id()))?;
            let written = self.objects.put(&cancellation, Bytes::from_static(b"{}"), Precondition::None).await;
            written.map_err(QueueError::Store)?;
        }
        run.cancel();
        Ok(())
    }

    /// Returns the oldest run that waits.
    pub(crate) fn next(&self) -> Option<Run> {
        let waits = |entry: &&Entry| entry.run.state() == RunState::Queued;
        self.lock().values().find(waits).map(|entry| entry.run.clone())
    }

    /// Returns how many runs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().values().filter(|entry| entry.run.state() == RunState::Queued).count()
    }

    /// Records whether this process works on a run. After the work, the run is read again.
    pub(crate) fn set_working(&self, run: &Run, working: bool) {
        if let Some(entry) = self.lock().get_mut(run.id()) {
            entry.working = working;
            entry.listed = None;
        }
    }

    pub(crate) fn get(&self, id: &RunId) -> Option<Run> {
        self.lock().get(id).map(|entry| entry.run.clone())
    }

    /// Returns up to `count` runs that were created before another one, or the newest ones for
    /// `None`. The newest run comes first.
    pub(crate) fn before(&self, id: Option<&RunId>, count: usize) -> Vec<TrainingRun> {
        let end = id.map_or(Bound::Unbounded, Bound::Excluded);
        let runs = self.lock();
        runs.range((Bound::Unbounded, end)).rev().take(count).map(|(_, entry)| entry.run.now()).collect()
    }

    fn unreadable(&self) -> MutexGuard<'_, BTreeMap<RunId, (Timestamp, u64)>> {
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn late_cancellations(&self) -> MutexGuard<'_, Vec<ObjectKey>> {
        self.late_cancellations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decode(object: Object) -> Result<(TrainingRun, Stored), DocumentError> {
    let document = RunDocument::decode(&object.bytes)?;
    Ok((document.run()?, Stored { document, tag: object.tag }))
}

fn key_of(id: &RunId) -> Result<ObjectKey, QueueError> {
    key(&format!("{RUNS}/{id}.json"))
}

fn id_of(key: &ObjectKey) -> Option<RunId> {
    RunId::try_new(key.as_str().rsplit('/').next()?.strip_suffix(".json")?).ok()
}

fn key(path: &str) -> Result<ObjectKey, QueueError> {
    let invalid = |error| Error::new(ErrorKind::Invalid, "name a training run", error);
    ObjectKey::try_new(path).map_err(|error| QueueError::Store(invalid(error)))
}

#[cfg(test)]
pub(crate) mod tests;
