//! A table that is written once and read many times.

use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::FileReader;
use tempfile::NamedTempFile;

use crate::Error;

/// A table in memory, or in a temporary file that is removed with it.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) schema: SchemaRef,
    pub(crate) rows: u64,
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Memory(Arc<[RecordBatch]>),
    /// A file in Arrow's IPC format.
    Disk(Arc<NamedTempFile>),
}

/// Some rows of a table, one after the other.
#[derive(Debug, Clone)]
pub struct Part {
    /// The number of the first row, from 0.
    pub first: u64,
    /// The rows.
    pub batch: RecordBatch,
}

impl Table {
    /// Returns the names and the types of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the number of rows.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns whether the rows are in a file.
    pub const fn is_on_disk(&self) -> bool {
        matches!(self.body, Body::Disk(_))
    }

    /// Reads the rows in their order.
    ///
    /// # Errors
    /// The temporary file cannot be opened.
    pub fn scan(&self) -> Result<impl Iterator<Item = Result<Part, Error>> + Send + use<>, Error> {
        let batches: Box<dyn Iterator<Item = Result<RecordBatch, Error>> + Send> = match &self.body {
            Body::Memory(batches) => {
                let batches = Arc::clone(batches);
                Box::new((0..batches.len()).filter_map(move |at| batches.get(at).cloned().map(Ok)))
            }
            Body::Disk(file) => {
                // The path is opened again, so that each scan has a position of its own.
                let open = File::open(file.path()).map_err(Error::Disk)?;
                let reader = FileReader::try_new(std::io::BufReader::new(open), None)?;
                let (schema, file) = (Arc::clone(&self.schema), Arc::clone(file));
                Box::new(reader.map(move |batch| {
                    let _kept = &file;
                    conform(&batch?, &schema)
                }))
            }
        };
        let mut next = 0;
        Ok(batches.map(move |batch| {
            let batch = batch?;
            let first = next;
            next += batch.num_rows() as u64;
            Ok(Part { first, batch })
        }))
    }
}

/// Returns the batch with the types of a schema. A column of integers with missing values is known
/// as one of floats only after the last row.
pub(crate) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns: Result<Vec<_>, _> = columns
        .map(|(column, field)| match column.data_type() == field.data_type() {
            true => Ok(Arc::clone(column)),
            false => cast(column, field.data_type()),
        })
        .collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), columns?)?)
}
