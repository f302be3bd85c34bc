//! Records of the rating topic, by every content type. What decodes survives being written again.

#![no_main]

mod content_type;

use marquee_proto::record::{PROTOBUF, decode_event, encode_event};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((header, value)) = content_type::split(data) else { return };
    let Ok(event) = decode_event(header, value) else { return };
    let again = decode_event(Some(PROTOBUF.as_bytes()), &encode_event(&event)).expect("what was written is read");
    assert_eq!(again, event);
});
