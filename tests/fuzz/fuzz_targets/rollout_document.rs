//! The stored form of a rollout.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| marquee_controller::fuzzing::check_rollout(data));
