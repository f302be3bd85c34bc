//! Reads one partition, and passes over batches that cannot be read.
//!
//! librdkafka reports a batch that it cannot read with every fetch, and never passes it. It does
//! not name the end of the batch, so the offset after it is found by trial: with steps that double,
//! then by halving the last step. A trial that meets a batch tells it from others by its first
//! offset, so a further batch that cannot be read is not taken for the same one, and what is
//! between them is read. The records of the batch are left out with a warning, because one batch
//! must not stop a partition.
//!
//! **Invariant:** only batches that cannot be read are left out
//! (`the_offset_after_a_batch_is_found_also_if_others_that_cannot_be_read_follow`).

use std::time::{Duration, Instant};

use marquee_ports::{Error, Record};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Message, Offset as KafkaOffset, TopicPartitionList};

use crate::client::{self, Client, Events};
use crate::failure::{failed, is_final, is_unreadable, late};
use crate::probe::{self, Polled};
use crate::{Settings, record};

/// Creates a client that reads one partition after another.
pub(crate) fn client(settings: &Settings) -> Result<Client, Error> {
    let made = client::reader(settings).create_with_context(Events::default());
    made.map_err(|error| failed("make a reader", error))
}

/// Reads of one partition, by clients that have no partition assigned. After an error, also after
/// the deadline, the state of the client is unknown.
pub(crate) struct Reading<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    /// The offset after the last record to read.
    pub(crate) end: i64,
    pub(crate) deadline: Instant,
}

/// Why a pass over a partition ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// There are enough records, or no more of them.
    Complete,
    /// The records that follow cannot be read.
    Unreadable(Code),
}

/// A batch that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unreadable {
    /// The first offset of the batch, if it is known.
    base: Option<i64>,
}

impl Unreadable {
    /// Returns whether this may be the same batch as another one.
    fn may_be(self, other: Self) -> bool {
        self.base.zip(other.base).is_none_or(|(own, other)| own == other)
    }
}

impl Reading<'_> {
    /// Reads up to `max` records from an offset on.
    pub(crate) fn read(&self, reader: &Client, from: i64, max: usize) -> Result<Vec<Record>, Error> {
        let (mut records, mut from) = (Vec::new(), from);
        while from < self.end {
            let Pass::Unreadable(code) = self.pass(reader, from, max, &mut records)? else { break };
            // What was read is returned first. The next read starts at the records that follow.
            if !records.is_empty() {
                break;
            }
            from = self.skip(reader, from, code)?;
        }
        Ok(records)
    }

    /// Returns the offset after the batch at `from` if that batch cannot be read, otherwise `None`.
    pub(crate) fn skip_unreadable(&self, reader: &Client, from: i64) -> Result<Option<i64>, Error> {
        match self.pass(reader, from, 1, &mut Vec::new())? {
            Pass::Complete => Ok(None),
            Pass::Unreadable(code) => self.skip(reader, from, code).map(Some),
        }
    }

    /// Returns the offset after the batch at `first`, which cannot be read.
    fn skip(&self, reader: &Client, first: i64, code: Code) -> Result<i64, Error> {
        // If it can be read now, nothing is left out.
        let Some(batch) = self.probe(reader, first)? else { return Ok(first) };
        let is_after = |at| self.probe(reader, at).map(|met| met.is_none_or(|met| !met.may_be(batch)));
        let next = first_after(first, self.end, is_after)?;
        let (topic, partition) = (self.topic, self.partition);
        tracing::warn!(topic, partition, first, next, cause = %code,
            "records from `first` to before `next` cannot be read and were left out");
        Ok(next)
    }

    fn doing(&self, from: i64) -> String {
        format!("read {} from {}@{from}", self.topic, self.partition)
    }

    /// Makes a client read from an offset on.
    fn assign(&self, reader: &Client, from: i64) -> Result<(), Error> {
        let mut list = TopicPartitionList::new();
        let assigned = list.add_partition_offset(self.topic, self.partition, KafkaOffset::Offset(from));
        assigned.and_then(|()| reader.assign(&list)).map_err(|error| failed(self.doing(from), error))
    }

    /// Returns the time that is left.
    fn left(&self, from: i64) -> Result<Duration, Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(late(self.doing(from))) } else { Ok(left) }
    }

    /// Returns the batch at an offset, or `None` if it can be read or there is none.
    fn probe(&self, reader: &Client, at: i64) -> Result<Option<Unreadable>, Error> {
        self.assign(reader, at)?;
        let found = loop {
            let Some(Polled { partition, offset, error }) = probe::poll(reader, self.left(at)?) else { continue };
            match error.map(KafkaError::MessageConsumption) {
                // An answer to an earlier assignment.
                None if partition != self.partition || offset < at => {}
                None => break None,
                Some(KafkaError::MessageConsumption(Code::PartitionEOF)) if partition == self.partition => break None,
                // It has the offset of the fetch, not that of a batch.
                Some(KafkaError::MessageConsumption(Code::MessageSizeTooLarge)) => {
                    break Some(Unreadable { base: None });
                }
                Some(error) if is_unreadable(&error) => {
                    break Some(Unreadable { base: (offset >= 0).then_some(offset) });
                }
                Some(error) if is_final(&error) => return Err(failed(self.doing(at), error)),
                Some(_) => {}
            }
        };
        reader.unassign().map_err(|error| failed(self.doing(at), error))?;
        Ok(found)
    }

    fn pass(&self, reader: &Client, from: i64, max: usize, records: &mut Vec<Record>) -> Result<Pass, Error> {
        self.assign(reader, from)?;
        let pass = loop {
            match reader.poll(self.left(from)?) {
                // A record of an earlier read.
                Some(Ok(message)) if message.partition() != self.partition || message.offset() < from => {}
                Some(Ok(message)) => {
                    if message.offset() < self.end {
                        records.push(record::from_message(&message));
                    }
                    if records.len() >= max || message.offset() + 1 >= self.end {
                        break Pass::Complete;
                    }
                }
                // The records up to the end were compacted away, or are markers of transactions.
                Some(Err(KafkaError::PartitionEOF(partition))) if partition == self.partition => break Pass::Complete,
                Some(Err(KafkaError::MessageConsumption(code)))
                    if is_unreadable(&KafkaError::MessageConsumption(code)) =>
                {
                    break Pass::Unreadable(code);
                }
                Some(Err(error)) if is_final(&error) => return Err(failed(self.doing(from), error)),
                Some(Err(_)) | None => {}
            }
        };
        reader.unassign().map_err(|error| failed(self.doing(from), error))?;
        Ok(pass)
    }
}

