//! Rows in parts hold what whole rows hold, whatever events come.

use std::collections::HashMap;

use marquee_domain::Rating;
use proptest::prelude::*;

use super::*;
use crate::testing::{Catalog, Event, any_event, in_log_order};
use crate::{unpack, user_key};

/// Rows by key, as an online store has them.
type Rows = HashMap<Bytes, (Bytes, Offset)>;

const SMALL: Layout = Layout { whole: 1, pending: 2, chunk: 1, newest: 2 };

fn user() -> UserId {
    crate::testing::user(0)
}

/// Applies a batch to stored rows, as the stream does.
fn apply(rows: &mut Rows, batch: &[Event], layout: Layout) -> Vec<Change> {
    let (catalog, user) = (Catalog::default(), user());
    let row = rows.get(&user_key(&user));
    let applied = row.map(|(_, applied)| *applied);
    let stored: StoredUser = row.map(|(row, _)| unpack(row).expect("unpacks")).unwrap_or_default();
    let events: Vec<&RatingEvent> = batch.iter().map(|event| &event.event).collect();
    let needed = stored.chunks_for(&events, layout);
    let chunk = |index: u32| {
        let row = rows.get(&stored.chunk_key(index, &user)?)?;
        Some(unpack(&row.0).expect("unpacks"))
    };
    let chunks = needed.into_iter().map(|index| (index, chunk(index).unwrap_or_default())).collect();
    let mut edit = stored.clone().edit(chunks, applied, (&events, layout));
    let (mut last, mut changes) = (None, Vec::new());
    for Event { offset, event } in batch {
        let effect = edit.apply(event, *offset, |movie| catalog.genres(movie));
        if edit.take_repaired() || !effect.is_empty() {
            last = Some(*offset);
        }
        changes.extend(effect);
    }
    if let Some(last) = last {
        for (key, part, applied) in edit.writes(&user, last) {
            let row = rows.entry(key).or_insert_with(|| (Bytes::new(), Offset(0)));
            if row.0.is_empty() || row.1 < applied {
                *row = (crate::pack(&part), applied);
            }
        }
    }
    changes
}

/// Returns all ratings in stored rows.
fn joined(rows: &Rows) -> UserRow {
    let user = user();
    let Some((row, _)) = rows.get(&user_key(&user)) else { return UserRow::default() };
    let stored: StoredUser = unpack(row).expect("unpacks");
    let chunks = match &stored {
        StoredUser::Whole(_) => 0,
        StoredUser::WithChunks(head) => head.chunks.count,
    };
    let chunk = |index| unpack::<Chunk>(&rows.get(&stored.chunk_key(index, &user)?)?.0).ok();
    let chunks: Vec<Chunk> = (0..chunks).filter_map(chunk).collect();
    match stored.clone() {
        StoredUser::Whole(row) => *row,
        StoredUser::WithChunks(head) => head.join(chunks.into_iter()),
    }
}

fn of_user_zero(events: Vec<Event>) -> Vec<Event> {
    events.into_iter().filter(|event| event.event.user() == &user()).collect()
}

proptest! {
    #[test]
    fn rows_in_parts_hold_what_whole_rows_hold(
        events in in_log_order(any_event()),
        size in 1_usize..5,
        (whole, pending, chunk, newest) in (0_usize..3, 1_usize..4, 1_usize..3, 0_usize..4),
    ) {
        let layout = Layout { whole, pending, chunk, newest };
        let (catalog, mut expected, mut rows) = (Catalog::default(), UserRow::default(), Rows::new());
        for batch in of_user_zero(events).chunks(size) {
            let mut changes = Vec::new();
            for Event { offset, event } in batch {
                changes.extend(expected.apply(event, *offset, |movie| catalog.genres(movie)));
            }
            prop_assert_eq!(apply(&mut rows, batch, layout), changes);
            prop_assert_eq!(joined(&rows), expected.clone());
            if let Some((row, _)) = rows.get(&user_key(&user())) {
                let served: UserRow = unpack(row).expect("unpacks");
                prop_assert_eq!(served.summary(), expected.summary());
                prop_assert_eq!(served.history(newest), expected.history(newest));
            }
        }
    }

    #[test]
    fn parts_are_read_as_they_were_written(events in in_log_order(any_event())) {
        let mut rows = Rows::new();
        for batch in of_user_zero(events).chunks(2) {
            apply(&mut rows, batch, SMALL);
            for (key, (row, _)) in &rows {
                if key.starts_with(b"c/") {
                    prop_assert_eq!(&crate::pack(&unpack::<Chunk>(row).expect("unpacks")), row);
                } else {
                    prop_assert_eq!(&crate::pack(&unpack::<StoredUser>(row).expect("unpacks")), row);
                }
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), format in 0_u8..6) {
        let bytes = [vec![format], bytes].concat();
        let _ = (unpack::<StoredUser>(&bytes).is_ok(), unpack::<Chunk>(&bytes).is_ok());
    }
}

#[test]
fn nothing_is_left_of_a_user_that_was_removed() {
    let mut rows = Rows::new();
    let rated = |n: u8| {
        let rated_at = Timestamp::from_seconds(i64::from(n));
        let rating = Rating { user: user(), movie: crate::testing::movie(n), value: 3.0, rated_at };
        Event { offset: Offset(n.into()), event: RatingEvent::Rated(rating) }
    };
    for n in 0..20 {
        apply(&mut rows, &[rated(n)], SMALL);
    }
    assert!(rows.len() > 5);
    let event = RatingEvent::UserRemoved { user: user(), at: Timestamp::from_seconds(50) };
    apply(&mut rows, &[Event { offset: Offset(30), event }], SMALL);
    assert_eq!(joined(&rows).ledger.len(), 0);
    for (key, (row, _)) in rows.iter().filter(|(key, _)| key.starts_with(b"c/")) {
        let chunk: Chunk = unpack(row).expect("unpacks");
        assert!(chunk.entries.is_empty(), "{key:?}");
    }
}

#[test]
fn the_chunk_of_a_movie_never_changes() {
    let chunks = Chunks { generation: Offset(0), count: 1_000 };
    let index = |id: &str| chunks.index_of(&MovieId::try_new(id).expect("valid"));
    assert_eq!(
        [index("a"), index("foobar")],
        [0xaf63_dc4c_8601_ec8c_u64, 0x8594_4171_f739_67e8].map(|hash| (hash % 1_000) as u32)
    );
}
