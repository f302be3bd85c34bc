//! The log in memory keeps the promises of its port.

use bytes::Bytes;
use marquee_domain::Timestamp;

use super::*;
use crate::conformance::{self, Fixture};
use crate::memory::{Fault, Step};
use crate::{Delivery, ErrorKind};

struct Memory {
    partitions: u32,
    log: Mutex<Option<MemoryLog>>,
}

impl Memory {
    fn with(partitions: u32) -> Self {
        Self { partitions, log: Mutex::default() }
    }
}

#[async_trait]
impl Fixture<dyn RatingLog> for Memory {
    async fn empty(&self) -> Arc<dyn RatingLog> {
        let log = MemoryLog::new(self.partitions);
        *self.log.lock().unwrap() = Some(log.clone());
        Arc::new(log)
    }

    async fn reopen(&self, port: Arc<dyn RatingLog>) -> Arc<dyn RatingLog> {
        drop(port);
        Arc::new(self.log.lock().unwrap().clone().expect("opened before"))
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_keeps_the_promises_of_its_port() {
    for partitions in [1, 2, 8] {
        conformance::log::suite(&Memory::with(partitions)).await;
    }
}

#[test]
fn the_log_follows_its_model() {
    conformance::log::random_operations_follow_the_model(&Memory::with(2), 64);
}

fn record(value: &'static str) -> NewRecord {
    NewRecord { key: None, value: value.into(), headers: Vec::new(), timestamp: Timestamp::from_seconds(1) }
}

const FIRST: Partition = Partition(0);

fn at(offset: u64) -> Position {
    Position { partition: FIRST, offset: Offset(offset) }
}

async fn values(log: &MemoryLog, from: u64) -> Vec<Bytes> {
    let records = log.read(Topic::RATINGS, at(from), 10).await.unwrap();
    records.into_iter().map(|record| record.value).collect()
}

#[tokio::test(start_paused = true)]
async fn forgotten_and_control_records_leave_gaps() {
    let log = MemoryLog::new(1);
    log.append(Topic::RATINGS, ["a", "b", "c", "d"].map(record).into()).await.unwrap();
    log.append_control_record(Topic::RATINGS, FIRST);
    log.forget(Topic::RATINGS, FIRST, Offset(1));
    log.remove(Topic::RATINGS, at(2));
    assert_eq!(values(&log, 0).await, ["b", "d"]);
    assert_eq!(
        log.bounds(Topic::RATINGS).await.unwrap(),
        [Bounds { partition: FIRST, begin: Offset(1), end: Offset(5) }]
    );
    log.forget(Topic::RATINGS, FIRST, Offset(u64::MAX));
    assert_eq!(log.bounds(Topic::RATINGS).await.unwrap()[0].begin, Offset(5));
    assert_eq!(log.append(Topic::RATINGS, vec![record("e")]).await.unwrap(), [at(5)]);
}

#[tokio::test(start_paused = true)]
async fn a_group_with_a_rebalance_delay_delivers_nothing_before_its_assignment() {
    let log = MemoryLog::new(1);
    log.append(Topic::RATINGS, vec![record("a")]).await.unwrap();
    log.set_rebalance_delay(Duration::from_secs(3));
    let mut reader = log.subscribe(Topic::RATINGS, "group").await.unwrap();
    let started = Instant::now();
    assert_eq!(reader.next(10, Duration::from_secs(1)).await.unwrap(), Delivery::Records(Vec::new()));
    assert_eq!(reader.next(10, Duration::from_secs(60)).await.unwrap(), Delivery::Assigned(vec![FIRST]));
    assert_eq!(started.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn an_append_whose_answer_is_lost_is_in_the_log() {
    let log = MemoryLog::new(1);
    log.faults().add(Step::on("append", 1, Fault::FailAfter(ErrorKind::Unavailable)));
    log.faults().add(Step::on("append", 2, Fault::Fail(ErrorKind::Unavailable)));
    for value in ["a", "b", "c"] {
        let appended = log.append(Topic::RATINGS, vec![record(value)]).await;
        assert_eq!(appended.is_ok(), value == "c");
    }
    assert_eq!(values(&log, 0).await, ["a", "c"]);
}
