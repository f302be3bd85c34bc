//! A study: trials of one objective over one search space, in memory or in a file.
//!
//! [`Study::optimize`] runs trials on threads. A caller that runs them itself asks for trials with
//! [`Study::ask`], and ends each with a method of [`Trial`].

mod error;
mod file;
mod trial;

use std::collections::{BTreeMap, VecDeque};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use self::file::{Event, StudyFile};
use crate::pruner::Pruner;
use crate::record::{Direction, Record, State};
use crate::sampler::Sampler;
use crate::space::Space;
use crate::value::Values;

pub use self::error::StudyError;
pub use self::file::VERSION;
pub use self::trial::{Stop, Trial};

/// Why a trial of a process that has ended failed.
const DIED: &str = "its process ended before the trial had a result";

/// How a study searches.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// Which values of the objective are better.
    pub direction: Direction,
    /// How the values of the next trial are chosen. It may differ when a study is resumed.
    pub sampler: Sampler,
    /// Which trials end early. It may differ when a study is resumed.
    pub pruner: Pruner,
    /// The seed of every random number.
    pub seed: u64,
    /// What else the values of the objective depend on, for example the digest of the data. A study
    /// with another context is not resumed.
    pub context: BTreeMap<String, String>,
}

/// A study. Threads share it.
#[derive(Debug)]
pub struct Study {
    space: Space,
    settings: Settings,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The trials by number: the trial n is at the index n.
    trials: Vec<Record>,
    /// Values to try before those of the sampler.
    queue: VecDeque<Values>,
    file: Option<StudyFile>,
}

impl Study {
    /// Creates a study in memory.
    pub fn in_memory(space: Space, settings: Settings) -> Self {
        Self::new(space, settings, Vec::new(), None)
    }

    /// Opens a study file, or creates it if it does not exist. Trials of a process that has ended
    /// without a result are marked as failed. A last line that was not written completely is
    /// removed.
    ///
    /// # Errors
    /// The file cannot be read or written, another process has it open, or it has another version,
    /// search space, direction or context.
    pub fn open(path: &Path, space: Space, settings: Settings) -> Result<Self, StudyError> {
        let (file, trials) = StudyFile::open(path, &space, &settings)?;
        let study = Self::new(space, settings, trials, Some(file));
        let mut inner = study.lock();
        let died = |trial: &Record| trial.state == State::Running;
        let died: Vec<u64> = inner.trials.iter().filter(|trial| died(trial)).map(|trial| trial.number).collect();
        for number in died {
            inner.apply(number, Event::failed(DIED, true))?;
        }
        drop(inner);
        Ok(study)
    }

    fn new(space: Space, settings: Settings, trials: Vec<Record>, file: Option<StudyFile>) -> Self {
        Self { space, settings, inner: Mutex::new(Inner { trials, queue: VecDeque::new(), file }) }
    }

    /// Returns the search space.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Returns the direction.
    pub fn direction(&self) -> Direction {
        self.settings.direction
    }

    /// Returns all trials by number.
    pub fn trials(&self) -> Vec<Record> {
        self.lock().trials.clone()
    }

