//! Why a round of a collector failed.

use marquee_ports::Error as PortError;
use thiserror::Error as ThisError;

use crate::destination::DestinationError;
use crate::invalid::ConfigError;
use crate::source::SourceError;

/// Why a round of a collector failed. What was stored before stays, and the next round goes on
/// there.
#[derive(Debug, ThisError)]
pub enum Error {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The source does not answer, or answers with something else.
    #[error("source {name} failed")]
    Source {
        /// The name of the source.
        name: String,
        /// What was being done.
        #[source]
        source: SourceError,
    },
    /// A column that ratings need is gone from the source. Nothing of the batch was taken.
    #[error(
        "source {name}: the column {column} with the {field} is gone, so nothing is taken: restore it, or name another \
         one in sources.{name}.columns.{field}"
    )]
    Gone {
        /// The name of the source.
        name: String,
        /// The column.
        column: String,
        /// What it held.
        field: String,
    },
    /// The first records are not recognized as ratings.
    #[error("source {name}: the records are not recognized as ratings; see sources.{name}.columns")]
    Unrecognized {
        /// The name of the source.
        name: String,
        /// What is missing.
        #[source]
        source: marquee_datasets::Error,
    },
    /// The object store does not take or return something.
    #[error("source {name}: the object store failed")]
    Objects {
        /// The name of the source.
        name: String,
        /// The cause.
        #[source]
        source: PortError,
    },
    /// Another collector of the same source wrote the state.
    #[error("source {name}: another collector takes from this source; stop one of them")]
    Busy {
        /// The name of the source.
        name: String,
    },
    /// The stored state cannot be read.
    #[error("source {name}: the state in {key} cannot be used: {reason}")]
    State {
        /// The name of the source.
        name: String,
        /// Where it is.
        key: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Ingest does not take the ratings.
    #[error("source {name}: the fleet did not take the records")]
    Destination {
        /// The name of the source.
        name: String,
        /// The cause.
        #[source]
        source: DestinationError,
    },
    /// Raw records cannot be written as Parquet, or a thread was lost.
    #[error("source {name}: cannot {doing}")]
    Internal {
        /// The name of the source.
        name: String,
        /// What was being done.
        doing: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Returns whether the configuration must be changed first.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Config(_))
    }
}
