//! What every rating log must do.

mod model;
pub mod retention;
pub mod subscriptions;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{Offset, Partition, Position, Timestamp};

use super::Fixture;
use crate::{Bounds, ErrorKind, NewRecord, RatingLog, Record, Topic, partition_for};

pub use model::random_operations_follow_the_model;

type Log = dyn RatingLog;

/// Whole milliseconds, because no log has to keep more.
const THEN: Timestamp = Timestamp::from_micros(881_250_949_123_000);

/// Runs every case, one after another.
pub async fn suite(fixture: &impl Fixture<Log>) {
    a_new_log_is_empty(fixture).await;
    positions_come_in_the_order_given_and_rise_in_each_partition(fixture).await;
    a_key_goes_to_its_partition_and_no_key_to_the_first(fixture).await;
    a_record_is_read_back_as_it_was_appended(fixture).await;
    a_read_starts_and_ends_where_it_is_told(fixture).await;
    a_read_from_below_the_beginning_starts_at_the_beginning(fixture).await;
    bounds_move_with_every_record(fixture).await;
    an_empty_append_succeeds(fixture).await;
    a_record_that_is_too_large_is_refused(fixture).await;
    records_survive_a_reopen(fixture).await;
    a_compacted_topic_keeps_the_newest_record_of_each_key(fixture).await;
    topics_do_not_see_each_other(fixture).await;
    concurrent_appends_lose_nothing_and_share_no_position(fixture).await;
    subscriptions::suite(fixture).await;
}

fn record(key: &str, value: &str) -> NewRecord {
    NewRecord { key: Some(key.to_owned().into()), value: value.to_owned().into(), headers: Vec::new(), timestamp: THEN }
}

/// Records of 13 keys, in one or more partitions. No two are the same.
fn numbered(numbers: Range<u32>) -> Vec<NewRecord> {
    numbers.map(|n| record(&format!("user {}", n % 13), &format!("rating {n}"))).collect()
}

/// The record that must be read at a position.
fn placed(new: NewRecord, position: Position) -> Record {
    Record { position, key: new.key, value: new.value, headers: new.headers, timestamp: new.timestamp }
}

async fn append(log: &Arc<Log>, topic: Topic, records: Vec<NewRecord>) -> Vec<Position> {
    let count = records.len();
    let positions = log.append(topic, records).await.expect("append");
    assert_eq!(positions.len(), count, "as many positions as records");
    positions
}

/// Appends records. Returns the records that must be read, in the order of their positions.
async fn append_placed(log: &Arc<Log>, topic: Topic, records: Vec<NewRecord>) -> Vec<Record> {
    let positions = append(log, topic, records.clone()).await;
    let mut placed: Vec<_> = records.into_iter().zip(positions).map(|(new, at)| placed(new, at)).collect();
    placed.sort_by_key(|record| record.position);
    placed
}

async fn bounds(log: &Arc<Log>, topic: Topic) -> Vec<Bounds> {
    let bounds = log.bounds(topic).await.expect("bounds");
    assert!(!bounds.is_empty(), "a topic has a partition");
    for (index, bound) in bounds.iter().enumerate() {
        assert_eq!(bound.partition.0 as usize, index, "in partition order");
        assert!(bound.begin <= bound.end, "{bound:?}");
    }
    bounds
}

async fn read(log: &Arc<Log>, topic: Topic, partition: Partition, from: Offset, max: usize) -> Vec<Record> {
    log.read(topic, Position { partition, offset: from }, max).await.expect("read")
}

/// Reads a whole topic in the order of positions, a few records at a time.
async fn read_all(log: &Arc<Log>, topic: Topic) -> Vec<Record> {
    let mut all: Vec<Record> = Vec::new();
    for bound in bounds(log, topic).await {
        let mut next = bound.begin;
        loop {
            let found = read(log, topic, bound.partition, next, 7).await;
            assert!(found.len() <= 7, "no more than asked for");
            let Some(last) = found.last() else { break };
            next = last.position.offset.next();
            all.extend(found);
        }
    }
    assert!(all.is_sorted_by(|a, b| a.position < b.position), "records are in order and none comes twice");
    all
}

/// This holds for every topic.
pub async fn a_new_log_is_empty(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    for &topic in Topic::ALL {
        assert!(bounds(&log, topic).await.iter().all(|bound| bound.begin == bound.end));
        assert_eq!(read_all(&log, topic).await, []);
    }
}

/// This holds within one append and from one append to the next.
pub async fn positions_come_in_the_order_given_and_rise_in_each_partition(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let mut newest: BTreeMap<Partition, Offset> = BTreeMap::new();
    for from in [0, 100, 101, 102] {
        let records = numbered(from..if from == 0 { 100 } else { from + 1 });
        let positions = append(&log, Topic::RATINGS, records.clone()).await;
        for (position, new) in positions.into_iter().zip(records) {
            let before = newest.insert(position.partition, position.offset);
            assert!(before.is_none_or(|before| before < position.offset), "{before:?} before {position}");
            let found = read(&log, Topic::RATINGS, position.partition, position.offset, 1).await;
            assert_eq!(found, [placed(new, position)]);
        }
    }
}

