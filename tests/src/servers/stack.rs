//! Kafka, Redis and S3 together, and the settings that lead a fleet to them.

use anyhow::Result;
use marquee::{LogBackend, Settings, StoreBackend};

use super::{Kafka, Redis, S3};

/// One of each: everything that a fleet can stand on.
#[derive(Debug)]
pub struct Stack {
    /// The rating log.
    pub kafka: Kafka,
    /// The online store.
    pub redis: Redis,
    /// The object store.
    pub s3: S3,
}

impl Stack {
    /// Starts them side by side: one broker, one Redis, one S3.
    pub async fn start() -> Result<Self> {
        let (kafka, redis, s3) = tokio::join!(Kafka::start(1), Redis::start(), S3::start());
        Ok(Self { kafka: kafka?, redis: redis?, s3: s3? })
    }

    /// Returns the settings that a fleet needs, as keys and values in TOML. They contain a secret,
    /// so pass them by the environment.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let text = |text: &str| format!("{text:?}");
        let mut pairs = vec![
            ("backends.log", text("kafka")),
            ("backends.store", text("redis")),
            ("kafka.bootstrap", text(&self.kafka.bootstrap())),
            ("kafka.replication", "1".to_owned()),
            ("kafka.min_insync_replicas", "1".to_owned()),
            ("redis.urls", format!("{:?}", self.redis.urls())),
        ];
        pairs.extend(self.s3.pairs());
        pairs
    }

    /// The same as variables of the environment.
    pub fn variables(&self) -> Vec<(String, String)> {
        super::variables(self.pairs())
    }

    /// The same in settings.
    pub fn lead(&self, settings: &mut Settings) {
        settings.backends.log = LogBackend::Kafka;
        settings.backends.store = StoreBackend::Redis;
        settings.kafka.bootstrap = self.kafka.bootstrap();
        (settings.kafka.replication, settings.kafka.min_insync_replicas) = (1, 1);
        settings.redis.urls = self.redis.urls();
        self.s3.lead(settings);
    }
}
