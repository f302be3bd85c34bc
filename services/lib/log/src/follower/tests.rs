//! The follower over a log in memory, with faults and paused time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use marquee_domain::Timestamp;
use marquee_ports::memory::{Fault, MemoryLog, Step};
use marquee_ports::{Bounds, ErrorKind, NewRecord};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::*;
use crate::Readiness;

const FIRST: Partition = Partition(0);

/// Keeps what it applied, as a store with an offset of its own would.
#[derive(Debug, Clone, Default)]
struct Rows(Arc<State>);

#[derive(Debug, Default)]
struct State {
    applied: Mutex<Vec<Position>>,
    next: Mutex<Offsets>,
    fails: AtomicBool,
    invalid: AtomicBool,
}

impl Rows {
    fn applied(&self) -> usize {
        self.0.applied.lock().unwrap().len()
    }

    fn check(&self) -> Result<(), Error> {
        let kind = if self.0.invalid.load(Ordering::SeqCst) { ErrorKind::Invalid } else { ErrorKind::Unavailable };
        if self.0.fails.load(Ordering::SeqCst) { Err(Error::bare(kind, "write rows")) } else { Ok(()) }
    }
}

#[async_trait]
impl Handler for Rows {
    async fn assigned(&mut self, partitions: &[Partition]) -> Result<Offsets, Error> {
        self.check()?;
        let next = self.0.next.lock().unwrap();
        Ok(partitions.iter().map(|partition| (*partition, next.get(partition).copied().unwrap_or_default())).collect())
    }

    async fn apply(&mut self, batch: Batch) -> Result<Offsets, Error> {
        self.check()?;
        let mut next = Offsets::new();
        for (partition, records) in batch {
            self.0.applied.lock().unwrap().extend(records.iter().map(|record| record.position));
            next.extend(records.last().map(|last| (partition, last.position.offset.next())));
        }
        self.0.next.lock().unwrap().extend(next.clone());
        Ok(next)
    }
}

fn options() -> FollowerOptions {
    FollowerOptions {
        topic: Topic::RATINGS,
        group: "group".to_owned(),
        batch: 3,
        wait: Duration::from_secs(1),
        backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(5)),
        measure_every: Duration::from_secs(1),
    }
}

/// Appends keyed records.
async fn append(log: &MemoryLog, count: usize) {
    let record = |n: usize| NewRecord {
        key: Some(format!("user {n}").into()),
        value: "value".into(),
        headers: Vec::new(),
        timestamp: Timestamp::from_seconds(1),
    };
    log.append(Topic::RATINGS, (0..count).map(record).collect()).await.unwrap();
}

struct Running {
    progress: watch::Receiver<Progress>,
    task: JoinHandle<Result<(), Error>>,
}

fn start(log: &MemoryLog, rows: &Rows) -> Running {
    let follower = Follower::new(Arc::new(log.clone()), options());
    let (progress, mut rows) = (follower.progress(), rows.clone());
    Running { progress, task: tokio::spawn(async move { follower.run(&mut rows, std::future::pending()).await }) }
}

impl Running {
    /// Waits until the progress fulfils a condition.
    async fn until(&mut self, holds: impl Fn(&Progress) -> bool) {
        let waited = tokio::time::timeout(Duration::from_secs(600), self.progress.wait_for(|now| holds(now))).await;
        assert!(waited.is_ok_and(|held| held.is_ok()), "waited too long: {:?}", *self.progress.borrow());
    }

    fn lag(&self) -> u64 {
        self.progress.borrow().partitions().into_values().map(PartitionProgress::lag).sum()
    }
}

