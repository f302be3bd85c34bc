//! movies.parquet. What is read survives being written again.

#![no_main]

use marquee_model::Catalogue;

// The reader catches panics of the decoder; the fuzzer's hook would abort before that. A panic that is not caught still ends the run.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| {
        let Ok(catalogue) = Catalogue::from_parquet(data.to_vec().into()) else { return };
        let written = catalogue.to_parquet().expect("a catalogue that was read is written");
        assert_eq!(Catalogue::from_parquet(written.into()).expect("what was written is read"), catalogue);
    }
);
