//! The check of a group of settings.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use humantime_serde::re::humantime::format_duration;
use thiserror::Error;

use crate::redact::redact_message;

/// A group of settings that can say whether its values make sense.
pub trait Validate {
    /// Checks every value.
    ///
    /// # Errors
    /// The first value that makes no sense, named by its key relative to this group.
    fn validate(&self) -> Result<(), Invalid>;
}

/// A setting whose value makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct Invalid {
    key: String,
    message: String,
}

impl Invalid {
    /// Creates the refusal of a setting. The message says what is wrong and what to give instead,
    /// for example `0 s is too short; give at least 100ms`.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }

    /// Returns the same refusal for a group inside another one: its key gets a prefix.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        self.key = if self.key.is_empty() { prefix.to_owned() } else { format!("{prefix}.{}", self.key) };
        self
    }

    /// Returns the dotted key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the same refusal without the secrets of the value that it is about.
    pub(crate) fn redacted(mut self, value: Option<&serde_json::Value>) -> Self {
        self.message = redact_message(&self.message, value);
        self
    }

    /// Returns `Ok` if a number is in its range, and the refusal of the setting otherwise.
    ///
    /// # Errors
    /// The number is outside of the range.
    pub fn unless_in(range: RangeInclusive<u64>, key: &str, number: u64) -> Result<(), Self> {
        let (least, most) = range.into_inner();
        let message = format!("is {number}; give a number from {} to {}", thousands(least), thousands(most));
        Self::unless((least..=most).contains(&number), key, message)
    }

    /// Returns `Ok` if a time is in its range, and the refusal of the setting otherwise.
    ///
    /// # Errors
    /// The time is outside of the range.
    pub fn unless_time_in(range: RangeInclusive<Duration>, key: &str, time: Duration) -> Result<(), Self> {
        let (least, most) = range.into_inner();
        let [found, from, to] = [time, least, most].map(format_duration);
        let message = format!("is {found}; give a time from {from} to {to}");
        Self::unless((least..=most).contains(&time), key, message)
    }

    /// Returns `Ok` if `cert_file` and `key_file` of a client certificate are both set or both
    /// empty, and the refusal of the empty one otherwise.
    ///
    /// # Errors
    /// One of them is empty.
    pub fn unless_paired(cert_file: &Path, key_file: &Path) -> Result<(), Self> {
        let empty = if is_set(cert_file) { "key_file" } else { "cert_file" };
        let message = "is not set; a client certificate needs cert_file and key_file";
        Self::unless(is_set(cert_file) == is_set(key_file), empty, message)
    }

    /// Returns `Ok` if the condition holds, and the refusal of the setting otherwise.
    ///
    /// # Errors
    /// The condition does not hold.
    pub fn unless(condition: bool, key: &str, message: impl Into<String>) -> Result<(), Self> {
        if condition { Ok(()) } else { Err(Self::new(key, message)) }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// Returns whether a setting names a path. An empty path, the default of such settings, names none.
pub fn is_set(path: &Path) -> bool {
    !path.as_os_str().is_empty()
}

/// Formats a number with commas between thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_an_inner_group_is_dotted() {
        let inner = Invalid::new("refresh", "0s is too short; give at least 100ms");
        assert_eq!(inner.within("inference").to_string(), "inference.refresh: 0s is too short; give at least 100ms");
        assert_eq!(Invalid::new("", "is wrong").within("kafka").key(), "kafka");
    }

    #[test]
    fn a_condition_that_holds_refuses_nothing() {
        assert_eq!(Invalid::unless(true, "batch", "must be at least 1"), Ok(()));
        assert!(Invalid::unless(false, "batch", "must be at least 1").is_err());
    }

    #[test]
    fn a_range_is_named_with_its_ends() {
        assert_eq!(Invalid::unless_in(1..=1_000_000, "batch", 1_000_000), Ok(()));
        let error = Invalid::unless_in(1..=1_000_000, "batch", 0).expect_err("refused").to_string();
        assert_eq!(error, "batch: is 0; give a number from 1 to 1,000,000");
        let day = Duration::from_secs(86_400);
        let times = Duration::from_millis(10)..=day;
        assert_eq!(Invalid::unless_time_in(times.clone(), "refresh", Duration::from_secs(1)), Ok(()));
        for time in [Duration::ZERO, Duration::from_millis(9), day * 2] {
            let error = Invalid::unless_time_in(times.clone(), "refresh", time).expect_err("refused").to_string();
            assert!(error.ends_with("; give a time from 10ms to 1day"), "{error}");
        }
    }
}
