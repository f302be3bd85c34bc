//! A log that need not be there when the process starts. It connects when it is first used, and
//! again after a connection failed.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use marquee_domain::{Offset, Partition, Position};
use marquee_kafka::{KafkaLog, Settings};
use marquee_ports::{Bounds, Error, ErrorKind, NewRecord, RatingLog, Record, Subscription, Topic};
use tokio::sync::OnceCell;

/// The log of a process whose roles can all work without it.
#[derive(Debug)]
pub(crate) struct LateLog {
    settings: Settings,
    /// The interval at which an archive copies the ratings out of the log.
    archive: Option<Duration>,
    connected: OnceCell<KafkaLog>,
}

impl LateLog {
    pub(crate) fn new(settings: Settings, archive: Option<Duration>) -> Self {
        Self { settings, archive, connected: OnceCell::new() }
    }

    /// Returns the log, and connects to it if that has not succeeded yet.
    async fn log(&self) -> Result<&KafkaLog, Error> {
        let connect = || KafkaLog::connect_archived(&self.settings, self.archive);
        let connected = self.connected.get_or_try_init(connect).await;
        // What an operator mends is retried as well: the process serves meanwhile.
        connected.map_err(|error| Error::new(ErrorKind::Unavailable, "connect to the log", error))
    }
}

#[async_trait]
impl RatingLog for LateLog {
    async fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, Error> {
        self.log().await?.bounds(topic).await
    }

    async fn ends(&self, topic: Topic) -> Result<BTreeMap<Partition, Offset>, Error> {
        self.log().await?.ends(topic).await
    }

    async fn append(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Vec<Position>, Error> {
        self.log().await?.append(topic, records).await
    }

    async fn read(&self, topic: Topic, from: Position, max: usize) -> Result<Vec<Record>, Error> {
        self.log().await?.read(topic, from, max).await
    }

    async fn subscribe(&self, topic: Topic, group: &str) -> Result<Box<dyn Subscription>, Error> {
        self.log().await?.subscribe(topic, group).await
    }

    async fn committed(&self, topic: Topic, group: &str) -> Result<BTreeMap<Partition, Offset>, Error> {
        self.log().await?.committed(topic, group).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_log_that_is_away_fails_its_calls_and_not_the_start() {
        let connect_timeout = Duration::from_millis(100);
        let settings = Settings { bootstrap: "127.0.0.1:1".to_owned(), connect_timeout, ..Settings::default() };
        let log = LateLog::new(settings, None);
        for _ in 0..2 {
            let error = log.bounds(Topic::PREDICTIONS).await.expect_err("no broker is there");
            assert!(error.is_retryable(), "{error:?}");
            assert_eq!(error.to_string(), "connect to the log");
        }
    }
}