/// Returns the first offset after `within` that is after the batch of `within`, at most `end`.
/// `is_after` says whether an offset is.
fn first_after<E>(within: i64, end: i64, mut is_after: impl FnMut(i64) -> Result<bool, E>) -> Result<i64, E> {
    let (mut below, mut step) = (within, 1);
    let mut above = loop {
        let probe = below.saturating_add(step);
        if probe >= end {
            break end;
        }
        if is_after(probe)? {
            break probe;
        }
        (below, step) = (probe, step.saturating_mul(2));
    };
    while above.saturating_sub(below) > 1 {
        let middle = below + (above - below) / 2;
        if is_after(middle)? {
            above = middle;
        } else {
            below = middle;
        }
    }
    Ok(above)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn the_offset_after_a_batch_that_cannot_be_read_is_found_in_few_steps() {
        for (batch, end) in [(5..6, 100), (5..7, 100), (0..12, 13), (0..12, 12), (40..10_040, 1 << 40), (3..1_003, 500)]
        {
            let mut probes = 0;
            let is_after = |at: i64| {
                probes += 1;
                Ok::<_, Infallible>(!batch.contains(&at))
            };
            let Ok(found) = first_after(batch.start, end, is_after);
            assert_eq!(found, batch.end.min(end), "{batch:?}");
            assert!(probes < 40, "{probes} steps for {batch:?}");
        }
    }

    #[test]
    fn the_offset_after_a_batch_is_found_also_if_others_that_cannot_be_read_follow() {
        let damaged = [2..6, 8..11, 12..13, 13..21, 40..90];
        let met = |at: i64| {
            let batch = damaged.iter().find(|batch| batch.contains(&at))?;
            Some(Unreadable { base: Some(batch.start) })
        };
        for batch in &damaged {
            for within in batch.clone() {
                let own = met(within).expect("damaged");
                let is_after = |at| Ok::<_, Infallible>(met(at).is_none_or(|met| !met.may_be(own)));
                assert_eq!(first_after(within, 1_000, is_after), Ok(batch.end), "from {within}");
            }
        }
        let unknown = Unreadable { base: None };
        assert!(unknown.may_be(Unreadable { base: Some(7) }) && unknown.may_be(unknown));
    }

    #[test]
    fn what_one_batch_causes_is_told_apart_from_what_ends_a_reader() {
        for code in [Code::NotImplemented, Code::BadMessage, Code::BadCompression, Code::InvalidMessage] {
            let error = KafkaError::MessageConsumption(code);
            assert!(is_unreadable(&error) && !is_final(&error), "{code:?}");
        }
        for code in [Code::TopicAuthorizationFailed, Code::UnknownTopicOrPartition] {
            let error = KafkaError::MessageConsumption(code);
            assert!(!is_unreadable(&error) && is_final(&error), "{code:?}");
        }
        assert!(is_final(&KafkaError::MessageConsumptionFatal(Code::BadMessage)));
        let passes = KafkaError::MessageConsumption(Code::BrokerTransportFailure);
        assert!(!is_unreadable(&passes) && !is_final(&passes));
    }
}
