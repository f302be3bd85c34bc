//! Conditions that select the rows that an expectation is about.

use marquee_tables::ColumnType;
use marquee_tables::arrow::array::{Array, AsArray, RecordBatch};
use marquee_tables::arrow::buffer::BooleanBuffer;
use marquee_tables::arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use serde_json::Value as Json;

use crate::arguments::{Arguments, Taken, Wrong, wrong};
use crate::value::parse_time;

const ARGUMENT: &str = "row_condition";

/// Selects rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// The value of a column is missing or not.
    Missing {
        column: String,
        is_missing: bool,
    },
    /// The value of a column compares with a value.
    Compare {
        column: String,
        operator: Operator,
        value: Operand,
    },
    /// The value of a column is in a set or not.
    In {
        column: String,
        is_in: bool,
        values: Vec<Operand>,
    },
    All(Vec<Condition>),
    AnyOf(Vec<Condition>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Number(f64),
    Text(String),
}

impl Condition {
    /// Takes the condition of an expectation.
    pub(crate) fn take(arguments: &mut Arguments<'_>) -> Taken<Option<Self>> {
        let parser = arguments.optional_text("condition_parser")?;
        let Some(condition) = arguments.take(ARGUMENT)? else { return Ok(None) };
        match (condition, parser) {
            (Json::String(text), Some("great_expectations" | "great_expectations__experimental__")) => {
                legacy(text).map(Some)
            }
            (Json::String(_), _) => Err(wrong(
                ARGUMENT,
                "is a text of pandas; give it as Great Expectations saves it, like {\"type\": \"comparison\", \
                 \"column\": {\"name\": \"rating\"}, \"operator\": \">\", \"parameter\": 2}",
            )),
            (object, _) => parse(object).map(Some),
        }
    }

    /// Returns the names of the columns.
    pub(crate) fn columns(&self) -> Vec<&str> {
        match self {
            Self::Missing { column, .. } | Self::Compare { column, .. } | Self::In { column, .. } => vec![column],
            Self::All(all) | Self::AnyOf(all) => all.iter().flat_map(Self::columns).collect(),
        }
    }

    /// Selects rows of a batch. The error says why a value cannot be compared.
    pub(crate) fn select(&self, batch: &RecordBatch) -> Result<BooleanBuffer, String> {
        let rows = batch.num_rows();
        let get = |name: &str| batch.column_by_name(name).ok_or_else(|| format!("column {name} does not exist"));
        match self {
            Self::All(all) => {
                let none = BooleanBuffer::new_set(rows);
                all.iter().try_fold(none, |selected, one| Ok(&selected & &one.select(batch)?))
            }
            Self::AnyOf(all) => {
                let none = BooleanBuffer::new_unset(rows);
                all.iter().try_fold(none, |selected, one| Ok(&selected | &one.select(batch)?))
            }
            Self::Missing { column, is_missing } => {
                let column = get(column)?;
                Ok(BooleanBuffer::collect_bool(rows, |row| column.is_null(row) == *is_missing))
            }
            Self::Compare { column, operator, value } => compare(get(column)?, *operator, value, column),
            Self::In { column, is_in, values } => {
                let array = get(column)?;
                let each = values.iter().map(|value| compare(array, Operator::Equal, value, column));
                let none = BooleanBuffer::new_unset(rows);
                let found = { each }.try_fold(none, |found, one| Ok::<_, String>(&found | &one?))?;
                Ok(if *is_in { found } else { !&found })
            }
        }
    }
}

/// Compares the values of a column. A missing value is only unequal.
fn compare(array: &dyn Array, operator: Operator, value: &Operand, name: &str) -> Result<BooleanBuffer, String> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let rows = array.len();
    let is_met = |order: Option<std::cmp::Ordering>| match operator {
        Operator::Equal => order == Some(Equal),
        Operator::NotEqual => order != Some(Equal),
        Operator::Less => order == Some(Less),
        Operator::LessOrEqual => matches!(order, Some(Less | Equal)),
        Operator::Greater => order == Some(Greater),
        Operator::GreaterOrEqual => matches!(order, Some(Greater | Equal)),
    };
    let number = |row: usize| match ColumnType::of(array.data_type()) {
        Some(ColumnType::Bool) => f64::from(u8::from(array.as_boolean().value(row))),
        Some(ColumnType::Int) => array.as_primitive::<Int64Type>().value(row) as f64,
        _ => array.as_primitive::<Float64Type>().value(row),
    };
    let kind = ColumnType::of(array.data_type()).unwrap_or(ColumnType::Text);
    let met = |order: &dyn Fn(usize) -> Option<std::cmp::Ordering>| {
        BooleanBuffer::collect_bool(rows, |row| is_met(if array.is_null(row) { None } else { order(row) }))
    };
    match (kind, value) {
        (ColumnType::Bool | ColumnType::Int | ColumnType::Float, Operand::Number(value)) => {
            Ok(met(&|row| number(row).partial_cmp(value)))
        }
        (ColumnType::Text, Operand::Text(value)) => {
            let texts = array.as_string::<i32>();
            Ok(met(&|row| Some(texts.value(row).cmp(value.as_str()))))
        }
        (ColumnType::Time, Operand::Text(value)) => {
            let wanted = parse_time(value).ok_or_else(|| format!("'{value}' is no time to compare {name} with"))?;
            let times = array.as_primitive::<TimestampMicrosecondType>();
            Ok(met(&|row| Some(times.value(row).cmp(&wanted))))
        }
        _ if matches!(operator, Operator::Equal | Operator::NotEqual) => Ok(met(&|_| None)),
        _ if array.null_count() == rows => Ok(met(&|_| None)),
        _ => Err(format!("the values of {name} cannot be compared with the value of the row_condition")),
    }
}

