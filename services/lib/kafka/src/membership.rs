//! What a group tells its member. librdkafka says it while it is polled; here it only waits, until the subscription acts on it.

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

/// A rebalance that the group waits to see done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// These come.
    Assign(Vec<Partition>),
    /// These go.
    Revoke(Vec<Partition>),
}

/// Hears what a group has to say.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    events: Events,
    changes: Mutex<VecDeque<Change>>,
    /// Nobody acts any more: every change is done at once.
    leaving: AtomicBool,
}

impl Membership {
    fn changes(&self) -> MutexGuard<'_, VecDeque<Change>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest change that was not done.
    pub(crate) fn change(&self) -> Option<Change> {
        self.changes().front().cloned()
    }

    /// That change is done, or will be.
    pub(crate) fn done(&self) {
        self.changes().pop_front();
    }

    /// Things heard so far.
    pub(crate) fn heard(&self) -> u64 {
        self.events.heard()
    }

    /// From now on changes are done at once; gives those that still wait.
    pub(crate) fn leave(&self) -> VecDeque<Change> {
        let mut changes = self.changes();
        self.leaving.store(true, Ordering::Release);
        std::mem::take(&mut *changes)
    }
}

/// Does a change at once; reading of what comes starts anywhere.
fn act(member: &Member, change: &Change, list: &TopicPartitionList) -> KafkaResult<()> {
    match change {
        Change::Assign(_) => member.incremental_assign(list),
        Change::Revoke(_) => member.incremental_unassign(list),
    }
}

/// Does what still waits, so that the group does not wait for a member that leaves.
pub(crate) fn act_on_leaving(member: &Member, topic: &str, pending: Option<Vec<Partition>>) {
    let pending = pending.map(Change::Assign).into_iter();
    for change in pending.chain(member.context().leave()) {
        let (Change::Assign(partitions) | Change::Revoke(partitions)) = &change;
        let list = reader::list(topic, partitions.iter().map(|partition| (partition, Offset::Invalid)));
        if let Err(error) = list.and_then(|list| act(member, &change, &list)) {
            tracing::debug!(%error, ?change, "a change was not done on leaving");
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
        self.events.hear();
    }
}

impl ConsumerContext for Membership {
    fn rebalance(&self, member: &Member, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        self.events.hear();
        let partitions = list.elements().into_iter().filter_map(|element| u32::try_from(element.partition()).ok());
        let partitions = partitions.map(Partition).collect();
        let change = match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Change::Assign(partitions),
            _ => Change::Revoke(partitions),
        };
        let mut changes = self.changes();
        if !self.leaving.load(Ordering::Acquire) {
            changes.push_back(change);
        } else if let Err(error) = act(member, &change, list) {
            tracing::debug!(%error, ?change, "a change was not done on leaving");
        }
    }

    fn commit_callback(&self, _: KafkaResult<()>, _: &TopicPartitionList) {
        self.events.hear();
    }
}
