//! A topic of Kafka that another program owns. Offsets are part of the position here, and nothing
//! is committed there.

use std::collections::BTreeMap;

use async_trait::async_trait;
use marquee_domain::{Offset, Partition, Position as LogPosition, Timestamp};
use marquee_kafka::ForeignTopic;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::invalid::ConfigError;
use crate::secret::SecretPlace;
use crate::source::{Batch, Record, Source, SourceError, position, stored};

/// The settings of a topic. Those of the connection are those of the fleet's own log.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    topic: String,
    /// The brokers, and how to connect to them.
    connection: marquee_kafka::Settings,
    #[serde(default)]
    password_env: Option<String>,
    #[serde(default)]
    password_file: Option<std::path::PathBuf>,
}

impl Settings {
    pub(crate) fn checked(self) -> Result<Self, ConfigError> {
        if self.topic.is_empty() || self.topic.len() > 249 {
            return Err(ConfigError::new("topic", "is no name of a topic; give 1 to 249 characters"));
        }
        if !self.connection.password.is_empty() {
            let reason = "is in the configuration; give it by password_env or password_file";
            return Err(ConfigError::new("connection.password", reason));
        }
        self.password()?;
        Ok(self)
    }

    fn password(&self) -> Result<SecretPlace, ConfigError> {
        let names = ("password_env", "password_file");
        let place = SecretPlace::of(self.password_env.as_ref(), self.password_file.as_ref(), names);
        place.map_err(|(key, reason)| ConfigError::new(key, reason))
    }

    pub(crate) fn identity(&self) -> String {
        format!("topic {}", self.topic)
    }
}

/// The position: the next offset of each partition.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Position {
    offsets: BTreeMap<u32, u64>,
}

/// A topic.
#[derive(Debug)]
pub(crate) struct Kafka {
    settings: Settings,
    topic: Option<ForeignTopic>,
    position: Position,
    /// The ends of this round, of the partitions that are not read to there.
    ends: BTreeMap<u32, u64>,
    notices: Vec<String>,
}

impl Kafka {
    pub(crate) fn new(settings: Settings) -> Self {
        let (position, ends) = (Position::default(), BTreeMap::new());
        Self { settings, topic: None, position, ends, notices: Vec::new() }
    }

    async fn connect(&self) -> Result<ForeignTopic, SourceError> {
        let mut connection = self.settings.connection.clone();
        let place = self.settings.password().map_err(|error| SourceError::lasting("find the password", error))?;
        if let Some(password) = place.read()? {
            connection.password = password;
        }
        let topic = &self.settings.topic;
        let connected = ForeignTopic::connect(&connection, topic).await;
        connected.map_err(|error| {
            let may_pass = matches!(error, marquee_kafka::ConnectError::Unreachable { .. });
            let doing = format!("open the topic {topic}");
            if may_pass { SourceError::passing(doing, error) } else { SourceError::lasting(doing, error) }
        })
    }
}

fn failed(doing: String, error: marquee_ports::Error) -> SourceError {
    if error.is_passing() { SourceError::passing(doing, error) } else { SourceError::lasting(doing, error) }
}

#[async_trait]
impl Source for Kafka {
    async fn begin(&mut self, from: &Value) -> Result<(), SourceError> {
        self.position = position(from)?;
        self.notices.clear();
        let topic = match self.topic.take() {
            Some(topic) => topic,
            None => self.connect().await?,
        };
        let bounds = topic.bounds().await;
        let bounds = bounds.map_err(|error| failed(format!("look at the topic {}", self.settings.topic), error))?;
        self.topic = Some(topic);
        self.ends.clear();
        for bounds in bounds {
            let (partition, begin, end) = (bounds.partition.0, bounds.begin.0, bounds.end.0);
            let next = self.position.offsets.get(&partition).copied();
            let told = |what: String| format!("partition {partition} of {}: {what}", self.settings.topic);
            match next {
                Some(next) if next < begin => {
                    let lost = begin - next;
                    self.notices.push(told(format!("{lost} records were removed before they were read")));
                }
                Some(next) if next > end => {
                    self.notices
                        .push(told(format!("it ends before {next}, so it was made again, and is read from its start")));
                    self.position.offsets.remove(&partition);
                }
                _ => {}
            }
            let next = self.position.offsets.get(&partition).copied().unwrap_or(begin).max(begin);
            self.position.offsets.insert(partition, next);
            if next < end {
                self.ends.insert(partition, end);
            }
        }
        Ok(())
    }

    async fn next(&mut self, most: usize) -> Result<Option<Batch>, SourceError> {
        let doing = || format!("read the topic {}", self.settings.topic);
        let Some((&partition, &end)) = self.ends.first_key_value() else { return Ok(None) };
        let Some(topic) = &self.topic else { return Err(SourceError::passing(doing(), "it is not open")) };
        let next = self.position.offsets.get(&partition).copied().unwrap_or_default();
        let from = LogPosition { partition: Partition(partition), offset: Offset(next) };
        let read = topic.read(from, most).await.map_err(|error| failed(doing(), error))?;
        // The last offsets may have no record, because of compaction or transactions.
        let reached = read.last().map_or(end, |last| last.position.offset.0 + 1);
        self.position.offsets.insert(partition, reached);
        if reached >= end {
            self.ends.remove(&partition);
        }
        // A record without a value removes its key.
        let is_record = |record: &marquee_ports::Record| !record.value.is_empty();
        let skipped = read.iter().filter(|record| !is_record(record)).count() as u64;
        let records = read.into_iter().filter(is_record).map(|record| Record {
            raw: record.value,
            place: format!("partition {partition}, offset {}", record.position.offset.0),
            time: Some(record.timestamp).filter(|time| *time != Timestamp::from_micros(0)),
            ..Record::default()
        });
        Ok(Some(Batch {
            records: records.collect(),
            position: stored(&self.position)?,
            query: format!("topic {}, partition {partition}", self.settings.topic),
            range: (next.to_string(), reached.to_string()),
            skipped,
            notices: std::mem::take(&mut self.notices),
            ..Batch::default()
        }))
    }
}
