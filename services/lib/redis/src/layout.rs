//! How rows, markers and leases are stored: the keys and the form of their values.
//!
//! A row is 20 digits, the offset of its newest event, and then its value. A marker is 20 digits,
//! and then the trace of an unfinished batch (see [`crate::script`]). A hash lists the keys of all
//! rows of a partition, so that a lost row is not taken for one that was never written (see
//! [`crate::known`]).

use std::io::Write as _;

use bytes::{Buf, Bytes};
use marquee_domain::{Offset, Partition};
use marquee_ports::{Error, ErrorKind, Row};

/// Digits of a stored offset. Texts of one length compare as the numbers do, also in Lua, whose
/// numbers are not exact above 2^53.
const DIGITS: usize = 20;

/// Names the keys of one deployment.
#[derive(Debug)]
pub(crate) struct Layout {
    prefix: String,
}

impl Layout {
    pub(crate) fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// Returns the key of a row.
    pub(crate) fn row_key(&self, source: Partition, key: &[u8]) -> Vec<u8> {
        let mut name = Vec::new();
        self.append_row_key(source, key, &mut name);
        name
    }

    /// Appends the key of a row to a buffer.
    pub(crate) fn append_row_key(&self, source: Partition, key: &[u8], buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(self.prefix.as_bytes());
        // Writing to memory cannot fail.
        let _ = write!(buffer, "{{p{source}}}:");
        buffer.extend_from_slice(key);
    }

    /// Returns the key of a partition's marker.
    pub(crate) fn marker_key(&self, source: Partition) -> String {
        format!("{}{{p{source}}}@", self.prefix)
    }

    /// Returns the key of the id of a partition's newest lease.
    pub(crate) fn lease_key(&self, source: Partition) -> String {
        format!("{}{{p{source}}}@lease", self.prefix)
    }

    /// Returns the name of the key that lists the rows of a partition.
    pub(crate) fn known_key(&self, source: Partition) -> String {
        format!("{}{{p{source}}}@known", self.prefix)
    }
}

/// Returns the stored form of an offset.
pub(crate) fn encode_offset(offset: Offset) -> String {
    format!("{:0DIGITS$}", offset.0)
}

/// Decodes a stored row.
pub(crate) fn decode_row(mut stored: Bytes) -> Result<Row, Error> {
    let applied = leading_offset(&stored)
        .ok_or_else(|| Error::bare(ErrorKind::Corrupt, "read a row: the stored row has no offset"))?;
    // A slice would share the buffer, and that allocates.
    stored.advance(DIGITS);
    Ok(Row { value: stored, applied })
}

/// Decodes a stored marker. A marker that does not exist is 0.
pub(crate) fn decode_marker(stored: Option<&Bytes>) -> Result<Offset, Error> {
    stored
        .map_or(Some(Offset(0)), leading_offset)
        .ok_or_else(|| Error::bare(ErrorKind::Corrupt, "read a marker: the stored marker has no offset"))
}

fn leading_offset(stored: &Bytes) -> Option<Offset> {
    let digits = stored.get(..DIGITS).filter(|head| head.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok().map(Offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_compare_as_text() {
        let all =
            [0, 9, 10, 99, 1 << 53, (1 << 53) + 1, u64::MAX / 2, u64::MAX].map(|offset| encode_offset(Offset(offset)));
        assert!(all.is_sorted() && all.iter().all(|text| text.len() == DIGITS));
    }

    #[test]
    fn a_row_without_an_offset_is_corrupt() {
        assert!(decode_row(Bytes::from_static(b"short")).is_err());
        assert!(decode_row(Bytes::from_static(b"0000000000000000000xvalue")).is_err());
        let row = decode_row(Bytes::from_static(b"00000000000000000007value")).expect("a row");
        assert_eq!((row.applied, &row.value[..]), (Offset(7), &b"value"[..]));
    }

    #[test]
    fn a_marker_may_be_absent_or_carry_a_trace_but_not_be_text() {
        let read = |stored: &'static [u8]| decode_marker(Some(&Bytes::from_static(stored)));
        assert_eq!(decode_marker(None).expect("a marker"), Offset(0));
        assert_eq!(read(b"00000000000000000041").expect("a marker"), Offset(41));
        assert_eq!(read(b"0000000000000000004189ab.0").expect("a marker"), Offset(41));
        assert_eq!(read(b"forty-one").expect_err("no marker").kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn all_keys_of_a_partition_share_a_hash_tag() {
        let layout = Layout::new("marquee:".to_owned());
        assert_eq!(layout.row_key(Partition(3), b"u/ann"), b"marquee:{p3}:u/ann");
        assert_eq!(layout.marker_key(Partition(3)), "marquee:{p3}@");
        assert_eq!(layout.lease_key(Partition(3)), "marquee:{p3}@lease");
        assert_eq!(layout.known_key(Partition(3)), "marquee:{p3}@known");
    }
}
