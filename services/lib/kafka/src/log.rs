//! The rating log over Kafka.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Bounds, Error, ErrorKind, NewRecord, RatingLog, Record, Subscription, Topic, check_group};
use marquee_settings::Validate;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::failure::late;
use crate::group::KafkaSubscription;
use crate::leaving::LeavingMembers;
use crate::partitions::earlier_count;
use crate::producer::Producer;
use crate::reader::{self, Readers};
use crate::{ConnectError, Settings, protection, topics};

/// A rating log in Kafka. Dropping it and its subscriptions ends every thread and connection, which
/// takes a moment.
pub struct KafkaLog {
    settings: Settings,
    partitions: BTreeMap<Topic, u32>,
    producer: Producer,
    readers: Arc<Readers>,
    permits: Semaphore,
    leaving: Arc<LeavingMembers>,
}

impl fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaLog")
            .field("bootstrap", &self.settings.bootstrap)
            .field("prefix", &self.settings.prefix)
            .field("partitions", &self.partitions)
            .finish_non_exhaustive()
    }
}

impl KafkaLog {
    /// Connects to the brokers, creates missing topics if the settings allow it, and checks those
    /// that exist. Ratings must be kept forever, because no archive runs.
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        Self::connect_archived(settings, None).await
    }

    /// Connects like [`Self::connect`], also to topics to which partitions were added and to topics
    /// with different numbers of them. For programs that copy the records to other topics.
    pub async fn connect_to_copy(settings: &Settings) -> Result<Self, ConnectError> {
        // Whether the records are kept does not matter to who copies them.
        Self::open(settings, Some(Duration::ZERO), false).await
    }

    /// Connects like [`Self::connect`]. `archive` is the interval at which an archive copies the
    /// ratings out of the log, or `None` when none runs. With an archive, a finite retention of the
    /// ratings is accepted if it leaves the archive time enough.
    ///
    /// # Errors
    /// Among others: partitions were added to a topic that has records.
    pub async fn connect_archived(settings: &Settings, archive: Option<Duration>) -> Result<Self, ConnectError> {
        Self::open(settings, archive, true).await
    }

    async fn open(settings: &Settings, archive: Option<Duration>, is_strict: bool) -> Result<Self, ConnectError> {
        settings.validate().map_err(|invalid| invalid.within("kafka"))?;
        let settings = settings.clone();
        let connected = spawn_blocking(move || {
            protection::check_files(&settings)?;
            let control = reader::connect(&settings)?;
            let partitions = topics::prepare(&settings, Topic::ALL, archive, &control)?;
            let readers = Readers::new(&settings, control);
            if is_strict {
                // Keys first: if only the rating topic got more partitions, it is the one that is
                // wrong, and not the topics that differ from it now.
                check_keys(&settings, &readers, &partitions)?;
                topics::check_agreement(&settings, &partitions)?;
            }
            Ok(Self {
                partitions,
                producer: Producer::new(&settings)?,
                readers: Arc::new(readers),
                permits: Semaphore::new(settings.readers as usize),
                leaving: Arc::default(),
                settings,
            })
        });
        match connected.await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(connected) => connected,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            Err(Err(ended)) => Err(ConnectError::Ended(ended)),
        }
    }

    /// Returns the number of partitions of a topic.
    fn partitions(&self, topic: Topic) -> Result<u32, Error> {
        let missing = || Error::bare(ErrorKind::Invalid, format!("use topic {topic}, which this log does not have"));
        self.partitions.get(&topic).copied().ok_or_else(missing)
    }

    /// Runs a call of the readers where blocking is allowed. librdkafka's own deadlines bound it.
    async fn read_blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Readers) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let readers = Arc::clone(&self.readers);
        let done = spawn_blocking(move || read(&readers)).await;
        done.map_err(|error| Error::new(ErrorKind::Unavailable, "ask Kafka", error))?
    }
}

/// Refuses a rating topic to which partitions were added after it had records. Blocks.
fn check_keys(settings: &Settings, readers: &Readers, partitions: &BTreeMap<Topic, u32>) -> Result<(), ConnectError> {
    let Some(&count) = partitions.get(&Topic::RATINGS) else { return Ok(()) };
    let topic = settings.topic(Topic::RATINGS);
    match earlier_count(readers, &topic, count) {
        Ok(None) => Ok(()),
        Ok(Some(before)) => {
            let problem = format!(
                "it has {count} partitions, but its first records were written when it had {before}, so the events of \
                 most users are in another partition than they belong to now"
            );
            Err(ConnectError::Unfit { topic, problem, fix: topics::REKEY.to_owned() })
        }
        // Reading may be impossible now; it is no reason not to start.
        Err(error) => {
            tracing::warn!(%error, topic, "could not check whether partitions were added");
            Ok(())
        }
    }
}

#[async_trait]
impl RatingLog for KafkaLog {
    async fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, Error> {
        let (partitions, topic) = (self.partitions(topic)?, self.settings.topic(topic));
        self.read_blocking(move |readers| readers.bounds(&topic, partitions)).await
    }

    async fn ends(&self, topic: Topic) -> Result<BTreeMap<Partition, Offset>, Error> {
        let (partitions, topic) = (self.partitions(topic)?, self.settings.topic(topic));
        self.read_blocking(move |readers| readers.ends(&topic, partitions)).await
    }

    async fn append(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Vec<Position>, Error> {
        let partitions = self.partitions(topic)?;
        if records.is_empty() {
            return Ok(Vec::new());
        }
        self.producer.append(&self.settings.topic(topic), partitions, &records).await
    }

    async fn read(&self, topic: Topic, from: Position, max: usize) -> Result<Vec<Record>, Error> {
        let (partitions, topic) = (self.partitions(topic)?, self.settings.topic(topic));
        if from.partition.0 >= partitions {
            let doing = format!("read partition {} of {topic}, which has {partitions} partitions", from.partition);
            return Err(Error::bare(ErrorKind::Invalid, doing));
        }
        let permit = tokio::time::timeout(self.settings.request_timeout, self.permits.acquire()).await;
        let _permit = permit.map_err(|_| late(format!("wait for a reader of {topic}")))?;
        self.read_blocking(move |readers| readers.read(&topic, from, max)).await
    }

    async fn subscribe(&self, topic: Topic, group: &str) -> Result<Box<dyn Subscription>, Error> {
        check_group(group)?;
        self.partitions(topic)?;
        let leaving = Arc::clone(&self.leaving);
        Ok(Box::new(KafkaSubscription::join(&self.settings, self.settings.topic(topic), group, leaving)?))
    }

    async fn committed(&self, topic: Topic, group: &str) -> Result<BTreeMap<Partition, Offset>, Error> {
        if check_group(group).is_err() {
            return Ok(BTreeMap::new());
        }
        let (partitions, topic, group) = (self.partitions(topic)?, self.settings.topic(topic), group.to_owned());
        self.read_blocking(move |readers| readers.committed(&topic, partitions, &group)).await
    }
}
