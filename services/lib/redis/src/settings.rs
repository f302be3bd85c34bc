//! The settings of the connection to Redis.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use marquee_domain::Secret;
use marquee_settings::{Invalid, Validate, is_set};
use serde::{Deserialize, Serialize};

use crate::address::{is_encrypted, parse, shown};

/// The times that a reply may take.
const TIMES: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3_600);

/// Settings of the online store over Redis.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Addresses, as `redis://HOST:PORT` or, with TLS, `rediss://HOST:PORT`: of the one server, of
    /// some servers of a cluster, or of the sentinels. An address may contain a user and a
    /// password, percent-encoded. Default `redis://127.0.0.1:6379`.
    pub urls: Vec<String>,
    /// Whether the servers are a cluster. Default false.
    pub cluster: bool,
    /// The name of the primary that the sentinels at `urls` watch. Empty, the default: `urls` are
    /// the addresses of the servers themselves.
    pub sentinel: String,
    /// The beginning of every key, so that deployments can share a server. Default `marquee:`.
    pub prefix: String,
    /// The user, on servers with access control lists. Default empty.
    pub username: String,
    /// The password. It is never shown. Default empty.
    pub password: Secret,
    /// The user on the sentinels. Default empty.
    pub sentinel_username: String,
    /// The password of the sentinels. It is never shown. Default empty.
    pub sentinel_password: Secret,
    /// A file of certificates (PEM) to trust instead of those of the system. Default empty.
    pub ca_file: PathBuf,
    /// A file with the client's certificate (PEM), for servers that ask for one. Default empty.
    pub cert_file: PathBuf,
    /// A file with the private key (PEM) of the client's certificate. Default empty.
    pub key_file: PathBuf,
    /// The longest wait for a connection. Default `2s`.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// The longest wait for one reply. Default `1s`.
    #[serde(with = "humantime_serde")]
    pub response_timeout: Duration,
    /// The longest time that one call may take, including the retries after a lost connection.
    /// Default `3s`.
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
}

/// The derived output would show a password in an address.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("urls", &shown(&self.urls))
            .field("cluster", &self.cluster)
            .field("sentinel", &self.sentinel)
            .field("prefix", &self.prefix)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            urls: vec!["redis://127.0.0.1:6379".to_owned()],
            cluster: false,
            sentinel: String::new(),
            prefix: "marquee:".to_owned(),
            username: String::new(),
            password: Secret::default(),
            sentinel_username: String::new(),
            sentinel_password: Secret::default(),
            ca_file: PathBuf::new(),
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(1),
            deadline: Duration::from_secs(3),
        }
    }
}

impl Validate for Settings {
    /// Checks every setting that can be checked without the server.
    fn validate(&self) -> Result<(), Invalid> {
        let is_encrypted = self.check_urls()?;
        self.check_users()?;
        self.check_files(is_encrypted)?;
        Invalid::unless(
            !self.prefix.contains(['{', '}']) && self.prefix.len() <= 128,
            "prefix",
            "is not valid; expected at most 128 bytes without braces, which choose the slot",
        )?;
        for (key, time) in [
            ("connect_timeout", self.connect_timeout),
            ("response_timeout", self.response_timeout),
            ("deadline", self.deadline),
        ] {
            Invalid::unless_time_in(TIMES, key, time)?;
        }
        Ok(())
    }
}

impl Settings {
    /// Checks the addresses, and returns whether connections to them are encrypted.
    fn check_urls(&self) -> Result<bool, Invalid> {
        Invalid::unless(!self.urls.is_empty(), "urls", "is empty; give at least one redis://HOST:PORT")?;
        Invalid::unless(
            !self.cluster || self.sentinel.is_empty(),
            "sentinel",
            "is set, and cluster is true; a cluster has no sentinels, so give one of both",
        )?;
        let mut encrypted = 0;
        for (at, url) in self.urls.iter().enumerate() {
            // Addresses may contain a password, so the message does not repeat them.
            let wrong = |message: String| Invalid::new("urls", format!("address {} {message}", at + 1));
            let info = parse(url).map_err(wrong)?;
            let has_databases = !self.cluster && self.sentinel.is_empty();
            if info.redis_settings().db() != 0 && !has_databases {
                return Err(wrong("names a database; clusters and sentinels have none".to_owned()));
            }
            encrypted += usize::from(is_encrypted(&info));
        }
        Invalid::unless(
            encrypted == 0 || encrypted == self.urls.len(),
            "urls",
            "has addresses with TLS (rediss://) and without it (redis://); give one kind",
        )?;
        Invalid::unless(
            self.cluster || !self.sentinel.is_empty() || self.urls.len() == 1,
            "urls",
            "has several addresses; set cluster = true for a cluster, or sentinel to the name of the primary that they \
             watch",
        )?;
        Ok(encrypted > 0)
    }

