//! Fuzzes manifests. A manifest that parses stays the same after it is written and read again.

#![no_main]

use marquee_model::Manifest;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(manifest) = Manifest::parse(data) {
        let written = manifest.to_bytes();
        let again = Manifest::parse(&written).expect("what was written is read");
        assert_eq!(again.to_bytes(), written);
    }
});
