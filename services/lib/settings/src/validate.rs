//! The check of a group of settings.

use std::fmt;

use thiserror::Error;

/// A group of settings that can say whether its values make sense.
pub trait Validate {
    /// Checks every value.
    ///
    /// # Errors
    /// The first value that makes no sense, named by its key relative to this group.
    fn validate(&self) -> Result<(), Invalid>;
}

/// A setting whose value makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct Invalid {
    key: String,
    message: String,
}

impl Invalid {
    /// Creates the refusal of a setting. The message says what is wrong and what to give instead,
    /// for example `0 s is too short; give at least 100ms`.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }

    /// Returns the same refusal for a group inside another one: its key gets a prefix.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        self.key = if self.key.is_empty() { prefix.to_owned() } else { format!("{prefix}.{}", self.key) };
        self
    }

    /// Returns the dotted key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns `Ok` if the condition holds, and the refusal of the setting otherwise.
    ///
    /// # Errors
    /// The condition does not hold.
    pub fn unless(condition: bool, key: &str, message: impl Into<String>) -> Result<(), Self> {
        if condition { Ok(()) } else { Err(Self::new(key, message)) }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_an_inner_group_is_dotted() {
        let inner = Invalid::new("refresh", "0s is too short; give at least 100ms");
        assert_eq!(inner.within("inference").to_string(), "inference.refresh: 0s is too short; give at least 100ms");
        assert_eq!(Invalid::new("", "is wrong").within("kafka").key(), "kafka");
    }

    #[test]
    fn a_condition_that_holds_refuses_nothing() {
        assert_eq!(Invalid::unless(true, "batch", "must be at least 1"), Ok(()));
        assert!(Invalid::unless(false, "batch", "must be at least 1").is_err());
    }
}
