//! Membership in a consumer group of a log in memory.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use marquee_domain::{Offset, Partition, Position};
use tokio::sync::watch;
use tokio::time::Instant;

use super::MemoryLog;
use crate::memory::run;
use crate::{Delivery, Error, ErrorKind, Record, Subscription, Topic};

/// Leaves its group when dropped.
#[derive(Debug)]
pub(super) struct MemorySubscription {
    log: MemoryLog,
    group: (Topic, String),
    member: u64,
    /// The generation of the group that assigned the partitions below.
    generation: Option<u64>,
    /// The assigned partitions, each with the next offset to read.
    next: BTreeMap<Partition, Offset>,
    changed: watch::Receiver<()>,
    /// Which partition is read first; it moves, so that no partition starves.
    turn: usize,
}

impl MemorySubscription {
    pub(super) fn new(log: MemoryLog, group: (Topic, String), member: u64) -> Self {
        let changed = log.shared.changed.subscribe();
        Self { log, group, member, generation: None, next: BTreeMap::new(), changed, turn: 0 }
    }

    /// Returns the new assignment, if the group has one, or when it will have one.
    fn assign(&mut self) -> Result<Option<Vec<Partition>>, Instant> {
        let mut state = self.log.state();
        let group = state.group(&self.group);
        if self.generation == Some(group.generation) {
            return Ok(None);
        }
        if group.assigned_at > Instant::now() {
            return Err(group.assigned_at);
        }
        self.generation = Some(group.generation);
        let members = group.members.len();
        let place = group.members.iter().position(|member| *member == self.member);
        let committed = group.committed.clone();
        let logs = state.topic(self.group.0, self.log.shared.partitions);
        let own = (0..).zip(logs).filter(|(partition, _)| Some(*partition as usize % members) == place);
        self.next = own
            .map(|(partition, log)| {
                let partition = Partition(partition);
                (partition, committed.get(&partition).copied().unwrap_or(log.begin))
            })
            .collect();
        Ok(Some(self.next.keys().copied().collect()))
    }

    /// Takes up to `max` records of the assigned partitions without waiting.
    fn take(&mut self, max: usize) -> Result<Vec<Record>, Error> {
        self.turn = self.turn.wrapping_add(1);
        let mut records = Vec::new();
        for index in 0..self.next.len() {
            let place = (self.turn.wrapping_add(index)) % self.next.len();
            let Some((&partition, next)) = self.next.iter_mut().nth(place) else { break };
            if *next > self.log.end_of(self.group.0, partition) {
                *next = Offset(0);
            }
            let from = Position { partition, offset: *next };
            let found = self.log.read_now(self.group.0, from, max - records.len())?;
            if let Some(last) = found.last() {
                *next = last.position.offset.next();
            }
            records.extend(found);
        }
        Ok(records)
    }

    async fn next_now(&mut self, max: usize, wait: Duration) -> Result<Delivery, Error> {
        let mut ended = std::pin::pin!(tokio::time::sleep(wait));
        loop {
            self.changed.mark_unchanged();
            let assigned_at = match self.assign() {
                Ok(Some(partitions)) => return Ok(Delivery::Assigned(partitions)),
                Ok(None) => None,
                Err(at) => Some(at),
            };
            let records = self.take(max.max(1))?;
            if !records.is_empty() {
                return Ok(Delivery::Records(records));
            }
            tokio::select! {
                _ = self.changed.changed() => {}
                () = tokio::time::sleep_until(assigned_at.unwrap_or_else(Instant::now)), if assigned_at.is_some() => {}
                () = &mut ended => return Ok(Delivery::Records(Vec::new())),
            }
        }
    }
}

#[async_trait]
impl Subscription for MemorySubscription {
    async fn next(&mut self, max: usize, wait: Duration) -> Result<Delivery, Error> {
        let faults = self.log.faults.clone();
        run(&faults, "next", self.next_now(max, wait)).await
    }

    async fn seek(&mut self, to: Position) -> Result<(), Error> {
        let faults = self.log.faults.clone();
        let seek = async {
            let doing = || format!("seek partition {}, which is not assigned", to.partition);
            let next = self.next.get_mut(&to.partition);
            *next.ok_or_else(|| Error::bare(ErrorKind::Invalid, doing()))? = to.offset;
            Ok(())
        };
        run(&faults, "seek", seek).await
    }

    async fn commit(&mut self, next: &BTreeMap<Partition, Offset>) -> Result<(), Error> {
        let commit = async {
            let mut state = self.log.state();
            let group = state.group(&self.group);
            if self.generation == Some(group.generation) {
                let own = next.iter().filter(|(partition, _)| self.next.contains_key(partition));
                group.committed.extend(own.map(|(&partition, &offset)| (partition, offset)));
            }
            Ok(())
        };
        run(&self.log.faults, "commit", commit).await
    }
}

impl Drop for MemorySubscription {
    fn drop(&mut self) {
        self.log.state().change_members(&self.group, |members| members.retain(|member| *member != self.member));
        self.log.shared.changed.send_replace(());
    }
}
