//! A subscription: membership in a consumer group.
//!
//! Assignments change only within [`Subscription::next`], so the caller always knows its
//! partitions. After a rebalance every assigned partition, also one that was kept, goes on from the
//! offset that the group committed.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Delivery, Error, ErrorKind, Record, Subscription};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Message, Offset as KafkaOffset};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use crate::failure::{failed, is_final, is_unreadable, late};
use crate::leaving::LeavingMembers;
use crate::membership::{Change, Member, Membership, apply_on_leaving};
use crate::reader::{is_cut_off, list, retry_until};
use crate::reading::{self, Reading};
use crate::{Settings, client, reader, record};

/// How often a waiting member polls, so that brokers know that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Time beyond the timeout of a request that a blocking call may take to pass between threads.
const GRACE: Duration = Duration::from_secs(1);

pub(crate) struct KafkaSubscription {
    topic: String,
    member: Option<Arc<Member>>,
    /// Notified when the member's queue is not empty.
    ready: Arc<Notify>,
    leaving: Arc<LeavingMembers>,
    /// The assigned partitions. `None` before the first assignment.
    assigned: Option<Vec<Partition>>,
    /// Whether the caller has yet to be told of the assignment.
    must_announce: bool,
    /// Partitions that the group assigned and that librdkafka does not read yet.
    pending: Option<Vec<Partition>>,
    /// Offsets at which reading goes on. They are applied before anything else is read.
    positions: BTreeMap<Partition, KafkaOffset>,
    /// The next offset of each assigned partition, as far as it is known.
    next: BTreeMap<Partition, i64>,
    /// Whether the member met records that cannot be read.
    is_stuck: bool,
    settings: Settings,
}

impl fmt::Debug for KafkaSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSubscription")
            .field("topic", &self.topic)
            .field("assigned", &self.assigned)
            .finish_non_exhaustive()
    }
}

impl KafkaSubscription {
    pub(crate) fn join(
        settings: &Settings,
        topic: String,
        group: &str,
        leaving: Arc<LeavingMembers>,
    ) -> Result<Self, Error> {
        let doing = || format!("join group {group}");
        let made = client::member(settings, group).create_with_context(Membership::default());
        let mut member: Member = made.map_err(|error| failed(doing(), error))?;
        let ready = Arc::new(Notify::new());
        let wake = Arc::clone(&ready);
        member.set_nonempty_callback(move || wake.notify_one());
        member.subscribe(&[&topic]).map_err(|error| failed(doing(), error))?;
        Ok(Self {
            topic,
            member: Some(Arc::new(member)),
            ready,
            leaving,
            assigned: None,
            must_announce: false,
            pending: None,
            positions: BTreeMap::new(),
            next: BTreeMap::new(),
            is_stuck: false,
            settings: settings.clone(),
        })
    }

    fn member(&self) -> Result<&Arc<Member>, Error> {
        self.member.as_ref().ok_or_else(|| Error::bare(ErrorKind::Invalid, "use a subscription that has ended"))
    }

