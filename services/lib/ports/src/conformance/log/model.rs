//! Random sequences against a model of a few lines: lists of records by topic and partition, and
//! the offsets that each group committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use marquee_domain::{Offset, Partition};
use proptest::prelude::*;

use super::subscriptions::Reader;
use super::{Log, append_placed, bounds, read, record};
use crate::conformance::{Fixture, check_sequences, runtime};
use crate::{NewRecord, Record, Topic};

const GROUPS: [&str; 2] = ["one", "two"];

#[derive(Debug, Clone)]
enum Step {
    /// One record for each key.
    Append(Topic, Vec<u8>),
    /// Partition (modulo the number of partitions), offset after the beginning, most records.
    Read(Topic, u32, u64, usize),
    /// A member of a group reads everything and commits that many records of it.
    Commit(usize, usize),
    Reopen,
}

/// Everything that was ever appended and committed.
#[derive(Debug, Default)]
struct Model {
    records: BTreeMap<(Topic, Partition), Vec<Record>>,
    committed: [BTreeMap<Partition, Offset>; 2],
}

/// Compares random appends, reads, commits and reopens with the model. Must be called outside any
/// runtime.
pub fn random_operations_follow_the_model(fixture: &impl Fixture<Log>, cases: u32) {
    let runtime = runtime();
    // The records have old timestamps, by which some logs count the age of a record.
    let kept: Vec<Topic> = Topic::ALL.iter().copied().filter(|topic| topic.spec().retention.is_forever()).collect();
    let topic = || prop::sample::select(kept.clone());
    let step = prop_oneof![
        6 => (topic(), prop::collection::vec(0..9u8, 0..8)).prop_map(|(topic, keys)| Step::Append(topic, keys)),
        5 => (topic(), 0..8u32, 0..12u64, 0..9usize).prop_map(|(topic, partition, from, max)| Step::Read(topic, partition, from, max)),
        2 => (0..GROUPS.len(), 0..9usize).prop_map(|(group, count)| Step::Commit(group, count)),
        1 => Just(Step::Reopen),
    ];
    check_sequences(cases, &prop::collection::vec(step, 1..25), |steps| runtime.block_on(follow(fixture, steps)));
}

async fn follow(fixture: &impl Fixture<Log>, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut log = fixture.empty().await;
    let mut model = Model::default();
    let mut fresh = Vec::new();
    for &topic in Topic::ALL {
        fresh.push(bounds(&log, topic).await);
    }
    for (index, step) in steps.into_iter().enumerate() {
        match step {
            Step::Append(topic, keys) => {
                // The first key means that the record has no key, unless the topic is compacted by
                // key.
                let key = |key: u8| (key > 0 || topic.is_compacted()).then(|| format!("key {key}").into());
                let records = keys
                    .iter()
                    .enumerate()
                    .map(|(n, &k)| NewRecord { key: key(k), ..record("", &format!("{index}/{n}")) });
                for record in append_placed(&log, topic, records.collect()).await {
                    model.records.entry((topic, record.position.partition)).or_default().push(record);
                }
            }
            Step::Read(topic, partition, from, max) => {
                let bounds = bounds(&log, topic).await;
                let bound = bounds[partition as usize % bounds.len()];
                let from = Offset(bound.begin.0 + from);
                let found = read(&log, topic, bound.partition, from, max).await;
                model.check_read(topic, bound.partition, from, max, &found)?;
            }
            Step::Commit(group, count) => model.check_commit(&log, group, count).await?,
            Step::Reopen => log = fixture.reopen(log).await,
        }
        for (&topic, fresh) in Topic::ALL.iter().zip(&fresh) {
            let ends = log.ends(topic).await.expect("ends");
            for (bound, fresh) in bounds(&log, topic).await.into_iter().zip(fresh) {
                let last = model.records.get(&(topic, bound.partition)).and_then(|records| records.last());
                prop_assert_eq!(bound.end, last.map_or(fresh.end, |last| last.position.offset.next()));
                prop_assert_eq!(ends.get(&bound.partition), Some(&bound.end));
            }
        }
        for (group, expected) in GROUPS.iter().zip(&model.committed) {
            prop_assert_eq!(&log.committed(Topic::RATINGS, group).await.expect("committed"), expected);
        }
    }
    Ok(())
}

impl Model {
    fn records(&self, topic: Topic, partition: Partition) -> &[Record] {
        self.records.get(&(topic, partition)).map_or(&[], Vec::as_slice)
    }

    fn check_read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        max: usize,
        found: &[Record],
    ) -> Result<(), TestCaseError> {
        let all = self.records(topic, partition);
        let must_be_kept = |record: &Record| {
            let newer = |other: &Record| other.key == record.key && other.position > record.position;
            !topic.is_compacted() || !all.iter().any(newer)
        };
        prop_assert!(found.len() <= max && found.is_sorted_by(|a, b| a.position < b.position), "{:?}", found);
        prop_assert!(found.iter().all(|record| record.position.offset >= from && all.contains(record)), "{:?}", found);
        let full = found.len() == max;
        let reaches = |record: &Record| !full || found.last().is_some_and(|last| record.position <= last.position);
        for record in all.iter().filter(|record| record.position.offset >= from) {
            prop_assert!(
                !must_be_kept(record) || !reaches(record) || found.contains(record),
                "{:?} is missing",
                record
            );
        }
        Ok(())
    }

    /// Reads what a group has not committed, then commits some of it.
    async fn check_commit(&mut self, log: &Arc<Log>, group: usize, count: usize) -> Result<(), TestCaseError> {
        let done = &self.committed[group];
        let mut left = Vec::new();
        for bound in bounds(log, Topic::RATINGS).await {
            let next = done.get(&bound.partition).copied().unwrap_or_default();
            let records = self.records(Topic::RATINGS, bound.partition).iter();
            left.extend(records.filter(|record| record.position.offset >= next).cloned());
        }
        let mut reader = Reader::join(log, Topic::RATINGS, GROUPS[group]).await;
        reader.until(|reader| reader.is_assigned() && reader.records.len() >= left.len()).await;
        prop_assert_eq!(reader.in_order(), left);
        let next = reader.commit(count.min(reader.records.len())).await;
        self.committed[group].extend(next);
        Ok(())
    }
}
