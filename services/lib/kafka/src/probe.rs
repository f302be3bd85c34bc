//! Polls a client for what is at an offset: a record, or an error with its offset.
//!
//! rdkafka leaves out the offset of an error, so this calls librdkafka itself. For a batch that
//! cannot be read, that offset is the first of the batch.

use std::time::Duration;

use rdkafka::bindings::{rd_kafka_consumer_poll, rd_kafka_message_destroy};
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::types::RDKafkaRespErr;

use crate::client::Client;

/// What a client met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Polled {
    /// The partition.
    pub(crate) partition: i32,
    /// The offset of the record or of the error.
    pub(crate) offset: i64,
    /// The error, or `None` for a record.
    pub(crate) error: Option<Code>,
}

/// Polls a client. Returns `None` if nothing arrived in time.
#[allow(unsafe_code, reason = "rdkafka has no safe function that returns the offset of an error")]
pub(crate) fn poll(reader: &Client, timeout: Duration) -> Option<Polled> {
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client outlives the call. A message belongs to the caller of the first function,
    // and is not used after it was destroyed.
    unsafe {
        let message = rd_kafka_consumer_poll(reader.client().native_ptr(), millis);
        let polled = message.as_ref().map(|message| Polled {
            partition: message.partition,
            offset: message.offset,
            error: (message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| Code::from(message.err)),
        });
        if !message.is_null() {
            rd_kafka_message_destroy(message);
        }
        polled
    }
}
