//! Why an import did not end well, and what helps.

use thiserror::Error;

/// Why an import did not end well.
#[derive(Debug, Error)]
pub enum Error {
    /// The fleet was away for longer than is waited for.
    #[error("the fleet was away for {seconds} s; {acknowledged} rows were acknowledged")]
    Away {
        /// How long it was tried.
        seconds: u64,
        /// Rows that are safe.
        acknowledged: u64,
        /// What the last try met.
        #[source]
        source: Box<tonic::Status>,
    },
    /// The fleet answered a message that was not sent, or out of order.
    #[error("the fleet acknowledged message {got} where {expected} was due")]
    OutOfOrder {
        /// Sequence number of the answer.
        got: u64,
        /// The one that was due.
        expected: u64,
    },
    /// The file cannot be read any further.
    #[error("the file cannot be read on: {0}; what stands before was sent")]
    File(marquee_datasets::RowError),
    /// Not one row was any good.
    #[error("not one row was accepted, {0} were rejected")]
    NothingAccepted(u64),
    /// The thread that reads the file died.
    #[error("reading the file ended without an answer")]
    Lost(#[source] tokio::task::JoinError),
}

impl Error {
    /// What helps, where something does.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Away { .. } => "run the same command again: it goes on where this one stopped",
            Self::NothingAccepted(_) => "check the format of the file, and the scale with `marquee config`",
            Self::File(_) => {
                "the file may be cut off: fetch it again and run the same command; rows are never counted twice"
            }
            Self::OutOfOrder { .. } | Self::Lost(_) => return None,
        };
        Some(hint.to_owned())
    }
}
