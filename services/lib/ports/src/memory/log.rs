//! A rating log in memory, with consumer groups.

mod subscription;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use marquee_domain::{Offset, Partition, Position};
use tokio::sync::watch;
use tokio::time::Instant;

use self::subscription::MemorySubscription;
use super::{Faults, run};
use crate::{Bounds, Error, ErrorKind, NewRecord, RatingLog, Record, Subscription, Topic, check_group, partition_for};

/// A rating log in memory. Clones share it.
///
/// Calls of a subscription follow the faults of `"next"`, `"seek"` and `"commit"`.
#[derive(Debug, Clone)]
pub struct MemoryLog {
    shared: Arc<Shared>,
    faults: Faults,
}

#[derive(Debug)]
struct Shared {
    partitions: u32,
    state: Mutex<State>,
    /// Wakes subscriptions that wait for records or for their assignment.
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    topics: HashMap<Topic, Vec<PartitionLog>>,
    groups: HashMap<(Topic, String), Group>,
    members: u64,
    rebalance_delay: Duration,
}

/// One partition of a topic.
#[derive(Debug, Clone, Default)]
struct PartitionLog {
    begin: Offset,
    end: Offset,
    records: BTreeMap<Offset, Record>,
}

/// A consumer group. Partition `p` belongs to member `p mod m`, in the order of joining.
#[derive(Debug)]
struct Group {
    members: Vec<u64>,
    /// Changes with every change of the members.
    generation: u64,
    /// When the partitions of this generation are assigned.
    assigned_at: Instant,
    committed: BTreeMap<Partition, Offset>,
}

impl MemoryLog {
    /// Returns an empty log. Topics have this number of partitions, unless their specification says
    /// otherwise.
    pub fn new(partitions: u32) -> Self {
        let shared = Shared { partitions: partitions.max(1), state: Mutex::default(), changed: watch::Sender::new(()) };
        Self { shared: Arc::new(shared), faults: Faults::default() }
    }

    /// Returns the faults that this log follows.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Removes the records below an offset, as retention does. The offsets of the rest stay.
    pub fn forget(&self, topic: Topic, partition: Partition, below: Offset) {
        self.change(topic, partition, |log| {
            log.begin = log.begin.max(below.min(log.end));
            log.records = log.records.split_off(&log.begin);
        });
    }

    /// Removes one record and keeps its offset, as compaction does.
    pub fn remove(&self, topic: Topic, at: Position) {
        self.change(topic, at.partition, |log| drop(log.records.remove(&at.offset)));
    }

    /// Deletes a topic and creates it again, empty. A subscription whose next offset is above the
    /// new end starts again at the first record, as a consumer of Kafka with
    /// `auto.offset.reset = earliest` does.
    pub fn recreate(&self, topic: Topic) {
        let partitions = self.shared.partitions;
        self.state().topic(topic, partitions).iter_mut().for_each(|log| *log = PartitionLog::default());
        self.shared.changed.send_replace(());
    }

    /// Takes an offset for a record that no consumer ever sees, as a transaction's commit does.
    pub fn append_control_record(&self, topic: Topic, partition: Partition) {
        self.change(topic, partition, |log| log.end = log.end.next());
    }

    /// Makes groups wait this long after a change of members before they assign partitions, as
    /// Kafka does. Without it groups assign at once.
    pub fn set_rebalance_delay(&self, delay: Duration) {
        self.state().rebalance_delay = delay;
    }

