//! Turns physical values and definition levels into the values of a [`Column`].

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int96};
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
    /// Lists of texts, read as [`Column::List`].
    List,
    /// An unsupported type, with a description of what the column holds.
    Unsupported(&'static str),
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// The name. The parts of a nested name are joined by dots. A list of texts has the name of the
    /// list.
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

/// The Julian day of 1970-01-01.
const JULIAN_EPOCH: i64 = 2_440_588;

/// What a text of a list takes beside its bytes.
const TEXT_BYTES: usize = 24;

/// Describes a column of the schema.
pub(crate) fn describe(column: &ColumnDescriptor) -> ColumnInfo {
    let kind = kind(column);
    let parts = column.path().parts();
    let name = if kind == Kind::List { parts.first().cloned().unwrap_or_default() } else { parts.join(".") };
    ColumnInfo { name, kind }
}

fn kind(column: &ColumnDescriptor) -> Kind {
    if column.max_rep_level() > 0 {
        // A list has one leaf, at most below a group for the list and one for its elements.
        let is_list = column.max_rep_level() == 1 && column.path().parts().len() <= 3;
        let is_text = column.physical_type() == Type::BYTE_ARRAY && scale(column).is_none();
        return if is_list && is_text { Kind::List } else { Kind::Unsupported("nested values") };
    }
    if let Some(scale) = scale(column) {
        return match column.physical_type() {
            Type::INT32 | Type::INT64 | Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY if scale == 0 => Kind::Int64,
            Type::INT32 | Type::INT64 | Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => Kind::Float64,
            _ => Kind::Unsupported("decimals of an unusual type"),
        };
    }
    match column.physical_type() {
        Type::BOOLEAN => Kind::Bool,
        Type::FLOAT | Type::DOUBLE => Kind::Float64,
        Type::BYTE_ARRAY => Kind::Utf8,
        Type::INT96 => Kind::Timestamp,
        Type::FIXED_LEN_BYTE_ARRAY => Kind::Unsupported("byte arrays of fixed length"),
        Type::INT32 | Type::INT64 => integer_kind(column),
    }
}

/// Returns the number of digits behind the point, if the column holds decimals.
fn scale(column: &ColumnDescriptor) -> Option<i32> {
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Decimal(decimal)), _) => Some(decimal.scale),
        (_, ConvertedType::DECIMAL) => Some(column.type_scale()),
        _ => None,
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
        Kind::List => Column::List(Vec::new()),
    }
}

/// Reads exactly `rows` values.
pub(crate) fn read(column: &ColumnDescriptor, reader: &mut ColumnReader, rows: usize) -> Result<Column, Error> {
    let name = column.name();
    if let Some(scale) = scale(column) {
        return decimals(column, reader, rows, scale);
    }
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
        ColumnReader::ByteArrayColumnReader(reader) if column.max_rep_level() > 0 => {
            Ok(Column::List(lists(column, reader, rows)?))
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
        ColumnReader::Int96ColumnReader(reader) => {
            let time = |value: &Int96| julian(value).ok_or_else(|| out_of_range(name));
            Ok(Column::Int64(spread(column, reader, rows, time)?))
        }
        ColumnReader::FixedLenByteArrayColumnReader(_) => {
            Err(Error::Unsupported { column: name.to_owned(), found: "values of an unusual width" })
        }
    }
}

/// Converts a time of Impala and Spark: nanoseconds of the day, and the Julian day.
fn julian(value: &Int96) -> Option<i64> {
    let [low, high, day] = value.data() else { return None };
    let nanos = u64::from(*high) << 32 | u64::from(*low);
    let micros = i64::try_from(nanos / 1_000).ok()?;
    (i64::from(*day) - JULIAN_EPOCH).checked_mul(MICROS_PER_DAY)?.checked_add(micros)
}

