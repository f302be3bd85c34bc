//! The CustomResourceDefinition of `ModelRollout`.
//!
//! The schema is derived from the types of the specification. What the types cannot say is added
//! here: rules in CEL, patterns and limits. The API server checks them at admission and answers
//! with the path of the wrong field, so no webhook is needed.

mod rules;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Value, json};

use crate::resource::ModelRollout;

/// Keywords of JSON schema that the API server refuses in a structural schema, or does not know.
const UNSUPPORTED: [&str; 5] = ["additionalProperties", "unevaluatedProperties", "$schema", "title", "propertyNames"];

/// Returns the definition.
pub(crate) fn definition() -> Value {
    let mut value = derived();
    for rule in rules::RULES {
        rule.add_to(&mut value["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
    }
    value
}

/// Returns the definition without the additions.
fn derived() -> Value {
    let crd: CustomResourceDefinition = ModelRollout::crd();
    let mut value = serde_json::to_value(crd).unwrap_or_default();
    tidy(&mut value["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
    value
}

/// Returns the definition in YAML, with a comment on where it comes from.
pub(crate) fn yaml() -> String {
    let mut text = String::from("# Printed by `marquee-operator crd`. Apply it before the operator starts.\n");
    write_map(&mut text, &definition(), 0);
    text
}

/// Brings a derived schema into the form that the API server stores.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(object) => tidy_object(object),
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn tidy_object(object: &mut Map<String, Value>) {
    let is_schema = object.contains_key("type") || object.contains_key("properties");
    if is_schema {
        // A map's schema of its values stays.
        let keeps_values = object.get("additionalProperties").is_some_and(Value::is_object);
        object.retain(|key, _| !UNSUPPORTED.contains(&key.as_str()) || (key == "additionalProperties" && keeps_values));
        let format = object.get("format").and_then(Value::as_str).unwrap_or_default();
        if format.starts_with("uint") {
            object.insert("format".to_owned(), json!("int64"));
            object.entry("minimum").or_insert(json!(0));
        }
        // An optional field is absent, never null.
        object.remove("nullable");
    }
    object.values_mut().for_each(tidy);
}

/// Writes an object in YAML. JSON values are YAML too, so texts and empty values are written as
/// JSON.
fn write_map(text: &mut String, value: &Value, indent: usize) {
    let Value::Object(object) = value else { return };
    for (key, value) in object {
        text.push_str(&" ".repeat(indent));
        text.push_str(key);
        text.push(':');
        write_value(text, value, indent);
    }
}

fn write_value(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            text.push('\n');
            write_map(text, value, indent + 2);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            for item in items {
                write_item(text, item, indent);
            }
        }
        plain => text.push_str(&format!(" {plain}\n")),
    }
}

/// Writes an element of a list behind a dash.
fn write_item(text: &mut String, item: &Value, indent: usize) {
    let dash = format!("{}-", " ".repeat(indent));
    let mut inner = String::new();
    write_map(&mut inner, item, indent + 2);
    match inner.get(indent + 2..) {
        Some(rest) if item.is_object() => text.push_str(&format!("{dash} {rest}")),
        _ => text.push_str(&format!("{dash} {item}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls a function with every object of a value and its path.
    fn walk(value: &Value, path: &str, visit: &mut impl FnMut(&Map<String, Value>, &str)) {
        match value {
            Value::Object(object) => {
                visit(object, path);
                object.iter().for_each(|(key, value)| walk(value, &format!("{path}/{key}"), visit));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, path, visit)),
            _ => {}
        }
    }

    #[test]
    fn the_committed_copy_is_what_the_operator_prints() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/operator/crd.yaml");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(file, yaml()).expect("write the copy");
        }
        let committed = std::fs::read_to_string(file).expect("read the copy");
        assert!(committed == yaml(), "{file} differs: run `marquee-operator crd > deploy/operator/crd.yaml`");
    }

    #[test]
    fn the_schema_is_structural_and_every_field_is_described() {
        let definition = definition();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
        walk(&schema["spec"], "spec", &mut |object, path| {
            for word in ["$ref", "anyOf", "oneOf", "allOf", "not"] {
                assert!(!object.contains_key(word), "{path} has {word}");
            }
            assert_ne!(object.get("additionalProperties"), Some(&json!(false)), "{path}");
            if let Some(Value::Object(fields)) = object.get("properties") {
                for (name, field) in fields {
                    assert!(field.get("type").is_some(), "{path}/{name} has no type: {field}");
                    assert!(field.get("description").is_some(), "{path}/{name} is not described");
                }
            }
        });
    }

    #[test]
    fn every_addition_finds_its_field() {
        let schema = &mut derived()["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        for rule in rules::RULES {
            assert!(rule.add_to(schema), "no field {}", rule.path());
        }
    }

    #[test]
    fn columns_show_the_state_of_a_rollout() {
        let definition = definition();
        let columns = definition["spec"]["versions"][0]["additionalPrinterColumns"].as_array().expect("columns");
        // Those with a priority are shown with `--output wide` only.
        let narrow = columns.iter().filter(|column| column["priority"].as_i64().unwrap_or(0) == 0);
        let names: Vec<&str> = narrow.filter_map(|column| column["name"].as_str()).collect();
        assert_eq!(names, ["STATUS", "STEP", "STABLE", "CANDIDATE", "WEIGHT", "RATINGS", "ΔRMSE", "AGE"]);
    }

    #[test]
    fn what_is_written_as_yaml_keeps_lists_texts_and_nesting() {
        let value = json!({"a": {"b": ["x: y", {"c": 1, "d": []}], "e": {}}, "f": null});
        let mut text = String::new();
        write_map(&mut text, &value, 0);
        assert_eq!(text, "a:\n  b:\n  - \"x: y\"\n  - c: 1\n    d: []\n  e: {}\nf: null\n");
    }
}
