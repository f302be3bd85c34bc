//! The records of the rejected topic: records of the rating topic that are not rating events.

use bytes::Bytes;
use marquee_ports::{NewRecord, Record, Topic};
use marquee_proto::record::Refusal;

/// Longest part of a record's value, key and headers that is copied. Brokers accept larger records
/// than the rejected topic does, and the reason must fit beside them.
const LONGEST_VALUE: usize = 1_000_000;
const LONGEST_KEY: usize = 4 << 10;
const LONGEST_HEADERS: usize = 32 << 10;

/// Longest message in characters. It may quote the record.
const LONGEST_MESSAGE: usize = 4_096;

/// Returns the copy of a record for the rejected topic, with the reason in its headers. A record
/// that is too large is cut, and its headers say so.
pub(crate) fn rejected_record(stored: Record, refusal: &Refusal) -> NewRecord {
    let mut headers = Vec::with_capacity(stored.headers.len() + 5);
    let mut length = 0;
    for (name, value) in stored.headers {
        length += name.len() + value.len();
        if length <= LONGEST_HEADERS {
            headers.push((name, value));
        }
    }
    let mut add = |name: &str, text: String| headers.push((name.to_owned(), Bytes::from(text)));
    add("reason", refusal.reason.as_str().to_owned());
    add("message", refusal.message.chars().take(LONGEST_MESSAGE).collect());
    add("source", Topic::RATINGS.name().to_owned());
    add("source-position", stored.position.to_string());
    let value = if stored.value.len() > LONGEST_VALUE {
        add("truncated-from", stored.value.len().to_string());
        stored.value.slice(..LONGEST_VALUE)
    } else {
        stored.value
    };
    let key = stored.key.map(|key| key.slice(..key.len().min(LONGEST_KEY)));
    NewRecord { key, value, headers, timestamp: stored.timestamp }
}