/// The partition is that of Kafka's own clients, so that a key stays in order whichever client
/// appends.
pub async fn a_key_goes_to_its_partition_and_no_key_to_the_first(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let partitions = bounds(&log, Topic::RATINGS).await.len() as u32;
    let keys: Vec<String> = (0..60).map(|n| format!("user {n}")).collect();
    let positions = append(&log, Topic::RATINGS, keys.iter().map(|key| record(key, "x")).collect()).await;
    for (key, position) in keys.iter().zip(positions) {
        assert_eq!(position.partition, partition_for(key.as_bytes(), partitions), "{key}");
    }
    let keyless = NewRecord { key: None, ..record("", "x") };
    for position in append(&log, Topic::RATINGS, vec![keyless; 5]).await {
        assert_eq!(position.partition, Partition(0));
    }
}

/// Key, value, headers and time, each empty, long or binary.
pub async fn a_record_is_read_back_as_it_was_appended(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let binary = Bytes::from_static(&[0, 255, b'\n', 0]);
    let large: Bytes = (0..300_000u32).map(|n| n as u8).collect::<Vec<_>>().into();
    let headers =
        [("content-type", "application/json"), ("twice", "b"), ("twice", "a"), ("empty", ""), ("", "no name")];
    let records = vec![
        record("user", "rating"),
        record("", ""),
        NewRecord { key: None, ..record("", "no key") },
        NewRecord { key: Some(binary.clone()), value: binary.clone(), ..record("", "") },
        NewRecord { value: large, ..record("user", "") },
        NewRecord {
            headers: headers.map(|(name, value)| (name.to_owned(), value.into())).into(),
            ..record("user", "x")
        },
        NewRecord { headers: vec![("binary".to_owned(), binary)], ..record("user", "x") },
        NewRecord { timestamp: Timestamp::from_seconds(1), ..record("user", "early") },
    ];
    for topic in [Topic::RATINGS, Topic::REJECTED] {
        let expected = append_placed(&log, topic, records.clone()).await;
        assert_eq!(read_all(&log, topic).await, expected);
    }
}

/// From every offset, from the end and from past it, for no records, some and more than there are.
pub async fn a_read_starts_and_ends_where_it_is_told(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let records = (0..10).map(|n| NewRecord { key: None, ..record("", &format!("{n}")) }).collect();
    let expected = append_placed(&log, Topic::RATINGS, records).await;
    for (index, from) in expected.iter().enumerate() {
        for max in [0, 1, 3, 10, 1_000, usize::MAX] {
            let found = read(&log, Topic::RATINGS, Partition(0), from.position.offset, max).await;
            assert_eq!(found, expected[index..expected.len().min(index.saturating_add(max))], "{max} from {index}");
        }
    }
    let end = bounds(&log, Topic::RATINGS).await[0].end;
    for past in [end, end.next(), Offset(end.0 + 1_000_000), Offset(u64::MAX)] {
        assert_eq!(read(&log, Topic::RATINGS, Partition(0), past, 10).await, [], "from {past}");
    }
}

/// The beginning of a compacted topic may move.
pub async fn a_read_from_below_the_beginning_starts_at_the_beginning(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    for n in 0..5 {
        append(&log, Topic::MOVIES, vec![record("movie", &format!("{n}")), record("another", &format!("{n}"))]).await;
    }
    for bound in bounds(&log, Topic::MOVIES).await {
        let from_begin = read(&log, Topic::MOVIES, bound.partition, bound.begin, 100).await;
        for below in 0..bound.begin.0 {
            assert_eq!(read(&log, Topic::MOVIES, bound.partition, Offset(below), 100).await, from_begin);
        }
        assert_eq!(from_begin.is_empty(), bound.begin == bound.end);
    }
}

/// The end is the offset that the next record gets.
pub async fn bounds_move_with_every_record(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let mut before = bounds(&log, Topic::RATINGS).await;
    for n in 0..20 {
        let position = append(&log, Topic::RATINGS, numbered(n..n + 1)).await[0];
        let moved = &mut before[position.partition.0 as usize];
        assert_eq!(moved.end, position.offset);
        moved.end = position.offset.next();
        assert_eq!(bounds(&log, Topic::RATINGS).await, before);
    }
}

/// And it appends nothing.
pub async fn an_empty_append_succeeds(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    for &topic in Topic::ALL {
        let before = bounds(&log, topic).await;
        assert_eq!(append(&log, topic, Vec::new()).await, []);
        assert_eq!(bounds(&log, topic).await, before);
    }
}

