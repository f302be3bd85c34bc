//! Secrets of sources: from a variable of the environment or a file, never from the configuration.

use std::path::{Path, PathBuf};

use marquee_domain::Secret;

use crate::source::SourceError;

/// The longest file of a secret.
const LONGEST: usize = 64 << 10;

/// Where a secret is. The file is read each time, because it may be replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum SecretPlace {
    /// There is none.
    #[default]
    None,
    /// A variable of the environment.
    Variable(String),
    /// A file with one line.
    File(PathBuf),
}

impl SecretPlace {
    /// Returns the place of two settings, of which one may be given. `names` are those of the
    /// settings.
    pub(crate) fn of(
        variable: Option<&String>,
        file: Option<&PathBuf>,
        names: (&'static str, &'static str),
    ) -> Result<Self, (&'static str, String)> {
        match (variable, file) {
            (None, None) => Ok(Self::None),
            (Some(variable), None) => Ok(Self::Variable(variable.clone())),
            (None, Some(file)) => Ok(Self::File(file.clone())),
            (Some(_), Some(_)) => Err((names.1, format!("is set beside {}; give one of them", names.0))),
        }
    }

    /// Reads the secret.
    pub(crate) fn read(&self) -> Result<Option<Secret>, SourceError> {
        match self {
            Self::None => Ok(None),
            Self::Variable(name) => match std::env::var(name) {
                Ok(text) if !text.is_empty() => Ok(Some(Secret::new(text))),
                _ => Err(SourceError::lasting(
                    format!("read the secret in the variable {name}"),
                    "it is not set; set it for this program",
                )),
            },
            Self::File(path) => Ok(Some(Secret::new(line(path)?))),
        }
    }
}

fn line(path: &Path) -> Result<String, SourceError> {
    let doing = || format!("read the secret in {}", path.display());
    let bytes = std::fs::read(path).map_err(|error| SourceError::lasting(doing(), error))?;
    let text = std::str::from_utf8(bytes.get(..bytes.len().min(LONGEST)).unwrap_or_default());
    let text = text.map_err(|error| SourceError::lasting(doing(), error))?.trim();
    if text.is_empty() || text.lines().count() != 1 {
        return Err(SourceError::lasting(doing(), "the file must have one line"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line_of_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        std::fs::write(&path, "hunter2\n").expect("written");
        let place = SecretPlace::of(None, Some(&path), ("token_env", "token_file")).expect("one place");
        assert_eq!(place.read().expect("read").expect("a secret").expose(), "hunter2");
        std::fs::write(&path, "a\nb\n").expect("written");
        assert!(place.read().is_err());
        let error = SecretPlace::Variable("MARQUEE_NO_SUCH_VARIABLE".to_owned()).read().expect_err("not set");
        assert!(error.to_string().contains("MARQUEE_NO_SUCH_VARIABLE") && !error.is_passing());
        let both = SecretPlace::of(Some(&"A".to_owned()), Some(&path), ("token_env", "token_file"));
        assert_eq!(both.expect_err("both").0, "token_file");
    }
}
