//! Writes tables as Parquet files, compressed with snappy and with dictionaries where they save
//! space.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use crate::{Column, Error, Table};

/// The number of rows in a row group. A reader holds at least this many values of a column.
const ROW_GROUP_ROWS: usize = 1 << 20;

/// A fixed name instead of the version of the `parquet` crate, so that the digest of a file does
/// not change when the dependency is updated.
const CREATED_BY: &str = "marquee";

/// Writes a table as a Parquet file. All columns are written as optional. Equal tables become equal
/// bytes.
///
/// # Errors
/// [`Error::Names`] or [`Error::Ragged`] if the table is not valid.
pub fn write(table: &Table) -> Result<Vec<u8>, Error> {
    check(table)?;
    encode(table).map_err(Error::Encode)
}

fn check(table: &Table) -> Result<(), Error> {
    let mut names = HashSet::new();
    if table.columns.is_empty() || !table.columns.iter().all(|(name, _)| names.insert(name.as_str())) {
        return Err(Error::Names);
    }
    let expected = table.rows();
    for (name, column) in &table.columns {
        if let Column::List(_) = column {
            return Err(Error::Unsupported { column: name.clone(), found: "lists" });
        }
        if column.len() != expected {
            return Err(Error::Ragged { column: name.clone(), rows: column.len(), expected });
        }
    }
    Ok(())
}

fn encode(table: &Table) -> Result<Vec<u8>, ParquetError> {
    let fields = table.columns.iter().map(|(name, column)| field(name, column)).collect::<Result<_, _>>()?;
    let schema = Type::group_type_builder("schema").with_fields(fields).build()?;
    let properties =
        WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by(CREATED_BY.to_owned()).build();
    let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    for start in (0..table.rows()).step_by(ROW_GROUP_ROWS) {
        let rows = start..table.rows().min(start + ROW_GROUP_ROWS);
        let mut group = file.next_row_group()?;
        for (_, column) in &table.columns {
            let Some(mut writer) = group.next_column()? else {
                return Err(ParquetError::General("the schema lacks a column of the table".to_owned()));
            };
            encode_column(&mut writer, column, rows.clone())?;
            writer.close()?;
        }
        group.close()?;
    }
    file.into_inner()
}

fn field(name: &str, column: &Column) -> Result<Arc<Type>, ParquetError> {
    let (physical, logical) = match column {
        Column::Utf8(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Column::Int64(_) => (Physical::INT64, None),
        Column::Timestamp(_) => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        Column::Float64(_) => (Physical::DOUBLE, None),
        Column::Bool(_) => (Physical::BOOLEAN, None),
        Column::List(_) => return Err(ParquetError::NYI("lists are not written".to_owned())),
    };
    let field = Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()?;
    Ok(Arc::new(field))
}

fn encode_column(
    writer: &mut SerializedColumnWriter<'_>,
    column: &Column,
    rows: Range<usize>,
) -> Result<(), ParquetError> {
    match column {
        Column::Utf8(values) => {
            encode_values::<ByteArrayType, _>(writer, &values[rows], |text| ByteArray::from(text.as_str()))
        }
        Column::Int64(values) | Column::Timestamp(values) => {
            encode_values::<Int64Type, _>(writer, &values[rows], |value| *value)
        }
        Column::Float64(values) => encode_values::<DoubleType, _>(writer, &values[rows], |value| *value),
        Column::Bool(values) => encode_values::<BoolType, _>(writer, &values[rows], |value| *value),
        Column::List(_) => Err(ParquetError::NYI("lists are not written".to_owned())),
    }
}

fn encode_values<T: DataType, V>(
    writer: &mut SerializedColumnWriter<'_>,
    values: &[Option<V>],
    stored: impl Fn(&V) -> T::T,
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let present: Vec<T::T> = values.iter().flatten().map(stored).collect();
    writer.typed::<T>().write_batch(&present, Some(&levels), None)?;
    Ok(())
}
