//! Stored rows: older forms are read, and unknown bytes of newer ones are kept.

use marquee_domain::{Rating, RatingEvent, UserId};
use proptest::prelude::*;

use super::*;
use crate::chunks::{Chunk, Chunks, StoredUser, UserWithChunks};
use crate::testing::{Catalog, any_event, in_log_order};

fn movie(id: &str) -> MovieId {
    MovieId::try_new(id).expect("valid")
}

fn user_row() -> UserRow {
    let user = UserId::try_new("u").expect("valid");
    let drama = ["Drama".to_owned()];
    let rated = |id: &str, value, seconds| {
        let rated_at = Timestamp::from_seconds(seconds);
        RatingEvent::Rated(Rating { user: user.clone(), movie: movie(id), value, rated_at })
    };
    let mut row = UserRow::default();
    row.apply(&rated("a", 2.5, 10), Offset(7), |_| &drama);
    row.apply(&rated("b", 4.0, 20), Offset(8), |_| &[]);
    row.apply(&RatingEvent::Removed { user, movie: movie("b"), at: Timestamp::EPOCH }, Offset(9), |_| &[]);
    row
}

fn movie_row() -> MovieRow {
    let mut row = MovieRow { event_time: Some(Timestamp::from_seconds(10)), ..MovieRow::default() };
    row.moments = Moments::of(2.5);
    row.tiles.add(Timestamp::from_seconds(10), 2.5);
    row
}

proptest! {
    #[test]
    fn a_row_survives_packing(events in in_log_order(any_event())) {
        let (catalog, mut row) = (Catalog::default(), UserRow::default());
        for event in events {
            row.apply(&event.event, event.offset, |movie| catalog.genres(movie));
        }
        prop_assert_eq!(unpack::<UserSummary>(&pack(&row)).expect("unpacks"), row.summary.clone());
        prop_assert_eq!(unpack::<UserRow>(&pack(&row)).expect("unpacks"), row);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), format in 0u8..5) {
        let bytes = [vec![format], bytes].concat();
        let _ = (unpack::<UserRow>(&bytes).is_ok(), unpack::<MovieRow>(&bytes).is_ok());
        let _ = (unpack::<UserSummary>(&bytes).is_ok(), unpack::<UserHead>(&bytes).is_ok());
    }
}

#[test]
fn a_summary_and_a_head_are_read_without_the_rest() {
    let row = user_row();
    let bytes = pack(&row);
    let end = 5 + u32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize;
    assert!(end < bytes.len());
    assert_eq!(unpack::<UserSummary>(&bytes[..end]).expect("unpacks"), row.summary);
    assert_eq!(unpack::<UserHead>(&bytes[..end]).expect("unpacks").event_time, Some(Timestamp::from_seconds(20)));
}

#[test]
fn fields_and_sections_of_a_newer_version_are_kept() {
    let mut row = user_row();
    row.unknown = Unknown { fields: [vec![1, 2], vec![3]], sections: vec![2, 0, 0, 0, 8, 9] };
    let stored = pack(&row);
    let read: UserRow = unpack(&stored).expect("unpacks");
    assert_eq!((read.summary(), &read.ledger), (row.summary(), &row.ledger));
    assert_eq!(pack(&read), stored);
    let mut row = movie_row();
    row.unknown = Unknown { fields: [vec![1, 2], Vec::new()], sections: vec![2, 0, 0, 0, 8, 9] };
    let stored = pack(&row);
    assert_eq!(pack(&unpack::<MovieRow>(&stored).expect("unpacks")), stored);
}

#[test]
fn a_newer_format_is_refused_by_name_and_damage_is_told_from_it() {
    let mut bytes = pack(&user_row()).to_vec();
    bytes[0] = IN_CHUNKS + 1;
    let error = unpack::<UserRow>(&bytes).expect_err("newer");
    assert!(error.is_newer());
    assert_eq!(error.to_string(), "a row has format 5, and this version reads formats up to 4; upgrade this instance");
    for damaged in [&[][..], &[1, 9], &[FORMAT, 255], &[FORMAT, 255, 255, 255, 255, 1], &[WITHOUT_SECTIONS, 255]] {
        assert!(!unpack::<UserRow>(damaged).expect_err("damaged").is_newer(), "{damaged:?}");
    }
}

