//! Why a data set, or one of its rows, could not be read.

use thiserror::Error;

/// Why a data set could not be read.
#[derive(Debug, Error)]
pub enum Error {
    /// A file could not be opened or read.
    #[error("could not read {name}")]
    Read {
        /// The name of the file.
        name: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The folder, archive or file is not a known data set.
    #[error(
        "{name}: not a known data set; expected a MovieLens folder or zip, or ratings as CSV, TSV, JSON, Parquet or text with separators"
    )]
    Unknown {
        /// The name of what was opened.
        name: String,
    },
    /// The archive is damaged, or uses an unsupported compression.
    #[error("{name}: not a readable zip archive")]
    Archive {
        /// The name of the archive.
        name: String,
        /// The cause.
        #[source]
        source: zip::result::ZipError,
    },
    /// A file inside the archive is refused.
    #[error("{name}: {reason}")]
    Member {
        /// The name of that file.
        name: String,
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// The Parquet file is damaged, or a column has the wrong type.
    #[error("could not read {name}")]
    Parquet {
        /// The name of the file.
        name: String,
        /// The cause.
        #[source]
        source: marquee_parquet::Error,
    },
    /// The header or the schema lacks a column.
    #[error("{name}: no column for the {field}{}; {fix}", among(.found))]
    NoColumn {
        /// The name of the file.
        name: String,
        /// What the column should contain.
        field: &'static str,
        /// What to do.
        fix: String,
        /// The columns of the file.
        found: Vec<String>,
    },
    /// The times of the file may be meant in two ways.
    #[error("{name}: dates like these may be {first} or {second}; say which with --time-format")]
    AmbiguousTimes {
        /// The name of the file.
        name: String,
        /// One form.
        first: String,
        /// The other form.
        second: String,
    },
    /// The file is packed in a way that is not supported.
    #[error("{name} {reason}")]
    Packing {
        /// The name of the file.
        name: String,
        /// What it is, and what to do.
        reason: &'static str,
    },
    /// Several files may hold the ratings.
    #[error("{name}: several files may hold the ratings: {}; give one of them", .files.join(", "))]
    SeveralFiles {
        /// The name of the folder or archive.
        name: String,
        /// The files.
        files: Vec<String>,
    },
    /// A movie file is too large.
    #[error("{name}: larger than the limit of {limit} bytes for a movie file")]
    TooLarge {
        /// The name of the file.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
}

/// Lists the columns of a file.
fn among(columns: &[String]) -> String {
    const SHOWN: usize = 20;
    if columns.is_empty() {
        return String::new();
    }
    let shown: Vec<&str> = columns.iter().take(SHOWN).map(String::as_str).collect();
    let more = if columns.len() > SHOWN { ", …" } else { "" };
    format!(" among {}{more}", shown.join(", "))
}

/// The longest text of a row that an error keeps.
const LONGEST_TEXT: usize = 1_000;

/// Why a row is not a valid rating. The rows after it can be read unless the error is fatal.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {field} {reason}")]
pub struct RowError {
    /// The line of a text file, where the header is line 1, or the row of a Parquet file, from 1.
    pub line: u64,
    /// The field: `user`, `movie`, `rating`, `timestamp`, `line`, or `file`.
    pub field: &'static str,
    /// What is wrong with it, and how to fix it.
    pub reason: String,
    /// Whether the rest of the file cannot be read, for example because the file is truncated.
    pub fatal: bool,
    /// The start of the row's text, if it is known.
    pub text: String,
}

impl RowError {
    pub(crate) fn new(line: u64, field: &'static str, reason: impl Into<String>) -> Self {
        Self { line, field, reason: reason.into(), fatal: false, text: String::new() }
    }

    pub(crate) fn fatal(line: u64, reason: impl Into<String>) -> Self {
        Self { line, field: "file", reason: reason.into(), fatal: true, text: String::new() }
    }

    pub(crate) fn with_text(mut self, text: &[u8]) -> Self {
        let start = text.get(..text.len().min(LONGEST_TEXT)).unwrap_or_default();
        self.text = String::from_utf8_lossy(start).into_owned();
        self
    }
}
