//! The double-colon format of MovieLens 1M.

#![no_main]

mod exhaust;

libfuzzer_sys::fuzz_target!(|data: &[u8]| exhaust::exhaust("ratings.dat", data));
