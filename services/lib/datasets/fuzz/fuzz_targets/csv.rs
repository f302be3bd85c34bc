//! Ratings with separators, below a header.

#![no_main]

mod exhaust;

libfuzzer_sys::fuzz_target!(|data: &[u8]| exhaust::exhaust("a.csv", data));
