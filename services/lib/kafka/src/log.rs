//! The rating log over Kafka: [`RatingLog`] over three topics.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use async_trait::async_trait;
use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Bounds, Error, ErrorKind, NewRecord, RatingLog, Record, Subscription, Topic};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::failure::late;
use crate::group::KafkaSubscription;
use crate::producer::Producer;
use crate::reader::{self, Readers};
use crate::{ConnectError, Settings, topics};

/// Longest name of a consumer group in bytes.
const LONGEST_GROUP: usize = 255;

/// A rating log in Kafka. Dropping the last of it and its subscriptions ends every thread and connection, which takes a moment.
pub struct KafkaLog {
    settings: Settings,
    partitions: u32,
    producer: Producer,
    readers: Arc<Readers>,
    turns: Semaphore,
    leaving: Arc<Leaving>,
}

impl fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topics: Vec<String> = Topic::ALL.iter().map(|&topic| self.settings.topic(topic)).collect();
        f.debug_struct("KafkaLog")
            .field("bootstrap", &self.settings.bootstrap)
            .field("topics", &topics)
            .field("partitions", &self.partitions)
            .finish_non_exhaustive()
    }
}

/// Members that are leaving their groups, each on a thread that the last owner waits for.
#[derive(Debug, Default)]
pub(crate) struct Leaving(Mutex<Vec<JoinHandle<()>>>);

impl Leaving {
    pub(crate) fn add(&self, thread: JoinHandle<()>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|thread| !thread.is_finished());
        all.push(thread);
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        for thread in std::mem::take(self.0.get_mut().unwrap_or_else(PoisonError::into_inner)) {
            let _ = thread.join();
        }
    }
}

impl KafkaLog {
    /// Reaches the brokers, makes the topics that are missing if it may, and checks those that are there.
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        settings.check()?;
        let settings = settings.clone();
        let connected = spawn_blocking(move || {
            let deadline = Instant::now() + settings.connect_timeout;
            let control = reader::connect(&settings)?;
            let partitions = topics::prepare(&settings, &control, deadline)?;
            Ok(Self {
                partitions,
                producer: Producer::new(&settings)?,
                readers: Arc::new(Readers::new(&settings, control)),
                turns: Semaphore::new(settings.readers as usize),
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

    /// Asks where blocking is allowed; librdkafka's own deadlines bound it.
    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Readers) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let readers = Arc::clone(&self.readers);
        let asked = spawn_blocking(move || ask(&readers)).await;
        asked.map_err(|error| Error::new(ErrorKind::Unavailable, "ask Kafka", error))?
    }
}

#[async_trait]
impl RatingLog for KafkaLog {
    async fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, Error> {
        let (topic, partitions) = (self.settings.topic(topic), self.partitions);
        self.ask(move |readers| readers.bounds(&topic, partitions)).await
    }

    async fn append(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Vec<Position>, Error> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        self.producer.append(&self.settings.topic(topic), self.partitions, &records).await
    }

    async fn read(&self, topic: Topic, from: Position, max: usize) -> Result<Vec<Record>, Error> {
        let topic = self.settings.topic(topic);
        if from.partition.0 >= self.partitions {
            let doing = format!("read partition {} of {topic}: there are {}", from.partition, self.partitions);
            return Err(Error::bare(ErrorKind::Invalid, doing));
        }
        let turn = tokio::time::timeout(self.settings.request_timeout, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| late(format!("wait for a reader of {topic}")))?;
        self.ask(move |readers| readers.read(&topic, from, max)).await
    }

    async fn subscribe(&self, topic: Topic, group: &str) -> Result<Box<dyn Subscription>, Error> {
        if !matches!(group.len(), 1..=LONGEST_GROUP) {
            let doing = format!("join a group with a name of {} bytes: give 1 to {LONGEST_GROUP}", group.len());
            return Err(Error::bare(ErrorKind::Invalid, doing));
        }
        let leaving = Arc::clone(&self.leaving);
        Ok(Box::new(KafkaSubscription::join(&self.settings, self.settings.topic(topic), group, leaving)?))
    }

    async fn committed(&self, topic: Topic, group: &str) -> Result<BTreeMap<Partition, Offset>, Error> {
        if !matches!(group.len(), 1..=LONGEST_GROUP) {
            return Ok(BTreeMap::new());
        }
        let (topic, partitions, group) = (self.settings.topic(topic), self.partitions, group.to_owned());
        self.ask(move |readers| readers.committed(&topic, partitions, &group)).await
    }
}
