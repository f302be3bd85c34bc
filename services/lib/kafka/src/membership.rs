//! Rebalances of a group. librdkafka reports them while it is polled. They are queued here until
//! the subscription applies them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use marquee_domain::Partition;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use crate::client::Events;
use crate::reader;

/// A consumer that is a member of a group.
pub(crate) type Member = BaseConsumer<Membership>;

/// A rebalance for which the group waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// These partitions are assigned.
    Assign(Vec<Partition>),
    /// These partitions are revoked.
    Revoke(Vec<Partition>),
}

/// The queue of rebalances of a member.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    events: Events,
    changes: Mutex<VecDeque<Change>>,
    /// The subscription has ended: every rebalance is applied at once.
    leaving: AtomicBool,
}

impl Membership {
    fn changes(&self) -> MutexGuard<'_, VecDeque<Change>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the oldest rebalance that was not applied.
    pub(crate) fn change(&self) -> Option<Change> {
        self.changes().front().cloned()
    }

    /// Removes the oldest rebalance, which was applied.
    pub(crate) fn done(&self) {
        self.changes().pop_front();
    }

    /// Returns the number of events so far.
    pub(crate) fn seen(&self) -> u64 {
        self.events.seen()
    }

    /// Applies later rebalances at once. Returns those that still wait.
    pub(crate) fn leave(&self) -> VecDeque<Change> {
        let mut changes = self.changes();
        self.leaving.store(true, Ordering::Release);
        std::mem::take(&mut *changes)
    }
}

/// Applies a rebalance at once. New partitions are read from any offset.
fn apply(member: &Member, change: &Change, list: &TopicPartitionList) -> KafkaResult<()> {
    match change {
        Change::Assign(_) => member.incremental_assign(list),
        Change::Revoke(_) => member.incremental_unassign(list),
    }
}

/// Applies the rebalances that wait, so that the group does not wait for a member that leaves.
pub(crate) fn apply_on_leaving(member: &Member, topic: &str, pending: Option<Vec<Partition>>) {
    let pending = pending.map(Change::Assign).into_iter();
    for change in pending.chain(member.context().leave()) {
        let (Change::Assign(partitions) | Change::Revoke(partitions)) = &change;
        let list = reader::list(topic, partitions.iter().map(|partition| (partition, Offset::Invalid)));
        if let Err(error) = list.and_then(|list| apply(member, &change, &list)) {
            tracing::debug!(%error, ?change, "a rebalance was not applied on leaving");
        }
    }
}

impl ClientContext for Membership {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.events.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.events.error(error, reason);
    }

    fn stats_raw(&self, _: &[u8]) {
        self.events.record();
    }
}

impl ConsumerContext for Membership {
    fn rebalance(&self, member: &Member, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        self.events.record();
        let partitions = list.elements().into_iter().filter_map(|element| u32::try_from(element.partition()).ok());
        let partitions = partitions.map(Partition).collect();
        let change = match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Change::Assign(partitions),
            _ => Change::Revoke(partitions),
        };
        let mut changes = self.changes();
        if !self.leaving.load(Ordering::Acquire) {
            changes.push_back(change);
        } else if let Err(error) = apply(member, &change, list) {
            tracing::debug!(%error, ?change, "a rebalance was not applied on leaving");
        }
    }

    fn commit_callback(&self, _: KafkaResult<()>, _: &TopicPartitionList) {
        self.events.record();
    }
}