/// Parses a condition as Great Expectations saves it.
fn parse(json: &Json) -> Taken<Condition> {
    let part = |name: &str| json.get(name).ok_or_else(|| wrong(ARGUMENT, format!("has no {name}")));
    let column = || {
        let name = part("column")?.get("name").and_then(Json::as_str);
        name.map(str::to_owned).ok_or_else(|| wrong(ARGUMENT, "has no column.name"))
    };
    let operand = |value: &Json| match value {
        Json::Number(number) => number.as_f64().map(Operand::Number).ok_or_else(unusable),
        Json::Bool(value) => Ok(Operand::Number(f64::from(u8::from(*value)))),
        Json::String(text) => Ok(Operand::Text(text.clone())),
        _ => Err(unusable()),
    };
    let parts = || -> Taken<Vec<Condition>> {
        let list = part("conditions")?.as_array().ok_or_else(|| wrong(ARGUMENT, "conditions is no list"))?;
        list.iter().map(parse).collect()
    };
    match part("type")?.as_str() {
        Some("and") => parts().map(Condition::All),
        Some("or") => parts().map(Condition::AnyOf),
        Some("nullity") => {
            let is_missing = part("is_null")?.as_bool().ok_or_else(|| wrong(ARGUMENT, "is_null is no flag"))?;
            Ok(Condition::Missing { column: column()?, is_missing })
        }
        Some("comparison") => {
            let name = part("operator")?.as_str().unwrap_or_default();
            if let "IN" | "NOT_IN" = name {
                let list = part("parameter")?.as_array().ok_or_else(|| wrong(ARGUMENT, "parameter is no list"))?;
                let values: Taken<Vec<Operand>> = list.iter().map(operand).collect();
                return Ok(Condition::In { column: column()?, is_in: name == "IN", values: values? });
            }
            Ok(Condition::Compare { column: column()?, operator: named(name)?, value: operand(part("parameter")?)? })
        }
        _ => Err(wrong(ARGUMENT, "has a type other than comparison, nullity, and, or")),
    }
}

fn unusable() -> Wrong {
    wrong(ARGUMENT, "parameter is neither a number nor a text")
}

fn named(operator: &str) -> Taken<Operator> {
    Ok(match operator {
        "==" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        _ => return Err(wrong(ARGUMENT, format!("has the unknown operator '{operator}'"))),
    })
}

/// Parses the older form in a text: `col("rating") > 2`, `col("user_id").notnull()`.
fn legacy(text: &str) -> Taken<Condition> {
    let expected = || wrong(ARGUMENT, "is no condition like col(\"rating\") > 2 or col(\"user_id\").notnull()");
    let (column, rest) =
        text.trim().strip_prefix("col(\"").and_then(|rest| rest.split_once("\")")).ok_or_else(expected)?;
    let (column, rest) = (column.to_owned(), rest.trim());
    if rest.eq_ignore_ascii_case(".notnull()") {
        return Ok(Condition::Missing { column, is_missing: false });
    }
    let length = rest.find(|char| !"=!<>".contains(char)).ok_or_else(expected)?;
    let (operator, value) = rest.split_at(length);
    let value = value.trim();
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    let value = match quoted('"').or_else(|| quoted('\'')) {
        Some(text) => Operand::Text(text.to_owned()),
        None => Operand::Number(value.parse().map_err(|_| expected())?),
    };
    Ok(Condition::Compare { column, operator: named(operator)?, value })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_are_parsed_in_both_forms() {
        let new = json!({"type": "comparison", "column": {"name": "r"}, "operator": ">", "parameter": 2});
        assert_eq!(parse(&new), legacy("col(\"r\") > 2"));
        let missing = json!({"type": "nullity", "column": {"name": "r"}, "is_null": false});
        assert_eq!(parse(&missing), legacy("col(\"r\").notNull()"));
        assert_eq!(
            legacy("col(\"u\")=='a b'"),
            Ok(Condition::Compare {
                column: "u".to_owned(),
                operator: Operator::Equal,
                value: Operand::Text("a b".to_owned())
            })
        );
        for text in ["r > 2", "col(\"r\")", "col(\"r\") ~ 2", "col(\"r\") > x"] {
            assert!(legacy(text).is_err(), "{text}");
        }
    }
}
