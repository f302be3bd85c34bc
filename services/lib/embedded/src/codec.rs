//! The bytes of a record in the embedded log: a format byte, then the fields. fjall keeps
//! checksums, so there is none here.

use bytes::Bytes;
use marquee_domain::{Position, Timestamp};
use marquee_ports::{Error, ErrorKind, NewRecord, Record};
use serde::{Deserialize, Serialize};

/// The only format so far. A record in another one is refused.
const FORMAT: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    timestamp: i64,
    #[serde(borrow)]
    key: Option<&'a [u8]>,
    #[serde(borrow)]
    headers: Vec<(&'a str, &'a [u8])>,
    value: &'a [u8],
}

pub(crate) fn encode(record: &NewRecord) -> Vec<u8> {
    let stored = Stored {
        timestamp: record.timestamp.micros(),
        key: record.key.as_deref(),
        headers: record.headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect(),
        value: &record.value,
    };
    let bytes = vec![FORMAT];
    postcard::to_extend(&stored, bytes).expect("a record of plain fields always serialises")
}

pub(crate) fn decode(position: Position, bytes: &[u8]) -> Result<Record, Error> {
    let doing = || format!("decode the record at {position}");
    let Some((&FORMAT, body)) = bytes.split_first() else {
        return Err(Error::bare(ErrorKind::Corrupt, doing()));
    };
    let stored: Stored<'_> =
        postcard::from_bytes(body).map_err(|error| Error::new(ErrorKind::Corrupt, doing(), error))?;
    Ok(Record {
        position,
        key: stored.key.map(Bytes::copy_from_slice),
        value: Bytes::copy_from_slice(stored.value),
        headers: stored
            .headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Bytes::copy_from_slice(value)))
            .collect(),
        timestamp: Timestamp::from_micros(stored.timestamp),
    })
}

#[cfg(test)]
mod tests {
    use marquee_domain::{Offset, Partition};
    use proptest::prelude::*;

    use super::*;

    const AT: Position = Position { partition: Partition(1), offset: Offset(2) };

    proptest! {
        #[test]
        fn a_record_comes_back_as_it_was(
            key in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
            value in prop::collection::vec(any::<u8>(), 0..200),
            header in prop::collection::vec(any::<u8>(), 0..20),
            micros in any::<i64>(),
        ) {
            let new = NewRecord {
                key: key.map(Bytes::from),
                value: value.into(),
                headers: vec![("content-type".to_owned(), header.into())],
                timestamp: Timestamp::from_micros(micros),
            };
            let back = decode(AT, &encode(&new)).expect("decodes");
            prop_assert_eq!(
                (back.key, back.value, back.headers, back.timestamp),
                (new.key, new.value, new.headers, new.timestamp)
            );
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(AT, &bytes);
        }
    }
}
