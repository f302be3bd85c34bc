//! Words for values that do not parse: the key, what was found, what is expected, and where the
//! value comes from.

use figment::error::{Actual, Kind};
use serde_json::Value;

use crate::redact::{HIDDEN, is_secret, redact, redact_token, redact_value};
use crate::similar::nearest;
use crate::tree::Tree;

/// Lists everything that is wrong, one line each. `section` is the key of the part that was read.
pub(crate) fn explain(errors: figment::Error, section: &str, tree: &Tree) -> String {
    let lines = errors.into_iter().map(|error| {
        let mut path: Vec<&str> = error.path.iter().map(String::as_str).collect();
        // Where a part was read alone, its name comes last in the path of an error.
        if !section.is_empty() && path.last() == Some(&section) {
            path.pop();
        }
        if !section.is_empty() {
            path.insert(0, section);
        }
        match &error.kind {
            Kind::UnknownField(found, known) => {
                // The path may end with the unknown key itself.
                if path.last() == Some(&found.as_str()) {
                    path.pop();
                }
                unknown(&path.join("."), found, known, tree)
            }
            kind => wrong_value(&path.join("."), kind, tree),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the refusal of a key that no setting has. `group` is the key of the group around it.
pub(crate) fn unknown(group: &str, found: &str, known: &[&str], tree: &Tree) -> String {
    let full = if group.is_empty() { found.to_owned() } else { format!("{group}.{found}") };
    let hint = match nearest(found, known.iter().copied()).map(str::to_owned).or_else(|| elsewhere(found, tree)) {
        Some(name) => format!("did you mean '{name}'?"),
        None => format!("the settings here are {}", known.join(", ")),
    };
    let start = if group.is_empty() { String::new() } else { format!("{full}: ") };
    format!("{start}unknown setting '{found}'; {hint} (from {})", tree.origin(&full))
}

/// Returns the dotted key of the setting that has a name in another group.
fn elsewhere(found: &str, tree: &Tree) -> Option<String> {
    let Value::Object(groups) = tree.defaults() else { return None };
    let last = found.rsplit('.').next()?;
    let has = |group: &&String| groups[*group].get(last).is_some() && **group != found;
    groups.keys().find(has).map(|group| format!("{group}.{last}"))
}

fn wrong_value(key: &str, kind: &Kind, tree: &Tree) -> String {
    let found = |actual: &Actual| if is_secret(key) { HIDDEN.to_owned() } else { shown(actual) };
    let problem = match kind {
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
            format!("is {}; expected {}", found(actual), plain(expected, key, tree))
        }
        Kind::InvalidLength(length, expected) => {
            format!("has {length} values; expected {}", plain(expected, key, tree))
        }
        Kind::UnknownVariant(found, known) => {
            let hint = nearest(found, known.iter().copied());
            let hint = hint.map(|name| format!("did you mean '{name}'? Otherwise ")).unwrap_or_default();
            format!("unknown value '{}'; {hint}give one of {}", redact_token(found), known.join(", "))
        }
        Kind::MissingField(name) => format!("lacks the value '{name}'"),
        Kind::DuplicateField(name) => format!("has the value '{name}' twice"),
        Kind::Message(message) => described(message, key, tree),
        other => other.to_string(),
    };
    redact(&format!("{key}: {problem} (from {})", tree.origin(key)))
}

/// Returns the words for a message of a type's own check.
fn described(message: &str, key: &str, tree: &Tree) -> String {
    let value = find(tree.values(), key).map(|value| redact_value(key, value).to_string()).unwrap_or_default();
    if message.contains("socket address") {
        format!("is {value}; expected an IP address and a port, for example 127.0.0.1:7070")
    } else if message.contains("untagged enum") {
        format!("is {value}, which is no form of this setting")
    } else {
        message.to_owned()
    }
}

/// Returns the value with a dotted key.
pub(crate) fn find<'a>(values: &'a Value, key: &str) -> Option<&'a Value> {
    key.split('.').try_fold(values, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        value => value.get(part),
    })
}

fn shown(actual: &Actual) -> String {
    match actual {
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(value) => value.to_string(),
        Actual::Signed(value) => value.to_string(),
        Actual::Float(value) => value.to_string(),
        Actual::Char(letter) => format!("\"{letter}\""),
        Actual::Str(text) => format!("\"{}\"", redact_token(text)),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        _ => "no value".to_owned(),
    }
}

/// Returns the words of a user for what a parser expects.
fn plain(expected: &str, key: &str, tree: &Tree) -> String {
    let words = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65,535",
        "u32" => "a whole number from 0 to 4,294,967,295",
        "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" | "bool" => "true or false",
        "a string" | "string" => "a text",
        "path string" => "a path",
        "a sequence" => "a list, for example [\"a\", \"b\"]",
        "a duration" => "a time with its unit, for example 500ms, 10s or 5m",
        expected if expected.contains("nonzero") => "a whole number, 1 or more",
        expected if expected.starts_with("struct ") || expected.contains("map") => return group(key, tree),
        expected => expected.trim_start_matches("unit variant ").trim_start_matches("enum "),
    };
    words.to_owned()
}

fn group(key: &str, tree: &Tree) -> String {
    match find(tree.defaults(), key).and_then(Value::as_object).and_then(|fields| fields.keys().next()) {
        Some(name) => format!("a group of settings, for example {key}.{name}"),
        None => "a table, for example {name = 1}".to_owned(),
    }
}
