//! Identifiers. On the wire and in the log they are opaque text. Dense indices exist only inside a
//! model package.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Reason;

/// The maximum length of an id, in bytes.
const LONGEST: usize = 128;

/// The reason why a text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdError {
    /// The text is empty.
    #[error("is empty: give 1 to 128 bytes")]
    Empty,
    /// The text is too long.
    #[error("has {0} bytes: give at most {limit}", limit = LONGEST)]
    TooLong(usize),
    /// The text has a control character, which would corrupt logs, keys and terminals.
    #[error("holds a control character: give printable text")]
    ControlCharacter,
    /// The text is a step of a path, which URLs cannot name.
    #[error("is '.' or '..', which a URL cannot name: give another id")]
    PathStep,
    /// The text has a character that shows nothing or reverses what is around it.
    #[error("holds an invisible or direction-changing character: give text that reads as it is stored")]
    Invisible,
    /// The text is not a model name. Model names become names of folders and labels.
    #[error("is not a model name: give 1 to 63 lower-case letters, digits and dashes, a letter first")]
    NotAModelName,
}

impl IdError {
    /// Returns the reason for machines.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Empty => Reason::Empty,
            Self::TooLong(_) => Reason::TooLong,
            Self::ControlCharacter | Self::Invisible => Reason::ControlCharacter,
            Self::NotAModelName | Self::PathStep => Reason::Malformed,
        }
    }
}

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > LONGEST {
        return Err(IdError::TooLong(text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(IdError::ControlCharacter);
    }
    Ok(())
}

/// Checks the id of a user or a movie that is about to be stored. It refuses more than the types
/// do, because records of earlier versions may have such ids.
///
/// # Errors
/// The text is `.` or `..`, or has a character that people cannot see.
pub fn check_new_id(text: &str) -> Result<(), IdError> {
    if matches!(text, "." | "..") {
        return Err(IdError::PathStep);
    }
    // Marks and overrides of the direction, separators of lines, a blank without width, and the
    // byte order mark. Joiners stay: names in many scripts need them.
    let is_invisible = |char| {
        matches!(
            char,
            '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
        )
    };
    if text.chars().any(is_invisible) { Err(IdError::Invisible) } else { Ok(()) }
}

fn check_model_name(text: &str) -> Result<(), IdError> {
    let fits = matches!(text.len(), 1..=63)
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits { Ok(()) } else { Err(IdError::NotAModelName) }
}

/// Defines a type of id, checked by a function. The types differ only in name, so that the compiler
/// tells them apart.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a text.
            ///
            /// # Errors
            /// The text is not a valid value of this type.
            pub fn try_new(text: &str) -> Result<Self, IdError> {
                $check(text)?;
                Ok(Self(Arc::from(text)))
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::try_new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

id! {
    /// Identifies a user: 1 to 128 bytes without control characters.
    UserId, check
}

id! {
    /// Identifies a movie: 1 to 128 bytes without control characters.
    MovieId, check
}

id! {
    /// The name of a model: 1 to 63 lower-case letters, digits and dashes, starting with a letter.
    /// It is used as the name of a folder and as a metric label.
    ModelName, check_model_name
}

/// The version of a model: 1, 2, 3 and so on. It is an integer because tools of the Open Inference
/// Protocol require one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_one_to_128_bytes_without_control_characters() {
        assert_eq!(UserId::try_new(""), Err(IdError::Empty));
        assert_eq!(UserId::try_new(&"x".repeat(129)), Err(IdError::TooLong(129)));
        assert_eq!(UserId::try_new("a\nb"), Err(IdError::ControlCharacter));
        assert!(UserId::try_new(&"x".repeat(128)).is_ok());
        assert_eq!(UserId::try_new("Zoë").expect("valid").as_str(), "Zoë");
    }

    #[test]
    fn model_names_are_safe_as_folders() {
        for bad in ["", "Ratings", "../up", "a/b", "1st", "-x", &"a".repeat(64)] {
            assert_eq!(ModelName::try_new(bad), Err(IdError::NotAModelName), "{bad}");
        }
        assert!(ModelName::try_new("ratings-2").is_ok());
    }
}
