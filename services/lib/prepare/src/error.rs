//! Why a plan is not valid, and why a set cannot be prepared.

use std::path::PathBuf;

use thiserror::Error;

/// What is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// The text is not TOML.
    #[error("line {line}: {problem}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A field of the plan is wrong.
    #[error("{field}: {problem}")]
    Field {
        /// The field, with dots.
        field: String,
        /// What is wrong, and what to give.
        problem: String,
    },
    /// A step is wrong.
    #[error("step {number} ({name}){}: {problem}", .field.as_ref().map(|field| format!(", {field}")).unwrap_or_default())]
    Step {
        /// The place in the list of steps, from 1.
        number: usize,
        /// The name of the step.
        name: String,
        /// The field of the step, if it is one field.
        field: Option<String>,
        /// What is wrong, and what to give.
        problem: String,
    },
}

/// Why a set cannot be prepared.
#[derive(Debug, Error)]
pub enum Error {
    /// The data set cannot be read.
    #[error(transparent)]
    Dataset(#[from] marquee_datasets::Error),
    /// The rest of the data set cannot be read, for example because a file is truncated.
    #[error("read the data set to its end")]
    Cut(#[source] marquee_datasets::RowError),
    /// There is not one rating.
    #[error("{name} has no ratings{}; see `marquee import --dry-run`", .first.as_ref().map(|first| format!(", the first problem: {first}")).unwrap_or_default())]
    NoRatings {
        /// The name of the set.
        name: String,
        /// Why the first row is not one.
        first: Option<String>,
    },
    /// There are more ratings than the steps can number.
    #[error("the set has more than {0} ratings: prepare it in several parts")]
    TooMany(u32),
    /// A step dropped every rating.
    #[error("step {number} ({name}): no rating is left of {rows}: change the step")]
    NothingLeft {
        /// The place in the list of steps, from 1.
        number: usize,
        /// The name of the step.
        name: String,
        /// The ratings before it.
        rows: u64,
    },
    /// A step cannot do what it is for with these ratings.
    #[error("step {number} ({name}): {problem}")]
    Unfit {
        /// The place in the list of steps, from 1.
        number: usize,
        /// The name of the step.
        name: String,
        /// What is wrong, and what to change.
        problem: String,
    },
    /// The folder of the output has files that were not prepared.
    #[error("{path} {problem}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The new set could not take the place of the old one, which could not be put back.
    #[error("could not replace {path}; the old set is now {old}: move it back")]
    Moved {
        /// The folder.
        path: PathBuf,
        /// Where the old set is.
        old: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("could not write {path}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A part cannot be encoded.
    #[error("could not encode {path}")]
    Encode {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: marquee_parquet::Error,
    },
    /// It was ended from outside.
    #[error("the preparation was canceled")]
    Canceled,
}
