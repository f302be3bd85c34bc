//! The settings of the archive.

use std::ops::RangeInclusive;
use std::time::Duration;

use marquee_settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

/// The wait before a file is closed. Each file is two writes and a commit.
const WAIT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(86_400);

/// What a deployment decides about the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether to write the rating topic to Parquet. Default true.
    pub enabled: bool,
    /// The consumer group that shares the partitions of the rating topic. Default `archive`.
    pub group: String,
    /// The longest time that an event waits for its file, from `1ms` to a day. Default `1m`.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// The number of events after which a file is closed, 1 to 5,000,000. Default 250,000.
    pub rows: usize,
    /// The number of files of one day and partition that are merged into one, from 2 to 10,000.
    /// Default 16.
    pub compact: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, group: "archive".to_owned(), every: Duration::from_secs(60), rows: 250_000, compact: 16 }
    }
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        let message = format!("has {} bytes; give 1 to 128", self.group.len());
        Invalid::unless((1..=128).contains(&self.group.len()), "group", message)?;
        Invalid::unless_time_in(WAIT, "every", self.every)?;
        let message = format!("is {}; give 1 to 5,000,000", self.rows);
        Invalid::unless((1..=5_000_000).contains(&self.rows), "rows", message)?;
        Invalid::unless_in(2..=10_000, "compact", self.compact as u64)
    }
}
