//! A topic of others: read without a group and without any of our topics.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use marquee_domain::Position;
use marquee_ports::{Bounds, Error, ErrorKind, Record};
use marquee_settings::Validate as _;
use rdkafka::consumer::Consumer as _;
use tokio::task::spawn_blocking;

use crate::client::{self, poll};
use crate::reader::{self, Readers};
use crate::{ConnectError, Settings, protection};

/// The longest time for the list of partitions.
const PARTITIONS: Duration = Duration::from_secs(10);

/// A topic that another program owns. Nothing is created, written or committed.
pub struct ForeignTopic {
    topic: String,
    partitions: u32,
    readers: Arc<Readers>,
}

impl fmt::Debug for ForeignTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, partitions, .. } = self;
        f.debug_struct("ForeignTopic").field("topic", topic).field("partitions", partitions).finish_non_exhaustive()
    }
}

impl ForeignTopic {
    /// Connects to the brokers and finds the partitions of a topic. The settings of our own topics
    /// do not matter.
    ///
    /// # Errors
    /// No broker answers, or there is no such topic.
    pub async fn connect(settings: &Settings, topic: &str) -> Result<Self, ConnectError> {
        settings.validate()?;
        let (settings, topic) = (settings.clone(), topic.to_owned());
        let connected = spawn_blocking(move || {
            protection::check_files(&settings)?;
            let control = reader::connect(&settings)?;
            let partitions = partitions(&control, &topic)?;
            Ok(Self { topic, partitions, readers: Arc::new(Readers::new(&settings, control)) })
        });
        connected.await.map_err(ConnectError::Ended)?
    }

    /// Returns the bounds of each partition.
    ///
    /// # Errors
    /// The brokers do not answer in time.
    pub async fn bounds(&self) -> Result<Vec<Bounds>, Error> {
        let (topic, partitions) = (self.topic.clone(), self.partitions);
        self.read_blocking(move |readers| readers.bounds(&topic, partitions)).await
    }

    /// Reads up to `max` records of a partition from an offset on, in order.
    ///
    /// # Errors
    /// The brokers do not answer in time.
    pub async fn read(&self, from: Position, max: usize) -> Result<Vec<Record>, Error> {
        let topic = self.topic.clone();
        self.read_blocking(move |readers| readers.read(&topic, from, max)).await
    }

    async fn read_blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Readers) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let readers = Arc::clone(&self.readers);
        let done = spawn_blocking(move || read(&readers)).await;
        done.map_err(|error| Error::new(ErrorKind::Unavailable, "ask Kafka", error))?
    }
}

/// Returns the number of partitions of a topic. Blocks.
fn partitions(control: &client::Client, topic: &str) -> Result<u32, ConnectError> {
    let failed = |source| ConnectError::Topic { doing: "look at", topic: topic.to_owned(), source };
    let metadata = control.fetch_metadata(Some(topic), PARTITIONS);
    poll(control);
    let metadata = metadata.map_err(failed)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let count = found.filter(|found| found.error().is_none()).map_or(0, |found| found.partitions().len());
    match u32::try_from(count) {
        Ok(count @ 1..) => Ok(count),
        _ => Err(ConnectError::NoForeignTopic { topic: topic.to_owned() }),
    }
}
