//! Rating events as JSON, with a header and without: both ways come to the same.

#![no_main]

use marquee_proto::record::{JSON, decode_event, encode_event};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let declared = decode_event(Some(JSON.as_bytes()), data);
    if data.first() == Some(&b'{') {
        let guessed = decode_event(None, data);
        assert_eq!(declared.as_ref().ok().map(encode_event), guessed.ok().as_ref().map(encode_event));
    }
});
