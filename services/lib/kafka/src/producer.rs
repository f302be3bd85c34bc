//! Appends: an idempotent producer whose records are acknowledged by all in-sync replicas.
//!
//! When a broker dies before it answers, a batch is sent again and stored once, as long as brokers
//! remember the producer. They forget it a day (`producer.id.expiration.ms`) after the timestamp of
//! its newest record. So records with old timestamps may be stored twice when a broker dies.
//! Applying them is idempotent.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Error, ErrorKind, NewRecord, partition_for};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::client::{self, Events};
use crate::failure::{failed, late};
use crate::line::Line;
use crate::{ConnectError, Settings, record};

/// How long an append waits for answers after the delivery timeout of its records.
const GRACE: Duration = Duration::from_secs(5);

type Native = ThreadedProducer<Deliveries>;

type Outgoing<'a> = BaseRecord<'a, [u8], [u8], Box<Place>>;

/// Appends records.
pub(crate) struct Producer {
    /// Replaced after a fatal error: an idempotent producer that lost its sequence accepts no more
    /// records.
    current: RwLock<Arc<Native>>,
    settings: Settings,
    line: Line,
}

/// The results of the records of one append.
struct Batch(Mutex<Progress>);

struct Progress {
    offsets: Vec<i64>,
    left: usize,
    answer: Option<oneshot::Sender<Result<Vec<i64>, KafkaError>>>,
}

/// The place of a record in its append.
struct Place {
    batch: Arc<Batch>,
    index: usize,
}

/// Receives the results of records.
struct Deliveries {
    events: Events,
    room: Arc<Notify>,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.events.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.events.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Place>;

    fn delivery(&self, result: &DeliveryResult<'_>, place: Box<Place>) {
        let offset = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.clone()),
        };
        place.batch.delivered(place.index, offset);
        self.room.notify_one();
    }
}

impl Batch {
    fn new(records: usize) -> (Arc<Self>, oneshot::Receiver<Result<Vec<i64>, KafkaError>>) {
        let (answer, answered) = oneshot::channel();
        let progress = Progress { offsets: vec![-1; records], left: records, answer: Some(answer) };
        (Arc::new(Self(Mutex::new(progress))), answered)
    }

    /// Answers with the first failure or, after the last result, with the offsets.
    fn delivered(&self, index: usize, result: Result<i64, KafkaError>) {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        progress.left -= 1;
        let answer = match result {
            Ok(offset) => {
                progress.offsets[index] = offset;
                if progress.left > 0 {
                    return;
                }
                Ok(std::mem::take(&mut progress.offsets))
            }
            Err(error) => Err(error),
        };
        if let Some(sender) = progress.answer.take() {
            // The caller may have stopped waiting.
            let _ = sender.send(answer);
        }
    }
}

impl Producer {
    pub(crate) fn new(settings: &Settings) -> Result<Self, ConnectError> {
        let line = Line::default();
        let native = start(settings, &line).map_err(ConnectError::Client)?;
        Ok(Self { current: RwLock::new(Arc::new(native)), settings: settings.clone(), line })
    }

    /// Appends to a topic with `partitions` partitions. Appends are in the log in the order in
    /// which they were first polled, also if the queue is full (see `line.rs`).
    pub(crate) async fn append(
        &self,
        topic: &str,
        partitions: u32,
        records: &[NewRecord],
    ) -> Result<Vec<Position>, Error> {
        records.iter().try_for_each(record::check)?;
        let doing = || format!("append to {topic}");
        let native = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        let deadline = Instant::now() + self.settings.delivery_timeout;
        let (batch, answered) = Batch::new(records.len());
        let mut to = Vec::with_capacity(records.len());
        let mut append = self.line.begin(deadline);
        for (index, record) in records.iter().enumerate() {
            let partition = record.key.as_ref().map_or(Partition(0), |key| partition_for(key, partitions));
            to.push(partition);
            let place = Box::new(Place { batch: Arc::clone(&batch), index });
            let sent = append.send(outgoing(topic, partition, record, place), |record| native.send(record)).await;
            sent.map_err(|error| self.refused(&native, doing(), error))?;
        }
        // The next append may take its turn.
        drop(append);
        let answered = tokio::time::timeout(self.settings.delivery_timeout + GRACE, answered).await;
        let answered = answered.map_err(|_| late(doing()))?;
        let answered = answered.map_err(|error| Error::new(ErrorKind::Unavailable, doing(), error))?;
        let offsets = answered.map_err(|error| self.refused(&native, doing(), error))?;
        let place = |(partition, offset): (Partition, i64)| match u64::try_from(offset) {
            Ok(offset) => Ok(Position { partition, offset: Offset(offset) }),
            // The broker has the batch already, but does not know its offsets any more.
            Err(error) => Err(Error::new(ErrorKind::Unavailable, format!("learn the positions in {topic}"), error)),
        };
        to.into_iter().zip(offsets).map(place).collect()
    }

