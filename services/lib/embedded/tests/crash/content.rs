//! Content that follows from its name, which it starts with, so that torn or mixed content is
//! detected.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Returns the content of a name: the name, a line feed, and up to `longest` bytes.
pub(super) fn of(name: &str, longest: usize) -> Vec<u8> {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let mut state = hasher.finish();
    let length = state as usize % (longest + 1);
    let mut bytes = format!("{name}\n").into_bytes();
    let end = bytes.len() + length;
    while bytes.len() < end {
        // A step of splitmix64 is enough: neighbors differ.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        bytes.extend_from_slice(&(state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_le_bytes());
    }
    bytes.truncate(end);
    bytes
}

/// Returns the name of a content. Fails when the bytes are not the whole content.
pub(super) fn name_of(bytes: &[u8], longest: usize) -> String {
    let name = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let name = String::from_utf8(name.to_vec()).expect("a name is text");
    assert!(bytes == of(&name, longest), "'{name}' is not whole: {} bytes", bytes.len());
    name
}
