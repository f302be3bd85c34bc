//! The stored rows of a movie. What decodes survives being written again.

#![no_main]

use marquee_features::{MovieRow, pack, unpack};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(row) = unpack::<MovieRow>(data) else { return };
    let written = pack(&row);
    let Ok(again) = unpack::<MovieRow>(&written) else { panic!("what was written is not read") };
    assert_eq!(pack(&again), written);
});
