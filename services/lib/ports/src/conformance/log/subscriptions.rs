//! What every subscription of a rating log must do: members of a group share partitions, and a
//! group keeps the offsets that it committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use marquee_domain::{Offset, Partition, Position};

use super::{Log, append, append_placed, bounds, numbered, record};
use crate::conformance::{DEADLINE, Fixture};
use crate::{Delivery, NewRecord, Record, Subscription, Topic};

/// How long one call waits where a condition ends the test.
const WAIT: Duration = Duration::from_millis(100);

/// Most records of one delivery: fewer than most cases append.
const MOST: usize = 6;

/// Runs every case, one after another.
pub(super) async fn suite(fixture: &impl Fixture<Log>) {
    a_subscription_is_assigned_then_brings_every_record_in_order(fixture).await;
    a_subscription_wakes_for_new_records(fixture).await;
    a_wait_without_records_ends_empty(fixture).await;
    a_group_goes_on_from_what_it_committed(fixture).await;
    uncommitted_records_come_again(fixture).await;
    a_subscription_goes_on_from_where_it_seeks(fixture).await;
    members_share_the_partitions_and_take_them_over(fixture).await;
    groups_are_independent(fixture).await;
    a_partition_no_longer_assigned_is_not_committed(fixture).await;
    commits_of_one_topic_are_not_those_of_another(fixture).await;
}

/// A subscription and what it has delivered since its last assignment. A back-end may rebalance at
/// any time.
#[derive(Debug)]
pub(super) struct Reader {
    subscription: Box<dyn Subscription>,
    assigned: Option<Vec<Partition>>,
    pub(super) records: Vec<Record>,
}

impl Reader {
    pub(super) async fn join(log: &Arc<Log>, topic: Topic, group: &str) -> Self {
        let subscription = log.subscribe(topic, group).await.expect("subscribe");
        Self { subscription, assigned: None, records: Vec::new() }
    }

    async fn step(&mut self, wait: Duration) {
        match self.subscription.next(MOST, wait).await.expect("next") {
            Delivery::Assigned(mut partitions) => {
                partitions.sort_unstable();
                assert!(partitions.is_sorted_by(|a, b| a < b), "no partition twice: {partitions:?}");
                self.assigned = Some(partitions);
                self.records.clear();
            }
            Delivery::Records(records) => {
                assert!(records.len() <= MOST, "no more than asked for");
                let assigned = self.assigned.as_deref().unwrap_or_default();
                assert!(records.iter().all(|record| assigned.contains(&record.position.partition)), "assigned first");
                self.records.extend(records);
            }
        }
    }

    /// Reads until a condition holds.
    pub(super) async fn until(&mut self, holds: impl Fn(&Self) -> bool) {
        let reading = async {
            while !holds(self) {
                self.step(WAIT).await;
            }
        };
        let ended = tokio::time::timeout(DEADLINE, reading).await;
        assert!(ended.is_ok(), "waited too long: {self:?}");
    }

    pub(super) fn is_assigned(&self) -> bool {
        self.assigned.is_some()
    }

    /// Returns what was delivered, in the order of positions. Fails where the records of a
    /// partition did not come in order, each once.
    pub(super) fn in_order(&self) -> Vec<Record> {
        let mut records = self.records.clone();
        // The sort is stable, so within a partition the order is that of delivery.
        records.sort_by_key(|record| record.position.partition);
        assert!(
            records.is_sorted_by(|a, b| a.position < b.position),
            "each record once, in order within its partition"
        );
        records
    }

    /// Commits the first `count` records that were delivered. Returns the committed offsets.
    pub(super) async fn commit(&mut self, count: usize) -> BTreeMap<Partition, Offset> {
        let done = &self.records[..count];
        let next = done.iter().map(|record| (record.position.partition, record.position.offset.next())).collect();
        self.subscription.commit(&next).await.expect("commit");
        next
    }

    async fn seek(&mut self, to: Position) {
        self.records.clear();
        self.subscription.seek(to).await.expect("seek");
    }
}

/// Reads with two members until a condition holds. A rebalance may need both.
async fn until_both(a: &mut Reader, b: &mut Reader, holds: impl Fn(&Reader, &Reader) -> bool) {
    let reading = async {
        while !holds(a, b) {
            a.step(WAIT).await;
            b.step(WAIT).await;
        }
    };
    let ended = tokio::time::timeout(DEADLINE, reading).await;
    assert!(ended.is_ok(), "waited too long: {a:?} {b:?}");
}

