//! The study file: a header and one event in each line, as JSON.
//!
//! ```text
//! {"marquee_study":1,"direction":"minimize","context":{"data":"9f0…"},"space":{"factors":{…}}}
//! {"trial":0,"event":"start","values":{"factors":16}}
//! {"trial":0,"event":"step","step":1,"value":0.91}
//! {"trial":0,"event":"end","state":"complete","value":0.9}
//! ```
//!
//! **Invariant:** lines are only appended, so fields and events that this version does not know
//! stay in the file (`unknown_fields_and_events_stay_in_the_file`). The one exception is a last
//! line that was not written completely, which is removed (`a_torn_last_line_is_removed`).

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Settings, StudyError};
use crate::record::{Record, State};
use crate::space::Space;
use crate::value::Values;

/// The format version of study files.
pub const VERSION: u64 = 1;

type Extra = BTreeMap<String, serde_json::Value>;

/// An open study file. No other process can open it meanwhile.
#[derive(Debug)]
pub(super) struct StudyFile {
    path: PathBuf,
    file: File,
    /// The length of the complete lines.
    length: u64,
}

/// A change of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Event {
    Start {
        values: Values,
    },
    Step {
        step: u64,
        value: Option<f64>,
    },
    End {
        state: State,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        interrupted: bool,
    },
    #[serde(other)]
    Unknown,
}

/// A line of the file after the header.
#[derive(Debug, Serialize, Deserialize)]
struct Line<E> {
    trial: u64,
    #[serde(flatten)]
    event: E,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    marquee_study: u64,
    #[serde(default)]
    direction: String,
    #[serde(default)]
    context: BTreeMap<String, String>,
    #[serde(default)]
    space: serde_json::Value,
}

impl Event {
    pub(super) fn complete(value: f64) -> Self {
        Self::End { state: State::Complete, value: Some(value), reason: None, interrupted: false }
    }

    pub(super) fn pruned() -> Self {
        Self::End { state: State::Pruned, value: None, reason: None, interrupted: false }
    }

    pub(super) fn failed(reason: &str, interrupted: bool) -> Self {
        Self::End { state: State::Failed, value: None, reason: Some(reason.to_owned()), interrupted }
    }

    /// Applies the event to its trial. An event of a trial that has not begun, or that has ended,
    /// is ignored.
    pub(super) fn apply(self, number: u64, extra: Extra, trials: &mut Vec<Record>) {
        if let Self::Start { values } = self {
            if number == trials.len() as u64 {
                trials.push(Record { extra, ..Record::running(number, values) });
            }
            return;
        }
        let Some(trial) = trials.get_mut(number as usize).filter(|trial| trial.state == State::Running) else { return };
        trial.extra.extend(extra);
        match self {
            Self::Step { step, value } => {
                trial.steps.insert(step, value);
            }
            Self::End { state, value, reason, interrupted } => {
                trial.state = state;
                trial.value = value.filter(|_| state == State::Complete);
                trial.reason = reason;
                trial.interrupted = interrupted;
            }
            Self::Start { .. } | Self::Unknown => {}
        }
    }
}

