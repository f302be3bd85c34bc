//! Values of columns: how they compare, and how they are written, as pandas does both.

use std::cmp::Ordering;

use marquee_domain::Timestamp;
use marquee_tables::ColumnType;
use marquee_tables::arrow::array::{Array, AsArray};
use marquee_tables::arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use serde_json::{Value as Json, json};

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A missing value of a column of this type.
    Missing(ColumnType),
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// Microseconds since 1970, UTC.
    Time(i64),
}

/// Two values that have no order, for example a text and a missing value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Incomparable;

impl Value {
    /// Returns the value of a row of a column.
    pub(crate) fn at(column: &dyn Array, row: usize) -> Self {
        let kind = ColumnType::of(column.data_type()).unwrap_or(ColumnType::Text);
        if column.is_null(row) {
            return Self::Missing(kind);
        }
        match kind {
            ColumnType::Bool => Self::Bool(column.as_boolean().value(row)),
            ColumnType::Int => Self::Int(column.as_primitive::<Int64Type>().value(row)),
            ColumnType::Float => Self::Float(column.as_primitive::<Float64Type>().value(row)),
            ColumnType::Text => Self::Text(column.as_string::<i32>().value(row).to_owned()),
            ColumnType::Time => Self::Time(column.as_primitive::<TimestampMicrosecondType>().value(row)),
        }
    }

    /// Returns the number of a value that is one. True is 1, and a missing number is not a number.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Missing(ColumnType::Bool | ColumnType::Int | ColumnType::Float) => Some(f64::NAN),
            _ => None,
        }
    }

    /// Returns the value as JSON.
    pub(crate) fn json(&self) -> Json {
        match self {
            Self::Missing(ColumnType::Time) => json!("NaT"),
            Self::Missing(_) => Json::Null,
            Self::Bool(value) => json!(value),
            Self::Int(value) => json!(value),
            Self::Float(value) => json!(value),
            Self::Text(value) => json!(value),
            Self::Time(micros) => json!(iso(*micros)),
        }
    }

    /// Returns whether two values count as one. Missing numbers never do.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Missing(a), Self::Missing(b)) => a == b && matches!(a, ColumnType::Text | ColumnType::Time),
            _ => self == other,
        }
    }

    /// Returns whether the value is before another one of the same column.
    pub(crate) fn is_before(&self, other: &Self) -> Result<bool, Incomparable> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Ok(a < b),
            (Self::Time(a), Self::Time(b)) => Ok(a < b),
            (Self::Time(_) | Self::Missing(ColumnType::Time), Self::Time(_) | Self::Missing(ColumnType::Time)) => {
                Ok(false)
            }
            (Self::Missing(ColumnType::Text), Self::Missing(ColumnType::Text)) => Ok(false),
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => Ok(a < b),
                _ => Err(Incomparable),
            },
        }
    }

    /// Compares two values that are there, of one column.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Time(a), Self::Time(b)) | (Self::Int(a), Self::Int(b)) => a.cmp(b),
            _ => self.number().unwrap_or(f64::NAN).total_cmp(&other.number().unwrap_or(f64::NAN)),
        }
    }
}

/// Formats a time as Python does: without a zone, and with microseconds if there are some.
pub(crate) fn iso(micros: i64) -> String {
    Timestamp::from_micros(micros).to_rfc3339().trim_end_matches('Z').to_owned()
}

/// Parses a date, or a time with or without a zone, to microseconds.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim().replacen(' ', "T", 1);
    let whole = if text.len() == 10 { format!("{text}T00:00:00") } else { text };
    let whole = if whole.len() == 16 { format!("{whole}:00") } else { whole };
    Timestamp::parse(&whole).or_else(|| Timestamp::parse(&format!("{whole}Z"))).map(Timestamp::micros)
}

/// Formats a number as Python does.
pub(crate) fn python(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-4..1e16).contains(&size) {
        return if value.fract() == 0.0 { format!("{value:.1}") } else { format!("{value}") };
    }
    if !value.is_finite() {
        return if value.is_nan() {
            "nan"
        } else if value > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |exponent| ("-", exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_as_in_python() {
        let known = [
            (0.5, "0.5"),
            (3.0, "3.0"),
            (-0.25, "-0.25"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e-5, "1.5e-05"),
            (0.0001, "0.0001"),
            (1e300, "1e+300"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, text) in known {
            assert_eq!(python(value), text);
        }
        assert_eq!(iso(1_577_836_800_000_000), "2020-01-01T00:00:00");
        assert_eq!(iso(1_577_836_800_500_000), "2020-01-01T00:00:00.500000");
    }

    #[test]
    fn dates_and_times_are_parsed_with_and_without_a_zone() {
        let midnight = Some(1_577_836_800_000_000);
        for text in ["2020-01-01", "2020-01-01 00:00", "2020-01-01T00:00:00", "2020-01-01T02:00:00+02:00"] {
            assert_eq!(parse_time(text), midnight, "{text}");
        }
        assert_eq!(parse_time("2020-13-01"), None);
    }

    #[test]
    fn missing_numbers_are_never_the_same_and_text_has_no_order_with_a_missing_one() {
        let missing = Value::Missing(ColumnType::Float);
        assert!(!missing.is_same(&missing));
        assert_eq!(missing.is_before(&Value::Float(1.0)), Ok(false));
        let missing = Value::Missing(ColumnType::Text);
        assert!(missing.is_same(&missing));
        assert_eq!(missing.is_before(&Value::Text("a".to_owned())), Err(Incomparable));
    }
}