/// Reads decimals: floating point, or whole numbers if there are no digits behind the point.
fn decimals(column: &ColumnDescriptor, reader: &mut ColumnReader, rows: usize, scale: i32) -> Result<Column, Error> {
    let name = column.name();
    let unscaled: Vec<Option<i128>> = match reader {
        ColumnReader::Int32ColumnReader(reader) => spread(column, reader, rows, |value| Ok(i128::from(*value)))?,
        ColumnReader::Int64ColumnReader(reader) => spread(column, reader, rows, |value| Ok(i128::from(*value)))?,
        ColumnReader::ByteArrayColumnReader(reader) => {
            spread(column, reader, rows, |value| big_endian(value.data()).ok_or_else(|| out_of_range(name)))?
        }
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            spread(column, reader, rows, |value| big_endian(value.data()).ok_or_else(|| out_of_range(name)))?
        }
        _ => return Err(Error::Unsupported { column: name.to_owned(), found: "decimals of an unusual type" }),
    };
    if scale == 0 {
        let whole = |value: i128| i64::try_from(value).map_err(|_| out_of_range(name));
        let whole = unscaled.into_iter().map(|value| value.map(whole).transpose());
        return Ok(Column::Int64(whole.collect::<Result<_, _>>()?));
    }
    // A division rounds once, so that 3.5 is 3.5.
    let power = 10_f64.powi(scale.clamp(-300, 300));
    Ok(Column::Float64(unscaled.into_iter().map(|value| value.map(|value| value as f64 / power)).collect()))
}

/// Returns a number of up to 16 bytes in two's complement, the highest byte first.
fn big_endian(bytes: &[u8]) -> Option<i128> {
    let first = *bytes.first()?;
    if bytes.len() > 16 {
        return None;
    }
    let sign = if first >= 0x80 { -1 } else { 0 };
    Some(bytes.iter().fold(sign, |number, byte| number << 8 | i128::from(*byte)))
}

/// Reads `rows` lists of texts. A repetition level of 0 starts a list, and a definition level below
/// the highest says that there is no text.
fn lists(
    column: &ColumnDescriptor,
    reader: &mut ColumnReaderImpl<ByteArrayType>,
    rows: usize,
) -> Result<Vec<Option<Vec<String>>>, Error> {
    let (mut defined, mut repeated, mut stored) = (Vec::new(), Vec::new(), Vec::new());
    let optional = column.max_def_level() > 0;
    let read = reader.read_records(rows, optional.then_some(&mut defined), Some(&mut repeated), &mut stored);
    if read.map_err(decode)?.0 != rows {
        return Err(Error::Malformed("a column is shorter than its row group"));
    }
    let (mut lists, mut stored, mut bytes) = (Vec::with_capacity(rows), stored.iter(), 0);
    for (at, level) in repeated.iter().enumerate() {
        if *level == 0 {
            lists.push(None);
        }
        if optional && defined.get(at).is_none_or(|level| *level < column.max_def_level()) {
            continue;
        }
        let text = stored.next().ok_or(Error::Malformed("a column has fewer values than it says"))?;
        bytes += text.len() + TEXT_BYTES;
        if bytes > limit::BATCH_TEXT_BYTES {
            let limit = limit::BATCH_TEXT_BYTES as u64;
            return Err(Error::TooLarge { what: "the lists of one column in a batch", bytes: bytes as u64, limit });
        }
        let not_text = || Error::Value { column: column.name().to_owned(), found: "bytes that are not UTF-8 text" };
        let text = text.as_utf8().map_err(|_| not_text())?.to_owned();
        let Some(list) = lists.last_mut() else { return Err(Error::Malformed("a list starts in its middle")) };
        list.get_or_insert_with(Vec::new).push(text);
    }
    Ok(lists)
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
        if level < column.max_def_level() {
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
        let int96 = |nanos: u64, day: u32| {
            let mut time = Int96::new();
            time.set_data(nanos as u32, (nanos >> 32) as u32, day);
            julian(&time)
        };
        assert_eq!(int96(67_503_000_000_000, 2_451_756), Some(964_982_703_000_000));
        assert_eq!(int96(0, 2_440_588), Some(0));
        assert_eq!(int96(0, u32::MAX), None);
    }

    #[test]
    fn decimals_are_numbers_in_twos_complement() {
        assert_eq!(
            [big_endian(&[0x23]), big_endian(&[0xff]), big_endian(&[0x01, 0x00])],
            [Some(35), Some(-1), Some(256)]
        );
        assert_eq!([big_endian(&[]), big_endian(&[0; 17])], [None, None]);
    }
}
