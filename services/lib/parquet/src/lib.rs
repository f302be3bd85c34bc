//! Columns in and out of Parquet files, without a columnar framework around them.
//!
//! [`write()`] and [`read`] move a whole [`Table`]; [`Batches`] walks a large file a few thousand rows at a time. Only flat columns exist
//! here: a nested one is an error that names it. What must stay true: no file, however damaged, panics or allocates more than the limits in
//! [`limit`] say; equal tables give equal bytes. This is the only crate that knows the `parquet` crate.

mod batches;
mod error;
mod footer;
pub mod limit;
mod pages;
mod source;
mod table;
mod thrift;
mod values;
mod write;

pub use batches::{Batches, Options};
pub use error::Error;
pub use source::Source;
pub use table::{Column, Table};
pub use values::{ColumnInfo, Kind};
pub use write::write;

/// Reads a whole file. Use [`Batches`] where it may be large.
///
/// Timestamps (milli-, micro- or nanoseconds) become [`Column::Int64`] in microseconds since 1970, rounded down; dates become midnight UTC
/// in the same unit. 32-bit integers and floats are widened.
///
/// # Errors
/// What [`Batches::open`] and its items report, and [`Error::TooLarge`] beyond [`limit::TABLE_BYTES`].
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
