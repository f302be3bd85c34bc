//! The checkpoint of an import, which the command line keeps in the user's folder.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| marquee_cli::import::fuzzing::check_checkpoint(data));
