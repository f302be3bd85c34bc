//! How connections are encrypted and authenticated.

use serde::{Deserialize, Serialize};

/// How connections are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Neither encrypted nor authenticated.
    #[default]
    Plaintext,
    /// Encrypted.
    Tls,
    /// Authenticated with [`SaslMechanism`], not encrypted.
    SaslPlaintext,
    /// Authenticated and encrypted.
    SaslTls,
}

impl Security {
    /// Returns whether connections are authenticated by user and password.
    pub(crate) fn has_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslTls)
    }

    /// Returns whether connections are encrypted.
    pub(crate) fn has_tls(self) -> bool {
        matches!(self, Self::Tls | Self::SaslTls)
    }
}

/// How the user proves the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SaslMechanism {
    /// The password is sent unchanged.
    #[default]
    #[serde(rename = "PLAIN")]
    Plain,
    /// By challenge and response, with SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// By challenge and response, with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}
