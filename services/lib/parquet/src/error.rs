//! Why a file could not be read or written.

use thiserror::Error;

/// Why a file could not be read or written.
#[derive(Debug, Error)]
pub enum Error {
    /// The bytes are not a Parquet file, or the file is damaged.
    #[error("not a readable Parquet file: {0}")]
    Malformed(&'static str),
    /// The decoder found damage.
    #[error("not a readable Parquet file")]
    Decode(#[source] parquet::errors::ParquetError),
    /// The decoder panicked because the file is damaged.
    #[error("not a readable Parquet file: its contents contradict each other")]
    Contradictory,
    /// The bytes could not be read.
    #[error("could not read the Parquet file")]
    Io(#[source] std::io::Error),
    /// A selected column does not exist.
    #[error("column `{0}`: not found")]
    NoSuchColumn(String),
    /// A column has an unsupported type.
    #[error("column `{column}` holds {found}; write it as text, integers, floating point, booleans or timestamps")]
    Unsupported {
        /// The name of the column.
        column: String,
        /// What the column holds.
        found: &'static str,
    },
    /// A value does not fit the type of its column.
    #[error("column `{column}` holds {found}")]
    Value {
        /// The name of the column.
        column: String,
        /// What was found.
        found: &'static str,
    },
    /// The pages of a column have an unsupported compression or encoding.
    #[error(
        "unsupported compression or encoding {0}; write the file with snappy, zstd, lz4, gzip or brotli, and with plain or dictionary encoding"
    )]
    Packing(String),
    /// A part of the file has, or claims to have, a size beyond a limit.
    #[error("{what} takes {bytes} bytes, more than the limit of {limit} bytes")]
    TooLarge {
        /// The part of the file.
        what: &'static str,
        /// Its size in bytes, or a lower bound of it.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The columns of a table have different lengths.
    #[error(
        "column `{column}` has {rows} rows, but the first column has {expected}; all columns need the same number of rows"
    )]
    Ragged {
        /// The name of the column.
        column: String,
        /// The number of rows in this column.
        rows: usize,
        /// The number of rows in the first column.
        expected: usize,
    },
    /// A table has no columns, or two columns with the same name.
    #[error("a table needs at least one column, and a different name for each column")]
    Names,
    /// The encoder failed.
    #[error("could not write the Parquet file")]
    Encode(#[source] parquet::errors::ParquetError),
}
