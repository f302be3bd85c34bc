//! Values of features, as JSON and as text for tables.

use marquee_proto::features::v1::Value;
use marquee_proto::features::v1::value::Kind;
use serde_json::{Value as Json, json};

use crate::provenance::time;

/// Converts a value to JSON: null if it is not known.
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

/// Formats a value for a table cell. Of a long list it shows the last elements.
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

/// Returns whether a value comes from at least one event.
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

#[cfg(test)]
mod tests {
    use marquee_proto::features::v1::Counts;

    use super::*;

    fn value(kind: Kind) -> Value {
        Value { kind: Some(kind) }
    }

    #[test]
    fn a_value_that_is_not_known_is_null_and_a_dash() {
        assert_eq!(json(Value { kind: None }), Json::Null);
        assert_eq!(short(&Json::Null), "-");
        assert!(!says_something(&Value { kind: None }) && !says_something(&value(Kind::Count(0))));
        assert!(says_something(&value(Kind::Count(2))) && says_something(&value(Kind::Number(0.0))));
    }

    #[test]
    fn long_lists_are_cut_in_tables_and_whole_in_json() {
        let counts = json(value(Kind::Counts(Counts { values: (1..=7).collect() })));
        assert_eq!(counts, json!([1, 2, 3, 4, 5, 6, 7]));
        assert_eq!(short(&counts), "(2 more) 3, 4, 5, 6, 7");
        assert_eq!(short(&json!(3.25)), "3.2500");
    }
}
