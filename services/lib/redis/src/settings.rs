//! What a deployment says of its Redis.

use std::time::Duration;

use marquee_domain::Secret;
use serde::{Deserialize, Serialize};

/// Settings of the online store over Redis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Addresses, as `redis://HOST:PORT`: of the one server, or of some servers of a cluster. Default `redis://127.0.0.1:6379`.
    pub urls: Vec<String>,
    /// The servers are a cluster. Default false.
    pub cluster: bool,
    /// Before every key, so that deployments can share a server. Default `marquee:`.
    pub prefix: String,
    /// User, where access is controlled by lists. Default empty.
    pub username: String,
    /// Password; never shown.
    pub password: Secret,
    /// Longest wait for a connection. Default `2s`.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// Longest wait for one answer. Default `1s`.
    #[serde(with = "humantime_serde")]
    pub response_timeout: Duration,
    /// Longest time that one call may take, with the tries that a lost connection costs. Default `3s`.
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
