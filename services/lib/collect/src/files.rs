//! Files and logs on this machine, followed over rotations, and objects below a prefix of the
//! object store. Text is read by lines: JSON, values with separators, or lines that match a
//! pattern.

mod lines;
mod local;
mod objects;

use std::path::{Path, PathBuf};

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::invalid::ConfigError;
use crate::setup::Setup;
use crate::source::Source;

/// The form of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// A JSON object on each line.
    #[serde(alias = "json", alias = "jsonl")]
    Ndjson,
    /// Values with a separator below a header.
    Csv,
    /// Lines that match the pattern. Its groups are the columns.
    Log,
}

/// The settings of files.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Files. The last part of a path may have `*` in it.
    paths: Vec<PathBuf>,
    /// A folder of the object store, whose objects are read.
    prefix: Option<String>,
    /// The form of the lines. By default the extension tells it.
    format: Option<Form>,
    /// The regular expression of the lines of a log, with a named group for each column.
    pattern: Option<String>,
    /// Whether the groups are parts of an address, with `%20` and `+`.
    decode: bool,
    /// The separator of values. By default the header tells it.
    separator: Option<char>,
}

impl Settings {
    pub(crate) fn checked(mut self, folder: &Path) -> Result<Self, ConfigError> {
        match (&self.prefix, self.paths.is_empty()) {
            (None, true) => return Err(ConfigError::new("paths", "is missing; give files, or a prefix of objects")),
            (Some(_), false) => return Err(ConfigError::new("prefix", "is set beside paths; give one of them")),
            _ => {}
        }
        if let Some(prefix) = &self.prefix {
            let key = marquee_ports::ObjectKey::try_new(prefix.trim_end_matches('/'));
            key.map_err(|error| ConfigError::new("prefix", error.to_string()))?;
        }
        for path in &mut self.paths {
            *path = folder.join(&*path);
            let in_folder = path.parent().is_some_and(|folder| folder.to_string_lossy().contains('*'));
            if in_folder || path.file_name().is_none() {
                let reason = format!("{} has no name of a file at its end, or `*` in a folder", path.display());
                return Err(ConfigError::new("paths", reason));
            }
        }
        if let Some(pattern) = &self.pattern {
            let regex = Regex::new(pattern).map_err(|error| {
                let reason = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
                ConfigError::new("pattern", format!("is no regular expression: {reason}"))
            })?;
            if regex.capture_names().flatten().next().is_none() {
                return Err(ConfigError::new("pattern", "has no named group; name the columns like (?<user>\\S+)"));
            }
        }
        let is_log = self.format == Some(Form::Log);
        if is_log != self.pattern.is_some() && (is_log || self.format.is_some()) {
            return Err(ConfigError::new("pattern", "belongs to format = \"log\"; give both or neither"));
        }
        if self.separator.is_some_and(|separator| !separator.is_ascii()) {
            return Err(ConfigError::new("separator", "is not ASCII; give one like ; or \\t"));
        }
        Ok(self)
    }

    pub(crate) fn identity(&self) -> String {
        match &self.prefix {
            Some(prefix) => format!("prefix {prefix}"),
            None => self.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" "),
        }
    }

    /// Returns the form of a file.
    fn form(&self, name: &str) -> Form {
        let named = self.format.or(self.pattern.as_ref().map(|_| Form::Log));
        named.unwrap_or_else(|| {
            let name = name.to_ascii_lowercase();
            let is_csv = [".csv", ".tsv", ".txt"].iter().any(|known| name.contains(known));
            if is_csv { Form::Csv } else { Form::Ndjson }
        })
    }

    fn regex(&self) -> Option<Regex> {
        // It was checked with the settings.
        self.pattern.as_ref().and_then(|pattern| Regex::new(pattern).ok())
    }
}

/// Returns the source of the settings.
pub(crate) fn open(settings: &Settings, setup: &Setup) -> Result<Box<dyn Source>, ConfigError> {
    Ok(match &settings.prefix {
        Some(prefix) => {
            let key = marquee_ports::ObjectKey::try_new(prefix.trim_end_matches('/'));
            let key = key.map_err(|error| ConfigError::new("prefix", error.to_string()))?;
            Box::new(objects::Objects::new(settings.clone(), key, setup.objects.clone()))
        }
        None => Box::new(local::Local::new(settings.clone())),
    })
}

/// How far a file was read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Tail {
    /// The number of the file in its file system; 0 for an object.
    inode: u64,
    /// The bytes that were read.
    offset: u64,
    /// The lines in them.
    line: u64,
    /// The length and the SHA-256 of the start of the file, by which it is recognized.
    start: u64,
    start_sha256: String,
    /// The header of values with separators.
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    separator: Option<char>,
    /// The size and the time of the last change of an object that was read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<(u64, i64)>,
}
