//! The settings of the feature store.

use std::time::Duration;

use marquee_settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

/// The longest time to live: a hundred years.
const LONGEST_TTL: Duration = Duration::from_secs(36_525 * 86_400);

/// Settings of the feature-store role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Consumer group that shares the rating topic's partitions. Default `feature-store`.
    pub group: String,
    /// Most ratings of a user's history, 1 to 10,000. A larger number than before holds for a user
    /// with many ratings from the user's next rating on. Default 500.
    pub history: usize,
    /// Lengths of the sliding windows in days, each 1 to 3,650. Default 7, 30, 90.
    pub windows: Vec<u32>,
    /// Age at which a value is past its time to live. Default `0s`: never, because ratings do not
    /// become wrong with time.
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
        let check = |holds, key: &str, problem: &str| Invalid::unless(holds, key, problem);
        check((1..=128).contains(&self.group.len()), "group", "expected 1 to 128 bytes")?;
        check((1..=10_000).contains(&self.history), "history", "expected a number from 1 to 10,000")?;
        let is_length = |days: &u32| (1..=3_650).contains(days);
        let windows = (1..=16).contains(&self.windows.len()) && self.windows.iter().all(is_length);
        check(windows, "windows", "expected 1 to 16 lengths, each from 1 to 3,650 days")?;
        Invalid::unless_time_in(Duration::ZERO..=LONGEST_TTL, "ttl", self.ttl)?;
        check((1..=65_536).contains(&self.batch), "batch", "expected a number from 1 to 65,536")
    }
}
