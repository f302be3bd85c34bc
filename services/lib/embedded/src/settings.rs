//! Settings of the embedded log.

use std::collections::BTreeMap;
use std::time::Duration;

use marquee_ports::{Retention, Topic};
use marquee_settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

/// Bytes that are kept of each partition of a topic whose own retention limits the age alone.
const LARGEST_FORGETTING: u64 = 256 << 20;

/// Settings of the embedded log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Partitions of every topic, fixed when the log is created. Default 8.
    pub partitions: u32,
    /// Appends that may wait for the writer, from 1 to 1,000,000; further ones wait in their
    /// callers. Default 1,024.
    pub queue: usize,
    /// How long records are kept, by the name of the topic. A topic without an entry keeps its own
    /// limits: ratings, rejected ratings and movies are kept forever, and served predictions for 7
    /// days and at most 256 MiB a partition. Ratings may have an age, of at least a day and ten
    /// times `trainer.archive.every`, while `trainer.archive.enabled` is true. They may have no
    /// bytes. Default empty.
    pub retention: BTreeMap<String, RetentionSettings>,
}

/// Limits beyond which the oldest records of a partition are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionSettings {
    /// How long a record is kept after it was appended, as `30days`. Default: no limit.
    #[serde(with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    pub age: Option<Duration>,
    /// Bytes of records that are kept of each partition, before compression. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { partitions: 8, queue: 1_024, retention: BTreeMap::new() }
    }
}

impl LogSettings {
    /// Returns how long the records of a topic are kept.
    pub(crate) fn retention(&self, topic: Topic) -> Retention {
        match self.retention.get(topic.name()) {
            Some(&RetentionSettings { age, bytes }) => Retention { age, bytes },
            None => limited(topic.spec().retention),
        }
    }

    /// Checks the settings of a log with some topics.
    pub(crate) fn validate_for(&self, topics: &[Topic]) -> Result<(), Invalid> {
        let partitions = "no such number of partitions; give 1 to 1,024";
        Invalid::unless((1..=1_024).contains(&self.partitions), "partitions", partitions)?;
        Invalid::unless_in(1..=1_000_000, "queue", self.queue as u64)?;
        for (name, retention) in &self.retention {
            let wrong = |message: &str| Err(Invalid::new(format!("retention.{name}"), message));
            match topics.iter().find(|topic| topic.name() == name) {
                None => return wrong("no such topic; give the full name, such as marquee.ratings.rejected.v1"),
                Some(topic) if topic.is_compacted() => {
                    return wrong("a compacted topic keeps the newest record of each key; remove this entry");
                }
                Some(_) => {}
            }
            if retention.age.is_some_and(|age| age < Duration::from_secs(1)) {
                return wrong("age is too short; give 1s or more");
            }
            if retention.bytes == Some(0) {
                return wrong("bytes is 0; give 1 or more");
            }
        }
        Ok(())
    }
}

/// Limits the bytes of a topic that forgets. All topics share a disk, and a full one would refuse
/// ratings too.
fn limited(retention: Retention) -> Retention {
    let bytes = retention.bytes.or(retention.age.map(|_| LARGEST_FORGETTING));
    Retention { bytes, ..retention }
}

impl Validate for LogSettings {
    fn validate(&self) -> Result<(), Invalid> {
        self.validate_for(Topic::ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_replaces_the_retention_of_a_topic() {
        let retention = RetentionSettings { age: Some(Duration::from_secs(60)), bytes: None };
        let name = Topic::REJECTED.name().to_owned();
        let settings = LogSettings { retention: BTreeMap::from([(name, retention)]), ..LogSettings::default() };
        settings.validate().expect("allowed");
        let expected = Retention { age: Some(Duration::from_secs(60)), bytes: None };
        assert_eq!(settings.retention(Topic::REJECTED), expected);
        assert!(settings.retention(Topic::RATINGS).is_forever());
        let predictions = settings.retention(Topic::PREDICTIONS);
        assert_eq!((predictions.age, predictions.bytes), (Topic::PREDICTIONS.spec().retention.age, Some(256 << 20)));
    }

    #[test]
    fn wrong_settings_are_refused_by_key() {
        let retained = |topic: &str, age, bytes| {
            let retention = BTreeMap::from([(topic.to_owned(), RetentionSettings { age, bytes })]);
            LogSettings { retention, ..LogSettings::default() }
        };
        let ratings = Topic::RATINGS.name();
        let wrong = [
            ("partitions", LogSettings { partitions: 0, ..LogSettings::default() }),
            ("partitions", LogSettings { partitions: 1_025, ..LogSettings::default() }),
            ("queue", LogSettings { queue: 0, ..LogSettings::default() }),
            ("retention.ratings", retained("ratings", None, Some(1))),
            ("retention.marquee.movies.v1", retained(Topic::MOVIES.name(), None, Some(1))),
            ("retention.marquee.ratings.v1", retained(ratings, Some(Duration::ZERO), None)),
            ("retention.marquee.ratings.v1", retained(ratings, None, Some(0))),
        ];
        for (key, settings) in wrong {
            assert_eq!(settings.validate().expect_err(key).key(), key);
        }
        LogSettings::default().validate().expect("the defaults are allowed");
    }
}
