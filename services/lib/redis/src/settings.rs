//! The settings of the connection to Redis.

use std::time::Duration;

use marquee_domain::Secret;
use marquee_settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

/// Settings of the online store over Redis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Addresses, as `redis://HOST:PORT`: of the one server, or of some servers of a cluster.
    /// Default `redis://127.0.0.1:6379`.
    pub urls: Vec<String>,
    /// Whether the servers are a cluster. Default false.
    pub cluster: bool,
    /// The beginning of every key, so that deployments can share a server. Default `marquee:`.
    pub prefix: String,
    /// The user, on servers with access control lists. Default empty.
    pub username: String,
    /// The password. It is never shown. Default empty.
    pub password: Secret,
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

impl Default for Settings {
    fn default() -> Self {
        Self {
            urls: vec!["redis://127.0.0.1:6379".to_owned()],
            cluster: false,
            prefix: "marquee:".to_owned(),
            username: String::new(),
            password: Secret::default(),
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(1),
            deadline: Duration::from_secs(3),
        }
    }
}

impl Validate for Settings {
    /// Checks every setting that can be checked without the server.
    fn validate(&self) -> Result<(), Invalid> {
        Invalid::unless(!self.urls.is_empty(), "urls", "is empty; give at least one redis://HOST:PORT")?;
        // Addresses appear in error messages, so the message does not repeat them.
        Invalid::unless(
            !self.urls.iter().any(|url| url.contains('@')),
            "urls",
            "contains a user or a password; give them as redis.username and redis.password",
        )?;
        Invalid::unless(
            !self.prefix.contains(['{', '}']) && self.prefix.len() <= 128,
            "prefix",
            "is not valid; expected at most 128 bytes without braces, which choose the slot",
        )
    }
}
