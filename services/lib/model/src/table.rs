//! Typed reading of a package's Parquet tables: a column is there, of its kind and without gaps, or the error says which is not.

use std::fmt::Display;

use bytes::Bytes;
use marquee_parquet::{Column, Table};
use thiserror::Error;

/// Why bytes are not the table they should be.
#[derive(Debug, Error)]
pub enum TableError {
    /// Not readable as Parquet, or not writable.
    #[error("the Parquet table cannot be used")]
    Parquet(#[source] marquee_parquet::Error),
    /// A column is missing or of another kind.
    #[error("column '{column}' is missing or not {kind}")]
    Column {
        /// Which column.
        column: &'static str,
        /// What it should hold.
        kind: &'static str,
    },
    /// A value is missing or not allowed.
    #[error("row {row}, column '{column}': {problem}")]
    Value {
        /// Which row, from 0.
        row: usize,
        /// Which column.
        column: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl TableError {
    pub(crate) fn value(row: usize, column: &'static str, problem: impl Display) -> Self {
        Self::Value { row, column, problem: problem.to_string() }
    }
}

/// A table that was read, and where its rows are taken from.
pub(crate) struct Reader(Table);

impl Reader {
    pub(crate) fn open(bytes: Bytes) -> Result<Self, TableError> {
        marquee_parquet::read(bytes).map(Self).map_err(TableError::Parquet)
    }

    pub(crate) fn rows(&self) -> usize {
        self.0.rows()
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<Values<'_, String>, TableError> {
        match self.0.column(column) {
            Some(Column::Utf8(values)) => Ok(Values { column, values }),
            _ => Err(TableError::Column { column, kind: "text" }),
        }
    }

    pub(crate) fn integers(&self, column: &'static str) -> Result<Values<'_, i64>, TableError> {
        match self.0.column(column) {
            Some(Column::Int64(values)) => Ok(Values { column, values }),
            _ => Err(TableError::Column { column, kind: "whole numbers" }),
        }
    }

    pub(crate) fn floats(&self, column: &'static str) -> Result<Values<'_, f64>, TableError> {
        match self.0.column(column) {
            Some(Column::Float64(values)) => Ok(Values { column, values }),
            _ => Err(TableError::Column { column, kind: "floating point" }),
        }
    }
}

/// Values of one column.
pub(crate) struct Values<'a, T> {
    column: &'static str,
    values: &'a [Option<T>],
}

impl<'a, T> Values<'a, T> {
    pub(crate) fn optional(&self, row: usize) -> Option<&'a T> {
        self.values.get(row).and_then(Option::as_ref)
    }

    pub(crate) fn get(&self, row: usize) -> Result<&'a T, TableError> {
        self.optional(row).ok_or_else(|| self.wrong(row, "is empty"))
    }

    pub(crate) fn wrong(&self, row: usize, problem: impl Display) -> TableError {
        TableError::value(row, self.column, problem)
    }
}

pub(crate) fn write(columns: Vec<(&str, Column)>) -> Result<Vec<u8>, TableError> {
    let columns = columns.into_iter().map(|(name, column)| (name.to_owned(), column)).collect();
    marquee_parquet::write(&Table { columns }).map_err(TableError::Parquet)
}
