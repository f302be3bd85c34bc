//! The profile files of Amazon's tools, which have keys of the object store.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        marquee_objects::fuzzing::check_profile(text);
    }
});
