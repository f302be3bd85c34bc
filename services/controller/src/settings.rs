//! The settings of the role rollouts.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use marquee_settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

/// The time between two looks at a rollout.
const INTERVAL: RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(60);

/// The longest wait for an answer.
const DEADLINE: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(60);

/// The length of a lease.
const LEASE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

/// Settings of the role rollouts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How often each rollout is looked at, from `50ms` to `1m`. Default `1s`.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// Longest wait for an answer of an inference instance or of the monitor, from `10ms` to `1m`.
    /// What does not answer in time counts as unreachable. Default `2s`.
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
    /// How long the other controllers wait for one that died, from `1s` to `1h`. The clocks of
    /// controllers must differ by less than a third of it. Default `15s`.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// A folder of rollout files, `*.toml` and `*.json`: each is the rollout of one model, as
    /// `marquee rollout start` takes it. It is read every `interval`, and a file is started when it
    /// differs from what was started from a file before. Empty, the default: no folder.
    pub folder: PathBuf,
    /// The number of models that may have a rollout, from 1 to 10,000. Default 100.
    pub limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            deadline: Duration::from_secs(2),
            lease: Duration::from_secs(15),
            folder: PathBuf::new(),
            limit: 100,
        }
    }
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        Invalid::unless_time_in(INTERVAL, "interval", self.interval)?;
        Invalid::unless_time_in(DEADLINE, "deadline", self.deadline)?;
        Invalid::unless_time_in(LEASE, "lease", self.lease)?;
        let is_folder = !self.folder.exists() || self.folder.is_dir();
        let message = format!("{} is a file; give a folder of rollout files", self.folder.display());
        Invalid::unless(is_folder, "folder", message)?;
        Invalid::unless_in(1..=10_000, "limit", self.limit as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_every_wrong_value_is_named() {
        assert_eq!(Settings::default().validate(), Ok(()));
        type Change = fn(&mut Settings);
        let wrong: [(&str, Change); 7] = [
            ("folder", |settings| settings.folder = "/dev/null".into()),
            ("interval", |settings| settings.interval = Duration::ZERO),
            ("interval", |settings| settings.interval = Duration::MAX),
            ("deadline", |settings| settings.deadline = Duration::ZERO),
            ("lease", |settings| settings.lease = Duration::from_millis(999)),
            ("limit", |settings| settings.limit = 0),
            ("limit", |settings| settings.limit = usize::MAX),
        ];
        for (key, change) in wrong {
            let mut settings = Settings::default();
            change(&mut settings);
            assert_eq!(settings.validate().expect_err("wrong").key(), key);
        }
    }
}