/// The rows above. Different bytes need a new format number.
#[rustfmt::skip]
const USER: &[u8] = &[
    3, 41, 0, 0, 0, 1, 128, 180, 137, 19, 2, 208, 134, 3, 128, 249, 133, 212, 4, 1, 0, 2, 208,
    134, 3, 128, 249, 133, 212, 4, 1, 5, 68, 114, 97, 109, 97, 2, 208, 134, 3, 128, 249, 133,
    212, 4, 25, 0, 0, 0, 1, 9, 1, 1, 97, 128, 218, 196, 9, 7, 0, 0, 0, 0, 0, 0, 4, 64, 1, 5, 68,
    114, 97, 109, 97,
];

#[rustfmt::skip]
const MOVIE: &[u8] = &[
    3, 25, 0, 0, 0, 2, 208, 134, 3, 128, 249, 133, 212, 4, 1, 0, 2, 208, 134, 3, 128, 249, 133,
    212, 4, 1, 128, 218, 196, 9,
];

/// A user of format 2: a rating of `m1`, a removal of `gone`, and a removal of the user before
/// both.
#[rustfmt::skip]
const OLD_USER: &[u8] = &[
    2, 1, 128, 184, 184, 114, 2, 128, 241, 4, 128, 192, 240, 245, 11, 1, 0, 2, 128, 241, 4, 128,
    192, 240, 245, 11, 1, 5, 68, 114, 97, 109, 97, 2, 128, 241, 4, 128, 192, 240, 245, 11, 2, 4,
    103, 111, 110, 101, 128, 184, 184, 114, 7, 0, 2, 109, 49, 128, 181, 183, 73, 3, 1, 0, 0, 0,
    0, 0, 0, 16, 64, 1, 5, 68, 114, 97, 109, 97, 1, 128, 173, 226, 4,
];

/// The movie's row in format 2.
#[rustfmt::skip]
const OLD_MOVIE: &[u8] = &[
    2, 2, 208, 134, 3, 128, 249, 133, 212, 4, 1, 0, 2, 208, 134, 3, 128, 249, 133, 212, 4, 1,
    128, 218, 196, 9,
];

#[test]
fn the_stored_form_does_not_change() {
    assert_eq!(pack(&user_row()), USER);
    assert_eq!(pack(&movie_row()), MOVIE);
    assert_eq!(unpack::<UserRow>(USER).expect("unpacks"), user_row());
    assert_eq!(unpack::<MovieRow>(MOVIE).expect("unpacks"), movie_row());
}

#[test]
fn rows_of_format_2_are_converted_and_their_removal_markers_are_dropped() {
    let row: UserRow = unpack(OLD_USER).expect("unpacks");
    assert_eq!(row.history(10), [(&movie("m1"), 4.0, Timestamp::from_seconds(77))]);
    assert_eq!((row.ledger.len(), row.ledger.last_removal()), (1, Some(Offset(7))));
    assert_eq!((row.summary.moments, row.summary.genres.len()), (Moments::of(4.0), 1));
    assert_eq!(row.summary.event_time, Some(Timestamp::from_seconds(120)));
    assert_eq!(unpack::<UserSummary>(OLD_USER).expect("unpacks"), row.summary);
    assert_eq!(unpack::<UserHead>(OLD_USER).expect("unpacks").event_time, row.summary.event_time);
    assert_eq!(pack(&row)[0], FORMAT);
    assert_eq!(unpack::<MovieRow>(OLD_MOVIE).expect("unpacks"), movie_row());
}

/// The rows of a user whose ratings are in chunks: the head, and a chunk.
fn parts() -> (UserWithChunks, Chunk) {
    let row = user_row();
    let entries: BTreeMap<_, _> = row.ledger.iter().map(|(movie, entry)| (movie.clone(), entry.clone())).collect();
    let pending = entries.iter().map(|(movie, entry)| (movie.clone(), Some(entry.clone())));
    let removed = MovieId::try_new("gone").expect("valid");
    let head = UserWithChunks {
        summary: row.summary,
        last_removal: Some(Offset(9)),
        pending: pending.chain([(removed, None)]).collect(),
        chunks: Chunks { generation: Offset(5), count: 3 },
        ratings: 7,
        newest: entries.iter().map(|(movie, entry)| ((entry.rated_at, entry.offset, movie.clone()), 2.5)).collect(),
        previous: Some(Chunks { generation: Offset(4), count: 2 }),
        unknown: Unknown::default(),
        unknown_chunks: Vec::new(),
    };
    (head, Chunk { entries, unknown: Unknown::default() })
}

