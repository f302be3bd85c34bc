//! The protection of connections: the check of its settings, the configuration of clients, and the
//! advice for a connection that brokers refuse.

use std::path::Path;

use marquee_settings::{Invalid, is_set};
use rdkafka::ClientConfig;

use crate::failure::LastError;
use crate::{ConnectError, SaslMechanism, Security, Settings};

/// Files that contain PEM: the setting, what it contains, and a text that such a file has.
const CERTIFICATES: (&str, &str) = ("certificates", "-----BEGIN CERTIFICATE-----");
const PRIVATE_KEY: (&str, &str) = ("a private key", "PRIVATE KEY-----");

impl Settings {
    /// Returns the files of certificates and keys by setting, with what each must contain.
    fn files(&self) -> [(&'static str, &Path, (&'static str, &'static str)); 3] {
        [
            ("ca_file", self.ca_file.as_path(), CERTIFICATES),
            ("cert_file", self.cert_file.as_path(), CERTIFICATES),
            ("key_file", self.key_file.as_path(), PRIVATE_KEY),
        ]
    }

    /// Checks that the settings of encryption and users are complete, and that this program was
    /// built with what they need.
    pub(crate) fn check_security(&self) -> Result<(), Invalid> {
        self.check_build()?;
        let has_tls = self.security.has_tls();
        for (key, path, _) in self.files() {
            let message = "is used by TLS only; set security to tls or sasl_tls";
            Invalid::unless(has_tls || !is_set(path), key, message)?;
        }
        Invalid::unless_paired(&self.cert_file, &self.key_file)?;
        let (has_user, has_password) = (!self.username.is_empty(), !self.password.is_empty());
        if self.security.has_sasl() {
            let message = "is empty or has no password; give username and password with sasl_plaintext and sasl_tls";
            return Invalid::unless(has_user && has_password, "username", message);
        }
        let message = "has no sasl, and a user is set; username and password need sasl_plaintext or sasl_tls";
        Invalid::unless(!has_user && !has_password, "security", message)?;
        let message = "is used with a user only; set security to sasl_plaintext or sasl_tls";
        Invalid::unless(self.sasl_mechanism == SaslMechanism::Plain, "sasl_mechanism", message)
    }

    /// Checks that this program was built with what the settings need.
    fn check_build(&self) -> Result<(), Invalid> {
        let is_built = cfg!(feature = "tls");
        let without = "needs TLS, and this program was built without the cargo feature `kafka-tls`";
        Invalid::unless(is_built || !self.security.has_tls(), "security", without)?;
        // librdkafka takes its hashes from OpenSSL.
        let is_scram = self.security.has_sasl() && self.sasl_mechanism != SaslMechanism::Plain;
        let without = "is SCRAM, and this program was built without the cargo feature `kafka-tls`; use PLAIN";
        Invalid::unless(is_built || !is_scram, "sasl_mechanism", without)
    }
}

/// Checks the files of certificates and keys. librdkafka would name neither the setting nor the
/// file. Blocks.
pub(crate) fn check_files(settings: &Settings) -> Result<(), ConnectError> {
    for (key, path, (expected, mark)) in settings.files() {
        if !is_set(path) {
            continue;
        }
        let unusable = |source| ConnectError::File { key, expected, path: path.to_owned(), source };
        let pem = std::fs::read(path).map_err(unusable)?;
        if !pem.windows(mark.len()).any(|part| part == mark.as_bytes()) {
            let problem = format!("the file does not contain {expected} in PEM");
            return Err(unusable(std::io::Error::new(std::io::ErrorKind::InvalidData, problem)));
        }
    }
    Ok(())
}

/// Adds how connections are protected to the configuration of a client.
pub(crate) fn configure(config: &mut ClientConfig, settings: &Settings) {
    let protocol = match settings.security {
        Security::Plaintext => "plaintext",
        Security::Tls => "ssl",
        Security::SaslPlaintext => "sasl_plaintext",
        Security::SaslTls => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if settings.security.has_sasl() {
        let mechanism = match settings.sasl_mechanism {
            SaslMechanism::Plain => "PLAIN",
            SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
            SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
        };
        config.set("sasl.mechanism", mechanism);
        config.set("sasl.username", &settings.username).set("sasl.password", settings.password.expose());
    }
    if settings.security.has_tls() {
        let names = ["ssl.ca.location", "ssl.certificate.location", "ssl.key.location"];
        for (name, (_, path, _)) in names.into_iter().zip(settings.files()) {
            if is_set(path) {
                config.set(name, path.to_string_lossy());
            }
        }
    }
}

const NO_CERTIFICATE: &str = "it asks for a client certificate; set kafka.cert_file and kafka.key_file";

/// Returns what to check for a connection that failed with an error of librdkafka, or `None` if the
/// error is not about encryption or users. librdkafka has no code for each of them, so its words
/// are compared: all words of an entry must be in the error.
pub(crate) fn advice(error: &LastError) -> Option<&'static str> {
    let known: [(&[&str], &str); 9] = [
        (&["mechanism handshake failed"], "it does not accept this mechanism; check kafka.sasl_mechanism"),
        (&["in state apiversion_query", "disconnected"], "it seems to expect TLS on this port; check kafka.security"),
        (
            &["in state up", "disconnected"],
            "it seems to expect a user; check kafka.security, kafka.username and kafka.password",
        ),
        (
            &["authentication"],
            "it refuses the user or the password; check kafka.username, kafka.password and kafka.sasl_mechanism",
        ),
        (&["certificate verify failed"], "its certificate is not trusted; check kafka.ca_file"),
        (&["certificate required"], NO_CERTIFICATE),
        (&["bad certificate"], NO_CERTIFICATE),
        (&["connecting to a plaintext broker"], "it does not encrypt on this port; check kafka.security"),
        (&["connecting to a ssl listener"], "it seems to expect TLS on this port; check kafka.security"),
    ];
    let words = error.0.to_lowercase();
    known.into_iter().find(|(parts, _)| parts.iter().all(|part| words.contains(part))).map(|(_, advice)| advice)
}

#[cfg(test)]
mod tests {
    use marquee_domain::Secret;
    use marquee_settings::Validate;

