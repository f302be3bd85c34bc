//! What can go wrong with a table.

use arrow_schema::ArrowError;
use thiserror::Error;

/// Why a table cannot be written or read.
#[derive(Debug, Error)]
pub enum Error {
    /// The folder for temporary files cannot be written to or read.
    #[error("use a temporary file in the folder of temporary files (TMPDIR)")]
    Disk(#[source] std::io::Error),
    /// A batch is not what the table's schema says.
    #[error("handle a batch of rows")]
    Batch(#[source] ArrowError),
    /// A row has another number of cells than the table has columns.
    #[error("the row has {given} cells, and the table {wanted} columns")]
    Width {
        /// The cells of the row.
        given: usize,
        /// The columns of the table.
        wanted: usize,
    },
    /// A cell has another type than its column.
    #[error("column {column}: a cell has another type than the column")]
    Type {
        /// The name of the column.
        column: String,
    },
    /// A filter of rows failed.
    #[error("filter rows: {0}")]
    Filter(String),
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Self {
        Self::Batch(error)
    }
}
