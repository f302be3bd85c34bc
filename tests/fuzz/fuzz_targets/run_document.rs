//! The stored form of a training run.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| marquee_trainer::fuzzing::check_run(data));
