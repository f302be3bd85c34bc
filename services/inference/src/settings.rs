//! The settings of the inference role.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use marquee_domain::ModelName;
use marquee_settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

const HOUR: Duration = Duration::from_secs(3_600);

/// The interval at which the object store is read. A longer one would keep a rollback from users.
const REFRESH: RangeInclusive<Duration> = Duration::from_millis(10)..=HOUR;

/// Settings of the inference role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The model that requests without a model name use. Default `ratings`.
    pub default_model: String,
    /// How often the model store and the routing table are read, from `10ms` to `1h`. Default `1s`.
    #[serde(with = "humantime_serde")]
    pub refresh: Duration,
    /// How many of the newest versions of a model are kept loaded, besides those that a route
    /// names. Default 3.
    pub keep: usize,
    /// Routes all users to the first version of a model as soon as it is warm. Default true.
    pub route_first: bool,
    /// How many versions are loaded at the same time. Default 2.
    pub loads: usize,
    /// Longest time that loading one version may take before it counts as failed and is tried
    /// again. Default `5m`.
    #[serde(with = "humantime_serde")]
    pub load_deadline: Duration,
    /// How many user states are cached, over all versions. Default 20,000.
    pub states: usize,
    /// How many user histories are cached. Default 20,000.
    pub histories: usize,
    /// Most bytes that cached states and histories take, half for each. Default 536,870,912.
    pub cache_bytes: usize,
    /// Longest wait for features, over all feature stores. Default `1s`.
    #[serde(with = "humantime_serde")]
    pub feature_deadline: Duration,
    /// The folder that keeps the last effective routing table on the local disk, for a start while
    /// the object store is away. Empty: the table is not kept. Default empty.
    pub state_dir: PathBuf,
    /// How many requests may wait for one graph. Further requests are answered
    /// `RESOURCE_EXHAUSTED`. Default 1,024.
    pub queue: usize,
    /// The largest number of rows that one run of a graph takes. Default 64.
    pub max_batch: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_model: "ratings".to_owned(),
            refresh: Duration::from_secs(1),
            keep: 3,
            route_first: true,
            loads: 2,
            load_deadline: Duration::from_secs(300),
            states: 20_000,
            histories: 20_000,
            cache_bytes: 512 << 20,
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
        Invalid::unless_time_in(REFRESH, "refresh", self.refresh)?;
        Invalid::unless_time_in(Duration::from_secs(1)..=24 * HOUR, "load_deadline", self.load_deadline)?;
        Invalid::unless_time_in(Duration::from_millis(1)..=HOUR, "feature_deadline", self.feature_deadline)?;
        let counts = [
            ("keep", self.keep, 1_000),
            ("loads", self.loads, 64),
            ("states", self.states, 100_000_000),
            ("histories", self.histories, 100_000_000),
            ("cache_bytes", self.cache_bytes, 1 << 40),
            ("queue", self.queue, 1_000_000),
            ("max_batch", self.max_batch, 65_536),
        ];
        counts.into_iter().try_for_each(|(key, count, most)| Invalid::unless_in(1..=most, key, count as u64))?;
        Invalid::unless(
            !self.state_dir.exists() || self.state_dir.is_dir(),
            "state_dir",
            format!("{} is a file; give a folder", self.state_dir.display()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_work_are_refused_by_key() {
        type Change = fn(&mut Settings);
        let cases: [(Change, &str); 12] = [
            (|settings| settings.refresh = Duration::ZERO, "refresh: is 0s; give a time from 10ms to 1h"),
            (|settings| settings.refresh = Duration::MAX, "refresh: is "),
            (|settings| settings.max_batch = usize::MAX, "max_batch: is "),
            (|settings| settings.queue = usize::MAX, "queue: is "),
            (|settings| settings.state_dir = "/dev/null".into(), "state_dir: /dev/null is a file; give a folder"),
            (|settings| settings.default_model = "No Model".to_owned(), "default_model: "),
            (|settings| settings.load_deadline = Duration::ZERO, "load_deadline: is 0s; give a time from 1s to 1day"),
            (
                |settings| settings.feature_deadline = Duration::ZERO,
                "feature_deadline: is 0s; give a time from 1ms to 1h",
            ),
            (|settings| settings.keep = 0, "keep: is 0; give a number from 1 to 1,000"),
            (|settings| settings.loads = 0, "loads: is 0"),
            (|settings| settings.queue = 0, "queue: is 0"),
            (|settings| settings.states = 0, "states: is 0"),
        ];
        for (change, message) in cases {
            let mut settings = Settings::default();
            change(&mut settings);
            let refused = settings.validate().expect_err(message).to_string();
            assert!(refused.starts_with(message), "{refused:?} is not {message:?}");
        }
        assert_eq!(Settings::default().validate(), Ok(()));
    }
}
