//! A table that is written once and read many times.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::reader::FileReader;
use arrow_schema::{DataType, SchemaRef};

use crate::Error;

/// A table in memory, or in a temporary file. The file has no name, so it is gone with the table,
/// also when the process is killed.
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
    Disk(Arc<File>),
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
    /// The temporary file cannot be read.
    pub fn scan(&self) -> Result<impl Iterator<Item = Result<Part, Error>> + Send + use<>, Error> {
        let batches: Box<dyn Iterator<Item = Result<RecordBatch, Error>> + Send> = match &self.body {
            Body::Memory(batches) => {
                let batches = Arc::clone(batches);
                Box::new((0..batches.len()).filter_map(move |at| batches.get(at).cloned().map(Ok)))
            }
            Body::Disk(file) => {
                let reader = FileReader::try_new(BufReader::new(Scan { file: Arc::clone(file), position: 0 }), None)?;
                let schema = Arc::clone(&self.schema);
                Box::new(reader.map(move |batch| conform(&batch?, &schema)))
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

/// Reads a file from a position of its own, which several scans of a table need.
struct Scan {
    file: Arc<File>,
    position: u64,
}

impl Read for Scan {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(bytes, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Scan {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.file.metadata()?.len().checked_add_signed(offset),
        };
        self.position = position.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// Returns the batch with the types of a schema. A column of integers with missing values is known
/// as one of floats only after the last row.
pub(crate) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| -> ArrayRef {
        match (column.as_primitive_opt::<Int64Type>(), field.data_type()) {
            (Some(integers), DataType::Float64) => Arc::new(integers.unary::<_, Float64Type>(|integer| integer as f64)),
            _ => Arc::clone(column),
        }
    });
    Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect())?)
}