    fn change(&self, topic: Topic, partition: Partition, change: impl FnOnce(&mut PartitionLog)) {
        let partitions = self.shared.partitions;
        if let Some(log) = self.state().topic(topic, partitions).get_mut(partition.0 as usize) {
            change(log);
        }
        self.shared.changed.send_replace(());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append_now(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Vec<Position>, Error> {
        records.iter().try_for_each(NewRecord::check_sizes)?;
        let mut state = self.state();
        let logs = state.topic(topic, self.shared.partitions);
        let partitions = logs.len() as u32;
        let append = |new: NewRecord| {
            let partition = new.key.as_ref().map_or(Partition(0), |key| partition_for(key, partitions));
            let log = &mut logs[partition.0 as usize];
            let position = Position { partition, offset: log.end };
            log.end = log.end.next();
            let NewRecord { key, value, headers, timestamp } = new;
            log.records.insert(position.offset, Record { position, key, value, headers, timestamp });
            position
        };
        let positions = records.into_iter().map(append).collect();
        drop(state);
        self.shared.changed.send_replace(());
        Ok(positions)
    }

    fn read_now(&self, topic: Topic, from: Position, max: usize) -> Result<Vec<Record>, Error> {
        let mut state = self.state();
        let logs = state.topic(topic, self.shared.partitions);
        let Some(log) = logs.get(from.partition.0 as usize) else {
            let doing = format!("read partition {} of {topic}: it has {} partitions", from.partition, logs.len());
            return Err(Error::bare(ErrorKind::Invalid, doing));
        };
        Ok(log.records.range(from.offset..).take(max).map(|(_, record)| record.clone()).collect())
    }

    fn end_of(&self, topic: Topic, partition: Partition) -> Offset {
        let mut state = self.state();
        state.topic(topic, self.shared.partitions).get(partition.0 as usize).map_or(Offset(0), |log| log.end)
    }

    fn join(&self, topic: Topic, name: &str) -> Result<MemorySubscription, Error> {
        check_group(name)?;
        let mut state = self.state();
        state.members += 1;
        let member = state.members;
        state.change_members(&(topic, name.to_owned()), |members| members.push(member));
        drop(state);
        self.shared.changed.send_replace(());
        Ok(MemorySubscription::new(self.clone(), (topic, name.to_owned()), member))
    }
}

impl State {
    fn topic(&mut self, topic: Topic, partitions: u32) -> &mut Vec<PartitionLog> {
        self.topics.entry(topic).or_insert_with(|| {
            let partitions = topic.spec().partitions.count(partitions);
            vec![PartitionLog::default(); partitions as usize]
        })
    }

    fn group(&mut self, key: &(Topic, String)) -> &mut Group {
        self.groups.entry(key.clone()).or_insert_with(|| Group {
            members: Vec::new(),
            generation: 0,
            assigned_at: Instant::now(),
            committed: BTreeMap::new(),
        })
    }

    fn change_members(&mut self, key: &(Topic, String), change: impl FnOnce(&mut Vec<u64>)) {
        let assigned_at = Instant::now() + self.rebalance_delay;
        let group = self.group(key);
        change(&mut group.members);
        group.generation += 1;
        group.assigned_at = assigned_at;
    }
}

#[async_trait]
impl RatingLog for MemoryLog {
    async fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, Error> {
        let bounds = async {
            let mut state = self.state();
            let logs = state.topic(topic, self.shared.partitions).iter();
            let bounds = (0..).zip(logs).map(|(partition, log)| Bounds {
                partition: Partition(partition),
                begin: log.begin,
                end: log.end,
            });
            Ok(bounds.collect())
        };
        run(&self.faults, "bounds", bounds).await
    }

    async fn ends(&self, topic: Topic) -> Result<BTreeMap<Partition, Offset>, Error> {
        let ends = async {
            let mut state = self.state();
            let logs = state.topic(topic, self.shared.partitions).iter();
            Ok((0..).map(Partition).zip(logs.map(|log| log.end)).collect())
        };
        run(&self.faults, "ends", ends).await
    }

    async fn append(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Vec<Position>, Error> {
        run(&self.faults, "append", async { self.append_now(topic, records) }).await
    }

    async fn read(&self, topic: Topic, from: Position, max: usize) -> Result<Vec<Record>, Error> {
        run(&self.faults, "read", async { self.read_now(topic, from, max) }).await
    }

    async fn subscribe(&self, topic: Topic, group: &str) -> Result<Box<dyn Subscription>, Error> {
        let join = async { Ok(Box::new(self.join(topic, group)?) as Box<dyn Subscription>) };
        run(&self.faults, "subscribe", join).await
    }

    async fn committed(&self, topic: Topic, group: &str) -> Result<BTreeMap<Partition, Offset>, Error> {
        let committed = async { Ok(self.state().group(&(topic, group.to_owned())).committed.clone()) };
        run(&self.faults, "committed", committed).await
    }
}

#[cfg(test)]
mod tests;
