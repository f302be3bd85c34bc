//! Turns physical values and definition levels into the values of a [`Column`].

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::schema::types::ColumnDescriptor;

use crate::{Column, Error, limit};

/// The type of a column as this crate reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, read as [`Column::Utf8`].
    Utf8,
    /// Whole numbers, read as [`Column::Int64`].
    Int64,
    /// Times, read as [`Column::Int64`] in microseconds since 1970.
    Timestamp,
    /// Floating-point numbers, read as [`Column::Float64`].
    Float64,
    /// Booleans, read as [`Column::Bool`].
    Bool,
    /// An unsupported type, with a description of what the column holds.
    Unsupported(&'static str),
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// The name. The parts of a nested name are joined by dots.
    pub name: String,
    /// The type of its values.
    pub kind: Kind,
}

/// The conversion of stored integers to values.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Integer {
    AsIs,
    Unsigned,
    Days,
    Millis,
    Nanos,
}

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Describes a column of the schema.
pub(crate) fn describe(column: &ColumnDescriptor) -> ColumnInfo {
    ColumnInfo { name: column.path().parts().join("."), kind: kind(column) }
}

fn kind(column: &ColumnDescriptor) -> Kind {
    if column.path().parts().len() != 1 || column.max_rep_level() > 0 || column.max_def_level() > 1 {
        return Kind::Unsupported("nested values");
    }
    let decimal = matches!(column.logical_type_ref(), Some(LogicalType::Decimal(_)))
        || column.converted_type() == ConvertedType::DECIMAL;
    if decimal {
        return Kind::Unsupported("decimals");
    }
    match column.physical_type() {
        Type::BOOLEAN => Kind::Bool,
        Type::FLOAT | Type::DOUBLE => Kind::Float64,
        Type::BYTE_ARRAY => Kind::Utf8,
        Type::INT96 => Kind::Unsupported("96-bit timestamps"),
        Type::FIXED_LEN_BYTE_ARRAY => Kind::Unsupported("byte arrays of fixed length"),
        Type::INT32 | Type::INT64 => integer_kind(column),
    }
}

fn integer_kind(column: &ColumnDescriptor) -> Kind {
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(_) | LogicalType::Date), _) => Kind::Timestamp,
        (Some(LogicalType::Time(_)), _) | (_, ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS) => {
            Kind::Unsupported("times of day")
        }
        (_, ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS | ConvertedType::DATE) => Kind::Timestamp,
        _ => Kind::Int64,
    }
}

fn integer(column: &ColumnDescriptor) -> Integer {
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(time)), _) => match time.unit {
            TimeUnit::MILLIS => Integer::Millis,
            TimeUnit::MICROS => Integer::AsIs,
            TimeUnit::NANOS => Integer::Nanos,
        },
        (Some(LogicalType::Date), _) | (_, ConvertedType::DATE) => Integer::Days,
        (Some(LogicalType::Integer(kind)), _) if !kind.is_signed => Integer::Unsigned,
        (_, ConvertedType::TIMESTAMP_MILLIS) => Integer::Millis,
        (_, ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64) => {
            Integer::Unsigned
        }
        _ => Integer::AsIs,
    }
}

/// Returns a column without values.
pub(crate) fn empty(kind: Kind) -> Column {
    match kind {
        Kind::Utf8 | Kind::Unsupported(_) => Column::Utf8(Vec::new()),
        Kind::Int64 | Kind::Timestamp => Column::Int64(Vec::new()),
        Kind::Float64 => Column::Float64(Vec::new()),
        Kind::Bool => Column::Bool(Vec::new()),
    }
}