    /// Runs a call of librdkafka where blocking is allowed.
    async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Member, Instant) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (member, timeout) = (Arc::clone(self.member()?), self.settings.request_timeout);
        let deadline = Instant::now() + timeout;
        let doing = || format!("follow {}", self.topic);
        let called = tokio::time::timeout(timeout + GRACE, spawn_blocking(move || call(&member, deadline))).await;
        let called = called.map_err(|_| late(doing()))?;
        called.map_err(|error| Error::new(ErrorKind::Unavailable, doing(), error))?
    }

    /// Applies a rebalance.
    async fn apply_change(&mut self, change: Change) -> Result<(), Error> {
        let had = self.assigned.as_deref().unwrap_or_default();
        let mut now: Vec<Partition> = match &change {
            Change::Assign(new) => had.iter().chain(new).copied().collect(),
            Change::Revoke(gone) => had.iter().copied().filter(|partition| !gone.contains(partition)).collect(),
        };
        now.sort_unstable();
        now.dedup();
        match &change {
            // librdkafka gets them only with the next read, since the caller may seek when it
            // learns of them.
            Change::Assign(new) => self.pending = Some(new.clone()),
            Change::Revoke(gone) => {
                let (topic, gone) = (self.topic.clone(), gone.clone());
                let revoke = move |member: &Member, _| {
                    let gone = list(&topic, gone.iter().map(|partition| (partition, KafkaOffset::Invalid)));
                    gone.and_then(|gone| member.incremental_unassign(&gone))
                        .map_err(|error| failed("follow the group", error))
                };
                self.blocking(revoke).await?;
            }
        }
        self.member()?.context().done();
        self.must_announce |= self.assigned.as_ref() != Some(&now);
        self.assigned = Some(now);
        Ok(())
    }

    /// Returns the assigned partitions. Reading starts at the offsets that the group committed.
    async fn assign(&mut self) -> Result<Vec<Partition>, Error> {
        let now = self.assigned.clone().unwrap_or_default();
        let (topic, asked) = (self.topic.clone(), now.clone());
        let ask = move |member: &Member, deadline| reader::committed(member, &topic, &asked, deadline);
        let committed = self.blocking(ask).await?;
        let begin = |partition: &Partition| committed.get(partition).map_or(KafkaOffset::Beginning, to_kafka);
        self.positions = now.iter().map(|partition| (*partition, begin(partition))).collect();
        self.next.retain(|partition, _| now.contains(partition));
        self.must_announce = false;
        Ok(now)
    }

    /// Sets the offsets at which librdkafka goes on.
    async fn apply_positions(&mut self) -> Result<(), Error> {
        if self.pending.is_none() && self.positions.is_empty() {
            return Ok(());
        }
        let (topic, new, mut seeks) = (self.topic.clone(), self.pending.clone(), self.positions.clone());
        let apply = move |member: &Member, deadline| {
            let doing = || format!("read on in {topic}");
            if let Some(new) = &new {
                let start = |partition| (partition, seeks.remove(partition).unwrap_or(KafkaOffset::Stored));
                let starts = list(&topic, new.iter().map(start));
                starts.and_then(|starts| member.incremental_assign(&starts)).map_err(|error| failed(doing(), error))?;
            }
            if seeks.is_empty() {
                return Ok(());
            }
            // A partition that was just assigned may not be ready for a seek.
            retry_until(deadline, doing, |left| {
                let seeks = list(&topic, seeks.iter().map(|(partition, offset)| (partition, *offset)))?;
                member.seek_partitions(seeks, left)?.elements().iter().try_for_each(|element| element.error())
            })
        };
        self.blocking(apply).await?;
        self.pending = None;
        let number = |offset| if let KafkaOffset::Offset(offset) = offset { offset } else { 0 };
        self.next.extend(std::mem::take(&mut self.positions).into_iter().map(|(at, offset)| (at, number(offset))));
        Ok(())
    }

    /// Passes over the records that the member cannot read. librdkafka does not say in which
    /// partition they are, so all are tried.
    async fn skip_unreadable(&mut self) -> Result<(), Error> {
        let (settings, topic, next) = (self.settings.clone(), self.topic.clone(), self.next.clone());
        let skip = move |_: &Member, deadline: Instant| {
            let doing = || format!("find the next record of {topic} that can be read");
            let reader = reading::client(&settings)?;
            let mut found = BTreeMap::new();
            for (&partition, &next) in &next {
                let number = reader::native(partition);
                let bounds = |left| reader.fetch_watermarks(&topic, number, left);
                let (begin, end) = retry_until(deadline, doing, bounds)?;
                let from = next.max(begin);
                if from >= end {
                    continue;
                }
                let reading = Reading { topic: &topic, partition: number, end, deadline };
                let next = reading.skip_unreadable(&reader, from)?;
                found.extend(next.map(|next| (partition, KafkaOffset::Offset(next))));
            }
            Ok(found)
        };
        let found = self.blocking(skip).await?;
        self.positions.extend(found);
        self.is_stuck = false;
        Ok(())
    }

    /// Returns the records that have arrived, at most `max`. Never waits.
    fn poll_records(&mut self, max: usize) -> Result<Vec<Record>, Error> {
        let member = Arc::clone(self.member()?);
        let mut records = Vec::new();
        let mut cut_off = None;
        while records.len() < max {
            let seen = member.context().seen();
            match member.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    debug_assert_eq!(message.topic(), self.topic, "a member subscribes to one topic");
                    let record = record::from_message(&message);
                    self.next.insert(record.position.partition, message.offset() + 1);
                    records.push(record);
                }
                Some(Err(error)) if is_unreadable(&error) => {
                    tracing::debug!(%error, topic = self.topic, "Kafka client met records that it cannot read");
                    self.is_stuck = true;
                    break;
                }
                // This may be out of date: a later poll knows more.
                Some(Err(error)) if is_cut_off(&error) => cut_off = Some(error),
                // The records before it are delivered again to the next subscription.
                Some(Err(error)) if is_final(&error) => return Err(failed(format!("follow {}", self.topic), error)),
                Some(Err(error)) => {
                    tracing::debug!(%error, topic = self.topic, "Kafka client continues after an error")
                }
                None if member.context().seen() == seen => break,
                None => {}
            }
        }
        if let Some(error) = cut_off.filter(|_| records.is_empty()) {
            return Err(failed(format!("follow {}", self.topic), error));
        }
        Ok(records)
    }
}

