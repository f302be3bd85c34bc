//! What tables show of Arrow: arrays and their types, bitmaps of rows, and keys of rows.

pub use arrow_buffer as buffer;
pub use arrow_row as row;

/// Columns, and batches of them.
pub mod array {
    pub use arrow_array::cast::AsArray;
    pub use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch};
}

/// The types of columns.
pub mod datatypes {
    pub use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
    pub use arrow_schema::Schema;
}
