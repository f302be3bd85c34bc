//! Rollout files: each file of a folder is the rollout of one model, as `marquee rollout start`
//! would start it.
//!
//! A file is started when it differs from the file that was started for its model before. So a file
//! that is read again starts nothing, also after a restart, and what a caller started instead stays
//! until the file changes. A file that is removed leaves its rollout as it is. A file that is
//! changed supersedes the running rollout, like a call.
//!
//! A file that is being written may be complete by its syntax. So a content counts once two polls
//! in a row have read it.

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

    fn replace(&self, states: Vec<FileState>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = states;
    }
}

/// Where rollout files are, and how they are read.
#[derive(Debug, Clone)]
pub(crate) struct FolderSettings {
    /// The folder of the files.
    pub(crate) folder: PathBuf,
    /// The folder of what this controller keeps for itself.
    pub(crate) state_dir: PathBuf,
    /// The most files that are read.
    pub(crate) limit: usize,
    /// The time between two polls.
    pub(crate) interval: Duration,
}

/// Starts the rollouts of the files of a folder.
#[derive(Debug)]
pub(crate) struct Files {
    settings: FolderSettings,
    rollouts: Arc<Rollouts>,
    states: FileStates,
    /// What was started from files, by model.
    memory: Memory,
    /// The contents that the last poll read, by name.
    contents: BTreeMap<String, Content>,
}

impl Files {
    pub(crate) fn new(settings: FolderSettings, rollouts: Arc<Rollouts>, states: FileStates) -> Self {
        let memory = Memory::read(&settings.state_dir);
        Self { settings, rollouts, states, memory, contents: BTreeMap::new() }
    }

    /// Polls the folder until `stop`.
    pub(crate) async fn run(mut self, stop: Stop) -> Result<(), Infallible> {
        let mut ticks = tokio::time::interval(self.settings.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let poll = async {
                ticks.tick().await;
                self.poll().await;
            };
            tokio::select! {
                () = poll => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// Reads the folder once, and starts what is new.
    async fn poll(&mut self) {
        let (folder, limit) = (self.settings.folder.clone(), self.settings.limit);
        let read = tokio::task::spawn_blocking(move || folder::read(&folder, limit)).await;
        let contents = match read {
            Ok(Ok(contents)) => contents,
            Ok(Err(error)) => return self.publish(vec![unreadable(&error)]),
            // The runtime shuts down.
            Err(_) => return,
        };
        let (mut states, mut owners) = (Vec::new(), BTreeMap::new());
        for (name, content) in &contents {
            states.push(self.apply(name, content, &mut owners).await);
        }
        self.contents = contents;
        self.publish(states);
    }

    /// Checks a file, and starts its rollout if it is new. `owners` are the files that this poll
    /// has applied, by model.
    async fn apply(&mut self, name: &str, content: &Content, owners: &mut BTreeMap<ModelName, String>) -> FileState {
        let state = |model, error| FileState { name: name.to_owned(), model, error };
        let parsed = match content {
            Ok(text) => folder::parse(name, text),
            Err(error) => Err(error.clone()),
        };
        let (model, spec) = match parsed {
            Ok(parsed) => parsed,
            Err(error) => return state(None, Some(error)),
        };
        if let Some(owner) = owners.get(&model) {
            let error = format!("file '{owner}' has the rollout of the same model; remove one of them");
            return state(Some(model), Some(error));
        }
        owners.insert(model.clone(), name.to_owned());
        let is_settled = self.contents.get(name) == Some(content);
        let error = self.start(&model, spec, is_settled).await.err();
        state(Some(model), error)
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

    /// Publishes what is known about the files, and logs what is new and wrong.
    fn publish(&self, states: Vec<FileState>) {
        let before = self.states.list();
        for state in states.iter().filter(|state| !before.contains(state)) {
            if let Some(error) = &state.error {
                let folder = self.settings.folder.display();
                tracing::warn!(file = state.name, %folder, error, "a rollout file has no effect");
            }
        }
        self.states.replace(states);
    }
}

fn unreadable(error: &FolderError) -> FileState {
    FileState { name: String::new(), model: None, error: Some(chain(error)) }
}

#[cfg(test)]
mod tests;