#[test]
fn the_stored_form_of_parts_does_not_change() {
    let (head, chunk) = parts();
    assert_eq!((&pack(&head)[..], &pack(&chunk)[..]), (HEAD, CHUNK));
    assert_eq!(unpack::<StoredUser>(HEAD).expect("unpacks"), StoredUser::WithChunks(Box::new(head)));
    assert_eq!(unpack::<Chunk>(CHUNK).expect("unpacks"), chunk);
}

#[test]
fn fields_and_sections_of_a_newer_version_are_kept_in_parts() {
    let (mut head, mut chunk) = parts();
    head.unknown = Unknown { fields: [vec![1, 2], vec![3]], sections: vec![2, 0, 0, 0, 8, 9] };
    head.unknown_chunks = vec![4, 5];
    chunk.unknown = Unknown { fields: [vec![1, 2], Vec::new()], sections: vec![1, 0, 0, 0, 8] };
    assert_eq!(unpack::<StoredUser>(&pack(&head)).expect("unpacks"), StoredUser::WithChunks(Box::new(head)));
    assert_eq!(unpack::<Chunk>(&pack(&chunk)).expect("unpacks"), chunk);
}

#[test]
fn the_summary_of_a_head_is_read_without_the_rest() {
    let (head, _) = parts();
    let stored = pack(&head);
    assert_eq!(unpack::<UserSummary>(&stored).expect("unpacks"), head.summary);
    assert_eq!(unpack::<UserHead>(&stored).expect("unpacks").event_time, head.summary.event_time);
    assert_eq!(unpack::<UserRow>(&stored).expect("unpacks").history(9).len(), head.newest.len());
}

#[rustfmt::skip]
const HEAD: &[u8] = &[
    4, 41, 0, 0, 0, 1, 128, 180, 137, 19, 2, 208, 134, 3, 128, 249, 133, 212, 4, 1, 0, 2,
    208, 134, 3, 128, 249, 133, 212, 4, 1, 5, 68, 114, 97, 109, 97, 2, 208, 134, 3, 128,
    249, 133, 212, 4, 31, 0, 0, 0, 1, 9, 1, 1, 97, 128, 218, 196, 9, 7, 0, 0, 0, 0, 0, 0, 4,
    64, 1, 5, 68, 114, 97, 109, 97, 1, 4, 103, 111, 110, 101, 22, 0, 0, 0, 5, 3, 7, 1, 128,
    218, 196, 9, 7, 1, 97, 0, 0, 0, 0, 0, 0, 4, 64, 1, 4, 2,
];

#[rustfmt::skip]
const CHUNK: &[u8] = &[
    3, 23, 0, 0, 0, 1, 1, 97, 128, 218, 196, 9, 7, 0, 0, 0, 0, 0, 0, 4, 64, 1, 5, 68, 114,
    97, 109, 97,
];

/// Checks that bytes are refused or survive being written again.
fn survives<T: Pack + Unpack>(bytes: &[u8]) {
    let Ok(row) = unpack::<T>(bytes) else { return };
    let written = pack(&row);
    let again = unpack::<T>(&written).expect("what was written is read");
    assert_eq!(pack(&again), written);
}

#[test]
fn a_row_with_any_changed_byte_is_refused_or_survives() {
    for row in [USER, OLD_USER, HEAD, CHUNK, MOVIE, OLD_MOVIE] {
        for at in 0..row.len() {
            for byte in 0..=u8::MAX {
                let mut bytes = row.to_vec();
                bytes[at] = byte;
                survives::<UserRow>(&bytes);
                survives::<StoredUser>(&bytes);
                survives::<Chunk>(&bytes);
                survives::<MovieRow>(&bytes);
                drop(unpack::<UserSummary>(&bytes));
            }
            survives::<StoredUser>(&row[..at]);
        }
    }
}
