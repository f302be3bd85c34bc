//! The stored form of a route, in the object store and in the mirror on the local disk.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    marquee_inference::fuzzing::check_route(data);
    marquee_inference::fuzzing::check_mirror(data);
});
