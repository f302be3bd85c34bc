//! The bodies of HTTP requests before they are parsed: unpacked within a limit, and scanned for
//! the memory that their JSON takes.

#![no_main]

use marquee_kit::fuzzing::{scan_json, unpack_all};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    scan_json(data, 1 << 20);
    scan_json(data, 200);
    unpack_all(data, 1 << 16);
});
