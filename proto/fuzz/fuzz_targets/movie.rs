//! Records of the movie topic, by every content type. What decodes survives being written again.

#![no_main]

mod content_type;

use marquee_proto::record::{PROTOBUF, decode_movie, encode_movie};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((header, value)) = content_type::split(data) else { return };
    let Ok(movie) = decode_movie(header, value) else { return };
    let again = decode_movie(Some(PROTOBUF.as_bytes()), &encode_movie(&movie)).expect("what was written is read");
    assert_eq!(again, movie);
});
