//! What a deployment decides about features.

use std::time::Duration;

use marquee_settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

/// Settings of the feature-store role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Consumer group that shares the rating topic's partitions. Default `feature-store`.
    pub group: String,
    /// Newest ratings of a user that are served, 1 to 10,000. Default 500.
    pub history: usize,
    /// Lengths of the sliding windows in days, each 1 to 3,650. Default 7, 30, 90.
    pub windows: Vec<u32>,
    /// Age at which a value is served as past its time to live. Default `0s`: ratings do not go stale by themselves.
    #[serde(with = "humantime_serde")]
    pub ttl: Duration,
    /// Most events applied at once. Default 4,096.
    pub batch: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            group: "feature-store".to_owned(),
            history: 500,
            windows: vec![7, 30, 90],
            ttl: Duration::ZERO,
            batch: 4_096,
        }
    }
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        let problem = |key: &str, problem: &str| Err(Invalid::new(key, problem));
        if self.group.is_empty() || self.group.len() > 128 {
            return problem("group", "needs 1 to 128 bytes");
        }
        if !(1..=10_000).contains(&self.history) {
            return problem("history", "must be from 1 to 10,000");
        }
        if self.windows.is_empty() || self.windows.len() > 16 || !self.windows.iter().all(|d| (1..=3_650).contains(d)) {
            return problem("windows", "needs 1 to 16 lengths, each from 1 to 3,650 days");
        }
        if !(1..=65_536).contains(&self.batch) {
            return problem("batch", "must be from 1 to 65,536");
        }
        Ok(())
    }
}
