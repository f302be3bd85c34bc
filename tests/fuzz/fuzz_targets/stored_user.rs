//! The stored rows of a user: whole ones, heads, chunks and summaries. What decodes survives being
//! written again.

#![no_main]

use marquee_features::{Chunk, Pack, StoredUser, Unpack, UserRow, UserSummary, pack, unpack};

fn survives<T: Pack + Unpack>(bytes: &[u8]) {
    let Ok(row) = unpack::<T>(bytes) else { return };
    let written = pack(&row);
    let Ok(again) = unpack::<T>(&written) else { panic!("what was written is not read") };
    assert_eq!(pack(&again), written);
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    survives::<UserRow>(data);
    survives::<StoredUser>(data);
    survives::<Chunk>(data);
    let _ = unpack::<UserSummary>(data);
});
