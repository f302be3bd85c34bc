//! The `.dvc` file beside data: which contents the data have in this version.
//!
//! What people or other tools add to it (`desc`, `meta`, `remote` and others) stays, line by line.

use std::fmt::Write as _;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::Digest;

/// The extension of pointers.
pub(crate) const EXTENSION: &str = "dvc";

/// The contents of data.
#[derive(Debug, Clone, PartialEq)]
pub struct Out {
    /// The digest of the file, or of the manifest of the folder.
    pub digest: Digest,
    /// The bytes of all files, if they are known.
    pub size: Option<u64>,
    /// The number of files of a folder, if it is known.
    pub files: Option<u64>,
    /// The name of the file or folder beside the pointer.
    pub path: String,
    /// The lines that say something else of it.
    pub rest: Vec<String>,
}

/// A `.dvc` file.
#[derive(Debug, Clone, PartialEq)]
pub struct Pointer {
    /// The data.
    pub out: Out,
    /// The lines that say something else.
    pub rest: Vec<String>,
}

#[derive(Deserialize)]
struct Stored {
    outs: Vec<StoredOut>,
    wdir: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct StoredOut {
    md5: Option<String>,
    size: Option<u64>,
    nfiles: Option<u64>,
    hash: Option<String>,
    path: String,
}

impl Pointer {
    /// Parses a `.dvc` file.
    ///
    /// # Errors
    /// A text that says what is wrong or not supported.
    pub fn parse(text: &str) -> Result<Self, String> {
        let stored: Stored = serde_saphyr::from_str(text).map_err(|error| format!("is no `.dvc` file: {error}"))?;
        if stored.wdir.is_some() {
            return Err("has a `wdir`, which is not supported; name the data beside the file".to_owned());
        }
        let outs = stored.outs.len();
        let [out] = <[StoredOut; 1]>::try_from(stored.outs).map_err(|_| format!("has {outs} outs; expected one"))?;
        if out.hash.as_deref() != Some("md5") {
            return Err("is of DVC before version 3; run `dvc cache migrate --dvc-files`".to_owned());
        }
        let digest = out.md5.ok_or("has no `md5`: nothing was added yet")?;
        let digest = Digest::parse(&digest).ok_or_else(|| format!("`md5`: {digest} is no digest"))?;
        if !crate::manifest::is_inside(&out.path) {
            return Err(format!("`path`: {} is not beside the file", out.path));
        }
        let StoredOut { size, nfiles: files, path, .. } = out;
        let (of_out, rest) = others(text);
        Ok(Self { out: Out { digest, size, files, path, rest: of_out }, rest })
    }

    /// Returns the text that DVC writes. What else was said stands behind it.
    pub fn to_text(&self) -> String {
        let Out { digest, size, files, path, rest } = &self.out;
        let mut text = format!("outs:\n- md5: {digest}\n");
        let mut number = |name: &str, value: &Option<u64>| {
            if let Some(value) = value {
                let _ = writeln!(text, "  {name}: {value}");
            }
        };
        number("size", size);
        number("nfiles", files);
        let _ = writeln!(text, "  hash: md5\n  path: {}", scalar(path));
        for line in rest.iter().chain(&self.rest) {
            let _ = writeln!(text, "{line}");
        }
        text
    }
}

/// Returns the lines that say something else, of the data and at the top. Lines of the data get the
/// indentation of DVC.
fn others(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut of_out, mut top) = (Vec::new(), Vec::new());
    let (mut in_outs, mut is_other, mut indent) = (false, false, 0);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let is_top = !line.starts_with([' ', '-']);
        if is_top {
            in_outs = line.starts_with("outs:");
        }
        if !in_outs {
            if !matches!(line.trim_end(), "---" | "...") {
                top.push(line.to_owned());
            }
            continue;
        }
        // The list item begins with a dash, where the other keys have a blank.
        let is_item = line.trim_start().starts_with("- ");
        let line = if is_item { line.replacen('-', " ", 1) } else { line.to_owned() };
        let depth = line.len() - line.trim_start().len();
        if is_item {
            indent = depth;
        }
        if depth == indent && !is_top {
            let key = line.trim_start().split(':').next().unwrap_or_default();
            is_other = !["md5", "size", "nfiles", "hash", "path"].contains(&key);
        }
        if is_other && !is_top {
            of_out.push(format!("  {}", line.get(indent..).unwrap_or_default()));
        }
    }
    (of_out, top)
}

/// Returns a text as YAML: as it is where that is no other value, or in quotes.
fn scalar(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
    let is_word = text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(is_plain);
    let lower = text.to_ascii_lowercase();
    let is_value = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&lower.as_str());
    if is_word && !is_value { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str =
        "outs:\n- md5: 5b1837c8e5073186c19b80406e17cace.dir\n  size: 30\n  nfiles: 5\n  hash: md5\n  path: raw\n";

    #[test]
    fn the_text_is_that_of_dvc() {
        let file = "outs:\n- md5: 975c28c3c7d32982ca87e57bdb400fa9\n  size: 36\n  hash: md5\n  path: ratings.csv\n";
        assert_eq!(file.len(), 89);
        for text in [file, FOLDER] {
            assert_eq!(Pointer::parse(text).expect("a pointer").to_text(), text);
        }
    }

    #[test]
    fn what_others_add_stays() {
        let added =
            format!("{FOLDER}  desc: raw ratings\n  push: false\nmeta:\n  offsets:\n    0: 17\n  source: kafka\n");
        let pointer = Pointer::parse(&added).expect("a pointer");
        assert_eq!(pointer.to_text(), added);
        let indented = "# ours\nouts:\n  - desc: |\n      two\n      lines\n    md5: 975c28c3c7d32982ca87e57bdb400fa9\n    hash: md5\n    path: a\n";
        let pointer = Pointer::parse(indented).expect("a pointer");
        let text = "outs:\n- md5: 975c28c3c7d32982ca87e57bdb400fa9\n  hash: md5\n  path: a\n  desc: |\n    two\n    lines\n# ours\n";
        assert_eq!(pointer.to_text(), text);
        assert_eq!(Pointer::parse(text), Ok(pointer));
    }

    #[test]
    fn names_that_look_like_values_are_quoted() {
        for name in ["ratings.csv", "yes", "12", "a: b", "é.csv", "#x", "null", "a b", "😀"] {
            let pointer = Pointer::parse(&FOLDER.replace("path: raw", &format!("path: {}", scalar(name))));
            assert_eq!(pointer.expect("a pointer").out.path, name);
        }
        assert_eq!((scalar("ratings.csv"), scalar("no")), ("ratings.csv".to_owned(), "\"no\"".to_owned()));
    }

    #[test]
    fn what_is_no_pointer_is_refused_with_its_reason() {
        let refused = |text: &str| Pointer::parse(text).expect_err("refused");
        assert!(refused("[").contains("is no `.dvc` file"));
        assert!(refused("outs: []").contains("0 outs"));
        assert!(refused(&FOLDER.replace("  hash: md5\n", "")).contains("before version 3"));
        assert!(refused(&FOLDER.replace("path: raw", "path: ../raw")).contains("not beside"));
        assert!(refused(&FOLDER.replace("5b18", "zzzz")).contains("no digest"));
        assert!(refused(&format!("{FOLDER}wdir: ..\n")).contains("wdir"));
    }
}
