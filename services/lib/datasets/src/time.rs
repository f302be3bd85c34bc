//! Parses times: seconds since 1970 or RFC 3339. [`format`] recognizes the other forms of files.

mod civil;
pub(crate) mod format;
pub(crate) mod pattern;

use marquee_domain::Timestamp;

use civil::{days_from_civil, days_in};

/// The last second of the year 9999, where RFC 3339 ends.
const LAST_SECOND: i64 = 253_402_300_799;

pub(crate) const HINT: &str = "is not a time; give seconds since 1970, or a time like 2024-05-01T12:30:00Z";

/// Converts seconds since 1970.
fn from_seconds(seconds: i64) -> Result<Timestamp, &'static str> {
    if !(-LAST_SECOND..=LAST_SECOND).contains(&seconds) {
        return Err("is beyond the year 9999; give seconds since 1970, not milliseconds");
    }
    Ok(Timestamp::from_seconds(seconds))
}

/// Converts fractional seconds since 1970, rounded to microseconds.
pub(crate) fn from_fractional_seconds(seconds: f64) -> Result<Timestamp, &'static str> {
    if !seconds.is_finite() {
        return Err(HINT);
    }
    if seconds.abs() > LAST_SECOND as f64 {
        return Err("is beyond the year 9999; give seconds since 1970, not milliseconds");
    }
    Ok(Timestamp::from_micros((seconds * 1e6).round() as i64))
}

/// Parses a time: seconds since 1970, or RFC 3339.
///
/// # Errors
/// The text is not a time. The message says what is wrong and how to fix it.
pub fn parse(text: &str) -> Result<Timestamp, &'static str> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return from_seconds(seconds);
    }
    rfc_3339(text.as_bytes()).ok_or(HINT)
}

/// Parses RFC 3339, section 5.6. A space may replace the `T`. A leap second counts as the second
/// after it.
fn rfc_3339(text: &[u8]) -> Option<Timestamp> {
    let (day, rest) = text.split_at_checked(10)?;
    let midnight = date(day)? * 86_400;
    let (clock, rest) = rest.split_at_checked(9)?;
    let (hour, minute, second) = match clock {
        [b'T' | b't' | b' ', h1, h2, b':', m1, m2, b':', s1, s2] => {
            (number(&[*h1, *h2])?, number(&[*m1, *m2])?, number(&[*s1, *s2])?)
        }
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (micros, zone) = fraction(rest)?;
    let offset = match zone {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -60 } else { 60 }
        }
        _ => return None,
    };
    let seconds = midnight + hour * 3_600 + minute * 60 + second - offset;
    Some(Timestamp::from_micros(seconds * 1_000_000 + micros))
}

/// Parses `YYYY-MM-DD`, and returns its days since 1970.
fn date(text: &[u8]) -> Option<i64> {
    let (year, month, day) = match text {
        [year @ .., b'-', m1, m2, b'-', d1, d2] => (number(year)?, number(&[*m1, *m2])?, number(&[*d1, *d2])?),
        _ => return None,
    };
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    Some(days_from_civil(year, month, day))
}

/// Parses the microseconds of `.123…`, without further digits. Returns them with the rest of the
/// text.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', rest)) = text.split_first() else {
        return Some((0, text));
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, rest) = rest.split_at_checked(digits)?;
    let kept = number(fraction.get(..digits.min(6))?)?;
    let scale = 10_i64.pow(6 - digits.min(6) as u32);
    Some((kept * scale, rest))
}

/// Parses one to nine digits.
fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seconds_and_rfc_3339_name_the_same_instants() {
        for (text, micros) in [
            ("881250949", 881_250_949_000_000),
            ("1997-12-04T15:55:49Z", 881_250_949_000_000),
            ("1997-12-04 16:55:49.25+01:00", 881_250_949_250_000),
            ("1997-12-04t14:55:49.1234567-01:00", 881_250_949_123_456),
            ("1969-12-31T23:59:59.999999Z", -1),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000),
        ] {
            assert_eq!(parse(text), Ok(Timestamp::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "yesterday", "1999-02-29T00:00:00Z", "2000-13-01T00:00:00Z", "2000-01-01", "2000-01-01T24:00:00Z"]
        {
            assert_eq!(parse(text), Err(HINT), "{text}");
        }
        assert!(parse("1714521600000").is_err_and(|reason| reason.contains("milliseconds")));
    }

    proptest! {
        #[test]
        fn what_a_timestamp_prints_is_read_back(seconds in -62_135_596_800_i64..=LAST_SECOND) {
            let time = Timestamp::from_seconds(seconds);
            prop_assert_eq!(parse(&time.to_string()), Ok(time));
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in ".{0,40}") {
            let _ = parse(&text);
        }
    }
}
