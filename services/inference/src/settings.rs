//! The settings of the inference role.

use std::path::PathBuf;
use std::time::Duration;

use marquee_domain::ModelName;
use marquee_settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

/// Shortest interval at which the object store is read.
const SHORTEST_REFRESH: Duration = Duration::from_millis(10);

/// Settings of the inference role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The model that requests without a model name use. Default `ratings`.
    pub default_model: String,
    /// How often the model store and the routing table are read. Default `1s`.
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
        let shortest = |key, value: Duration, shortest: Duration| {
            Invalid::unless(value >= shortest, key, format!("{value:?} is too short; give at least {shortest:?}"))
        };
        shortest("refresh", self.refresh, SHORTEST_REFRESH)?;
        shortest("load_deadline", self.load_deadline, Duration::from_secs(1))?;
        shortest("feature_deadline", self.feature_deadline, Duration::from_millis(1))?;
        let counts = [
            ("keep", self.keep),
            ("loads", self.loads),
            ("states", self.states),
            ("histories", self.histories),
            ("queue", self.queue),
            ("max_batch", self.max_batch),
        ];
        counts.into_iter().try_for_each(|(key, count)| Invalid::unless(count > 0, key, "is 0; give at least 1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_work_are_refused_by_key() {
        type Change = fn(&mut Settings);
        let cases: [(Change, &str); 8] = [
            (|settings| settings.refresh = Duration::ZERO, "refresh: 0ns is too short; give at least 10ms"),
            (|settings| settings.default_model = "No Model".to_owned(), "default_model: "),
            (|settings| settings.load_deadline = Duration::ZERO, "load_deadline: 0ns is too short"),
            (|settings| settings.feature_deadline = Duration::ZERO, "feature_deadline: 0ns is too short"),
            (|settings| settings.keep = 0, "keep: is 0; give at least 1"),
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