impl StudyFile {
    /// Opens or creates the file, and returns the trials in it.
    pub(super) fn open(path: &Path, space: &Space, settings: &Settings) -> Result<(Self, Vec<Record>), StudyError> {
        let read = |source| StudyError::Read { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(path).map_err(read)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StudyError::InUse { path: path.to_owned() },
            TryLockError::Error(source) => read(source),
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(read)?;
        let mut opened = Self { path: path.to_owned(), file, length: 0 };
        let header = header(space, settings);
        // A header that was not written completely belongs to a study without trials.
        if header.as_bytes().starts_with(&bytes) {
            opened.write(header.as_bytes(), true)?;
            return Ok((opened, Vec::new()));
        }
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let first = lines.next().unwrap_or_default();
        opened.check_header(first, space, settings)?;
        opened.length = first.len() as u64;
        let trials = opened.read_events(&bytes[first.len()..])?;
        opened.file.set_len(opened.length).map_err(|source| opened.failed(source))?;
        if bytes.get(opened.length as usize - 1).is_some_and(|byte| *byte != b'\n') {
            opened.write(b"\n", false)?;
        }
        Ok((opened, trials))
    }

    /// Appends an event. The end of a trial is durable when this returns.
    pub(super) fn append(&mut self, number: u64, event: &Event) -> Result<(), StudyError> {
        let line = serde_json::to_string(&Line { trial: number, event });
        let line = line.map_err(|error| self.failed(error.into()))?;
        self.write(format!("{line}\n").as_bytes(), matches!(event, Event::End { .. }))
    }

    fn write(&mut self, bytes: &[u8], durable: bool) -> Result<(), StudyError> {
        let written = self.file.seek(SeekFrom::Start(self.length)).and_then(|_| self.file.write_all(bytes));
        if let Err(source) = written {
            // A part of a line must not come before a later line.
            let _ = self.file.set_len(self.length);
            return Err(self.failed(source));
        }
        self.length += bytes.len() as u64;
        if durable { self.file.sync_data().map_err(|source| self.failed(source)) } else { Ok(()) }
    }

    fn failed(&self, source: std::io::Error) -> StudyError {
        StudyError::Write { path: self.path.clone(), source }
    }

    fn check_header(&self, line: &[u8], space: &Space, settings: &Settings) -> Result<(), StudyError> {
        let path = || self.path.clone();
        let Ok(header) = serde_json::from_slice::<Header>(line) else {
            return Err(StudyError::NotAStudy { path: path() });
        };
        if header.marquee_study != VERSION {
            return Err(StudyError::Version { path: path(), found: header.marquee_study, supported: VERSION });
        }
        let mut found = header.context;
        let mut wanted = settings.context.clone();
        found.insert("direction".to_owned(), header.direction);
        wanted.insert("direction".to_owned(), direction(settings));
        let differs = wanted.keys().chain(found.keys()).find(|key| wanted.get(*key) != found.get(*key));
        if let Some(key) = differs {
            let shown = |map: &BTreeMap<String, String>| map.get(key).cloned().unwrap_or_else(|| "absent".to_owned());
            return Err(StudyError::Context {
                path: path(),
                key: key.clone(),
                found: shown(&found),
                wanted: shown(&wanted),
            });
        }
        let stored = Space::from_json(&header.space).map_err(|error| StudyError::Damaged {
            path: path(),
            line: 1,
            problem: error.to_string(),
        })?;
        match difference(&stored, space) {
            Some(difference) => Err(StudyError::Space { path: path(), difference }),
            None => Ok(()),
        }
    }

    /// Reads the lines after the header, and sets the length to the end of the last good one.
    fn read_events(&mut self, bytes: &[u8]) -> Result<Vec<Record>, StudyError> {
        let mut trials = Vec::new();
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        for (index, line) in lines.iter().enumerate() {
            let parsed = serde_json::from_slice::<serde_json::Value>(line).and_then(|json| {
                let line: Line<Event> = serde_json::from_value(json.clone())?;
                Ok((line, unknown_fields(json)))
            });
            match parsed {
                Ok((Line { trial, event }, extra)) => event.apply(trial, extra, &mut trials),
                Err(_) if index + 1 == lines.len() => break,
                Err(error) => {
                    // The header is line 1.
                    let line = index + 2;
                    return Err(StudyError::Damaged { path: self.path.clone(), line, problem: error.to_string() });
                }
            }
            self.length += line.len() as u64;
        }
        Ok(trials)
    }
}

fn direction(settings: &Settings) -> String {
    format!("{:?}", settings.direction).to_lowercase()
}

fn header(space: &Space, settings: &Settings) -> String {
    let header = Header {
        marquee_study: VERSION,
        direction: direction(settings),
        context: settings.context.clone(),
        space: space.to_json(),
    };
    // The header consists of texts, numbers and maps with text keys, so it has a form in JSON.
    format!("{}\n", serde_json::to_string(&header).unwrap_or_default())
}

/// Returns what a line says besides the fields that this version knows.
fn unknown_fields(json: serde_json::Value) -> Extra {
    const KNOWN: [&str; 8] = ["trial", "event", "values", "step", "value", "state", "reason", "interrupted"];
    let serde_json::Value::Object(fields) = json else { return Extra::new() };
    fields.into_iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())).collect()
}

/// Describes the first difference of two search spaces.
fn difference(stored: &Space, given: &Space) -> Option<String> {
    let names = stored.parameters().iter().chain(given.parameters()).map(|parameter| &parameter.name);
    let differs = |name: &&String| stored.parameter(name) != given.parameter(name);
    let name = names.min_by_key(|name| !differs(name)).filter(differs)?;
    let shown = |space: &Space| {
        space.parameter(name).map_or("absent".to_owned(), |parameter| {
            let log = if parameter.domain.is_log() { ", over the logarithm" } else { "" };
            format!("{}{log}", parameter.domain)
        })
    };
    Some(format!("{name} (in the file: {}; now: {})", shown(stored), shown(given)))
}
