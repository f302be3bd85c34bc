//! Values of parameters.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// A real number.
    Float(f64),
    /// Yes or no, as a choice.
    Bool(bool),
    /// A text, as a choice.
    Text(String),
}

/// The values of the parameters of a trial, by name. A parameter whose condition does not hold is
/// absent.
pub type Values = BTreeMap<String, Value>;

impl Value {
    /// Returns a number as a float, or `None` for other values.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Int(value) => Some(value as f64),
            Self::Float(value) => Some(value),
            Self::Bool(_) | Self::Text(_) => None,
        }
    }

    /// Returns a whole number, or `None` for other values.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Int(value) => Some(value),
            Self::Float(_) | Self::Bool(_) | Self::Text(_) => None,
        }
    }

    /// Returns a text, or `None` for other values.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Int(_) | Self::Float(_) | Self::Bool(_) => None,
        }
    }
}

/// Writes the value for people: four significant digits of a real number.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) if *value != 0.0 && !(1e-3..1e5).contains(&value.abs()) => write!(f, "{value:.3e}"),
            Self::Float(value) => {
                let decimals = 3 - value.abs().max(1e-3).log10().floor() as i32;
                let text = format!("{value:.*}", decimals.max(0) as usize);
                f.write_str(if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text })
            }
            Self::Bool(value) => write!(f, "{value}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_four_digits() {
        let written = [0.0, 0.5, 0.012_345, 12_345.6, 1e-7, -2.5, 32.0].map(|value| Value::Float(value).to_string());
        assert_eq!(written, ["0", "0.5", "0.01235", "12346", "1.000e-7", "-2.5", "32"]);
    }

    #[test]
    fn a_value_keeps_its_type_in_json() {
        for value in [Value::Int(3), Value::Float(3.0), Value::Float(0.1 + 0.2), Value::Bool(true)] {
            let json = serde_json::to_string(&value).expect("JSON");
            assert_eq!(serde_json::from_str::<Value>(&json).expect("a value"), value, "{json}");
        }
    }
}
