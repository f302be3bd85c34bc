//! Expectations about the columns of a table.

use marquee_tables::ColumnType;
use marquee_tables::arrow::datatypes::Schema;
use serde_json::{Map, Value as Json, json};

use crate::outcome::Outcome;

/// Judges the set of the columns.
pub(crate) fn match_set(schema: &Schema, wanted: Option<&[String]>, is_exact: bool) -> Outcome {
    let actual = sorted(schema.fields().iter().map(|field| field.name().as_str()).collect());
    let wanted = sorted(wanted.unwrap_or_default().iter().map(String::as_str).collect());
    let unexpected: Vec<&str> = actual.iter().copied().filter(|name| !wanted.contains(name)).collect();
    let missing: Vec<&str> = wanted.iter().copied().filter(|name| !actual.contains(name)).collect();
    let mut result = Map::from_iter([("observed_value".to_owned(), json!(actual))]);
    if unexpected.is_empty() && missing.is_empty() {
        return Outcome::new(true, result);
    }
    let success = !is_exact && missing.is_empty();
    let groups = [("unexpected", unexpected), ("missing", missing)];
    let mismatched: Map<String, Json> = groups
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(group, names)| (group.to_owned(), json!(names)))
        .collect();
    result.insert("details".to_owned(), json!({"mismatched": mismatched}));
    Outcome::new(success, result)
}

/// Judges the columns and their order.
pub(crate) fn match_list(schema: &Schema, wanted: Option<&[String]>) -> Outcome {
    let actual: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut result = Map::from_iter([("observed_value".to_owned(), json!(actual))]);
    let Some(wanted) = wanted.filter(|wanted| *wanted != actual) else { return Outcome::new(true, result) };
    let places = 0..wanted.len().max(actual.len());
    let pairs = places.map(|at| (at, wanted.get(at).map(String::as_str), actual.get(at).copied()));
    let mismatched: Vec<Json> = pairs
        .filter(|(_, expected, found)| expected != found)
        .map(|(at, expected, found)| json!({"Expected Column Position": at, "Expected": expected, "Found": found}))
        .collect();
    result.insert("details".to_owned(), json!({"mismatched": mismatched}));
    Outcome::new(false, result)
}

/// Judges whether a column is there. The place 0 says nothing, as in Great Expectations.
pub(crate) fn exists(schema: &Schema, column: &str, at: Option<i64>) -> Outcome {
    let fields = schema.fields();
    let success = match at.filter(|at| *at != 0) {
        None => fields.iter().any(|field| field.name() == column),
        Some(at) => {
            // A negative place counts from the end.
            let place = if at < 0 { fields.len() as i64 + at } else { at };
            usize::try_from(place).ok().and_then(|at| fields.get(at)).is_some_and(|field| field.name() == column)
        }
    };
    Outcome::new(success, Map::new())
}

/// Judges the type of a column, by the names that NumPy and pandas have for it.
pub(crate) fn of_type(kind: ColumnType, types: Option<&[String]>, is_list: bool) -> Outcome {
    let observed = match kind {
        ColumnType::Bool => "bool",
        ColumnType::Int => "int64",
        ColumnType::Float => "float64",
        ColumnType::Text => "str",
        ColumnType::Time => "datetime64",
    };
    let is_named = |name: &str| match kind {
        ColumnType::Bool => matches!(name, "bool" | "bool_" | "?" | "b1"),
        ColumnType::Int => matches!(name, "int64" | "int" | "int_" | "i8" | "<i8" | "long" | "l" | "q" | "p" | "intp"),
        ColumnType::Float => matches!(name, "float64" | "float" | "f8" | "<f8" | "double" | "d"),
        // In a list, pandas compares its data type of texts, and no name is that of this type.
        ColumnType::Text => !is_list && matches!(name.to_lowercase().as_str(), "str" | "string_types"),
        ColumnType::Time if is_list => matches!(name, "datetime64[us]" | "M8[us]" | "<M8[us]"),
        ColumnType::Time => ["datetime64", "M8", "<M8"].iter().any(|start| name.starts_with(start)),
    };
    let success = types.is_none_or(|types| types.iter().any(|name| is_named(name)));
    Outcome::observed(success, json!(observed))
}

/// Returns names once each, in order.
fn sorted(mut names: Vec<&str>) -> Vec<&str> {
    names.sort_unstable();
    names.dedup();
    names
}
