//! Between JSON documents and `google.protobuf.Struct`.
//!
//! A number of a Struct is a double. A whole one becomes an integer in JSON, so that a document
//! comes back as it was sent (`a_document_comes_back_as_it_was`), except for integers beyond 2⁵³.

use pbjson_types::value::Kind;
use pbjson_types::{ListValue, Struct, Value as WireValue};
use serde_json::{Map, Number, Value};

/// The largest integer up to which every integer is a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns a document for the wire.
pub fn to_struct(document: &Map<String, Value>) -> Struct {
    document.iter().map(|(name, value)| (name.clone(), to_value(value))).collect()
}

fn to_value(value: &Value) -> WireValue {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(bool) => Kind::BoolValue(*bool),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(values) => Kind::ListValue(ListValue { values: values.iter().map(to_value).collect() }),
        Value::Object(fields) => Kind::StructValue(to_struct(fields)),
    };
    WireValue { kind: Some(kind) }
}

/// Returns a document from the wire. A number that JSON does not have becomes `null`.
pub fn from_struct(wire: &Struct) -> Map<String, Value> {
    wire.fields.iter().map(|(name, value)| (name.clone(), from_value(value))).collect()
}

fn from_value(wire: &WireValue) -> Value {
    match &wire.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(bool)) => Value::Bool(*bool),
        Some(Kind::NumberValue(number)) => self::number(*number),
        Some(Kind::StringValue(text)) => Value::String(text.clone()),
        Some(Kind::ListValue(list)) => Value::Array(list.values.iter().map(from_value).collect()),
        Some(Kind::StructValue(fields)) => Value::Object(from_struct(fields)),
    }
}

fn number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() <= EXACT {
        return Value::from(number as i64);
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// Writes whole doubles of a JSON document as integers, as they were before they became a Struct.
pub fn with_integers(value: Value) -> Value {
    match value {
        Value::Number(given) if given.is_f64() => given.as_f64().map_or(Value::Null, number),
        Value::Array(values) => Value::Array(values.into_iter().map(with_integers).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, with_integers(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_comes_back_as_it_was() {
        let Value::Object(document) = json!({
            "model": "ratings",
            "target": {"version": 3, "none": null},
            "steps": [{"setWeight": 5}, {"setWeight": 12.5}, {"pause": {}}, true, -7, 1_764_000_000_000_000_i64],
        }) else {
            panic!("an object")
        };
        let wire = to_struct(&document);
        assert_eq!(from_struct(&wire), document);
        let shown = serde_json::to_value(&wire).expect("JSON");
        assert_eq!(with_integers(shown), Value::Object(document));
    }
}