    /// Returns the complete trial with the best value, the first of equal ones.
    pub fn best(&self) -> Option<Record> {
        let direction = self.settings.direction;
        let inner = self.lock();
        let complete = inner.trials.iter().filter_map(|trial| Some((trial.loss(direction)?, trial)));
        complete.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, trial)| trial.clone())
    }

    /// Returns the value of the first complete trial with these values.
    pub fn value_of(&self, values: &Values) -> Option<f64> {
        self.lock().trials.iter().filter(|trial| trial.values == *values).find_map(|trial| trial.value)
    }

    /// Tries these values before those of the sampler, unless a trial has had them.
    ///
    /// # Errors
    /// The values are not in the search space.
    pub fn enqueue(&self, values: Values) -> Result<(), StudyError> {
        self.space.check(&values).map_err(StudyError::Values)?;
        let mut inner = self.lock();
        let has_had = |trial: &Record| trial.values == values && !trial.interrupted;
        if !inner.trials.iter().any(has_had) && !inner.queue.contains(&values) {
            inner.queue.push_back(values);
        }
        Ok(())
    }

    /// Starts a trial with the next values.
    ///
    /// # Errors
    /// The study file cannot be written.
    pub fn ask(&self) -> Result<Trial<'_>, StudyError> {
        self.start(&mut self.lock())
    }

    /// Starts a trial unless there are enough. Interrupted trials do not count.
    fn ask_up_to(&self, trials: usize) -> Result<Option<Trial<'_>>, StudyError> {
        let mut inner = self.lock();
        let counted = inner.trials.iter().filter(|trial| !trial.interrupted).count();
        if counted >= trials { Ok(None) } else { self.start(&mut inner).map(Some) }
    }

    fn start(&self, inner: &mut Inner) -> Result<Trial<'_>, StudyError> {
        let Settings { direction, sampler, seed, .. } = &self.settings;
        let number = inner.trials.len() as u64;
        let queued = inner.queue.pop_front();
        let values = queued.unwrap_or_else(|| sampler.sample(&self.space, *direction, &inner.trials, (*seed, number)));
        inner.apply(number, Event::Start { values: values.clone() })?;
        Ok(Trial::new(self, number, values))
    }

    /// Runs trials on this many threads until the study has `trials` of them, or until one is
    /// canceled. Trials that it had before count, except interrupted ones. `ended` receives each
    /// trial after its end.
    ///
    /// # Errors
    /// The study file cannot be written. Trials that are running meanwhile are still ended.
    pub fn optimize(
        &self,
        trials: usize,
        workers: usize,
        objective: impl Fn(&mut Trial<'_>) -> Result<f64, Stop> + Sync,
        ended: impl Fn(&Record) + Sync,
    ) -> Result<(), StudyError> {
        let stopped = AtomicBool::new(false);
        let work = || {
            while !stopped.load(Ordering::Relaxed) {
                let Some(mut trial) = self.ask_up_to(trials)? else { break };
                let result = objective(&mut trial);
                stopped.fetch_or(matches!(result, Err(Stop::Cancel | Stop::Study(_))), Ordering::Relaxed);
                let number = trial.number();
                trial.end(result)?;
                if let Some(record) = self.record(number) {
                    ended(&record);
                }
            }
            Ok(())
        };
        let work = || {
            let worked = work();
            stopped.fetch_or(worked.is_err(), Ordering::Relaxed);
            worked
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..workers.max(1)).map(|_| scope.spawn(work)).collect();
            let join =
                |worker: thread::ScopedJoinHandle<'_, _>| worker.join().unwrap_or_else(|panic| resume_unwind(panic));
            let results: Vec<Result<(), StudyError>> = workers.into_iter().map(join).collect();
            results.into_iter().collect()
        })
    }

    fn record(&self, number: u64) -> Option<Record> {
        self.lock().trials.get(number as usize).cloned()
    }

    /// Stores an intermediate value. Returns whether the trial must end.
    fn report(&self, number: u64, step: u64, value: f64) -> Result<bool, StudyError> {
        let mut inner = self.lock();
        inner.apply(number, Event::Step { step, value: value.is_finite().then_some(value) })?;
        let Some(trial) = inner.trials.get(number as usize) else { return Ok(false) };
        Ok(self.settings.pruner.prunes(self.settings.direction, &inner.trials, trial))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Changes of the state are single assignments, so a panic elsewhere leaves it usable.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Writes an event to the file and applies it.
    fn apply(&mut self, number: u64, event: Event) -> Result<(), StudyError> {
        if let Some(file) = &mut self.file {
            file.append(number, &event)?;
        }
        event.apply(number, BTreeMap::new(), &mut self.trials);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
