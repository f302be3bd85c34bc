//! The embedded rating log: [`RatingLog`] over a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use fjall::KeyspaceCreateOptions;
use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Bounds, Error, ErrorKind, NewRecord, RatingLog, Record, Subscription, Topic, check_group};
use tokio::sync::{mpsc, oneshot};

use crate::folder::Database;
use crate::groups::Groups;
use crate::reader::Reader;
use crate::retention::{RetentionThread, Sweep};
use crate::subscription::EmbeddedSubscription;
use crate::writer::{Append, Writer};
use crate::{LogSettings, OpenError, topics};

// fjall panics on a key beyond 64 KiB, and the log adds a few bytes to the key of a record.
const _: () = assert!(NewRecord::MAX_KEY < 32 << 10);

/// A rating log in a folder. Dropping it writes the appends that wait and ends its threads.
#[derive(Debug)]
pub struct EmbeddedLog {
    reader: Reader,
    groups: Arc<Groups>,
    queue: Option<mpsc::Sender<Append>>,
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
        let failed = |source| OpenError::Database { path: path.to_owned(), source };
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let database = Database::open(path, &["records", "newest", "committed", "meta"])?;
        let topics = topics::open(path, &database.fjall, topics, settings.partitions)?;
        let keyspace = |name: &str| database.fjall.keyspace(name, KeyspaceCreateOptions::default).map_err(failed);
        let (newest, committed, meta) = (keyspace("newest")?, keyspace("committed")?, keyspace("meta")?);
        let limited = topics.values().map(|topic| (Arc::clone(topic), settings.retention(topic.topic)));
        let sweep = Sweep::new(database.fjall.clone(), meta, limited);
        let topics = Arc::new(topics);
        let writer = Writer { database: database.fjall.clone(), newest, topics: Arc::clone(&topics) };
        let (queue, receiver) = mpsc::channel(settings.queue);
        let writer = std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || writer.run(receiver))
            .map_err(io)?;
        let retention = sweep.map(RetentionThread::start).transpose().map_err(io)?;
        let reader = Reader::new(topics, committed, database);
        Ok(Self { reader, groups: Arc::default(), queue: Some(queue), writer: Some(writer), retention })
    }
}

#[cfg(test)]
impl EmbeddedLog {
    /// Returns a topic's state.
    pub(crate) fn topic(&self, topic: Topic) -> &Arc<topics::StoredTopic> {
        self.reader.topic(topic).expect("the log has the topic")
    }

    /// Returns the database and its keyspace of metadata.
    pub(crate) fn parts(&self) -> (fjall::Database, fjall::Keyspace) {
        let database = self.reader.database();
        let meta = database.keyspace("meta", KeyspaceCreateOptions::default).expect("opens");
        (database, meta)
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
                let begin = topic.begin(partition).map_err(crate::reader::failed("read the embedded log"))?;
                let end = topic.end(partition);
                Ok(Bounds { partition, begin: begin.min(end), end })
            })
            .collect()
    }

    async fn append(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Vec<Position>, Error> {
        self.reader.topic(topic)?;
        if records.is_empty() {
            return Ok(Vec::new());
        }
        records.iter().try_for_each(NewRecord::check_sizes)?;
        let closed = || Error::bare(ErrorKind::Unavailable, "append to a log that is closed");
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        queue.send(Append { topic, records, answer }).await.map_err(|_| closed())?;
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
