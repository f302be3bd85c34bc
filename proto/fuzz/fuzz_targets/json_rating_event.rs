//! Rating events as JSON, with a header and without: both ways come to the same.

#![no_main]

use marquee_proto::record::{JSON, decode_event, encode_event};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let declared = decode_event(Some(JSON.as_bytes()), data);
    let declared = declared.as_ref().ok().map(encode_event);
    if data.first() == Some(&b'{') {
        let guessed = decode_event(None, data);
        assert_eq!(declared, guessed.ok().as_ref().map(encode_event));
    }
    // A byte order mark and blanks change nothing, unless the value becomes too large or has a mark
    // already.
    let around = [&b"\xef\xbb\xbf \r"[..], data, b" "].concat();
    if data.len() < 1_000_000 && !data.is_empty() && !data.trim_ascii().starts_with(b"\xef\xbb\xbf") {
        let marked = decode_event(Some(JSON.as_bytes()), &around);
        assert!(declared.is_none() || marked.as_ref().ok().map(encode_event) == declared);
    }
});
