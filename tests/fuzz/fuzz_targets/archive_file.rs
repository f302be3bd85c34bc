//! A file of the archive: Parquet whose rows are events.

#![no_main]

// The reader catches panics of the decoder, but the hook of the fuzzer would abort before that. So
// the hook is replaced by an empty one. A panic that is not caught still ends the run.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| marquee_archive::fuzzing::check_file(data.to_vec().into())
);