fn to_kafka(offset: &Offset) -> KafkaOffset {
    KafkaOffset::Offset(i64::try_from(offset.0).unwrap_or(i64::MAX))
}

#[async_trait]
impl Subscription for KafkaSubscription {
    async fn next(&mut self, max: usize, wait: Duration) -> Result<Delivery, Error> {
        // Not an instant: adding an endless wait to now would overflow.
        let mut ended = pin!(tokio::time::sleep(wait));
        loop {
            if self.must_announce {
                return Ok(Delivery::Assigned(self.assign().await?));
            }
            // Before the next rebalance: the group waits until this one is done.
            self.apply_positions().await?;
            if let Some(change) = self.member()?.context().change() {
                self.apply_change(change).await?;
                continue;
            }
            if self.is_stuck {
                self.skip_unreadable().await?;
                continue;
            }
            let records = self.poll_records(max.max(1))?;
            if !records.is_empty() {
                return Ok(Delivery::Records(records));
            }
            if self.is_stuck || self.member()?.context().change().is_some() {
                continue;
            }
            tokio::select! {
                () = self.ready.notified() => {}
                () = tokio::time::sleep(SIGN_OF_LIFE) => {}
                () = &mut ended => return Ok(Delivery::Records(Vec::new())),
            }
        }
    }

    async fn seek(&mut self, to: Position) -> Result<(), Error> {
        let assigned = self.assigned.as_ref().is_some_and(|assigned| assigned.contains(&to.partition));
        if !assigned {
            let doing = format!("seek partition {}, which is not assigned", to.partition);
            return Err(Error::bare(ErrorKind::Invalid, doing));
        }
        self.positions.insert(to.partition, to_kafka(&to.offset));
        Ok(())
    }

    async fn commit(&mut self, next: &BTreeMap<Partition, Offset>) -> Result<(), Error> {
        let assigned = self.assigned.as_deref().unwrap_or_default();
        let own = next.iter().filter(|(partition, _)| assigned.contains(partition));
        let own: Vec<_> = own.map(|(partition, offset)| (*partition, to_kafka(offset))).collect();
        if own.is_empty() {
            return Ok(());
        }
        let topic = self.topic.clone();
        self.blocking(move |member, deadline| {
            retry_until(
                deadline,
                || format!("commit what was processed of {topic}"),
                |_| {
                    let own = list(&topic, own.iter().map(|(partition, offset)| (partition, *offset)))?;
                    match member.commit(&own, CommitMode::Sync) {
                        Err(KafkaError::ConsumerCommit(code)) if is_no_longer_a_member(code) => {
                            tracing::debug!(%code, topic, "offsets were not committed: the partition belongs to another member now");
                            Ok(())
                        }
                        committed => committed,
                    }
                },
            )
        })
        .await
    }
}

/// Returns whether the group removed this member, so that its partitions are no longer assigned to
/// it. The next poll tells the member.
fn is_no_longer_a_member(code: Code) -> bool {
    use Code::{AssignmentLost, FencedInstanceId, IllegalGeneration, UnknownMemberId};
    matches!(code, IllegalGeneration | UnknownMemberId | FencedInstanceId | AssignmentLost)
}

impl Drop for KafkaSubscription {
    /// Leaves the group on a thread of its own, because the answer takes a round trip.
    fn drop(&mut self) {
        let Some(member) = self.member.take() else { return };
        let (topic, pending) = (std::mem::take(&mut self.topic), self.pending.take());
        let leave = move || {
            apply_on_leaving(&member, &topic, pending);
            drop(member);
        };
        match std::thread::Builder::new().name("kafka-leave".to_owned()).spawn(leave) {
            Ok(thread) => self.leaving.add(thread),
            Err(error) => tracing::warn!(%error, "cannot start the thread on which a member leaves its group"),
        }
    }
}
