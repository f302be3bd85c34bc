//! Reads one partition, and passes over records that cannot be read.
//!
//! librdkafka reports a batch that it cannot read with every fetch, and never passes it. It names
//! neither the partition nor the end of the batch. So the next offset that can be read is found by
//! trial: with steps that double, then by halving the last step. The records before it are left out
//! with a warning, because one batch must not stop a partition.

use std::time::Instant;

use marquee_ports::{Error, Record};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Message, Offset as KafkaOffset, TopicPartitionList};

use crate::client::{self, Client, Events};
use crate::failure::{failed, is_final, is_unreadable};
use crate::{Settings, record};

/// Creates a client that reads one partition after another.
pub(crate) fn client(settings: &Settings) -> Result<Client, Error> {
    let made = client::reader(settings).create_with_context(Events::default());
    made.map_err(|error| failed("make a reader", error))
}

/// Reads of one partition, by clients that have no partition assigned.
///
/// The error of a read is `None` at the deadline. After an error the state of the client is
/// unknown.
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

impl Reading<'_> {
    /// Reads up to `max` records from an offset on.
    pub(crate) fn read(&self, reader: &Client, from: i64, max: usize) -> Result<Vec<Record>, Option<Error>> {
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

    /// Returns the next offset that can be read if the one at `from` cannot be read, otherwise
    /// `None`.
    pub(crate) fn skip_unreadable(&self, reader: &Client, from: i64) -> Result<Option<i64>, Option<Error>> {
        match self.pass(reader, from, 1, &mut Vec::new())? {
            Pass::Complete => Ok(None),
            Pass::Unreadable(code) => self.skip(reader, from, code).map(Some),
        }
    }

    /// Returns the next offset after `first` that can be read. The one at `first` cannot be read.
    fn skip(&self, reader: &Client, first: i64, code: Code) -> Result<i64, Option<Error>> {
        let is_readable = |at| self.pass(reader, at, 1, &mut Vec::new()).map(|pass| pass == Pass::Complete);
        let next = first_readable(first, self.end, is_readable)?;
        let (topic, partition) = (self.topic, self.partition);
        tracing::warn!(topic, partition, first, next, cause = %code,
            "records from `first` to before `next` cannot be read and were left out");
        Ok(next)
    }

    fn pass(&self, reader: &Client, from: i64, max: usize, records: &mut Vec<Record>) -> Result<Pass, Option<Error>> {
        let doing = || format!("read {} from {}@{from}", self.topic, self.partition);
        let assign = || {
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(self.topic, self.partition, KafkaOffset::Offset(from))?;
            reader.assign(&list)
        };
        assign().map_err(|error| failed(doing(), error))?;
        let pass = loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(None);
            }
            match reader.poll(left) {
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
                Some(Err(error)) if is_final(&error) => return Err(Some(failed(doing(), error))),
                Some(Err(_)) | None => {}
            }
        };
        reader.unassign().map_err(|error| failed(doing(), error))?;
        Ok(pass)
    }
}

/// Returns the first offset after `unreadable` that is readable, at most `end`. No offset of a
/// batch that cannot be read is readable, and the offset after the batch is.
fn first_readable<E>(unreadable: i64, end: i64, mut is_readable: impl FnMut(i64) -> Result<bool, E>) -> Result<i64, E> {
    let (mut below, mut step) = (unreadable, 1);
    let mut above = loop {
        let probe = below.saturating_add(step);
        if probe >= end {
            break end;
        }
        if is_readable(probe)? {
            break probe;
        }
        (below, step) = (probe, step.saturating_mul(2));
    };
    while above.saturating_sub(below) > 1 {
        let middle = below + (above - below) / 2;
        if is_readable(middle)? {
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
            let is_readable = |at: i64| {
                probes += 1;
                Ok::<_, Infallible>(!batch.contains(&at))
            };
            let Ok(found) = first_readable(batch.start, end, is_readable);
            assert_eq!(found, batch.end.min(end), "{batch:?}");
            assert!(probes < 40, "{probes} steps for {batch:?}");
        }
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
