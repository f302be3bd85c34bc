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
        "{name}: not a known data set; expected a MovieLens folder or zip, or a file named .csv, .tsv, .dat, .ndjson or .parquet"
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
    #[error("{name}: no column for the {field}; name the column {expected}")]
    NoColumn {
        /// The name of the file.
        name: String,
        /// What the column should contain.
        field: &'static str,
        /// The accepted names of the column.
        expected: &'static str,
    },
    /// A movie file is too large.
    #[error("{name}: larger than the limit of {limit} bytes for a movie file")]
    TooLarge {
        /// The name of the file.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// An entry of the movie file is not valid.
    #[error("{name}, line {line}: {field} {reason}")]
    Movie {
        /// The name of the file.
        name: String,
        /// The line, or the row of a Parquet file, from 1.
        line: u64,
        /// The field of the entry.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
}

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
}

impl RowError {
    pub(crate) fn new(line: u64, field: &'static str, reason: impl Into<String>) -> Self {
        Self { line, field, reason: reason.into(), fatal: false }
    }

    pub(crate) fn fatal(line: u64, reason: impl Into<String>) -> Self {
        Self { line, field: "file", reason: reason.into(), fatal: true }
    }
}
