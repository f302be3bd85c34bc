//! How connections are encrypted and authenticated.

use serde::{Deserialize, Serialize};

use marquee_settings::Invalid;

use crate::Settings;
use crate::settings::invalid;

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

impl Settings {
    /// Checks that the settings are complete, and that this program was built with what they need.
    pub(crate) fn check_security(&self) -> Result<(), Invalid> {
        let wrong = |setting: &str, found: &str, wanted: &str| Err(invalid(setting, &found, wanted));
        let without_tls = cfg!(not(feature = "tls"));
        if without_tls && self.security.has_tls() {
            let found = if self.security == Security::Tls { "tls" } else { "sasl_tls" };
            return wrong("security", found, "this program was built without the cargo feature `kafka-tls`");
        }
        if self.security.has_sasl() {
            // librdkafka takes its hashes from OpenSSL.
            if without_tls && self.sasl_mechanism != SaslMechanism::Plain {
                let wanted =
                    "this program was built without the cargo feature `kafka-tls`, which SCRAM needs; use PLAIN";
                return wrong("sasl_mechanism", "SCRAM", wanted);
            }
            if self.username.is_empty() || self.password.is_empty() {
                return wrong(
                    "username",
                    "alone or missing",
                    "give username and password with sasl_plaintext and sasl_tls",
                );
            }
        } else if !self.username.is_empty() || !self.password.is_empty() {
            return wrong("security", "without sasl", "username and password need sasl_plaintext or sasl_tls");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::Secret;
    use marquee_settings::Validate;

    use super::*;

    #[test]
    fn user_and_password_go_with_sasl() {
        let (username, password) = ("u".to_owned(), Secret::new("p"));
        let security = Security::SaslPlaintext;
        let wrong = [
            ("username", Settings { security, ..Settings::default() }),
            ("username", Settings { security, username: username.clone(), ..Settings::default() }),
            ("security", Settings { password: password.clone(), ..Settings::default() }),
        ];
        for (setting, settings) in wrong {
            assert_eq!(settings.validate().expect_err(setting).key(), setting);
        }
        Settings { security, username, password, ..Settings::default() }.validate().expect("complete");
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn encryption_that_is_not_built_in_is_refused_with_the_feature_to_build() {
        let base = Settings { username: "u".to_owned(), password: Secret::new("p"), ..Settings::default() };
        let scram = SaslMechanism::ScramSha256;
        for settings in [
            Settings { security: Security::Tls, ..Settings::default() },
            Settings { security: Security::SaslTls, ..base.clone() },
            Settings { security: Security::SaslPlaintext, sasl_mechanism: scram, ..base.clone() },
        ] {
            let refused = settings.validate().expect_err("not built in").to_string();
            assert!(refused.contains("cargo feature `kafka-tls`"), "{refused}");
        }
        Settings { security: Security::SaslPlaintext, ..base }.validate().expect("PLAIN works without");
    }
}
