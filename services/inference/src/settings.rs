//! What a deployment decides about inference.

use std::path::PathBuf;
use std::time::Duration;

use marquee_domain::ModelName;
use marquee_kit::settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

/// Settings of the inference role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Model that requests without a name mean. Default `ratings`.
    pub default_model: String,
    /// How often the model store and the routing table are read for what others changed. Default `1s`.
    #[serde(with = "humantime_serde")]
    pub refresh: Duration,
    /// Newest versions of a model that are kept loaded, besides those that are routed. Default 3.
    pub keep: usize,
    /// Route everybody to a model's first version as soon as it is ready. Default true.
    pub route_first: bool,
    /// User states kept, over all versions. Default 20,000.
    pub states: usize,
    /// User histories kept. Default 20,000.
    pub histories: usize,
    /// Longest wait for features, over all feature stores. Default `1s`.
    #[serde(with = "humantime_serde")]
    pub feature_deadline: Duration,
    /// Where the last good routing table is kept on this machine's disk; serves through an outage of the store. Empty: nowhere. Default empty.
    pub state_dir: PathBuf,
    /// Requests that may wait for one graph; more are answered RESOURCE_EXHAUSTED. Default 1,024.
    pub queue: usize,
    /// Most rows that one run of a graph takes. Default 64.
    pub max_batch: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_model: "ratings".to_owned(),
            refresh: Duration::from_secs(1),
            keep: 3,
            route_first: true,
            states: 20_000,
            histories: 20_000,
            feature_deadline: Duration::from_secs(1),
            state_dir: PathBuf::new(),
            queue: 1_024,
            max_batch: 64,
        }
    }
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        ModelName::try_new(&self.default_model).map_err(|error| Invalid::new("default_model", error.to_string()))?;
        Invalid::unless(!self.refresh.is_zero(), "refresh", "is 0s; give at least 1ms")
    }
}
