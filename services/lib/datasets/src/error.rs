//! Why a data set, or a row of it, could not be read.

use thiserror::Error;

/// Why a data set could not be read.
#[derive(Debug, Error)]
pub enum Error {
    /// A file could not be opened or read.
    #[error("could not read {name}")]
    Read {
        /// The file.
        name: String,
        /// What went wrong.
        #[source]
        source: std::io::Error,
    },
    /// Nothing in the folder, archive or file is known.
    #[error(
        "{name}: not a known data set; expected a MovieLens folder or zip, or a file named .csv, .tsv, .dat, .ndjson or .parquet"
    )]
    Unknown {
        /// What was opened.
        name: String,
    },
    /// The archive is damaged or packed in a way that is not read.
    #[error("{name} is no readable zip archive")]
    Archive {
        /// The archive.
        name: String,
        /// What went wrong.
        #[source]
        source: zip::result::ZipError,
    },
    /// A member of the archive is refused.
    #[error("{name} {reason}")]
    Member {
        /// The member.
        name: String,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// The Parquet file is damaged or holds something else.
    #[error("could not read {name}")]
    Parquet {
        /// The file.
        name: String,
        /// What went wrong.
        #[source]
        source: marquee_parquet::Error,
    },
    /// The header or schema lacks a column.
    #[error("{name} has no column for the {field}: name one of its columns {expected}")]
    NoColumn {
        /// The file.
        name: String,
        /// What the column would say.
        field: &'static str,
        /// Names that are known.
        expected: &'static str,
    },
    /// A file that is read as a whole is too large for what it should be.
    #[error("{name} is larger than {limit} bytes: it does not look like a list of movies")]
    TooLarge {
        /// The file.
        name: String,
        /// What is allowed.
        limit: u64,
    },
    /// An entry of the catalogue is wrong.
    #[error("{name}, line {line}: {field} {reason}")]
    Movie {
        /// The file.
        name: String,
        /// Line, or row in a Parquet file, from 1.
        line: u64,
        /// Which part of the entry.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// Why a row is no rating. The rows after it are read unless it is fatal.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {field} {reason}")]
pub struct RowError {
    /// Line of the text file, the header being 1, or row of the Parquet file, from 1.
    pub line: u64,
    /// What is wrong: `user`, `movie`, `rating`, `timestamp`, `line`, or `file`.
    pub field: &'static str,
    /// What is wrong with it and how to mend it.
    pub reason: String,
    /// Whether the file cannot be read any further, for example because it is cut off.
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