    /// Returns the error of the port, and replaces a producer that had a fatal error.
    fn refused(&self, native: &Arc<Native>, doing: String, error: KafkaError) -> Error {
        let Some((code, reason)) = native.client().fatal_error() else { return failed(doing, error) };
        let fatal = KafkaError::MessageProduction(code);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, native) {
            tracing::warn!(%code, reason, "the producer had a fatal error and is replaced");
            match start(&self.settings, &self.line) {
                Ok(fresh) => *current = Arc::new(fresh),
                Err(error) => return failed(doing, error),
            }
        }
        failed(doing, fatal)
    }
}

/// Returns a record as librdkafka takes it.
fn outgoing<'a>(topic: &'a str, partition: Partition, record: &'a NewRecord, place: Box<Place>) -> Outgoing<'a> {
    let mut outgoing = BaseRecord::with_opaque_to(topic, place)
        .partition(i32::try_from(partition.0).unwrap_or(i32::MAX))
        .payload(&record.value[..])
        .timestamp(record::millis(record.timestamp));
    outgoing.key = record.key.as_deref();
    outgoing.headers = record::headers(&record.headers);
    outgoing
}

fn start(settings: &Settings, line: &Line) -> Result<Native, KafkaError> {
    let deliveries = Deliveries { events: Events::default(), room: line.room() };
    client::producer(settings).create_with_context(deliveries)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use marquee_domain::Timestamp;
    use rdkafka::error::RDKafkaErrorCode;

    use super::*;

    #[test]
    fn a_batch_answers_once_all_are_there_in_the_order_given() {
        let (batch, mut answered) = Batch::new(3);
        batch.delivered(2, Ok(7));
        batch.delivered(0, Ok(5));
        assert!(answered.try_recv().is_err(), "one is missing");
        batch.delivered(1, Ok(0));
        assert_eq!(answered.try_recv().expect("answered"), Ok(vec![5, 0, 7]));
    }

    #[test]
    fn a_batch_answers_with_its_first_failure() {
        let (batch, mut answered) = Batch::new(3);
        let [late, full] = [RDKafkaErrorCode::MessageTimedOut, RDKafkaErrorCode::QueueFull];
        batch.delivered(1, Err(KafkaError::MessageProduction(late)));
        batch.delivered(0, Err(KafkaError::MessageProduction(full)));
        batch.delivered(2, Ok(1));
        assert_eq!(answered.try_recv().expect("answered"), Err(KafkaError::MessageProduction(late)));
    }

    #[tokio::test]
    async fn without_a_broker_appends_fail_in_time_and_a_full_queue_waits() {
        let settings = Settings {
            bootstrap: "127.0.0.1:1".to_owned(),
            delivery_timeout: Duration::from_millis(300),
            in_flight_records: 2,
            ..Settings::default()
        };
        let producer = Producer::new(&settings).expect("a producer");
        let record = NewRecord {
            key: None,
            value: Bytes::from_static(b"value"),
            headers: Vec::new(),
            timestamp: Timestamp::from_seconds(1),
        };
        let started = Instant::now();
        let refused = producer.append("topic", 1, &vec![record; 5]).await.expect_err("nobody is there");
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        assert!(started.elapsed() >= settings.delivery_timeout, "it did not wait for room");
        assert!(started.elapsed() < settings.delivery_timeout + GRACE);
    }
}
