//! Reads outside any group: bounds, records from an offset on, and the offsets that groups
//! committed. All calls block.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use marquee_backoff::Backoff;
use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Bounds, Error, ErrorKind, Record};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use crate::client::{self, Client, Events, poll};
use crate::failure::{code, failed, kind};
use crate::reading::{self, Reading};
use crate::{ConnectError, Settings};

/// The shortest and the longest pause before a call is retried.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(500));

/// Groups whose clients are kept, so that the next call for the group costs one round trip.
const GROUPS: usize = 16;

/// Returns the number of a partition as Kafka writes it.
pub(crate) fn native(partition: Partition) -> i32 {
    i32::try_from(partition.0).unwrap_or(i32::MAX)
}

/// Retries a call while brokers are missing, move partitions or load offsets.
pub(crate) fn retry_until<T>(
    deadline: Instant,
    doing: impl Fn() -> String,
    call: impl Fn(Duration) -> Result<T, KafkaError>,
) -> Result<T, Error> {
    let mut delays = BACKOFF.start();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let error = match call(left) {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let (delay, left) = (delays.next(), deadline.saturating_duration_since(Instant::now()));
        if kind(&error) != ErrorKind::Unavailable || left <= delay {
            return Err(failed(doing(), error));
        }
        std::thread::sleep(delay);
    }
}

/// Returns a list of partitions with offsets.
pub(crate) fn list<'a>(
    topic: &str,
    offsets: impl IntoIterator<Item = (&'a Partition, KafkaOffset)>,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in offsets {
        list.add_partition_offset(topic, native(*partition), offset)?;
    }
    Ok(list)
}

/// Returns the offsets of a list by partition, without partitions that have no offset.
pub(crate) fn offsets(list: &TopicPartitionList) -> Result<BTreeMap<Partition, Offset>, KafkaError> {
    let mut offsets = BTreeMap::new();
    for element in list.elements() {
        element.error()?;
        if let (Ok(partition), KafkaOffset::Offset(offset)) = (u32::try_from(element.partition()), element.offset())
            && let Ok(offset) = u64::try_from(offset)
        {
            offsets.insert(Partition(partition), Offset(offset));
        }
    }
    Ok(offsets)
}

/// The clients that read.
pub(crate) struct Readers {
    settings: Settings,
    control: Client,
    idle: Mutex<Vec<Client>>,
    groups: Mutex<VecDeque<(String, Arc<Client>)>>,
}

impl Readers {
    pub(crate) fn new(settings: &Settings, control: Client) -> Self {
        Self { settings: settings.clone(), control, idle: Mutex::default(), groups: Mutex::default() }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.settings.request_timeout
    }

    /// Returns the bounds of every partition. Takes two requests to every broker, whatever the
    /// number of partitions.
    pub(crate) fn bounds(&self, topic: &str, partitions: u32) -> Result<Vec<Bounds>, Error> {
        poll(&self.control);
        let deadline = self.deadline();
        // The end last, so that it covers every record that was appended before this call.
        let begins = self.offsets_at(KafkaOffset::Beginning, (topic, partitions), deadline)?;
        let ends = self.offsets_at(KafkaOffset::End, (topic, partitions), deadline)?;
        let bounds = begins.into_iter().zip(ends.into_values());
        Ok(bounds.map(|((partition, begin), end)| Bounds { partition, begin: begin.min(end), end }).collect())
    }

    /// Returns the end of every partition. Takes one request to every broker.
    pub(crate) fn ends(&self, topic: &str, partitions: u32) -> Result<BTreeMap<Partition, Offset>, Error> {
        poll(&self.control);
        self.offsets_at(KafkaOffset::End, (topic, partitions), self.deadline())
    }

    /// Returns the beginning or the end of every partition. The protocol asks for the offset at a
    /// time, and two special times mean these.
    fn offsets_at(
        &self,
        time: KafkaOffset,
        (topic, partitions): (&str, u32),
        deadline: Instant,
    ) -> Result<BTreeMap<Partition, Offset>, Error> {
        let all: Vec<Partition> = (0..partitions).map(Partition).collect();
        let doing = || format!("ask for the bounds of {topic}");
        let found = retry_until(deadline, doing, |left| {
            let times = list(topic, all.iter().map(|partition| (partition, time)))?;
            offsets(&self.control.offsets_for_times(times, left)?)
        })?;
        let complete = found.len() == all.len();
        complete.then_some(found).ok_or_else(|| Error::bare(ErrorKind::Unavailable, doing()))
    }

    /// Reads up to `max` records from an offset on.
    pub(crate) fn read(&self, topic: &str, from: Position, max: usize) -> Result<Vec<Record>, Error> {
        if max == 0 {
            return Ok(Vec::new());
        }
        poll(&self.control);
        let deadline = self.deadline();
        let doing = || format!("read {topic} from {from}");
        let partition = native(from.partition);
        let ask = |left| self.control.fetch_watermarks(topic, partition, left);
        let (begin, end) = retry_until(deadline, doing, ask)?;
        let wanted = i64::try_from(from.offset.0).unwrap_or(i64::MAX).max(begin);
        if wanted >= end {
            return Ok(Vec::new());
        }
        let reader = self.idle().pop();
        let reader = reader.map_or_else(|| reading::client(&self.settings), Ok)?;
        // After a failure the state of the client is unknown, so it is dropped and the next read
        // creates another.
        let read = Reading { topic, partition, end, deadline }.read(&reader, wanted, max)?;
        self.idle().push(reader);
        Ok(read)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Client>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the offsets that a group committed.
    pub(crate) fn committed(
        &self,
        topic: &str,
        partitions: u32,
        group: &str,
    ) -> Result<BTreeMap<Partition, Offset>, Error> {
        let client = self.group(group).map_err(|error| failed("make a client", error))?;
        poll(&client);
        committed(&client, topic, &(0..partitions).map(Partition).collect::<Vec<_>>(), self.deadline())
    }

    /// Returns a client that names a group without being a member.
    fn group(&self, group: &str) -> Result<Arc<Client>, KafkaError> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = groups.iter().find(|(name, _)| name == group) {
            return Ok(Arc::clone(client));
        }
        if groups.len() >= GROUPS {
            groups.pop_front();
        }
        let client: Client = client::member(&self.settings, group).create_with_context(Events::default())?;
        let client = Arc::new(client);
        groups.push_back((group.to_owned(), Arc::clone(&client)));
        Ok(client)
    }
}

/// Returns the offsets that the group of a consumer committed for some partitions.
pub(crate) fn committed<C: rdkafka::consumer::ConsumerContext>(
    consumer: &rdkafka::consumer::BaseConsumer<C>,
    topic: &str,
    partitions: &[Partition],
    deadline: Instant,
) -> Result<BTreeMap<Partition, Offset>, Error> {
    if partitions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let doing = || format!("ask what was committed of {topic}");
    retry_until(deadline, doing, |left| {
        let asked = list(topic, partitions.iter().map(|partition| (partition, KafkaOffset::Invalid)))?;
        offsets(&consumer.committed_offsets(asked, left)?)
    })
}

/// Returns whether no broker of a client can be reached.
pub(crate) fn is_cut_off(error: &KafkaError) -> bool {
    code(error) == Some(Code::AllBrokersDown)
}

/// Creates the control client and waits until a broker answers it.
pub(crate) fn connect(settings: &Settings) -> Result<Client, ConnectError> {
    let control = client::control(settings)?;
    client::wait_for_broker(&control, settings, settings.connect_timeout)?;
    Ok(control)
}
