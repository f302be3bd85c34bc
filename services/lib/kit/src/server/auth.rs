//! The token of calls that write or administer.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::reload::Reloaded;

/// The shortest token. A shorter one could be guessed.
const SHORTEST: usize = 16;

/// A token that cannot be used.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("{path} cannot be read; give a file with the token in its first line")]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The token is too short or has characters that a header cannot have.
    #[error("{0} has no token; expected at least {SHORTEST} printable ASCII characters without blanks")]
    Malformed(PathBuf),
}

/// A token that is read again when its file changes.
#[derive(Debug)]
pub(crate) struct Token {
    path: PathBuf,
    file: Reloaded<Arc<str>>,
}

impl Token {
    /// Reads the token.
    pub(crate) fn read(path: &Path) -> Result<Self, TokenError> {
        Ok(Self { path: path.to_owned(), file: Reloaded::read(&[path], || read(path))? })
    }

    /// Returns the token. A changed file is read again; if it is unusable, the earlier token stays.
    pub(crate) fn current(&self) -> Arc<str> {
        let warn = |error: TokenError| tracing::warn!(error = crate::chain(&error), "the earlier token stays in use");
        self.file.current(|| read(&self.path).map_err(warn).ok())
    }

    /// Returns whether a request carries the token. The time of the comparison does not depend on
    /// how much of the token is right.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.split_once(' '));
        let Some((scheme, token)) = given else { return false };
        scheme.eq_ignore_ascii_case("bearer") && bool::from(token.trim().as_bytes().ct_eq(self.current().as_bytes()))
    }
}

fn read(path: &Path) -> Result<Arc<str>, TokenError> {
    let unreadable = |source| TokenError::Read { path: path.to_owned(), source };
    // A pipe or a device would block the process.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unreadable(ErrorKind::InvalidInput.into()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(TokenError::Malformed(path.to_owned()));
    }
    Ok(token.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_accepted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        for short in ["", "short", "has blanks in its middle"] {
            std::fs::write(&path, short).expect("written");
            assert!(matches!(Token::read(&path), Err(TokenError::Malformed(_))), "{short}");
        }
        std::fs::write(&path, "0123456789abcdef\n").expect("written");
        let token = Token::read(&path).expect("a token");
        let carries = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().expect("a header"));
            token.is_in(&headers)
        };
        assert!(carries("Bearer 0123456789abcdef") && carries("bearer  0123456789abcdef"));
        for wrong in ["Bearer 0123456789abcdee", "Bearer 0123456789abcde", "Basic 0123456789abcdef", "0123456789abcdef"]
        {
            assert!(!carries(wrong), "{wrong}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
        assert!(matches!(Token::read(folder.path()), Err(TokenError::Read { .. })));
    }
}
