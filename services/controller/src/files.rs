//! Rollout files: each file of a folder is the rollout of one model, as `marquee rollout start`
//! would start it.
//!
//! A file is started when it differs from the file that was started for its model before. So a file
//! that is read again starts nothing, also after a restart, and what a caller started instead stays
//! until the file changes. A file that is removed leaves its rollout as it is. A file that is
//! changed supersedes the running rollout, like a call.
//!
//! A file that is being written may be complete by its syntax. So a content counts once two looks
//! have seen it.

mod folder;
mod memory;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use marquee_domain::ModelName;
use marquee_kit::{Stop, chain};
use serde_json::Value;
use tokio::time::MissedTickBehavior;

use crate::rollouts::Rollouts;
use crate::store::ChangeError;
use folder::{Content, FolderError};
use memory::Memory;

/// What is known about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileState {
    /// The name, without the folder.
    pub(crate) name: String,
    pub(crate) model: Option<ModelName>,
    /// Why the file has no effect.
    pub(crate) error: Option<String>,
}

/// The files as they were read last, by name. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileStates(Arc<Mutex<Vec<FileState>>>);

impl FileStates {
    pub(crate) fn list(&self) -> Vec<FileState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, states: Vec<FileState>) -> Vec<FileState> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), states)
    }
}

/// Where rollout files are, and how often they are looked at.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The folder of the files.
    pub(crate) folder: PathBuf,
    /// The folder of what this controller keeps for itself.
    pub(crate) state_dir: PathBuf,
    /// The most files that are read.
    pub(crate) limit: usize,
    pub(crate) interval: Duration,
}

/// Starts the rollouts of the files of a folder.
#[derive(Debug)]
pub(crate) struct Files {
    place: Place,
    rollouts: Arc<Rollouts>,
    states: FileStates,
    /// What was started from files, by model.
    memory: Memory,
    /// The contents of the last look, by name.
    seen: BTreeMap<String, Content>,
}

impl Files {
    pub(crate) fn new(place: Place, rollouts: Arc<Rollouts>, states: FileStates) -> Self {
        let memory = Memory::read(&place.state_dir);
        Self { place, rollouts, states, memory, seen: BTreeMap::new() }
    }

    /// Looks at the folder until `stop`.
    pub(crate) async fn run(mut self, stop: Stop) -> Result<(), Infallible> {
        let mut looks = tokio::time::interval(self.place.interval);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let look = async {
                looks.tick().await;
                self.look().await;
            };
            tokio::select! {
                () = look => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// Reads the folder once, and starts what is new.
    async fn look(&mut self) {
        let (folder, limit) = (self.place.folder.clone(), self.place.limit);
        let read = tokio::task::spawn_blocking(move || folder::read(&folder, limit)).await;
        let contents = match read {
            Ok(Ok(contents)) => contents,
            Ok(Err(error)) => return self.tell(vec![unreadable(&error)]),
            // The runtime shuts down.
            Err(_) => return,
        };
        let (mut states, mut owners) = (Vec::new(), BTreeMap::new());
        for (name, content) in &contents {
            let state = self.look_at(name, content, &mut owners).await;
            states.push(FileState { name: name.clone(), ..state });
        }
        self.seen = contents;
        self.tell(states);
    }

    async fn look_at(&mut self, name: &str, content: &Content, owners: &mut BTreeMap<ModelName, String>) -> FileState {
        let wrong = |model, error| FileState { name: String::new(), model, error: Some(error) };
        let (model, spec) = match content {
            Ok(text) => match folder::parse(name, text) {
                Ok(parsed) => parsed,
                Err(error) => return wrong(None, error),
            },
            Err(error) => return wrong(None, error.clone()),
        };
        if let Some(owner) = owners.get(&model) {
            return wrong(Some(model), format!("file '{owner}' has the rollout of the same model; remove one of them"));
        }
        owners.insert(model.clone(), name.to_owned());
        let is_settled = self.seen.get(name) == Some(content);
        match self.start(&model, spec, is_settled).await {
            Ok(()) => FileState { name: String::new(), model: Some(model), error: None },
            Err(error) => wrong(Some(model), error),
        }
    }

    /// Starts the rollout of a file, unless that was done before.
    async fn start(&mut self, model: &ModelName, spec: Value, is_settled: bool) -> Result<(), String> {
        if !is_settled || self.memory.has(model, &spec) {
            return Ok(());
        }
        match self.rollouts.start(model, spec.clone()).await {
            Ok(_) => tracing::info!(%model, "started the rollout of a file"),
            Err(ChangeError::Refused(refusal)) => return Err(refusal.to_string()),
            Err(ChangeError::Store(error)) => return Err(format!("{}; trying again", chain(&error))),
        }
        if let Err(error) = self.memory.remember(model, spec) {
            let error = chain(&error);
            tracing::warn!(%model, error, "could not note that a rollout file was started; a restart starts it again");
        }
        Ok(())
    }

    /// Shows what is known about the files, and logs what is new and wrong.
    fn tell(&self, states: Vec<FileState>) {
        let before = self.states.replace(states.clone());
        for state in states.iter().filter(|state| !before.contains(state)) {
            if let Some(error) = &state.error {
                let folder = self.place.folder.display();
                tracing::warn!(file = state.name, %folder, error, "a rollout file has no effect");
            }
        }
    }
}

fn unreadable(error: &FolderError) -> FileState {
    FileState { name: String::new(), model: None, error: Some(chain(error)) }
}

#[cfg(test)]
mod tests;
