//! Fuzzes movies.parquet. A catalog that is read stays the same after it is written and read again.

#![no_main]

use marquee_model::Catalogue;

// The reader catches panics of the decoder, but the panic hook of the fuzzer would abort before
// that. A panic that is not caught still ends the run.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| {
        let Ok(catalogue) = Catalogue::from_parquet(data.to_vec().into()) else { return };
        let written = catalogue.to_parquet().expect("a catalog that was read is written");
        assert_eq!(Catalogue::from_parquet(written.into()).expect("what was written is read"), catalogue);
    }
);