/// Returns whether two members together have each partition once, and each has one if there are
/// two. A back-end may assign nothing to a new member until the other has given up some partitions.
fn share(all: &[Partition], a: &Reader, b: &Reader) -> bool {
    let (Some(a), Some(b)) = (&a.assigned, &b.assigned) else { return false };
    if all.len() > 1 && (a.is_empty() || b.is_empty()) {
        return false;
    }
    let mut both = [a.as_slice(), b].concat();
    both.sort_unstable();
    both == all
}

async fn partitions(log: &Arc<Log>) -> Vec<Partition> {
    bounds(log, Topic::RATINGS).await.into_iter().map(|bound| bound.partition).collect()
}

async fn committed(log: &Arc<Log>, topic: Topic, group: &str) -> BTreeMap<Partition, Offset> {
    log.committed(topic, group).await.expect("committed")
}

/// Records from before it and records that come later.
pub async fn a_subscription_is_assigned_then_brings_every_record_in_order(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let mut expected = append_placed(&log, Topic::RATINGS, numbered(0..40)).await;
    let mut reader = Reader::join(&log, Topic::RATINGS, "group").await;
    reader.until(|reader| reader.records.len() >= 40).await;
    assert_eq!(reader.assigned, Some(partitions(&log).await));
    assert_eq!(reader.in_order(), expected);
    for from in [40, 41, 42] {
        expected.extend(append_placed(&log, Topic::RATINGS, numbered(from..from + 1)).await);
    }
    expected.sort_by_key(|record| record.position);
    reader.until(|reader| reader.records.len() >= 43).await;
    assert_eq!(reader.in_order(), expected);
}

/// It wakes long before its wait is over.
pub async fn a_subscription_wakes_for_new_records(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let mut reader = Reader::join(&log, Topic::RATINGS, "group").await;
    reader.until(|reader| reader.is_assigned()).await;
    for n in 0..3 {
        let waiting = async {
            while reader.records.len() <= n as usize {
                reader.step(2 * DEADLINE).await;
            }
        };
        let (woken, _) =
            tokio::join!(tokio::time::timeout(DEADLINE, waiting), append(&log, Topic::RATINGS, numbered(n..n + 1)));
        assert!(woken.is_ok(), "slept through record {n}");
    }
}

/// A wait of no time ends too.
pub async fn a_wait_without_records_ends_empty(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let mut reader = Reader::join(&log, Topic::RATINGS, "group").await;
    reader.until(|reader| reader.is_assigned()).await;
    for wait in [Duration::ZERO, Duration::from_millis(20)] {
        let ended = tokio::time::timeout(DEADLINE, reader.step(wait)).await;
        assert!(ended.is_ok(), "a wait of {wait:?} did not end");
        assert_eq!(reader.records, []);
    }
}

/// This holds for another subscription, and after a reopen. A partition without a commit starts at
/// its beginning.
pub async fn a_group_goes_on_from_what_it_committed(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let expected = append_placed(&log, Topic::RATINGS, numbered(0..40)).await;
    assert_eq!(committed(&log, Topic::RATINGS, "group").await, BTreeMap::new());
    let mut reader = Reader::join(&log, Topic::RATINGS, "group").await;
    reader.until(|reader| reader.records.len() >= 40).await;
    let next = reader.commit(15).await;
    assert_eq!(committed(&log, Topic::RATINGS, "group").await, next);
    drop(reader);
    let left =
        |record: &Record| next.get(&record.position.partition).is_none_or(|next| *next <= record.position.offset);
    let left: Vec<Record> = expected.into_iter().filter(left).collect();
    assert_eq!(left.len(), 25);

    let mut again = Reader::join(&log, Topic::RATINGS, "group").await;
    again.until(|reader| reader.records.len() >= 25).await;
    assert_eq!(again.in_order(), left);
    drop(again);

    let log = fixture.reopen(log).await;
    assert_eq!(committed(&log, Topic::RATINGS, "group").await, next);
    let mut again = Reader::join(&log, Topic::RATINGS, "group").await;
    again.until(|reader| reader.records.len() >= 25).await;
    assert_eq!(again.in_order(), left);
}

/// They come to the next subscription: a delivered record is not yet processed.
pub async fn uncommitted_records_come_again(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let expected = append_placed(&log, Topic::RATINGS, numbered(0..20)).await;
    for _ in 0..2 {
        let mut reader = Reader::join(&log, Topic::RATINGS, "group").await;
        reader.until(|reader| reader.records.len() >= 20).await;
        assert_eq!(reader.in_order(), expected);
    }
}

