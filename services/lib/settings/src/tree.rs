//! The values of all layers, merged, with the origin of each.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::layers::Origin;

/// A value of one layer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The parts of the dotted key.
    pub(crate) path: Vec<String>,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// The merged values. A layer that is put later wins.
pub(crate) struct Tree {
    defaults: Value,
    values: Value,
    /// The origins of the values that are not defaults, by dotted key.
    origins: BTreeMap<String, Origin>,
}

impl Tree {
    pub(crate) fn new(defaults: Value) -> Self {
        Self { values: defaults.clone(), defaults, origins: BTreeMap::new() }
    }

    /// Returns the defaults, which name every setting.
    pub(crate) fn defaults(&self) -> &Value {
        &self.defaults
    }

    /// Returns the merged values.
    pub(crate) fn values(&self) -> &Value {
        &self.values
    }

    /// Puts a value over the present one. Of a table only the values that it has are replaced.
    pub(crate) fn put(&mut self, entry: Entry) {
        let Entry { mut path, value, origin } = entry;
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (name, value) in fields {
                    path.push(name);
                    self.put(Entry { path: path.clone(), value, origin: origin.clone() });
                    path.pop();
                }
            }
            value => {
                let key = path.join(".");
                let inside = format!("{key}.");
                self.origins.retain(|other, _| !other.starts_with(&inside));
                replace(&mut self.values, &path, value);
                self.origins.insert(key, origin);
            }
        }
    }

    /// Returns the origin of a value, or of the first value in a section.
    pub(crate) fn origin(&self, key: &str) -> &Origin {
        const DEFAULT: &Origin = &Origin::Default;
        let inside = format!("{key}.");
        let within = || self.origins.range(inside.clone()..).next().filter(|(other, _)| other.starts_with(&inside));
        let around = || key.rmatch_indices('.').find_map(|(end, _)| self.origins.get(&key[..end]));
        self.origins.get(key).or_else(|| within().map(|(_, origin)| origin)).or_else(around).unwrap_or(DEFAULT)
    }
}

fn replace(values: &mut Value, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        // An empty table changes nothing.
        if !(values.is_object() && value.is_object()) {
            *values = value;
        }
        return;
    };
    if !values.is_object() {
        *values = Value::Object(Map::new());
    }
    if let Value::Object(fields) = values {
        replace(fields.entry(first.as_str()).or_insert(Value::Null), rest, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(key: &str, value: Value, origin: Origin) -> Entry {
        Entry { path: key.split('.').map(str::to_owned).collect(), value, origin }
    }

    #[test]
    fn a_later_layer_wins_and_the_origin_of_every_value_is_known() {
        let mut tree = Tree::new(json!({"a": {"b": 1, "c": 2}, "d": [1], "map": {}}));
        let variable = Origin::Variable("X".to_owned());
        tree.put(entry("a", json!({"b": 5, "c": 6}), variable.clone()));
        tree.put(entry("a.c", json!(7), Origin::Flag));
        tree.put(entry("map.x.y", json!("z"), Origin::Flag));
        assert_eq!(*tree.values(), json!({"a": {"b": 5, "c": 7}, "d": [1], "map": {"x": {"y": "z"}}}));
        for (key, origin) in [
            ("a.b", &variable),
            ("a.c", &Origin::Flag),
            ("d", &Origin::Default),
            ("map.x", &Origin::Flag),
            ("map.x.y.deeper", &Origin::Flag),
            ("a", &variable),
        ] {
            assert_eq!(tree.origin(key), origin, "{key}");
        }
    }

    #[test]
    fn a_value_in_the_place_of_a_section_replaces_it_and_an_empty_table_changes_nothing() {
        let mut tree = Tree::new(json!({"a": {"b": 1}}));
        tree.put(entry("a", json!({}), Origin::Flag));
        assert_eq!(*tree.values(), json!({"a": {"b": 1}}));
        tree.put(entry("a", json!(5), Origin::Flag));
        assert_eq!(*tree.values(), json!({"a": 5}));
        tree.put(entry("a.b", json!(6), Origin::Flag));
        assert_eq!(*tree.values(), json!({"a": {"b": 6}}));
    }
}
