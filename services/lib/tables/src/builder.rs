//! Writes a table row by row or batch by batch.

use std::fs::File;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::Error;
use crate::table::{Body, Table, conform};

/// The rows of a batch.
const BATCH: usize = 8192;

/// The bytes of text from which a batch ends with fewer rows. A batch cannot have 2 GiB.
const BATCH_BYTES: usize = 16 << 20;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// True or false.
    Bool,
    /// Whole numbers of 64 bits.
    Int,
    /// Floating-point numbers of 64 bits.
    Float,
    /// UTF-8 text.
    Text,
    /// Times in microseconds since 1970, UTC.
    Time,
}

impl ColumnType {
    /// Returns Arrow's type.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Text => DataType::Utf8,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }

    /// Returns the type of a column of a table. Tables have no others.
    pub fn of(data_type: &DataType) -> Option<Self> {
        let all = [Self::Bool, Self::Int, Self::Float, Self::Text, Self::Time];
        all.into_iter().find(|known| known.data_type() == *data_type)
    }
}

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// There is no value.
    Missing,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number. One that is not a number is a missing value, and a negative zero is zero.
    Float(f64),
    /// A text.
    Text(&'a str),
    /// Microseconds since 1970, UTC.
    Time(i64),
}

/// Writes a table. A column of whole numbers with missing values becomes one of floats, as pandas
/// reads such a column.
#[derive(Debug)]
pub struct Builder {
    schema: SchemaRef,
    columns: Vec<Column>,
    pending: usize,
    pending_text: usize,
    batches: Vec<RecordBatch>,
    bytes: usize,
    memory: usize,
    disk: Option<Disk>,
    rows: u64,
    has_missing: Vec<bool>,
}

struct Disk {
    file: File,
    writer: FileWriter<File>,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk").field("file", &self.file).finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Column {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Time(TimestampMicrosecondBuilder),
}

impl Column {
    fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Bool => Self::Bool(BooleanBuilder::new()),
            ColumnType::Int => Self::Int(Int64Builder::new()),
            ColumnType::Float => Self::Float(Float64Builder::new()),
            ColumnType::Text => Self::Text(StringBuilder::new()),
            ColumnType::Time => Self::Time(TimestampMicrosecondBuilder::new()),
        }
    }

    /// Appends a cell. Returns `None` if it has another type.
    fn push(&mut self, cell: Cell<'_>) -> Option<()> {
        match (self, cell) {
            (Self::Bool(column), Cell::Bool(value)) => column.append_value(value),
            (Self::Bool(column), Cell::Missing) => column.append_null(),
            (Self::Int(column), Cell::Int(value)) => column.append_value(value),
            (Self::Int(column), Cell::Missing) => column.append_null(),
            (Self::Float(column), Cell::Float(value)) if value.is_nan() => column.append_null(),
            // Adding zero turns a negative zero into zero.
            (Self::Float(column), Cell::Float(value)) => column.append_value(value + 0.0),
            (Self::Float(column), Cell::Int(value)) => column.append_value(value as f64),
            (Self::Float(column), Cell::Missing) => column.append_null(),
            (Self::Text(column), Cell::Text(value)) => column.append_value(value),
            (Self::Text(column), Cell::Missing) => column.append_null(),
            (Self::Time(column), Cell::Time(value)) => column.append_value(value),
            (Self::Time(column), Cell::Missing) => column.append_null(),
            _ => return None,
        }
        Some(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(column) => Arc::new(column.finish()),
            Self::Int(column) => Arc::new(column.finish()),
            Self::Float(column) => Arc::new(column.finish()),
            Self::Text(column) => Arc::new(column.finish()),
            Self::Time(column) => Arc::new(column.finish()),
        }
    }
}

impl Builder {
    /// Begins a table. With more than `memory` bytes, it is written to a temporary file.
    pub fn new(columns: &[(&str, ColumnType)], memory: usize) -> Self {
        let fields: Vec<Field> = columns.iter().map(|(name, kind)| Field::new(*name, kind.data_type(), true)).collect();
        Self {
            schema: Arc::new(Schema::new(fields)),
            columns: columns.iter().map(|(_, kind)| Column::new(*kind)).collect(),
            pending: 0,
            pending_text: 0,
            batches: Vec::new(),
            bytes: 0,
            memory,
            disk: None,
            rows: 0,
            has_missing: vec![false; columns.len()],
        }
    }

    /// Appends a row.
    ///
    /// # Errors
    /// The row does not fit the columns, or the temporary file cannot be written.
    pub fn push(&mut self, row: &[Cell<'_>]) -> Result<(), Error> {
        if row.len() != self.columns.len() {
            return Err(Error::Width { given: row.len(), wanted: self.columns.len() });
        }
        for (at, (column, cell)) in self.columns.iter_mut().zip(row).enumerate() {
            let wrong = || Error::Type { column: self.schema.field(at).name().clone() };
            column.push(*cell).ok_or_else(wrong)?;
            if let Cell::Text(text) = cell {
                self.pending_text += text.len();
            }
        }
        self.pending += 1;
        if self.pending == BATCH || self.pending_text >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.pending == 0 {
            return Ok(());
        }
        self.rows += self.pending as u64;
        (self.pending, self.pending_text) = (0, 0);
        let columns: Vec<ArrayRef> = self.columns.iter_mut().map(Column::finish).collect();
        for (has_missing, column) in self.has_missing.iter_mut().zip(&columns) {
            *has_missing |= column.null_count() > 0;
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        self.bytes += batch.get_array_memory_size();
        if let Some(disk) = &mut self.disk {
            return Ok(disk.writer.write(&batch)?);
        }
        self.batches.push(batch);
        if self.bytes > self.memory {
            let file = tempfile::tempfile().map_err(Error::Disk)?;
            let opened = file.try_clone().map_err(Error::Disk)?;
            let mut writer = FileWriter::try_new(opened, &self.schema)?;
            for batch in std::mem::take(&mut self.batches) {
                writer.write(&batch)?;
            }
            self.disk = Some(Disk { file, writer });
        }
        Ok(())
    }

    /// Ends the table.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub fn finish(mut self) -> Result<Table, Error> {
        self.flush()?;
        let fields = self.schema.fields().iter().zip(&self.has_missing).map(|(field, has_missing)| {
            let is_float = *has_missing && *field.data_type() == DataType::Int64;
            if is_float { field.as_ref().clone().with_data_type(DataType::Float64) } else { field.as_ref().clone() }
        });
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let body = match self.disk {
            Some(mut disk) => {
                disk.writer.finish()?;
                Body::Disk(Arc::new(disk.file))
            }
            None => {
                let batches: Result<Vec<_>, _> = self.batches.iter().map(|batch| conform(batch, &schema)).collect();
                Body::Memory(batches?.into())
            }
        };
        Ok(Table { schema, rows: self.rows, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_end_a_batch_before_its_rows_are_full() {
        let mut builder = Builder::new(&[("text", ColumnType::Text)], 1);
        let long = "x".repeat(1 << 20);
        for _ in 0..40 {
            builder.push(&[Cell::Text(&long)]).expect("a row");
            assert!(builder.pending_text < BATCH_BYTES);
        }
        assert_eq!((builder.rows, builder.pending), (32, 8));
        assert_eq!(builder.finish().expect("a table").rows(), 40);
    }
}
