//! What is wrong with a field of a request or a record, in one form for every role.

use std::fmt;

/// A field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field, for example `ratings[3].movie_id`.
    pub field: String,
    /// Why the value was refused.
    pub reason: Reason,
    /// What is wrong and how to mend it, for people.
    pub description: String,
}

impl Violation {
    /// Creates a violation of a field.
    pub fn new(field: impl Into<String>, reason: Reason, description: impl Into<String>) -> Self {
        Self { field: field.into(), reason, description: description.into() }
    }

    /// Returns the same violation for a field inside another one.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        self.field = format!("{prefix}.{}", self.field);
        self
    }
}

/// Declares the reasons with their names on the wire, so that the two can't drift apart.
macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A stable reason for machines. Its name is part of the public API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$doc])* $variant,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the name in upper case, as answers, records and metrics carry it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

reasons! {
    /// A reason that this version does not know.
    Unspecified = "UNSPECIFIED",
    /// An empty text.
    Empty = "EMPTY",
    /// An absent field.
    Missing = "MISSING",
    /// A text that is too long.
    TooLong = "TOO_LONG",
    /// Too many entries, or a count that is too large.
    TooMany = "TOO_MANY",
    /// A text with control characters.
    ControlCharacter = "CONTROL_CHARACTER",
    /// A value that does not parse or has the wrong shape.
    Malformed = "MALFORMED",
    /// A number that is NaN or infinite.
    NotANumber = "NOT_A_NUMBER",
    /// A rating below or above the scale.
    OffScale = "OFF_SCALE",
    /// A rating between two steps of the scale.
    OffStep = "OFF_STEP",
    /// A number outside its range.
    OutOfRange = "OUT_OF_RANGE",
    /// A time that lies too far ahead.
    InTheFuture = "IN_THE_FUTURE",
    /// A movie that the catalog does not have.
    UnknownMovie = "UNKNOWN_MOVIE",
    /// A record that is stored in another partition than that of its user.
    WrongPartition = "WRONG_PARTITION",
    /// A feature that does not exist.
    UnknownFeature = "UNKNOWN_FEATURE",
    /// A feature view that does not exist.
    UnknownView = "UNKNOWN_VIEW",
    /// A feature of another view than the one that was asked for.
    OtherView = "OTHER_VIEW",
    /// An entity key that does not exist.
    UnknownEntity = "UNKNOWN_ENTITY",
    /// Columns of different lengths.
    Ragged = "RAGGED",
    /// A name that appears twice.
    NameTwice = "NAME_TWICE",
}

impl Reason {
    /// Returns the reason with this name, or [`Reason::Unspecified`] if a newer version sent it.
    pub fn parse(name: &str) -> Self {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == name).unwrap_or(Self::Unspecified)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_read_back_from_its_name() {
        for &reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), reason);
        }
        assert_eq!(Reason::parse("NEWER_THAN_THIS"), Reason::Unspecified);
    }

    #[test]
    fn a_field_inside_another_has_its_path() {
        let violation = Violation::new("movie_id", Reason::Empty, "is empty").within("ratings[3]");
        assert_eq!(violation.field, "ratings[3].movie_id");
    }
}
