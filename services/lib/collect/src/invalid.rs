//! Why a configuration cannot be used.

use thiserror::Error as ThisError;

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{key}: {reason}")]
pub struct ConfigError {
    /// The key, such as `sources.shop.url`.
    pub key: String,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl ConfigError {
    pub(crate) fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }

    pub(crate) fn within(mut self, prefix: &str) -> Self {
        self.key = if self.key.is_empty() { prefix.to_owned() } else { format!("{prefix}.{}", self.key) };
        self
    }
}