/// Reads exactly `rows` values.
pub(crate) fn read(column: &ColumnDescriptor, reader: &mut ColumnReader, rows: usize) -> Result<Column, Error> {
    let name = column.name();
    match reader {
        ColumnReader::BoolColumnReader(reader) => Ok(Column::Bool(spread(column, reader, rows, |value| Ok(*value))?)),
        ColumnReader::FloatColumnReader(reader) => {
            Ok(Column::Float64(spread(column, reader, rows, |value| Ok(f64::from(*value)))?))
        }
        ColumnReader::DoubleColumnReader(reader) => {
            Ok(Column::Float64(spread(column, reader, rows, |value| Ok(*value))?))
        }
        ColumnReader::Int32ColumnReader(reader) => {
            let integer = integer(column);
            let widen = |value: &i32| match integer {
                Integer::Unsigned => Ok(i64::from(*value as u32)),
                Integer::Days => Ok(i64::from(*value) * MICROS_PER_DAY),
                _ => Ok(i64::from(*value)),
            };
            Ok(Column::Int64(spread(column, reader, rows, widen)?))
        }
        ColumnReader::Int64ColumnReader(reader) => {
            let integer = integer(column);
            let scale = |value: &i64| scaled(integer, *value).ok_or_else(|| out_of_range(name));
            Ok(Column::Int64(spread(column, reader, rows, scale)?))
        }
        ColumnReader::ByteArrayColumnReader(reader) => {
            let mut bytes = 0;
            let text = |value: &ByteArray| {
                bytes += value.len();
                if bytes > limit::BATCH_TEXT_BYTES {
                    let limit = limit::BATCH_TEXT_BYTES as u64;
                    return Err(Error::TooLarge {
                        what: "the text of one column in a batch",
                        bytes: bytes as u64,
                        limit,
                    });
                }
                let not_text = || Error::Value { column: name.to_owned(), found: "bytes that are not UTF-8 text" };
                value.as_utf8().map(str::to_owned).map_err(|_| not_text())
            };
            Ok(Column::Utf8(spread(column, reader, rows, text)?))
        }
        ColumnReader::Int96ColumnReader(_) | ColumnReader::FixedLenByteArrayColumnReader(_) => {
            Err(Error::Unsupported { column: name.to_owned(), found: "values of an unusual width" })
        }
    }
}

fn scaled(integer: Integer, value: i64) -> Option<i64> {
    match integer {
        Integer::AsIs => Some(value),
        Integer::Unsigned => (value >= 0).then_some(value),
        Integer::Days => value.checked_mul(MICROS_PER_DAY),
        Integer::Millis => value.checked_mul(1_000),
        Integer::Nanos => Some(value.div_euclid(1_000)),
    }
}

fn out_of_range(column: &str) -> Error {
    Error::Value { column: column.to_owned(), found: "a number or time beyond 64 bits" }
}

/// Reads `rows` rows. The definition levels say which rows have a value.
fn spread<T: DataType, V>(
    column: &ColumnDescriptor,
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    mut value: impl FnMut(&T::T) -> Result<V, Error>,
) -> Result<Vec<Option<V>>, Error> {
    let optional = column.max_def_level() > 0;
    let (mut levels, mut stored) = (Vec::new(), Vec::new());
    let (read, _, _) = reader.read_records(rows, optional.then_some(&mut levels), None, &mut stored).map_err(decode)?;
    if read != rows {
        return Err(Error::Malformed("a column is shorter than its row group"));
    }
    if !optional {
        return stored.iter().map(|stored| value(stored).map(Some)).collect();
    }
    let mut stored = stored.iter();
    let mut spread = Vec::with_capacity(levels.len());
    for level in levels {
        if level == 0 {
            spread.push(None);
            continue;
        }
        let stored = stored.next().ok_or(Error::Malformed("a column has fewer values than it says"))?;
        spread.push(Some(value(stored)?));
    }
    Ok(spread)
}

/// Unwraps an error of this crate that passed through the decoder in a box.
pub(crate) fn decode(error: parquet::errors::ParquetError) -> Error {
    match error {
        parquet::errors::ParquetError::External(inner) => match inner.downcast::<Error>() {
            Ok(ours) => *ours,
            Err(other) => Error::Decode(parquet::errors::ParquetError::External(other)),
        },
        other => Error::Decode(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_microseconds_rounded_down() {
        assert_eq!(scaled(Integer::Millis, 5), Some(5_000));
        assert_eq!(scaled(Integer::Nanos, -1), Some(-1));
        assert_eq!(scaled(Integer::Nanos, 1_999), Some(1));
        assert_eq!(scaled(Integer::AsIs, 7), Some(7));
        assert_eq!(scaled(Integer::Millis, i64::MAX), None);
        assert_eq!(scaled(Integer::Unsigned, -1), None);
    }
}
