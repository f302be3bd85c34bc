//! Turns the columns of a Parquet file into cells.

use std::borrow::Cow;

use marquee_parquet::{Batches, Column, ColumnInfo, Kind, Options, Table};

use crate::cells::{Cell, Cells};
use crate::error::Error;
use crate::names::Field;
use crate::source::Entry;

/// Opens a file to read some of its columns.
pub(crate) fn open(entry: &Entry, columns: &[(Field, ColumnInfo)], batch_rows: usize) -> Result<Batches, Error> {
    let mut names: Vec<String> = columns.iter().map(|(_, info)| info.name.clone()).collect();
    names.sort_unstable();
    names.dedup();
    let options = Options { columns: Some(names), batch_rows };
    Batches::open(entry.random_access()?, options).map_err(|source| Error::Parquet { name: entry.name.clone(), source })
}

/// Returns the cells of a row.
pub(crate) fn cells<'a>(table: &'a Table, columns: &[(Field, ColumnInfo)], row: usize) -> Cells<'a> {
    let mut cells = Cells::default();
    for (field, info) in columns {
        let column = table.column(&info.name);
        cells.set(*field, column.map(|column| cell(column, info.kind, row)).unwrap_or_default());
    }
    cells
}

/// Returns a value of a column.
fn cell(column: &Column, kind: Kind, row: usize) -> Cell<'_> {
    let cell = match column {
        Column::Utf8(values) => {
            values.get(row).and_then(Option::as_ref).map(|text| Cell::Text(Cow::Borrowed(text.as_bytes())))
        }
        Column::Int64(values) | Column::Timestamp(values) => {
            let value = values.get(row).copied().flatten();
            value.map(|value| if kind == Kind::Timestamp { Cell::Time(value) } else { Cell::Integer(value) })
        }
        Column::Float64(values) => values.get(row).copied().flatten().map(Cell::Float),
        Column::Bool(values) => values.get(row).copied().flatten().map(|_| Cell::Other),
        Column::List(values) => values.get(row).and_then(Option::as_ref).map(|texts| Cell::List(texts.clone())),
    };
    cell.unwrap_or_default()
}
