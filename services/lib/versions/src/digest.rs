//! The name of contents: the MD5 digest of their bytes (RFC 1321), as DVC has it. It finds contents
//! again; it is no protection against somebody who forges them.

use std::fmt;
use std::io::{self, Read};

use md5::{Digest as _, Md5};

/// What follows the digest of a folder.
const FOLDER: &str = ".dir";

/// The number of hexadecimal digits.
const DIGITS: usize = 32;

/// The bytes that are read at once.
const BUFFER: usize = 1 << 20;

/// The name of contents: 32 hexadecimal digits in lower case, and `.dir` for the manifest of a
/// folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// Parses a digest. Returns `None` for another text.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_suffix(FOLDER).unwrap_or(text);
        let is_digest = digits.len() == DIGITS && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_digest.then(|| Self(text.to_owned()))
    }

    /// Returns the digest of a folder with this manifest.
    pub(crate) fn of_folder(manifest: &[u8]) -> Self {
        let mut hasher = Md5::new();
        hasher.update(manifest);
        Self(format!("{}{FOLDER}", hex(&hasher.finalize())))
    }

    /// Returns whether it names contents with this digest, be they a file or a manifest.
    pub(crate) fn is_of(&self, contents: &Self) -> bool {
        self.0.get(..DIGITS) == contents.0.get(..DIGITS)
    }

    /// Returns whether it names the manifest of a folder.
    pub fn is_folder(&self) -> bool {
        self.0.ends_with(FOLDER)
    }

    /// Returns the digest as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the place in a cache or a remote: the first two digits are a folder.
    pub(crate) fn place(&self) -> String {
        let (folder, name) = self.0.split_at(2);
        format!("files/md5/{folder}/{name}")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads everything. Returns its digest and its length. `each` gets the bytes as they are read, and
/// may stop it.
pub(crate) fn read(mut reader: impl Read, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<(Digest, u64)> {
    let (mut hasher, mut length, mut buffer) = (Md5::new(), 0, vec![0; BUFFER]);
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Ok((Digest(hex(&hasher.finalize())), length)),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        hasher.update(bytes);
        length += count as u64;
        each(bytes)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_bytes_as_they_are() {
        let of = |bytes: &[u8]| read(bytes, |_| Ok(())).unwrap();
        assert_eq!(of(b"").0.as_str(), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!((of(b"a\r\n").0.as_str(), of(b"a\r\n").1), ("933222b19ff3e7ea5f65517ea1f7d57e", 3));
        assert_ne!(of(b"a\r\n").0, of(b"a\n").0, "line ends are not changed");
    }

    #[test]
    fn only_digests_are_parsed() {
        let digits = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(Digest::parse(digits).unwrap().place(), format!("files/md5/d4/{}", &digits[2..]));
        assert!(Digest::parse(&format!("{digits}.dir")).unwrap().is_folder());
        for wrong in ["", "../../../etc/passwd", &digits[1..], &digits.to_uppercase(), &format!("{digits}.dirs")] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }
}
