//! The embedded rating log: [`RatingLog`] over a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Bounds, Error, ErrorKind, NewRecord, RatingLog, Record, Subscription, Topic, check_group};

use crate::database::Database;
use crate::engine::Use;
use crate::groups::Groups;
use crate::queue::{Closed, Queue};
use crate::reader::{COMMITTED, Reader};
use crate::retention::{RetentionThread, Sweep};
use crate::subscription::EmbeddedSubscription;
use crate::writer::{NEWEST, Writer};
use crate::{LogSettings, OpenError, Trouble, queue, topics};

// fjall panics on a key beyond 64 KiB, and the log adds a few bytes to the key of a record.
const _: () = assert!(NewRecord::MAX_KEY < 32 << 10);

const USE: Use = Use {
    bulk: &["records", NEWEST],
    notes: &[COMMITTED],
    checkpoints: true,
    way_out: "restore the folder from a backup, or delete segments.json in it to go on without what is lost",
};

/// A rating log in a folder. Dropping it writes the appends that wait and ends its threads.
#[derive(Debug)]
pub struct EmbeddedLog {
    reader: Reader,
    groups: Arc<Groups>,
    queue: Option<Queue>,
    writer: Option<JoinHandle<()>>,
    retention: Option<RetentionThread>,
}

impl EmbeddedLog {
    /// Opens or creates the log in a folder, with every topic of a deployment.
    pub fn open(path: &Path, settings: &LogSettings) -> Result<Self, OpenError> {
        Self::open_topics(path, settings, Topic::ALL)
    }

    /// Opens or creates the log in a folder, with some topics. Records of other topics in it are
    /// left alone.
    pub fn open_topics(path: &Path, settings: &LogSettings, topics: &[Topic]) -> Result<Self, OpenError> {
        settings.validate_for(topics).map_err(|invalid| invalid.within("log"))?;
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let database = Database::open(path, USE)?;
        let topics = Arc::new(topics::open(path, &database, topics, settings.partitions)?);
        let again = Arc::clone(&topics);
        database.when_reopened(move |handles| again.values().try_for_each(|topic| topic.open_again(handles)));
        let limited = topics.values().map(|topic| (Arc::clone(topic), settings.retention(topic.topic)));
        let sweep = Sweep::new(database.clone(), limited);
        let writer = Writer { database: database.clone(), topics: Arc::clone(&topics) };
        let (queue, receiver) = Queue::new(settings.queue);
        let writer = std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || writer.run(receiver))
            .map_err(io)?;
        let retention = sweep.map(RetentionThread::start).transpose().map_err(io)?;
        let reader = Reader::new(topics, database);
        Ok(Self { reader, groups: Arc::default(), queue: Some(queue), writer: Some(writer), retention })
    }

    /// Returns the most bytes of memory that a log uses.
    pub fn memory_bytes() -> u64 {
        USE.memory_bytes() + queue::MOST_BYTES
    }

    /// Returns why nothing can be appended, now and later.
    pub fn trouble(&self) -> Trouble {
        self.reader.database.trouble()
    }
}

#[cfg(test)]
impl EmbeddedLog {
    /// Returns a topic's state.
    pub(crate) fn topic(&self, topic: Topic) -> &Arc<topics::StoredTopic> {
        self.reader.topic(topic).expect("the log has the topic")
    }

    /// Returns the database.
    pub(crate) fn database(&self) -> Database {
        self.reader.database.clone()
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        drop(self.queue.take());
        drop(self.retention.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

#[async_trait]
impl RatingLog for EmbeddedLog {
    async fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, Error> {
        let topic = self.reader.topic(topic)?;
        (0..topic.partitions)
            .map(Partition)
            .map(|partition| {
                let begin = self.reader.begin(topic, partition)?;
                let end = topic.end(partition);
                Ok(Bounds { partition, begin: begin.min(end), end })
            })
            .collect()
    }

    async fn ends(&self, topic: Topic) -> Result<BTreeMap<Partition, Offset>, Error> {
        let topic = self.reader.topic(topic)?;
        Ok((0..topic.partitions).map(Partition).map(|partition| (partition, topic.end(partition))).collect())
    }

    async fn append(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Vec<Position>, Error> {
        self.reader.topic(topic)?;
        if records.is_empty() {
            return Ok(Vec::new());
        }
        records.iter().try_for_each(NewRecord::check_sizes)?;
        let closed = || Error::bare(ErrorKind::Unavailable, "append to a log that is closed");
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        let answered = queue.push(topic, records).await.map_err(|Closed| closed())?;
        answered.await.map_err(|_| closed())?
    }

    async fn read(&self, topic: Topic, from: Position, max: usize) -> Result<Vec<Record>, Error> {
        self.reader.read(topic, from, max).await
    }

    async fn subscribe(&self, topic: Topic, group: &str) -> Result<Box<dyn Subscription>, Error> {
        check_group(group)?;
        let membership = self.groups.join(topic, group);
        Ok(Box::new(EmbeddedSubscription::new(self.reader.clone(), topic, group, membership)?))
    }

    async fn committed(&self, topic: Topic, group: &str) -> Result<BTreeMap<Partition, Offset>, Error> {
        self.reader.committed(topic, group)
    }
}
