//! Damaged and hostile files are errors. They cause no panic, and no allocation of a size that only
//! the file claims.

use bytes::Bytes;
use marquee_parquet::{Column, Error, Table, read, write};
use proptest::prelude::*;

fn valid() -> Vec<u8> {
    let title = |row: i32| (row % 7 != 0).then(|| format!("title {}", row % 40));
    write(&Table {
        columns: vec![
            ("title".to_owned(), Column::Utf8((0..500).map(title).collect())),
            ("movie".to_owned(), Column::Int64((0..500).map(|row| Some(row * row)).collect())),
            ("mean".to_owned(), Column::Float64((0..500).map(|row| Some(f64::from(row))).collect())),
            ("seen".to_owned(), Column::Bool((0..500).map(|row| Some(row % 3 == 0)).collect())),
        ],
    })
    .expect("a table that can be written")
}

/// Returns a file with this footer.
fn with_footer(footer: &[u8]) -> Bytes {
    let length = u32::try_from(footer.len()).expect("a short footer").to_le_bytes();
    [b"PAR1", footer, &length, b"PAR1"].concat().into()
}

#[test]
fn every_truncation_is_an_error() {
    let whole = valid();
    for length in 0..whole.len() {
        assert!(read(Bytes::copy_from_slice(&whole[..length])).is_err(), "{length} bytes");
    }
}

#[test]
fn a_schema_that_claims_children_beyond_its_elements_is_refused_before_the_decoder_reserves_room() {
    // FileMetaData { 2: [SchemaElement { 4: "r", 5: 2^30 children }] }
    let footer = [0x29, 0x1c, 0x48, 0x01, b'r', 0x15, 0x80, 0x80, 0x80, 0x80, 0x08, 0x00, 0x00];
    assert!(matches!(read(with_footer(&footer)), Err(Error::Malformed(reason)) if reason.contains("children")));
}

#[test]
fn a_schema_that_nests_without_end_is_refused_before_the_decoder_descends() {
    let elements = 100_000_u32;
    let mut footer = vec![0x29, 0xfc, 0xa0, 0x8d, 0x06];
    for _ in 1..elements {
        footer.extend([0x48, 0x01, b'r', 0x15, 0x02, 0x00]);
    }
    footer.extend([0x48, 0x01, b'r', 0x00, 0x00]);
    assert!(matches!(read(with_footer(&footer)), Err(Error::Malformed(reason)) if reason.contains("deep")));
}

#[test]
fn a_list_longer_than_the_file_is_refused() {
    let footer = [0x59, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00];
    assert!(matches!(read(with_footer(&footer)), Err(Error::Malformed(reason)) if reason.contains("list")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(read(Bytes::from(bytes)).is_err());
    }

    #[test]
    fn arbitrary_footers_are_an_error_or_a_table(footer in prop::collection::vec(any::<u8>(), 0..500)) {
        let _ = read(with_footer(&footer));
    }

    #[test]
    fn flipped_bytes_are_an_error_or_a_table(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)
    ) {
        let mut bytes = valid();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = read(Bytes::from(bytes));
    }

    #[test]
    fn a_damaged_footer_is_an_error_or_a_table(at in 0_usize..1_200, value in any::<u8>()) {
        let mut bytes = valid();
        let end = bytes.len() - 8;
        bytes[end - 1 - at.min(end - 5)] = value;
        let _ = read(Bytes::from(bytes));
    }
}
