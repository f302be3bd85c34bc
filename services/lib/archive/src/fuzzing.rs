//! The decoders of the archive, for their fuzz targets. Only tests and `cargo fuzz` build it.

use bytes::Bytes;
use marquee_domain::{Offset, Partition};
use marquee_ports::Bounds;

use crate::file::{FileName, decode};
use crate::index::{Index, IndexDocument};

/// Reads an index, uses what it names, and writes it again.
///
/// # Panics
/// An index does not survive being written.
pub fn check_index(bytes: &[u8]) {
    let Ok(document) = serde_json::from_slice::<IndexDocument>(bytes) else { return };
    let partition = Partition(0);
    let mut index = Index::absent(partition);
    index.document = document.clone();
    let _ = index.check_belongs(&Bounds { partition, begin: Offset(0), end: Offset(1_000) });
    let _ = index.last_record();
    for name in index.names() {
        let _ = name.key();
    }
    let written = serde_json::to_vec(&document).expect("an index is JSON");
    let again: IndexDocument = serde_json::from_slice(&written).expect("what was written is read");
    assert_eq!(serde_json::to_vec(&again).expect("an index is JSON"), written);
}

/// Parses the path of a file.
///
/// # Panics
/// A name that was parsed does not come back as it was.
pub fn check_path(path: &str) {
    let Some(name) = FileName::parse(path) else { return };
    // A day may have characters that no key has.
    let Ok(key) = name.key() else { return };
    assert_eq!(FileName::parse(key.as_str()), Some(name));
}

/// Decodes a file.
pub fn check_file(parquet: Bytes) {
    let day = "2026-11-25".to_owned();
    let name = FileName { day, partition: Partition(0), first: Offset(0), last: Offset(999) };
    let _ = decode(&name, parquet);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    const INDEX: &str = r#"{"topic": "marquee.ratings.v1", "partition": 3, "next_offset": 20, "last_record": "ab",
        "files": [{"day": "2026-11-25", "first_offset": 0, "last_offset": 19, "rows": 18, "sha256": "ab"}], "x": 1}"#;

    const PATH: &str =
        "archive/ratings/day=2026-11-25/marquee.ratings.v1-00003-00000000000000000000-00000000000000000999.parquet";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_damaged_index_or_path_is_refused_or_survives(
            changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 0..6), cut in any::<Index>(),
        ) {
            for text in [INDEX, PATH] {
                let mut bytes = text.as_bytes().to_vec();
                changes.iter().for_each(|(at, byte)| *at.get_mut(&mut bytes) = *byte);
                check_index(&bytes);
                check_path(&String::from_utf8_lossy(&bytes));
                check_index(&bytes[..cut.index(bytes.len())]);
            }
        }
    }
}