/// A record is refused that is one byte too large in any part. A record of the largest size is
/// appended.
pub async fn a_record_that_is_too_large_is_refused(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let bytes = |length: usize| Bytes::from(vec![b'x'; length]);
    // Names count as well as values: "a" and "bc" make three bytes.
    let headers = |length: usize| vec![("a".to_owned(), bytes(1_000)), ("bc".to_owned(), bytes(length - 1_003))];
    let sized = |over: usize| {
        [
            NewRecord { value: bytes((1 << 20) + over), ..record("user", "") },
            NewRecord { key: Some(bytes((4 << 10) + over)), ..record("", "x") },
            NewRecord { headers: headers((64 << 10) + over), ..record("user", "x") },
        ]
    };
    for large in sized(1) {
        let refused = log.append(Topic::RATINGS, vec![record("user", "x"), large]).await.expect_err("too large");
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    }
    let huge = NewRecord { key: Some(bytes(100_000)), ..record("", "x") };
    assert_eq!(log.append(Topic::MOVIES, vec![huge]).await.expect_err("too large").kind(), ErrorKind::Invalid);
    let expected = append_placed(&log, Topic::RATINGS, sized(0).into()).await;
    let found = read_all(&log, Topic::RATINGS).await;
    assert!(expected.iter().all(|record| found.contains(record)), "the largest records are appended whole");
}

/// And appending goes on at the end.
pub async fn records_survive_a_reopen(fixture: &impl Fixture<Log>) {
    let mut log = fixture.empty().await;
    let mut expected = Vec::new();
    for round in 0..4 {
        expected.extend(append_placed(&log, Topic::RATINGS, numbered(round * 30..round * 30 + 25)).await);
        expected.sort_by_key(|record| record.position);
        let before = bounds(&log, Topic::RATINGS).await;
        log = fixture.reopen(log).await;
        assert_eq!(bounds(&log, Topic::RATINGS).await, before);
        assert_eq!(read_all(&log, Topic::RATINGS).await, expected);
    }
}

/// Records are replaced in the same append, in a later one and after a reopen. Older records may
/// remain unchanged.
pub async fn a_compacted_topic_keeps_the_newest_record_of_each_key(fixture: &impl Fixture<Log>) {
    let mut log = fixture.empty().await;
    let mut newest: BTreeMap<Option<Bytes>, Record> = BTreeMap::new();
    let mut all = Vec::new();
    for round in 0..6 {
        let keys = [0, 1, 2, 1, round, 7 + round, 1];
        let records =
            keys.iter().enumerate().map(|(n, key)| record(&format!("movie {key}"), &format!("{round}/{n}"))).collect();
        for record in append_placed(&log, Topic::MOVIES, records).await {
            newest.insert(record.key.clone(), record.clone());
            all.push(record);
        }
        if round % 2 == 1 {
            log = fixture.reopen(log).await;
        }
        let found = read_all(&log, Topic::MOVIES).await;
        assert!(found.iter().all(|record| all.contains(record)), "nothing but what was appended");
        assert!(newest.values().all(|record| found.contains(record)), "the newest of every key");
    }
}

/// They share neither records nor bounds.
pub async fn topics_do_not_see_each_other(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let mut expected = Vec::new();
    for (topic, count) in [(Topic::RATINGS, 3), (Topic::REJECTED, 5), (Topic::MOVIES, 7)] {
        let records = (0..count).map(|n| record(&format!("{n}"), topic.name())).collect();
        expected.push((topic, append_placed(&log, topic, records).await));
    }
    for (topic, expected) in expected {
        let length: u64 = bounds(&log, topic).await.iter().map(|bound| bound.end.0 - bound.begin.0).sum();
        assert_eq!(length, expected.len() as u64);
        assert_eq!(read_all(&log, topic).await, expected);
    }
}

/// The appends of each task stay in order.
pub async fn concurrent_appends_lose_nothing_and_share_no_position(fixture: &impl Fixture<Log>) {
    let log = fixture.empty().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..16 {
        let log = Arc::clone(&log);
        writers.spawn(async move {
            let mut appended = Vec::new();
            for n in 0..10 {
                let records =
                    (0..3).map(|r| record(&format!("writer {writer}"), &format!("{writer}/{n}/{r}"))).collect();
                appended.extend(append_placed(&log, Topic::RATINGS, records).await);
            }
            assert!(appended.is_sorted_by(|a, b| a.position < b.position), "one key's records rise");
            appended
        });
    }
    let mut expected: Vec<Record> = writers.join_all().await.into_iter().flatten().collect();
    expected.sort_by_key(|record| record.position);
    let places: BTreeSet<Position> = expected.iter().map(|record| record.position).collect();
    assert_eq!(places.len(), 16 * 10 * 3);
    assert_eq!(read_all(&log, Topic::RATINGS).await, expected);
}
