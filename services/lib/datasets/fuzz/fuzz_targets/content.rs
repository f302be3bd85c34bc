//! Ratings in a file whose name tells nothing.

#![no_main]

mod exhaust;

libfuzzer_sys::fuzz_target!(|data: &[u8]| exhaust::exhaust("ratings", data));
