//! Fields that a newer release wrote and this one does not know. They are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The fields of an object that this release does not know, by name.
pub type Unknown = BTreeMap<String, Value>;

/// Any value of JSON, TOML or YAML.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// An absent value.
    Null(()),
    /// True or false.
    Bool(bool),
    /// A whole number that is not negative.
    Unsigned(u64),
    /// A whole number.
    Signed(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(BTreeMap<String, Self>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_written_as_it_was_read() {
        let text = r#"{"a":null,"b":[true,1,-1,1.5,"x",{}],"c":{"d":18446744073709551615}}"#;
        let unknown: Unknown = serde_json::from_str(text).expect("read");
        assert_eq!(serde_json::to_string(&unknown).expect("written"), text);
    }
}
