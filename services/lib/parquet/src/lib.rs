//! Reads and writes Parquet files as plain columns.
//!
//! [`write()`] and [`read`] handle a whole [`Table`]. [`Batches`] reads a large file a few thousand
//! rows at a time. Supported are flat columns, fields of structures, and lists of texts. Another
//! column is an error that names it, if it is read at all. No other crate uses the `parquet` crate.
//!
//! **Invariant:** no file, however damaged, causes a panic (`tests/damage.rs`). What a file claims
//! is checked against the limits in [`limit`] before memory is allocated for it.
//!
//! **Invariant:** equal tables become equal bytes
//! (`a_table_comes_back_and_equal_tables_give_equal_bytes`).

mod batches;
mod delta;
mod error;
mod footer;
pub mod limit;
mod pages;
mod source;
mod table;
mod thrift;
mod values;
mod varint;
mod write;

pub use batches::{Batches, Options};
pub use error::Error;
pub use source::Source;
pub use table::{Column, Table};
pub use values::{ColumnInfo, Kind};
pub use write::write;

/// Reads a whole file. For a file that may be large, use [`Batches`].
///
/// Timestamps in milli-, micro- or nanoseconds become [`Column::Int64`] in microseconds since 1970,
/// rounded down. A date becomes its midnight UTC in the same unit. 32-bit integers and floats are
/// widened.
///
/// # Errors
/// The errors of [`Batches::open`] and of its items, and [`Error::TooLarge`] beyond
/// [`limit::TABLE_BYTES`].
pub fn read(bytes: bytes::Bytes) -> Result<Table, Error> {
    let mut batches = Batches::open(bytes, Options::default())?;
    let mut table = batches.empty();
    let mut size = 0;
    for batch in &mut batches {
        let batch = batch?;
        size += batch.heap_bytes();
        if size > limit::TABLE_BYTES {
            return Err(Error::TooLarge { what: "the table", bytes: size as u64, limit: limit::TABLE_BYTES as u64 });
        }
        table.append(batch);
    }
    Ok(table)
}
