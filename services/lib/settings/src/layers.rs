//! The layers of settings: defaults < TOML file < `MARQUEE__…` environment < flags.
//!
//! Unknown keys are refused at every level, and every effective value knows the layer that it came
//! from.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use thiserror::Error;

use crate::Invalid;

/// The prefix of environment variables. Levels are separated by two underscores:
/// `MARQUEE__INGEST__MAX_BATCH=500`.
pub const ENV_PREFIX: &str = "MARQUEE__";

/// The layers above the defaults. The environment is always one of them.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// `key=value` pairs from the command line, with dotted keys.
    pub flags: Vec<(String, String)>,
}

/// Settings could not be read.
#[derive(Debug, Error)]
pub enum Error {
    /// The file does not exist.
    #[error("--config: there is no settings file {}", .0.display())]
    NoFile(PathBuf),
    /// A key is unknown, or a value does not parse. Each line names the key and its layer.
    #[error("{0}")]
    Unreadable(String),
    /// A value parses and makes no sense.
    #[error("{invalid} (from {origin})")]
    Invalid {
        /// The setting, and what to give instead.
        invalid: Invalid,
        /// The place that the value came from.
        origin: String,
    },
}

/// The effective settings.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    /// The settings.
    pub settings: T,
    /// Every value with its origin, in key order.
    pub values: Vec<Effective>,
}

/// One effective value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// Dotted key.
    pub key: String,
    /// The value as JSON. Secrets are hidden.
    pub value: String,
    /// `default`, `file PATH`, `environment` or `flag`.
    pub origin: String,
}

/// Where a value was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// No layer has the value.
    Default,
    /// A line of the file, counted from 1.
    File {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// The command line.
    Flag,
}

impl Origin {
    /// Returns the layer, for the list of effective values.
    pub(crate) fn layer(&self) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::File { path, .. } => format!("file {}", path.display()),
            Self::Variable(_) => "environment".to_owned(),
            Self::Flag => "flag".to_owned(),
        }
    }
}

/// The exact place, for errors.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "TOML file {}, line {line}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}
