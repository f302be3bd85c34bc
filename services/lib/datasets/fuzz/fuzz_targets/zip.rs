//! Zip archives, and the data sets in them.

#![no_main]

mod exhaust;

libfuzzer_sys::fuzz_target!(|data: &[u8]| exhaust::exhaust("a.zip", data));
