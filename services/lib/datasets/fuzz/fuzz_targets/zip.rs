//! Archives, and whatever data set they hold.

#![no_main]

mod exhaust;

libfuzzer_sys::fuzz_target!(|data: &[u8]| exhaust::exhaust("a.zip", data));
