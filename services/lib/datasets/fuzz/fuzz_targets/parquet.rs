//! Ratings in a Parquet file.

#![no_main]

mod exhaust;

// The reader catches panics of the decoder, but the hook of the fuzzer would abort before that. So
// the hook is replaced by an empty one. A panic that is not caught still ends the run.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| exhaust::exhaust("a.parquet", data)
);
