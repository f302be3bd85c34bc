//! Reads and parses the files of a folder.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;

use marquee_domain::ModelName;
use marquee_rollout::Spec;
use serde_json::Value;
use thiserror::Error;

/// The largest file that is read. A specification has a few kilobytes.
const LARGEST: u64 = 1 << 20;

/// The content of a file, or why it cannot be read.
pub(super) type Content = Result<String, String>;

/// A folder cannot be read.
#[derive(Debug, Error)]
#[error("read the folder {folder} of rollout files")]
pub(super) struct FolderError {
    folder: String,
    #[source]
    source: io::Error,
}

/// Reads the rollout files of a folder by name: those that end in `.toml` or `.json`, and are not
/// hidden. The ones over the limit are named and not read.
pub(super) fn read(folder: &Path, limit: usize) -> Result<BTreeMap<String, Content>, FolderError> {
    let failed = |source| FolderError { folder: folder.display().to_string(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        let is_hidden = name.starts_with('.');
        if !is_hidden && (has_extension(&name, "toml") || has_extension(&name, "json")) {
            names.push(name);
        }
    }
    names.sort();
    let read = |(place, name): (usize, String)| {
        let content = if place < limit {
            read_file(&folder.join(&name))
        } else {
            Err(format!("the folder has more than {limit} rollout files, and rollouts.limit allows no more"))
        };
        (name, content)
    };
    Ok(names.into_iter().enumerate().map(read).collect())
}

fn read_file(path: &Path) -> Content {
    let failed = |error: io::Error| format!("cannot be read: {error}");
    // A pipe would be waited for.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let mut text = String::new();
    std::fs::File::open(path).map_err(failed)?.take(LARGEST + 1).read_to_string(&mut text).map_err(failed)?;
    match text.len() as u64 {
        0..=LARGEST => Ok(text),
        _ => Err("is too large: a rollout file has at most 1 MiB".to_owned()),
    }
}

/// Returns whether a name has an extension, in upper or lower case.
fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|own| own.eq_ignore_ascii_case(extension))
}

/// Parses a rollout file. An error is one line with the path of the wrong field.
pub(super) fn parse(name: &str, text: &str) -> Result<(ModelName, Value), String> {
    let document: Value = if has_extension(name, "json") {
        serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?
    } else {
        toml::from_str(text).map_err(|error| format!("is not TOML: {}", one_line(&error.to_string())))?
    };
    let spec = Spec::read(&document).map_err(|error| error.to_string())?;
    Ok((spec.model, document))
}

/// Joins the lines of a message, which may quote the file.
fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
