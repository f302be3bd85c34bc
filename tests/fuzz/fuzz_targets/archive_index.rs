//! The index of a partition of the archive, and the paths of its files.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    marquee_archive::fuzzing::check_index(data);
    if let Ok(text) = std::str::from_utf8(data) {
        marquee_archive::fuzzing::check_path(text);
        marquee_archive::fuzzing::check_path(&format!("archive/ratings/day={text}"));
    }
});
