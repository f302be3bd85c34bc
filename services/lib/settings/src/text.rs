//! The layers whose values are texts: environment variables and flags.
//!
//! The default of a setting decides how its text is read. A setting whose default is a text takes
//! the given text as it is, so a password may consist of digits or begin with a bracket.

use std::ffi::OsString;

use serde_json::Value;

use crate::layers::Origin;
use crate::tree::Entry;
use crate::{ENV_PREFIX, Error};

/// Reads the values of `key=value` flags.
pub(crate) fn flags(flags: &[(String, String)], defaults: &Value) -> Vec<Entry> {
    let entry = |(key, text): &(String, String)| {
        let path: Vec<String> = key.split('.').map(|part| part.trim().to_owned()).collect();
        let value = parse(text, find(defaults, &path));
        Entry { path, value, origin: Origin::Flag }
    };
    flags.iter().map(entry).collect()
}

/// Reads the values of environment variables with the prefix of settings.
///
/// # Errors
/// A name or a value with the prefix is not UTF-8.
pub(crate) fn variables(
    variables: impl Iterator<Item = (OsString, OsString)>,
    defaults: &Value,
) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    for (name, text) in variables {
        if !name.as_encoded_bytes().to_ascii_uppercase().starts_with(ENV_PREFIX.as_bytes()) {
            continue;
        }
        let shown = name.to_string_lossy().into_owned();
        // The value may be a secret, so the error does not show it.
        let (Some(name), Some(text)) = (name.to_str(), text.to_str()) else {
            let message = format!("environment variable {shown}: is not UTF-8 text; give it as UTF-8");
            return Err(Error::Unreadable(message));
        };
        let path: Vec<String> = name[ENV_PREFIX.len()..].to_ascii_lowercase().split("__").map(str::to_owned).collect();
        let value = parse(text, find(defaults, &path));
        entries.push(Entry { path, value, origin: Origin::Variable(shown) });
    }
    // The environment has no order. With this one, a table comes before the values inside it.
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(entries)
}

/// Returns the default of a setting, or `None` where a table has names of the user's choice.
fn find<'a>(defaults: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(defaults, |value, part| value.get(part))
}

fn parse(text: &str, default: Option<&Value>) -> Value {
    match default {
        Some(Value::String(_)) => Value::String(unquoted(text)),
        Some(Value::Array(items)) if !text.trim_start().starts_with(['[', '{']) => {
            let is_text = items.first().is_none_or(Value::is_string);
            let item = |text: &str| if is_text { Value::String(unquoted(text)) } else { guess(text) };
            let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
            Value::Array(texts.map(item).collect())
        }
        Some(Value::Number(default)) => number(text, default.is_f64()).unwrap_or_else(|| guess(text)),
        _ => guess(text),
    }
}

/// Reads a number as TOML writes it, with underscores between digits.
fn number(text: &str, is_float: bool) -> Option<Value> {
    let text = text.trim().replace('_', "");
    let float = || text.parse::<f64>().ok().filter(|number| is_float && number.is_finite()).map(Value::from);
    text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from)).ok().or_else(float)
}

/// Removes the quotes around a text in TOML's form.
fn unquoted(text: &str) -> String {
    let trimmed = text.trim();
    let is_quoted = trimmed.len() >= 2 && trimmed.starts_with('"') && trimmed.ends_with('"');
    match guess(trimmed) {
        Value::String(inner) if is_quoted => inner,
        _ => text.to_owned(),
    }
}

/// Reads a text in a form like TOML: `true`, `7`, `"text"`, `[1, 2]` or `{a = 1}`. Everything else
/// is a text.
fn guess(text: &str) -> Value {
    let value: figment::value::Value = match text.parse() {
        Ok(value) => value,
        Err(never) => match never {},
    };
    json(&value)
}

fn json(value: &figment::value::Value) -> Value {
    use figment::value::Value as Read;
    match value {
        Read::Dict(_, fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), json(value))).collect())
        }
        Read::Array(_, items) => Value::Array(items.iter().map(json).collect()),
        Read::Char(_, letter) => Value::String(letter.to_string()),
        other => serde_json::to_value(other).unwrap_or(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use serde_json::json;

    use super::*;

    fn defaults() -> Value {
        let inner = json!({"name": "x"});
        json!({
            "password": "", "count": 8, "share": 0.5, "on": true, "urls": ["a"], "days": [7], "map": {}, "inner": inner
        })
    }

    #[test]
    fn the_default_decides_how_a_text_is_read() {
        for (key, text, expected) in [
            ("password", "\"a\\\"b\"", json!("a\"b")),
            ("password", " spaces ", json!(" spaces ")),
            ("inner.name", "1.5", json!("1.5")),
            ("count", "12", json!(12)),
            ("count", "-3", json!(-3)),
            ("count", "10_000", json!(10_000)),
            ("count", "1.5", json!(1.5)),
            ("count", "many", json!("many")),
            ("share", "1e3", json!(1_000.0)),
            ("share", "1", json!(1)),
            ("share", "nan", json!("nan")),
            ("on", "false", json!(false)),
            ("urls", "redis://a:1, redis://b:2", json!(["redis://a:1", "redis://b:2"])),
            ("urls", r#"["redis://a:1"]"#, json!(["redis://a:1"])),
            ("urls", "", json!([])),
            ("days", "1,2", json!([1, 2])),
            ("days", "[1, 2]", json!([1, 2])),
            ("map.ann", "5", json!(5)),
            ("map", "{ann = 5}", json!({"ann": 5})),
            ("unknown", "5", json!(5)),
        ] {
            let read = flags(&[(key.to_owned(), text.to_owned())], &defaults());
            assert_eq!(read[0].value, expected, "{key} = {text}");
        }
    }

    #[test]
    fn a_text_stays_as_it_is() {
        for password in ["0012345", "1e5", "true", "[a", "[a]", "{x=1}", "p@ss:w/rd%41", "#;='", "'a'", "\"", ""] {
            let read = flags(&[("password".to_owned(), password.to_owned())], &defaults());
            assert_eq!(read[0].value, json!(password));
        }
    }

    #[test]
    fn variables_with_the_prefix_are_settings_and_others_are_not() {
        let all = [("MARQUEE__INNER__NAME", "y"), ("MARQUEE_GRPC", "z"), ("PATH", "/bin")];
        let all = all.map(|(name, text)| (OsString::from(name), OsString::from(text)));
        let entries = variables(all.into_iter(), &defaults()).expect("reads");
        let origin = Origin::Variable("MARQUEE__INNER__NAME".to_owned());
        assert_eq!(entries, [Entry { path: vec!["inner".to_owned(), "name".to_owned()], value: json!("y"), origin }]);
    }

    #[test]
    fn a_variable_that_is_not_utf8_is_named_and_its_value_is_not_shown() {
        let odd = OsString::from_vec(b"hunter2\xff".to_vec());
        let name = OsString::from("MARQUEE__PASSWORD");
        let error = variables([(name, odd.clone())].into_iter(), &defaults()).expect_err("refused").to_string();
        assert!(error.contains("MARQUEE__PASSWORD") && !error.contains("hunter2"), "{error}");
        // Others may be what they like.
        assert!(variables([("HOME".into(), odd.clone()), (odd, "x".into())].into_iter(), &defaults()).is_ok());
    }
}
