//! What every log must do that removes records beyond a topic's retention.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use marquee_domain::{Offset, Partition};

use super::subscriptions::Reader;
use super::{Log, append_placed, bounds, numbered, read};
use crate::conformance::{DEADLINE, Fixture};
use crate::{Record, Topic};

/// Runs every case, one after another, with a topic of the fixture's logs that has one partition.
/// The log must remove the topic's first records soon after a few hundred short records were
/// appended.
pub async fn suite(fixture: &impl Fixture<Log>, topic: Topic) {
    old_records_are_removed_and_newer_ones_stay(fixture, topic).await;
    what_was_removed_stays_removed_after_a_reopen(fixture, topic).await;
    a_group_whose_next_record_was_removed_goes_on_at_the_beginning(fixture, topic).await;
}

/// Appends records until the first ones are removed. Returns everything that was appended.
async fn append_until_removed(log: &Arc<Log>, topic: Topic) -> Vec<Record> {
    let mut all: Vec<Record> = Vec::new();
    let appending = async {
        while bounds(log, topic).await[0].begin == Offset(0) {
            let from = all.len() as u32;
            all.extend(append_placed(log, topic, numbered(from..from + 50)).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, appending).await.is_ok(), "no record was removed");
    all
}

/// And a read from below the beginning starts at the beginning.
pub async fn old_records_are_removed_and_newer_ones_stay(fixture: &impl Fixture<Log>, topic: Topic) {
    let log = fixture.empty().await;
    let all = append_until_removed(&log, topic).await;
    let before = bounds(&log, topic).await[0];
    let found = read(&log, topic, Partition(0), Offset(0), all.len()).await;
    let after = bounds(&log, topic).await[0];
    let first = found.first().map_or(before.end, |first| first.position.offset);
    assert!((before.begin..=after.begin).contains(&first), "{before:?} {first} {after:?}");
    assert_eq!(found, all[all.len() - found.len()..], "everything from the beginning on");
    assert_eq!(before.end.0, all.len() as u64, "the end does not move");
}

/// And offsets go on.
pub async fn what_was_removed_stays_removed_after_a_reopen(fixture: &impl Fixture<Log>, topic: Topic) {
    let log = fixture.empty().await;
    append_until_removed(&log, topic).await;
    let before = bounds(&log, topic).await[0];
    let log = fixture.reopen(log).await;
    let after = bounds(&log, topic).await[0];
    assert!(before.begin <= after.begin && before.end == after.end, "{before:?} {after:?}");
    let position = append_placed(&log, topic, numbered(0..1)).await[0].position;
    assert_eq!(position.offset, before.end);
}

/// It does not wait for records that are gone.
pub async fn a_group_whose_next_record_was_removed_goes_on_at_the_beginning(fixture: &impl Fixture<Log>, topic: Topic) {
    let log = fixture.empty().await;
    append_placed(&log, topic, numbered(0..1)).await;
    let mut reader = Reader::join(&log, topic, "group").await;
    reader.until(|reader| !reader.records.is_empty()).await;
    reader.commit(1).await;
    drop(reader);
    append_until_removed(&log, topic).await;
    let committed = log.committed(topic, "group").await.expect("committed");
    assert_eq!(committed, BTreeMap::from([(Partition(0), Offset(1))]));
    let begin = bounds(&log, topic).await[0].begin;
    let mut reader = Reader::join(&log, topic, "group").await;
    reader.until(|reader| !reader.records.is_empty()).await;
    assert!(reader.in_order()[0].position.offset >= begin);
}
