//! Tables for machines: CSV as RFC 4180 describes it, with a header line.
//!
//! Cells have the values of the JSON form, and are not rounded. An absent value is an empty cell,
//! and the values of a list are separated by `|`, as MovieLens does with genres.

use serde::Serialize;
use serde_json::Value;

use crate::error::one_line;

static ABSENT: Value = Value::Null;

/// A table for machines.
#[derive(Debug)]
pub struct Csv {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Csv {
    /// Makes a table with a row for each result. A column is a field of their JSON form by its
    /// name, or `NAME=PATH` for a field inside another one, for example `rmse=metrics.rmse`.
    pub fn of<T: Serialize>(columns: &[&str], results: &[T]) -> Self {
        let columns: Vec<(&str, &str)> =
            columns.iter().map(|&column| column.split_once('=').unwrap_or((column, column))).collect();
        let row = |result: &T| -> Vec<String> {
            let json = serde_json::to_value(result).unwrap_or_default();
            columns.iter().map(|(_, path)| cell(field(&json, path))).collect()
        };
        Self {
            header: columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
            rows: results.iter().map(row).collect(),
        }
    }

    /// Adds a column at the end, with the same value in each row.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        let value = cell(&serde_json::to_value(value).unwrap_or_default());
        self.header.push(name.to_owned());
        self.rows.iter_mut().for_each(|row| row.push(value.clone()));
        self
    }

    /// Prints the table. On a terminal, control characters become spaces.
    pub fn print(&self, on_terminal: bool) -> String {
        let mut text = String::new();
        for row in std::iter::once(&self.header).chain(&self.rows) {
            let cells: Vec<String> =
                row.iter().map(|cell| if on_terminal { quoted(&one_line(cell)) } else { quoted(cell) }).collect();
            text.push_str(&cells.join(","));
            text.push_str("\r\n");
        }
        text
    }
}

/// Returns the field at a path, or null if there is none.
fn field<'a>(json: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(json, |json, name| json.get(name).unwrap_or(&ABSENT))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join("|"),
        other => other.to_string(),
    }
}

/// Puts a cell in quotes if it has a character that ends a cell or a quote.
fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\r', '\n']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_quoted_as_rfc_4180_says() {
        let rows = [
            json!({"title": "Heat, \"uncut\"", "rating": 4.0}),
            json!({"title": "two\nlines", "rating": null}),
            json!({"title": " plain ", "rating": 0.1}),
        ];
        let text = Csv::of(&["title", "rating"], &rows).print(false);
        assert_eq!(text, "title,rating\r\n\"Heat, \"\"uncut\"\"\",4.0\r\n\"two\nlines\",\r\n plain ,0.1\r\n");
    }

    #[test]
    fn columns_are_fields_and_fields_of_fields_and_one_value_for_all() {
        let rows = [json!({"genres": ["Drama", "War"], "metrics": {"rmse": 0.9}}), json!({"metrics": null})];
        let table = Csv::of(&["genres", "rmse=metrics.rmse"], &rows).with("user", "ann").with("version", 3);
        assert_eq!(table.print(false), "genres,rmse,user,version\r\nDrama|War,0.9,ann,3\r\n,,ann,3\r\n");
    }

    #[test]
    fn a_table_without_rows_has_its_header() {
        assert_eq!(Csv::of(&["a", "b"], &[] as &[Value]).print(false), "a,b\r\n");
    }

    #[test]
    fn nothing_in_a_cell_steers_the_terminal() {
        let table = Csv::of(&["title"], &[json!({"title": "\u{1b}[31mRed\nfacts"})]);
        assert_eq!(table.print(true), "title\r\n [31mRed facts\r\n");
        assert_eq!(table.print(false), "title\r\n\"\u{1b}[31mRed\nfacts\"\r\n");
    }
}
