//! A point in time, in microseconds. That is finer than any source of ratings, and times compare as
//! integers.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z; negative before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

impl Timestamp {
    /// The start of 1970.
    pub const EPOCH: Self = Self(0);

    /// Converts microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Converts seconds since the epoch. Saturates about 292,000 years away.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Creates the time at midnight UTC of a day, in days since the epoch. Saturates like
    /// [`Self::from_seconds`].
    pub const fn from_day(day: i64) -> Self {
        Self(day.saturating_mul(MICROS_PER_DAY))
    }

    /// Formats as RFC 3339 in UTC, with microseconds if it is not a whole second, so that
    /// [`Self::parse`] gives the same time.
    pub fn to_rfc3339(self) -> String {
        let (text, micros) = (self.to_string(), self.subsecond_nanos() / 1_000);
        if micros == 0 { text } else { format!("{}.{micros:06}Z", text.trim_end_matches('Z')) }
    }

    /// Parses a time in the form of RFC 3339, to the microsecond: `2026-11-25T14:30:00.5Z`. Returns
    /// `None` for every other text.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once('T')?;
        let (clock, offset) = match rest.strip_suffix('Z') {
            Some(clock) => (clock, 0),
            None => {
                let sign = rest.rfind(['+', '-'])?;
                let (clock, offset) = rest.split_at(sign);
                let (hours, minutes) = offset[1..].split_once(':')?;
                let seconds = (digits(hours, 2)? * 60 + digits(minutes, 2)?) * 60;
                (clock, if offset.starts_with('-') { -seconds } else { seconds })
            }
        };
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
        let mut parts = clock.split(':').map(|part| digits(part, 2));
        let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
        if hour > 23 || minute > 59 || second > 59 || parts.next().is_some() || !(1..=9).contains(&fraction.len()) {
            return None;
        }
        let nanos = digits(fraction, fraction.len())? * 10_i64.pow(9 - fraction.len() as u32);
        let seconds = hour * 3_600 + minute * 60 + second - offset;
        let within_day = seconds * MICROS_PER_SECOND + nanos / 1_000;
        Some(Self(parse_day(date)? * MICROS_PER_DAY + within_day))
    }

    /// Returns microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Returns whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// Returns the nanoseconds after [`Self::seconds`].
    pub const fn subsecond_nanos(self) -> u32 {
        (self.0.rem_euclid(MICROS_PER_SECOND) * 1_000) as u32
    }

    /// Returns whole days since the epoch, rounded down.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(MICROS_PER_DAY)
    }

    /// Returns a later time. Saturates.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns an earlier time. Saturates.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns the time that has passed since `earlier`, or zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// Parses a number that is written with exactly this many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    let fits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// Parses a date, `2026-11-25`, to days since the epoch.
fn parse_day(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() {
        return None;
    }
    // The inverse of `Display`, by the same source.
    let shifted_year = year - i64::from(month <= 2);
    let (era, year_of_era) = (shifted_year.div_euclid(400), shifted_year.rem_euclid(400));
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    // A day that the month does not have, such as February 30, comes out as another day.
    Timestamp::from_day(days).to_string().starts_with(date).then_some(days)
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self::EPOCH.plus(after),
            Err(before) => Self::EPOCH.minus(before.duration()),
        }
    }
}

impl fmt::Display for Timestamp {
    /// Formats as RFC 3339 in UTC, to the second. [`Timestamp::to_rfc3339`] keeps the microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Civil date from days: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
        let days = self.day() + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let second = self.seconds().rem_euclid(86_400);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_rfc_3339() {
        assert_eq!(Timestamp::EPOCH.to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_seconds(881_250_949).to_string(), "1997-12-04T15:55:49Z");
        assert_eq!(Timestamp::from_seconds(951_782_400).to_string(), "2000-02-29T00:00:00Z");
        assert_eq!(Timestamp::from_seconds(-1).to_string(), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn every_time_that_is_written_is_read_back() {
        for seconds in [0, 881_250_949, 951_782_400, -1, -62_135_596_800, 253_402_300_799, 1_709_164_800] {
            let time = Timestamp::from_seconds(seconds);
            assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        }
    }

    #[test]
    fn every_microsecond_is_read_back() {
        for micros in [0, 1, 999_999, 1_000_000, 1_764_195_083_120_000, -1] {
            let time = Timestamp::from_micros(micros);
            assert_eq!(Timestamp::parse(&time.to_rfc3339()), Some(time));
        }
        assert_eq!(Timestamp::from_micros(1_500_000).to_rfc3339(), "1970-01-01T00:00:01.500000Z");
        assert_eq!(Timestamp::from_seconds(1).to_rfc3339(), "1970-01-01T00:00:01Z");
    }

    #[test]
    fn fractions_and_offsets_are_read() {
        let expected = Some(Timestamp::from_micros(881_250_949_120_000));
        for text in ["1997-12-04T15:55:49.12Z", "1997-12-04T15:55:49.120000999+00:00", "1997-12-04T17:25:49.12+01:30"] {
            assert_eq!(Timestamp::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_time_is_refused() {
        for text in [
            "",
            "1997-12-04",
            "1997-13-04T00:00:00Z",
            "1997-02-29T00:00:00Z",
            "1997-12-04T24:00:00Z",
            "1997-12-04T1:00:00Z",
            "1997-12-04T01:00:00",
            "1997-12-04T01:00:00.Z",
            "1997-12-04T01:00:00.1234567890Z",
            "1997-12-04T01:00:00+é1:00",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn splits_negative_times_like_the_wire_format_wants() {
        let time = Timestamp::from_micros(-1);
        assert_eq!((time.seconds(), time.subsecond_nanos(), time.day()), (-1, 999_999_000, -1));
    }
}
