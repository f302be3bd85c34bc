//! The refusal of a specification.

use std::fmt;

use thiserror::Error;

/// A specification that makes no sense: the path of the wrong field, and what to give instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct SpecError {
    path: String,
    message: String,
}

impl SpecError {
    /// Creates a refusal. The path is that of the field, for example `steps[0].setWeight`, or empty
    /// for the whole specification.
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }

    /// Returns `Ok` if the condition holds, and the refusal of the field otherwise.
    pub(crate) fn unless(condition: bool, path: impl Into<String>, message: impl Into<String>) -> Result<(), Self> {
        if condition { Ok(()) } else { Err(Self::new(path, message)) }
    }

    /// Returns the path of the wrong field, in the form of the file: `metrics[1].duel.margin`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns what is wrong, and what to give instead.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}
