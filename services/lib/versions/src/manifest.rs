//! The manifest of a folder: its files and their contents.
//!
//! Its digest is the version of the folder, and DVC makes the manifest again to compare. So the
//! bytes must be those that DVC writes: JSON in ASCII with a blank after commas and colons, the
//! keys `md5` and `relpath`, sorted by path.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// The most files of a folder.
const MOST: usize = 10_000_000;

/// A file of a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The path from the folder on, with slashes.
    pub path: String,
    /// Its contents.
    pub digest: Digest,
}

/// The files of a folder, sorted by path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    entries: Vec<Entry>,
}

/// The stored form of an entry. Other keys are not written by DVC 3.
#[derive(Serialize, Deserialize)]
struct Stored {
    md5: String,
    relpath: String,
}

impl Manifest {
    /// Sorts the files of a folder by the code points of their paths.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort();
        entries.dedup_by(|a, b| a.path == b.path);
        Self { entries }
    }

    /// Returns the files.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the digest of a file.
    pub fn get(&self, path: &str) -> Option<&Digest> {
        let at = self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        self.entries.get(at).map(|entry| &entry.digest)
    }

    /// Returns the stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::from("[");
        for (at, entry) in self.entries.iter().enumerate() {
            if at > 0 {
                text.push_str(", ");
            }
            let _ = write!(text, "{{\"md5\": \"{}\", \"relpath\": \"", entry.digest);
            escape(&entry.path, &mut text);
            text.push_str("\"}");
        }
        text.push(']');
        text.into_bytes()
    }

    /// Parses the stored form.
    ///
    /// # Errors
    /// A text that says what is wrong: it is no manifest, or a path leads out of the folder.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let stored: Vec<Stored> = serde_json::from_slice(bytes).map_err(|error| format!("is no manifest: {error}"))?;
        if stored.len() > MOST {
            return Err(format!("has more than {MOST} files"));
        }
        let entry = |stored: Stored| {
            let digest = Digest::parse(&stored.md5).filter(|digest| !digest.is_folder());
            let digest = digest.ok_or_else(|| format!("`md5` of {:?}: is no digest", stored.relpath))?;
            if !is_inside(&stored.relpath) {
                return Err(format!("`relpath` {:?}: leads out of the folder", stored.relpath));
            }
            Ok(Entry { path: stored.relpath, digest })
        };
        Ok(Self::new(stored.into_iter().map(entry).collect::<Result<_, String>>()?))
    }
}

/// Returns whether a path stays in the folder where it starts.
pub(crate) fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\0')
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

/// Writes the characters of a JSON string in ASCII. Characters beyond the first plane are two
/// surrogates (RFC 8259, section 7).
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, md5: &str) -> Entry {
        Entry { path: path.to_owned(), digest: Digest::parse(md5).expect("a digest") }
    }

    /// The example that DVC 3.67 wrote.
    #[test]
    fn the_bytes_are_those_of_dvc() {
        let manifest = Manifest::new(vec![
            entry("empty.txt", "d41d8cd98f00b204e9800998ecf8427e"),
            entry("b.csv", "e5ebd4c02cefbe7955977c67ada242b7"),
            entry("sub/é name.json", "6ee7ee61318e554de7ec4295e5482795"),
            entry("B.bin", "fbade9e36a3f36d3d676c1b808451dd7"),
            entry("crlf.csv", "e239a1084c874bad37d975482f79f905"),
        ]);
        let bytes = manifest.to_bytes();
        let text = std::str::from_utf8(&bytes).expect("ASCII");
        assert!(
            text.starts_with(r#"[{"md5": "fbade9e36a3f36d3d676c1b808451dd7", "relpath": "B.bin"}, {"md5": "#),
            "{text}"
        );
        assert!(text.ends_with(r#""relpath": "sub/\u00e9 name.json"}]"#), "{text}");
        assert_eq!(Digest::of_folder(&bytes).as_str(), "5b1837c8e5073186c19b80406e17cace.dir");
        assert_eq!(Manifest::parse(&bytes), Ok(manifest));
    }

    #[test]
    fn names_are_escaped_as_in_ascii_json_and_sorted_by_code_point() {
        let digest = "d41d8cd98f00b204e9800998ecf8427e";
        let names = ["😀", "ü.txt", "a0", "a/b", "a.c", "a-b", "A/z", "t\tq\"b\\"];
        let manifest = Manifest { ..Manifest::new(names.iter().map(|name| entry(name, digest)).collect()) };
        let sorted: Vec<&str> = manifest.entries().iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(sorted, ["A/z", "a-b", "a.c", "a/b", "a0", "t\tq\"b\\", "ü.txt", "😀"]);
        let text = String::from_utf8(manifest.to_bytes()).expect("ASCII");
        for part in [r#"\ud83d\ude00"#, r#"\u00fc.txt"#, r#"t\tq\"b\\"#] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert_eq!(manifest.get("a/b").map(Digest::as_str), Some(digest));
        assert_eq!(manifest.get("a/c"), None);
    }

    #[test]
    fn paths_that_lead_out_and_what_is_no_digest_are_refused() {
        let one =
            |md5: &str, path: &str| Manifest::parse(format!(r#"[{{"md5": "{md5}", "relpath": "{path}"}}]"#).as_bytes());
        let digest = "d41d8cd98f00b204e9800998ecf8427e";
        assert!(one(digest, "a/b").is_ok());
        for path in ["../a", "/etc/passwd", "a//b", "a/./b", "", "a/.."] {
            assert!(one(digest, path).unwrap_err().contains("leads out"), "{path}");
        }
        assert!(one("abc", "a").unwrap_err().contains("no digest"));
        assert!(Manifest::parse(b"{").unwrap_err().contains("no manifest"));
    }
}
