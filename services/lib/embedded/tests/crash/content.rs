//! Bytes that tell who wrote them: a name, and after it what follows from the name, so that a torn or mixed content is seen.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The content of a name: the name, a line feed, and up to `longest` bytes.
pub(super) fn of(name: &str, longest: usize) -> Vec<u8> {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let mut state = hasher.finish();
    let length = state as usize % (longest + 1);
    let mut bytes = format!("{name}\n").into_bytes();
    let end = bytes.len() + length;
    while bytes.len() < end {
        // Splitmix64's step is enough: no two neighbours alike.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        bytes.extend_from_slice(&(state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_le_bytes());
    }
    bytes.truncate(end);
    bytes
}

/// The name of a content; fails where the bytes are not all of it.
pub(super) fn name_of(bytes: &[u8], longest: usize) -> String {
    let name = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let name = String::from_utf8(name.to_vec()).expect("a name is text");
    assert!(bytes == of(&name, longest), "'{name}' is not whole: {} bytes", bytes.len());
    name
}
