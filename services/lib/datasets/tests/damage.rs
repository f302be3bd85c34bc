//! Damaged and arbitrary files of every format cause errors but never a panic, and reading always
//! ends.

use std::io::Write;

use bytes::Bytes;
use marquee_datasets::{Options, open_bytes};
use proptest::prelude::*;
use zip::write::SimpleFileOptions;

const NAMES: [&str; 12] = [
    "a.csv",
    "a.tsv",
    "a.ndjson",
    "ratings.dat",
    "u.data",
    "a.parquet",
    "a.zip",
    "a.csv.gz",
    "movielens100k_data.parquet.brotli",
    "a.json",
    "ratings",
    "a.txt",
];

/// Reads all movies and ratings, and returns the number of items.
fn exhaust(name: &str, bytes: Vec<u8>) -> usize {
    let most = bytes.len() * 2 + 10_000;
    let Ok(dataset) = open_bytes(name, Bytes::from(bytes), Options::default()) else { return 0 };
    let _ = dataset.movies();
    let _ = dataset.fingerprint();
    let Ok(ratings) = dataset.ratings() else { return 0 };
    let items = ratings.take(most).count();
    assert!(items < most, "{name} does not end");
    items
}

fn archive() -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, contents) in [
        ("ml/u.data", "1\t2\t3\t4\n".repeat(300)),
        ("ml/u.item", "1|Toy Story (1995)|01-Jan-1995||x|0|1\n".repeat(20)),
        ("ml/u.genre", "unknown|0\nAction|1\n".to_owned()),
    ] {
        archive.start_file(name, SimpleFileOptions::default()).expect("written to memory");
        archive.write_all(contents.as_bytes()).expect("written to memory");
    }
    archive.finish().expect("written to memory").into_inner()
}

#[test]
fn every_truncation_of_an_archive_is_read_or_refused() {
    let whole = archive();
    assert_eq!(exhaust("a.zip", whole.clone()), 300);
    for length in 0..whole.len() {
        assert_eq!(exhaust("a.zip", whole[..length].to_vec()), 0, "{length} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_do_not_panic(
        name in prop::sample::select(NAMES.as_slice()),
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        exhaust(name, bytes);
    }

    #[test]
    fn text_made_of_what_formats_are_made_of_does_not_panic(
        name in prop::sample::select(NAMES.as_slice()),
        text in "(user,movie,rating,timestamp\n)?([0-9a-z\",;:\t\n{}\\[\\]. -]|::|\"user\":|\"movie\":|\"rating\":){0,300}",
    ) {
        exhaust(name, text.into_bytes());
    }

    #[test]
    fn a_damaged_archive_does_not_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = archive();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        exhaust("a.zip", bytes);
    }

    #[test]
    fn rows_come_back_from_text(
        rows in prop::collection::vec(("[a-z0-9,\" é]{1,12}", "[a-z0-9]{1,8}", -10.0..10.0_f64, 0..4_000_000_000_i64), 0..50),
    ) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let line = |(user, movie, rating, time): &(String, String, f64, i64)| {
            format!("{time},{rating},{},{movie}\n", quoted(user))
        };
        let csv: String = rows.iter().map(line).collect();
        let csv = format!("rated_at,rating,user,movie\n{csv}");
        let dataset = open_bytes("a.csv", csv.into(), Options::default()).unwrap();
        let read: Vec<_> = dataset.ratings().unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), rows.len());
        for (row, (user, movie, rating, time)) in read.iter().zip(&rows) {
            prop_assert_eq!(&row.user, user.trim());
            prop_assert_eq!(&row.movie, movie);
            prop_assert_eq!(row.rating, *rating);
            prop_assert_eq!(row.rated_at.unwrap().seconds(), *time);
        }
    }
}
