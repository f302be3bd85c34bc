//! Values of features as people and files get to see them.

use marquee_proto::features::v1::Value;
use marquee_proto::features::v1::value::Kind;
use serde_json::{Value as Json, json};

use crate::provenance::time;

/// A value as JSON; null where it is not known.
pub(super) fn json(value: Value) -> Json {
    match value.kind {
        None => Json::Null,
        Some(Kind::Count(count)) => json!(count),
        Some(Kind::Number(number)) => json!(number),
        Some(Kind::Time(at)) => json!(time(&at)),
        Some(Kind::Texts(texts)) => json!(texts.values),
        Some(Kind::Counts(counts)) => json!(counts.values),
        Some(Kind::Numbers(numbers)) => json!(numbers.values),
        Some(Kind::Times(times)) => json!(times.values.iter().map(time).collect::<Vec<_>>()),
    }
}

/// A value in a cell of a table: the last of a long list.
pub(super) fn short(value: &Json) -> String {
    const MOST: usize = 5;
    let one = |value: &Json| match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(number) => format!("{number:.4}"),
            None => number.to_string(),
        },
        Json::Null => "-".to_owned(),
        other => other.to_string(),
    };
    match value {
        Json::Array(all) => {
            let last: Vec<String> = all.iter().skip(all.len().saturating_sub(MOST)).map(one).collect();
            let more = if all.len() > MOST { format!("({} more) ", all.len() - MOST) } else { String::new() };
            format!("{more}{}", last.join(", "))
        }
        value => one(value),
    }
}

/// It is more than "nothing yet".
pub(super) fn says_something(value: &Value) -> bool {
    match &value.kind {
        None => false,
        Some(Kind::Count(count)) => *count > 0,
        Some(Kind::Texts(texts)) => !texts.values.is_empty(),
        Some(Kind::Counts(counts)) => !counts.values.is_empty(),
        Some(Kind::Numbers(numbers)) => !numbers.values.is_empty(),
        Some(Kind::Times(times)) => !times.values.is_empty(),
        Some(Kind::Number(_) | Kind::Time(_)) => true,
    }
}