    use super::*;

    fn with_user() -> Settings {
        Settings { username: "u".to_owned(), password: Secret::new("p"), ..Settings::default() }
    }

    #[test]
    fn user_and_password_go_with_sasl() {
        let security = Security::SaslPlaintext;
        let wrong = [
            ("username", Settings { security, ..Settings::default() }),
            ("username", Settings { security, username: "u".to_owned(), ..Settings::default() }),
            ("security", Settings { password: Secret::new("p"), ..Settings::default() }),
            ("sasl_mechanism", Settings { sasl_mechanism: SaslMechanism::ScramSha512, ..Settings::default() }),
        ];
        for (setting, settings) in wrong {
            assert_eq!(settings.validate().expect_err(setting).key(), setting);
        }
        Settings { security, ..with_user() }.validate().expect("complete");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn certificates_and_keys_go_with_tls() {
        let tls = || Settings { security: Security::Tls, ..Settings::default() };
        let wrong = [
            ("ca_file", Settings { ca_file: "ca.pem".into(), ..Settings::default() }),
            ("key_file", Settings { cert_file: "c.pem".into(), ..tls() }),
            ("cert_file", Settings { key_file: "k.pem".into(), ..tls() }),
        ];
        for (setting, settings) in wrong {
            assert_eq!(settings.validate().expect_err(setting).key(), setting);
        }
        Settings { cert_file: "c.pem".into(), key_file: "k.pem".into(), ..tls() }.validate().expect("complete");
        let scram = SaslMechanism::ScramSha512;
        Settings { security: Security::SaslTls, sasl_mechanism: scram, ..with_user() }.validate().expect("complete");
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn encryption_that_is_not_built_in_is_refused_with_the_feature_to_build() {
        let scram = SaslMechanism::ScramSha256;
        for settings in [
            Settings { security: Security::Tls, ..Settings::default() },
            Settings { security: Security::SaslTls, ..with_user() },
            Settings { security: Security::SaslPlaintext, sasl_mechanism: scram, ..with_user() },
        ] {
            let refused = settings.validate().expect_err("not built in").to_string();
            assert!(refused.contains("cargo feature `kafka-tls`"), "{refused}");
        }
        Settings { security: Security::SaslPlaintext, ..with_user() }.validate().expect("PLAIN works without");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_with_its_setting() {
        let other = std::env::temp_dir().join(format!("marquee-kafka-tls-{}.pem", std::process::id()));
        std::fs::write(&other, "no certificate").expect("a file");
        let absent = std::env::temp_dir().join("marquee-kafka-no-such-file.pem");
        let cases = [
            (Settings { ca_file: absent.clone(), ..Settings::default() }, "kafka.ca_file", &absent),
            (Settings { cert_file: other.clone(), ..Settings::default() }, "kafka.cert_file", &other),
            (Settings { key_file: other.clone(), ..Settings::default() }, "kafka.key_file", &other),
        ];
        for (settings, key, path) in cases {
            let error = check_files(&settings).expect_err(key).to_string();
            assert!(error.contains(key) && error.contains(&path.display().to_string()), "{error}");
        }
        std::fs::remove_file(&other).expect("removed");
        check_files(&Settings::default()).expect("no files");
    }

    #[test]
    fn what_a_broker_refuses_is_told_with_what_to_check() {
        // As librdkafka words them.
        let known = [
            (
                "SASL authentication error: Authentication failed during authentication due to invalid credentials",
                "kafka.password",
            ),
            (
                "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate",
                "kafka.ca_file",
            ),
            (
                "Disconnected: connection closed by peer: receive 0 after POLLIN (after 5ms in state APIVERSION_QUERY)",
                "expect TLS",
            ),
            ("Receive failed: error:0A000412:SSL routines::ssl/tls alert bad certificate", "kafka.cert_file"),
            ("SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?", "does not encrypt"),
            (
                "ssl://127.0.0.1:9/bootstrap: Disconnected: SSL connection closed by peer (after 5ms in state UP)",
                "expect a user",
            ),
            (
                "SASL SCRAM-SHA-256 mechanism handshake failed: Broker: Unsupported SASL mechanism",
                "kafka.sasl_mechanism",
            ),
        ];
        for (words, part) in known {
            let advice = advice(&LastError(words.to_owned())).expect(words);
            assert!(advice.contains(part), "{advice}");
        }
        assert_eq!(advice(&LastError("Connect to ipv4#127.0.0.1:1 failed: Connection refused".to_owned())), None);
    }
}
