//! Reads the fields of a plan and of its steps from TOML.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use toml::{Table, Value};

/// The field that is wrong, if it is one, and what is wrong with it.
pub(crate) type Wrong = (Option<String>, String);

/// Reads a value from TOML. The error has the path of the field, if it is one, and what is wrong.
pub(crate) fn read<T: DeserializeOwned>(table: Table) -> Result<T, Wrong> {
    serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
        let path = error.path().to_string();
        let path = (path != "." && path != "?").then_some(path);
        (path, error.inner().message().trim_end().replace('\n', ", "))
    })
}

/// Returns the parameters of a step for the report.
pub(crate) fn parameters(step: &impl Serialize) -> Map<String, Json> {
    match serde_json::to_value(step) {
        Ok(Json::Object(fields)) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}