fn is_ready(progress: &Progress) -> bool {
    progress.readiness() == Readiness::Ready
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_when_it_has_applied_and_committed_what_was_there_at_the_start() {
    let log = MemoryLog::new(2);
    append(&log, 20).await;
    log.set_rebalance_delay(Duration::from_secs(3));
    let (rows, started) = (Rows::default(), Instant::now());
    let mut running = start(&log, &rows);
    sleep(Duration::from_millis(2_500)).await;
    assert_eq!(running.progress.borrow().readiness(), Readiness::Unassigned);
    running.until(is_ready).await;
    assert_eq!((rows.applied(), started.elapsed().as_secs()), (20, 3));
    sleep(Duration::from_millis(1)).await;
    let ends: Offsets =
        log.bounds(Topic::RATINGS).await.unwrap().iter().map(|bounds| (bounds.partition, bounds.end)).collect();
    assert_eq!(log.committed(Topic::RATINGS, "group").await.unwrap(), ends);
}

#[tokio::test(start_paused = true)]
async fn offsets_without_a_record_at_the_end_neither_stop_readiness_nor_count_as_lag() {
    let log = MemoryLog::new(1);
    append(&log, 5).await;
    log.append_control_record(Topic::RATINGS, FIRST);
    let rows = Rows::default();
    let mut running = start(&log, &rows);
    running.until(is_ready).await;
    assert_eq!((rows.applied(), running.lag()), (5, 0));
    append(&log, 1).await;
    log.append_control_record(Topic::RATINGS, FIRST);
    sleep(Duration::from_secs(5)).await;
    assert_eq!((rows.applied(), running.lag()), (6, 0));
}

#[tokio::test(start_paused = true)]
async fn an_emptied_partition_has_nothing_to_catch_up_with() {
    let log = MemoryLog::new(1);
    append(&log, 5).await;
    log.forget(Topic::RATINGS, FIRST, Offset(5));
    assert_eq!(
        log.bounds(Topic::RATINGS).await.unwrap(),
        [Bounds { partition: FIRST, begin: Offset(5), end: Offset(5) }]
    );
    let mut running = start(&log, &Rows::default());
    running.until(is_ready).await;
    assert_eq!(running.lag(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_it_goes_on_where_the_handler_says_and_lag_grows_meanwhile() {
    let log = MemoryLog::new(1);
    append(&log, 4).await;
    let rows = Rows::default();
    let mut running = start(&log, &rows);
    running.until(is_ready).await;
    rows.0.fails.store(true, Ordering::SeqCst);
    append(&log, 7).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(running.progress.borrow().readiness(), Readiness::Interrupted("write rows".to_owned()));
    assert_eq!(running.lag(), 7);
    let tries = running.progress.borrow().interruptions();
    assert!((12..40).contains(&tries), "{tries} tries in a minute");
    rows.0.fails.store(false, Ordering::SeqCst);
    running.until(|progress| is_ready(progress) && progress.partitions()[&FIRST].next == Offset(11)).await;
    let expected: Vec<Position> = (0..11).map(|n| Position { partition: FIRST, offset: Offset(n) }).collect();
    assert_eq!(*rows.0.applied.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_log_are_retried() {
    let log = MemoryLog::new(1);
    append(&log, 10).await;
    for (method, number) in
        [("bounds", 1), ("subscribe", 1), ("next", 1), ("next", 3), ("seek", 1), ("commit", 1), ("commit", 3)]
    {
        log.faults().add(Step::on(method, number, Fault::FailAfter(ErrorKind::Unavailable)));
    }
    let rows = Rows::default();
    let mut running = start(&log, &rows);
    running.until(is_ready).await;
    assert_eq!(rows.applied(), 10);
    assert!(running.progress.borrow().interruptions() >= 6);
}

#[tokio::test(start_paused = true)]
async fn a_failing_measurement_does_not_interrupt_and_a_batch_costs_no_measurement() {
    let log = MemoryLog::new(1);
    for number in 2..100 {
        log.faults().add(Step::on("bounds", number, Fault::Fail(ErrorKind::Unavailable)));
    }
    let rows = Rows::default();
    let mut running = start(&log, &rows);
    running.until(is_ready).await;
    append(&log, 300).await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!(rows.applied(), 300);
    assert_eq!(log.faults().calls().iter().filter(|call| **call == "bounds").count(), 1);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(running.progress.borrow().interruptions(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_moves_away_takes_its_lag_along() {
    let log = MemoryLog::new(2);
    append(&log, 20).await;
    let mut first = start(&log, &Rows::default());
    first.until(|progress| progress.partitions().len() == 2).await;
    let mut second = start(&log, &Rows::default());
    second.until(|progress| progress.partitions().len() == 1).await;
    first.until(|progress| progress.partitions().len() == 1).await;
    assert!(first.progress.borrow().partitions().keys().ne(second.progress.borrow().partitions().keys()));
}

/// Reports the first partition of a batch at once, and ends the batch later.
struct Early(ProgressReporter);

/// How long a batch of [`Early`] takes.
const SLOW: Duration = Duration::from_secs(10);

#[async_trait]
impl Handler for Early {
    async fn assigned(&mut self, partitions: &[Partition]) -> Result<Offsets, Error> {
        Ok(partitions.iter().map(|partition| (*partition, Offset(0))).collect())
    }

    async fn apply(&mut self, batch: Batch) -> Result<Offsets, Error> {
        if let Some((&partition, records)) = batch.first_key_value()
            && let Some(last) = records.last()
        {
            self.0.advance(partition, last.position.offset.next());
        }
        sleep(SLOW).await;
        Ok(Offsets::new())
    }
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_reported_is_seen_before_the_batch_ends() {
    let log = MemoryLog::new(2);
    append(&log, 20).await;
    let follower = Follower::new(Arc::new(log.clone()), FollowerOptions { batch: 100, ..options() });
    let (mut progress, mut handler) = (follower.progress(), Early(follower.reporter()));
    let started = Instant::now();
    let task = tokio::spawn(async move { follower.run(&mut handler, std::future::pending()).await });
    let begun = |progress: &Progress| {
        let partitions = progress.partitions().into_values();
        partitions.filter(|partition| partition.next > Offset(0)).count()
    };
    let first = progress.wait_for(|now| begun(now) > 0).await.map(|now| begun(&now)).expect("it runs");
    assert_eq!((first, started.elapsed() < SLOW), (1, true));
    let all = progress.wait_for(|now| begun(now) == 2).await.map(|now| begun(&now)).expect("it runs");
    assert_eq!((all, started.elapsed() >= SLOW), (2, true));
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn an_error_that_no_retry_mends_ends_it_and_a_stop_does_too() {
    let log = MemoryLog::new(1);
    append(&log, 1).await;
    let mut rows = Rows::default();
    rows.0.fails.store(true, Ordering::SeqCst);
    let follower = Follower::new(Arc::new(log.clone()), options());
    follower.run(&mut rows, sleep(Duration::from_secs(10))).await.expect("stopped");
    rows.0.invalid.store(true, Ordering::SeqCst);
    let ended = start(&log, &rows).task.await.expect("no panic");
    assert_eq!(ended.expect_err("invalid").kind(), ErrorKind::Invalid);
}
