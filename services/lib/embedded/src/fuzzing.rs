//! The decoder of the manifest of a database, for its fuzz target. Only tests and `cargo fuzz`
//! build it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::segments::{FILE, Manifest};

/// Reads a manifest, compares it with the journals that a database has, and writes it again.
///
/// # Panics
/// A manifest does not survive being written.
pub fn check_manifest(bytes: &[u8], journals: &BTreeMap<u64, u64>) {
    let Ok(manifest) = Manifest::parse(PathBuf::from(FILE), bytes) else { return };
    let _ = manifest.missing_from(journals);
    let written = serde_json::to_vec(&manifest.while_opening()).expect("a manifest is JSON");
    let again = Manifest::parse(PathBuf::from(FILE), &written).expect("what was written is read");
    assert_eq!(serde_json::to_vec(&again).expect("a manifest is JSON"), written);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"{"format":1,"closed":true,"checkpoint":3,"journals":[{"id":1,"length":null},
        {"id":2,"length":5}],"x":{"y":[1]}}"#;

    #[test]
    fn a_manifest_with_any_changed_byte_is_refused_or_survives() {
        let journals = BTreeMap::from([(0, 5), (1, 7), (u64::MAX, 1)]);
        for at in 0..MANIFEST.len() {
            for byte in [0, b'"', b'0', b'9', b'-', b'e', b'{', b'}', b',', b'n', 0xff] {
                let mut bytes = MANIFEST.as_bytes().to_vec();
                bytes[at] = byte;
                check_manifest(&bytes, &journals);
            }
            check_manifest(&MANIFEST.as_bytes()[..at], &journals);
        }
    }
}