    fn check_users(&self) -> Result<(), Invalid> {
        let without = "is set without a password; the server asks for both";
        Invalid::unless(self.username.is_empty() || !self.password.is_empty(), "username", without)?;
        let has_password = !self.sentinel_password.is_empty();
        Invalid::unless(self.sentinel_username.is_empty() || has_password, "sentinel_username", without)?;
        Invalid::unless(
            !self.sentinel.is_empty() || !has_password,
            "sentinel_password",
            "is set, and sentinel is not; set sentinel to the name of the primary",
        )
    }

    fn check_files(&self, is_encrypted: bool) -> Result<(), Invalid> {
        for (key, path) in [("ca_file", &self.ca_file), ("cert_file", &self.cert_file), ("key_file", &self.key_file)] {
            let message = "is used by TLS only; write the addresses in urls as rediss://HOST:PORT";
            Invalid::unless(is_encrypted || !is_set(path), key, message)?;
        }
        Invalid::unless_paired(&self.cert_file, &self.key_file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_named() {
        let invalid = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.validate().expect_err("cannot be used")
        };
        let key = |change: fn(&mut Settings)| invalid(change).key().to_owned();
        let url = |settings: &mut Settings, url: &str| settings.urls = vec![url.to_owned()];
        assert_eq!(key(|s| s.urls.clear()), "urls");
        assert_eq!(key(|s| s.urls.push("redis://other:1".to_owned())), "urls");
        assert_eq!(key(|s| (s.cluster, s.urls) = (true, vec!["redis://a/1".to_owned()])), "urls");
        assert_eq!(
            key(|s| (s.cluster, s.urls) = (true, ["redis://a", "rediss://b"].map(str::to_owned).to_vec())),
            "urls"
        );
        assert_eq!(key(|s| (s.cluster, s.sentinel) = (true, "main".to_owned())), "sentinel");
        assert_eq!(key(|s| s.username = "me".to_owned()), "username");
        assert_eq!(key(|s| s.sentinel_password = Secret::new("x")), "sentinel_password");
        assert_eq!(key(|s| s.ca_file = "ca.pem".into()), "ca_file");
        assert_eq!(key(|s| s.deadline = Duration::ZERO), "deadline");
        assert_eq!(key(|s| s.prefix = "{a}".to_owned()), "prefix");
        let mut half = Settings { cert_file: "c.pem".into(), ..Settings::default() };
        url(&mut half, "rediss://h:1");
        assert_eq!(half.validate().expect_err("half").key(), "key_file");
        let secret = invalid(|s| s.urls = vec!["redis://u:hunter2/@h:1".to_owned()]).to_string();
        assert!(secret.starts_with("urls: address 1 ") && !secret.contains("hunter2"), "{secret}");
    }

    #[test]
    fn users_passwords_and_certificates_are_accepted() {
        let settings = Settings {
            urls: vec!["rediss://u:p%40ss@h:1".to_owned()],
            username: "marquee".to_owned(),
            password: Secret::new("p@ss:w/rd%41"),
            ca_file: "ca.pem".into(),
            cert_file: "c.pem".into(),
            key_file: "k.pem".into(),
            ..Settings::default()
        };
        assert_eq!(settings.validate(), Ok(()));
        let debug = format!("{settings:?}");
        assert!(!debug.contains("p@ss") && !debug.contains("p%40ss"), "{debug}");
    }
}
