//! Ratings as columns of a Parquet file.

#![no_main]

mod exhaust;

// The reader catches panics of the decoder; the fuzzer's hook would abort before that. A panic that is not caught still ends the run.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| exhaust::exhaust("a.parquet", data)
);
