//! What can go wrong with a suite or a validation.

use thiserror::Error;

/// Why a set cannot be validated. A value that does not meet an expectation is no error.
#[derive(Debug, Error)]
pub enum Error {
    /// The suite is no JSON of a suite.
    #[error("suite: {path}: {reason}")]
    Suite {
        /// The place in the suite, for example `expectations[3].severity`.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// An expectation has a type that is not known.
    #[error("suite: expectations[{at}].type: {kind} is not supported; supported are: {}", .known.join(", "))]
    UnknownExpectation {
        /// The place in the list of expectations, from 0.
        at: usize,
        /// The type.
        kind: String,
        /// The known types.
        known: Vec<&'static str>,
    },
    /// An argument of an expectation is not known, missing or wrong.
    #[error("suite: expectations[{at}].kwargs.{argument}: {reason} ({kind})")]
    Argument {
        /// The place in the list of expectations, from 0.
        at: usize,
        /// The type of the expectation.
        kind: String,
        /// The name of the argument.
        argument: String,
        /// What is wrong, and what to give.
        reason: String,
    },
    /// The data set cannot be read.
    #[error("read the data set")]
    Set(#[from] marquee_datasets::Error),
    /// The rest of the data set cannot be read, for example because a file is truncated.
    #[error("read the data set to its end")]
    Cut(#[source] marquee_datasets::RowError),
    /// A table cannot be written or read.
    #[error("handle the table")]
    Table(#[from] marquee_tables::Error),
}