/// Back, forward, and to the end.
pub async fn a_subscription_goes_on_from_where_it_seeks(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let records = |n: u32| (0..n).map(|n| NewRecord { key: None, ..record("", &format!("{n}")) }).collect();
    let expected = append_placed(&log, Topic::RATINGS, records(20)).await;
    let mut reader = Reader::join(&log, Topic::RATINGS, "group").await;
    reader.until(|reader| reader.records.len() >= 20).await;
    for index in [5, 0, 19] {
        reader.seek(expected[index].position).await;
        reader.until(|reader| reader.records.len() >= 20 - index).await;
        assert_eq!(reader.records, expected[index..]);
    }
    reader.seek(expected[0].position).await;
    reader.seek(Position { offset: expected[19].position.offset.next(), ..expected[19].position }).await;
    let new = append_placed(&log, Topic::RATINGS, records(1)).await;
    reader.until(|reader| !reader.records.is_empty()).await;
    assert_eq!(reader.records, new);
}

/// Every record comes to the member that has its partition. What a member did not commit comes to
/// the member that gets the partition next.
pub async fn members_share_the_partitions_and_take_them_over(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let all = partitions(&log).await;
    append(&log, Topic::RATINGS, numbered(0..40)).await;
    let mut first = Reader::join(&log, Topic::RATINGS, "group").await;
    first.until(|reader| reader.records.len() >= 40).await;
    first.commit(40).await;

    let mut second = Reader::join(&log, Topic::RATINGS, "group").await;
    until_both(&mut first, &mut second, |a, b| share(&all, a, b)).await;
    let expected = append_placed(&log, Topic::RATINGS, numbered(40..80)).await;
    until_both(&mut first, &mut second, |a, b| share(&all, a, b) && a.records.len() + b.records.len() >= 40).await;
    let mut both = [first.in_order(), second.in_order()].concat();
    both.sort_by_key(|record| record.position);
    assert_eq!(both, expected);

    drop(first);
    second.until(|reader| reader.assigned.as_ref() == Some(&all) && reader.records.len() >= 40).await;
    assert_eq!(second.in_order(), expected);
}

/// Each has every partition and every record, and its own commits.
pub async fn groups_are_independent(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let expected = append_placed(&log, Topic::RATINGS, numbered(0..20)).await;
    let mut one = Reader::join(&log, Topic::RATINGS, "one").await;
    let mut two = Reader::join(&log, Topic::RATINGS, "two").await;
    until_both(&mut one, &mut two, |one, two| one.records.len() >= 20 && two.records.len() >= 20).await;
    assert_eq!((one.in_order(), two.in_order()), (expected.clone(), expected));
    assert_eq!(one.assigned, two.assigned);
    let next = one.commit(20).await;
    assert_eq!(committed(&log, Topic::RATINGS, "one").await, next);
    assert_eq!(committed(&log, Topic::RATINGS, "two").await, BTreeMap::new());
}

/// The partition belongs to another member now, whose commits must not be undone.
pub async fn a_partition_no_longer_assigned_is_not_committed(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let all = partitions(&log).await;
    append(&log, Topic::RATINGS, numbered(0..40)).await;
    let mut first = Reader::join(&log, Topic::RATINGS, "group").await;
    first.until(|reader| reader.records.len() >= 40).await;
    let everything = first.commit(40).await;

    let mut second = Reader::join(&log, Topic::RATINGS, "group").await;
    until_both(&mut first, &mut second, |a, b| share(&all, a, b)).await;
    let back: BTreeMap<_, _> = everything.keys().map(|&partition| (partition, Offset(1))).collect();
    first.subscription.commit(&back).await.expect("commit");
    let kept = |partition: &Partition| first.assigned.as_ref().is_some_and(|assigned| assigned.contains(partition));
    let expected = everything.iter().map(|(&p, &next)| (p, if kept(&p) { Offset(1) } else { next })).collect();
    assert_eq!(committed(&log, Topic::RATINGS, "group").await, expected);
}

/// Even when the group has the same name.
pub async fn commits_of_one_topic_are_not_those_of_another(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    for topic in [Topic::RATINGS, Topic::REJECTED] {
        append(&log, topic, numbered(0..10)).await;
    }
    let mut reader = Reader::join(&log, Topic::REJECTED, "group").await;
    reader.until(|reader| reader.records.len() >= 10).await;
    let next = reader.commit(10).await;
    assert_eq!(committed(&log, Topic::REJECTED, "group").await, next);
    assert_eq!(committed(&log, Topic::RATINGS, "group").await, BTreeMap::new());
}
