//! Ratings with one JSON object on each line.

#![no_main]

mod exhaust;

libfuzzer_sys::fuzz_target!(|data: &[u8]| exhaust::exhaust("a.ndjson", data));
