//! Why a file could not be read or written.

use thiserror::Error;

/// Why a file could not be read or written. Messages name the column and what to do about it.
#[derive(Debug, Error)]
pub enum Error {
    /// The bytes are no Parquet file, or a damaged one.
    #[error("is no readable Parquet file: {0}")]
    Malformed(&'static str),
    /// The decoder found damage.
    #[error("is no readable Parquet file")]
    Decode(#[source] parquet::errors::ParquetError),
    /// The decoder panicked on damage.
    #[error("is no readable Parquet file: its contents contradict each other")]
    Contradictory,
    /// Reading the bytes failed.
    #[error("could not read the Parquet file")]
    Io(#[source] std::io::Error),
    /// A column that was asked for does not exist.
    #[error("has no column `{0}`")]
    NoSuchColumn(String),
    /// A column is of a kind that is not read.
    #[error("column `{column}` holds {found}: write it as text, integers, floating point, booleans or timestamps")]
    Unsupported {
        /// Which.
        column: String,
        /// What it holds.
        found: &'static str,
    },
    /// A value of a column is no value of its kind.
    #[error("column `{column}` holds {found}")]
    Value {
        /// Which.
        column: String,
        /// What was found.
        found: &'static str,
    },
    /// The pages of a column are packed in a way that is not read.
    #[error("pages are packed as {0}: write the file with snappy, gzip or brotli and plain or dictionary encoding")]
    Packing(String),
    /// Something claims or has a size beyond a limit.
    #[error("{what} takes {bytes} bytes, more than the {limit} that are read")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its size, at least.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Columns of a table differ in length.
    #[error("column `{column}` has {rows} rows where the first has {expected}: give all the same")]
    Ragged {
        /// Which.
        column: String,
        /// Its length.
        rows: usize,
        /// Length of the first column.
        expected: usize,
    },
    /// A table without columns, or with two of one name.
    #[error("needs at least one column, and a different name for each")]
    Names,
    /// The encoder failed.
    #[error("could not write the Parquet file")]
    Encode(#[source] parquet::errors::ParquetError),
}
