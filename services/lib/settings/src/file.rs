//! The layer of a TOML file. Every value knows its line.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Error;
use crate::layers::Origin;
use crate::tree::Entry;

/// Reads the values of a file.
///
/// # Errors
/// The file does not exist, cannot be read, or is not TOML.
pub(crate) fn read(path: &Path) -> Result<Vec<Entry>, Error> {
    let wrong = |message: String| Error::Unreadable(format!("--config: {}{message}", path.display()));
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::NoFile(path.to_owned()),
        ErrorKind::IsADirectory => wrong(" is a folder; give a TOML file".to_owned()),
        _ => wrong(format!(" cannot be read: {error}")),
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        wrong(format!(", line {line}: is not UTF-8 text; save the TOML file as UTF-8"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The message of the parser does not repeat the line, which may have a secret.
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line(text, span.start));
        wrong(format!(", line {line}: is not TOML: {}", error.message()))
    })?;
    let mut reader = Reader { text, path, entries: Vec::new() };
    reader.table(&mut Vec::new(), table.get_ref())?;
    Ok(reader.entries)
}

fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
    entries: Vec<Entry>,
}

impl Reader<'_> {
    fn table(&mut self, path: &mut Vec<String>, table: &DeTable<'_>) -> Result<(), Error> {
        for (name, value) in table {
            path.push(name.get_ref().to_string());
            match value.get_ref() {
                DeValue::Table(inner) if !inner.is_empty() => self.table(path, inner)?,
                _ => {
                    let value = self.value(value)?;
                    let origin = Origin::File { path: self.path.to_owned(), line: line(self.text, name.span().start) };
                    self.entries.push(Entry { path: path.clone(), value, origin });
                }
            }
            path.pop();
        }
        Ok(())
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Result<Value, Error> {
        let line = || line(self.text, value.span().start);
        let not_a_number = || {
            let message =
                format!("--config: {}, line {}: is not TOML: the number is too large", self.path.display(), line());
            Error::Unreadable(message)
        };
        Ok(match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(time) => Value::String(time.to_string()),
            DeValue::Integer(number) => {
                let number = i128::from_str_radix(number.as_str(), number.radix()).map_err(|_| not_a_number())?;
                i64::try_from(number)
                    .map(Value::from)
                    .or_else(|_| u64::try_from(number).map(Value::from))
                    .map_err(|_| not_a_number())?
            }
            // JSON has no infinite numbers, and no setting takes one.
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() => Value::from(number),
                _ => Value::String(number.to_string()),
            },
            DeValue::Array(items) => Value::Array(items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?),
            DeValue::Table(fields) => {
                let mut object = serde_json::Map::new();
                for (name, value) in fields {
                    object.insert(name.get_ref().to_string(), self.value(value)?);
                }
                Value::Object(object)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(file.path(), bytes).expect("written");
        file
    }

    #[test]
    fn every_value_has_its_line() {
        let text = "\u{feff}name = 'x' # 1\n\n[inner]\ndepth = 0x10\nlist = [\n  1,\n  2.5,\n]\nmap = {a.b = true}\n";
        let file = written(text.as_bytes());
        let entries = read(file.path()).expect("reads");
        let mut found: Vec<_> = entries
            .iter()
            .map(|Entry { path, value, origin }| {
                let Origin::File { line, .. } = origin else { panic!("from a file") };
                (path.join("."), value.clone(), *line)
            })
            .collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        let expected = [
            ("inner.depth", json!(16), 4),
            ("inner.list", json!([1, 2.5]), 5),
            ("inner.map.a.b", json!(true), 9),
            ("name", json!("x"), 1),
        ];
        assert_eq!(found, expected.map(|(key, value, line)| (key.to_owned(), value, line)));
    }

    #[test]
    fn what_is_not_toml_is_refused_with_file_and_line_and_without_the_line_itself() {
        for (bytes, parts) in [
            (&b"a = 1\n[ingest\n"[..], ["line 2", "not TOML"]),
            (b"a = 1\npassword = hunter2\n", ["line 2", "not TOML"]),
            (b"a = 1\nb = '\xff'\n", ["line 2", "UTF-8"]),
            (b"a = 99999999999999999999999\n", ["line 1", "too large"]),
        ] {
            let file = written(bytes);
            let error = read(file.path()).expect_err("refused").to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
            assert!(error.contains(&file.path().display().to_string()) && !error.contains("hunter2"), "{error}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        assert!(read(folder.path()).expect_err("refused").to_string().contains("is a folder"));
        assert!(matches!(read(&folder.path().join("none")), Err(Error::NoFile(_))));
    }
}
