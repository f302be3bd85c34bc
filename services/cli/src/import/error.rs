//! Why an import failed, and what the user can do.

use thiserror::Error;

/// Why an import failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The fleet accepted nothing until the deadline.
    #[error("the fleet accepted nothing for {seconds} s")]
    GaveUp {
        /// The time without progress.
        seconds: u64,
        /// The status of the last attempt.
        #[source]
        source: Box<tonic::Status>,
    },
    /// The fleet acknowledged messages out of order, or one that was never sent.
    #[error("the fleet acknowledged message {got} instead of message {expected}")]
    OutOfOrder {
        /// Sequence number of the answer.
        got: u64,
        /// The sequence number that was expected.
        expected: u64,
    },
    /// The rest of the file cannot be read.
    #[error("the rest of the file cannot be read: {0}; the rows before it were sent")]
    File(marquee_datasets::RowError),
    /// Some rows were rejected.
    #[error("{} rejected; the other rows were imported", were(*.0))]
    SomeRejected(u64),
    /// Every row was rejected.
    #[error("no row was accepted: all {0} were rejected")]
    NothingAccepted(u64),
    /// The file has no rows.
    #[error("the file has no ratings")]
    NoRows,
    /// Most ratings are off the scale of the fleet, so nothing was sent.
    #[error("nothing was imported: {0}")]
    AnotherScale(String),
    /// The thread that reads the file panicked.
    #[error("the thread that reads the file failed")]
    Lost(#[source] tokio::task::JoinError),
}

fn were(rows: u64) -> String {
    format!("{rows} {}", if rows == 1 { "row was" } else { "rows were" })
}

impl Error {
    /// Returns what the user can do, if something helps.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::GaveUp { .. } => {
                "run the same command again: it continues where this one stopped; --timeout sets how long it waits"
            }
            Self::SomeRejected(_) => {
                "correct the file, the catalog or the rating scale and run the same command again; no row counts twice"
            }
            Self::NothingAccepted(_) => "check the format of the file and the rating scale of the fleet",
            Self::File(_) => "the file may be cut off: download it again and run the same command; no row counts twice",
            Self::NoRows => "look with --dry-run at what was understood of the file",
            Self::AnotherScale(_) => {
                "--dry-run shows what was understood of the file; --allow-loss imports the rows that are on the scale"
            }
            Self::OutOfOrder { .. } | Self::Lost(_) => return None,
        };
        Some(hint.to_owned())
    }
}
