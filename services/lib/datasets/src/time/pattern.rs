//! Times in a written form that a pattern describes, such as `%d/%m/%Y %H:%M`.

use marquee_domain::Timestamp;

use super::civil::{days_from_civil, days_in};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// A pattern of a time, as `strptime` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    ShortYear,
    Month,
    MonthName,
    Day,
    DayName,
    Hour,
    Hour12,
    Minute,
    Second,
    Fraction,
    HalfDay,
    Zone,
    Blank,
    Literal(char),
}

impl Pattern {
    /// Parses a pattern: `%Y`, `%y`, `%m`, `%b`, `%d`, `%a`, `%H`, `%I`, `%M`, `%S`, `%f`, `%p`,
    /// `%z`, and other characters as they are.
    ///
    /// # Errors
    /// The pattern has another letter behind `%`, or no year, month and day.
    pub fn try_new(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                parts.push(if letter == ' ' { Part::Blank } else { Part::Literal(letter) });
                continue;
            }
            let part: &[Part] = match letters.next() {
                Some('Y') => &[Part::Year],
                Some('y') => &[Part::ShortYear],
                Some('m') => &[Part::Month],
                Some('b' | 'B' | 'h') => &[Part::MonthName],
                Some('d' | 'e') => &[Part::Day],
                Some('a' | 'A') => &[Part::DayName],
                Some('H' | 'k') => &[Part::Hour],
                Some('I' | 'l') => &[Part::Hour12],
                Some('M') => &[Part::Minute],
                Some('S') => &[Part::Second],
                Some('f') => &[Part::Fraction],
                Some('p' | 'P') => &[Part::HalfDay],
                Some('z' | 'Z') => &[Part::Zone],
                Some('%') => &[Part::Literal('%')],
                Some('F') => &[Part::Year, Part::Literal('-'), Part::Month, Part::Literal('-'), Part::Day],
                Some('T') => &[Part::Hour, Part::Literal(':'), Part::Minute, Part::Literal(':'), Part::Second],
                other => {
                    let other = other.map(String::from).unwrap_or_default();
                    return Err(format!("'%{other}' is no part of a time; give %Y, %m, %d, %H, %M, %S, %b, %p or %z"));
                }
            };
            parts.extend(part);
        }
        let has = |wanted: &[Part]| parts.iter().any(|part| wanted.contains(part));
        if !has(&[Part::Year, Part::ShortYear]) || !has(&[Part::Month, Part::MonthName]) || !has(&[Part::Day]) {
            return Err(format!("'{text}' lacks the year, month or day; give a pattern like %d/%m/%Y %H:%M"));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// Returns the pattern as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Parses a time. A time without a zone is UTC.
    pub(crate) fn parse(&self, text: &str) -> Option<Timestamp> {
        let mut rest = text.trim();
        let (mut year, mut month, mut day) = (1970, 1, 1);
        let (mut hour, mut minute, mut second, mut micros, mut offset) = (0, 0, 0, 0, 0);
        let mut is_afternoon = None;
        for part in &self.parts {
            match *part {
                Part::Year => year = number(&mut rest, 4, 4)?,
                Part::ShortYear => {
                    let short = number(&mut rest, 2, 2)?;
                    year = if short < 69 { 2_000 + short } else { 1_900 + short };
                }
                Part::Month => month = number(&mut rest, 1, 2)?,
                Part::MonthName => month = 1 + named(&mut rest, &MONTHS)?,
                Part::Day => day = number(&mut rest, 1, 2)?,
                Part::DayName => drop(named(&mut rest, &DAYS)?),
                Part::Hour => hour = number(&mut rest, 1, 2)?,
                Part::Hour12 => hour = number(&mut rest, 1, 2).filter(|hour| (1..=12).contains(hour))? % 12,
                Part::Minute => minute = number(&mut rest, 2, 2)?,
                Part::Second => second = number(&mut rest, 2, 2)?,
                Part::Fraction => {
                    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                    let kept = rest.get(..digits.min(6)).filter(|kept| !kept.is_empty())?;
                    micros = kept.parse::<i64>().ok()? * 10_i64.pow(6 - kept.len() as u32);
                    rest = rest.get(digits..)?;
                }
                Part::HalfDay => {
                    is_afternoon = Some(named(&mut rest, &["am", "pm"])? == 1);
                }
                Part::Zone => offset = zone(&mut rest)?,
                Part::Blank => {
                    let trimmed = rest.trim_start();
                    if trimmed.len() == rest.len() {
                        return None;
                    }
                    rest = trimmed;
                }
                Part::Literal(letter) => rest = rest.strip_prefix(letter)?,
            }
        }
        if !rest.is_empty() || !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
            return None;
        }
        hour += if is_afternoon == Some(true) { 12 } else { 0 };
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
        Some(Timestamp::from_micros(seconds * 1_000_000 + micros))
    }
}

/// Takes a number of some digits.
fn number(rest: &mut &str, least: usize, most: usize) -> Option<i64> {
    let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if digits < least {
        return None;
    }
    let (digits, behind) = rest.split_at_checked(digits)?;
    *rest = behind;
    digits.parse().ok()
}

/// Takes one of some names, or their first three letters, and returns its index.
fn named(rest: &mut &str, names: &[&str]) -> Option<i64> {
    let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (word, behind) = rest.split_at_checked(letters)?;
    let word = word.to_ascii_lowercase();
    let found =
        names.iter().position(|name| *name == word || name.len() > 3 && word.len() == 3 && name.starts_with(&word))?;
    *rest = behind.strip_prefix('.').unwrap_or(behind);
    i64::try_from(found).ok()
}

/// Takes the offset of a zone in seconds: `Z`, `UTC`, `GMT`, `+01`, `+0100` or `+01:00`.
pub(super) fn zone(rest: &mut &str) -> Option<i64> {
    for name in ["Z", "z", "UTC", "GMT"] {
        if let Some(behind) = rest.strip_prefix(name) {
            *rest = behind;
            return Some(0);
        }
    }
    let sign = if rest.starts_with('-') { -1 } else { 1 };
    let mut behind = rest.strip_prefix(['+', '-'])?;
    let hours = number(&mut behind, 2, 2)?;
    behind = behind.strip_prefix(':').unwrap_or(behind);
    let minutes = if behind.starts_with(|c: char| c.is_ascii_digit()) { number(&mut behind, 2, 2)? } else { 0 };
    if hours > 23 || minutes > 59 {
        return None;
    }
    *rest = behind;
    Some(sign * (hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_times_are_parsed_by_their_pattern() {
        for (pattern, text, seconds) in [
            ("%d/%m/%Y", "30/07/2000", 964_915_200),
            ("%m/%d/%Y %I:%M:%S %p", "7/30/2000 6:45:03 PM", 964_982_703),
            ("%m/%d/%Y %I:%M %p", "7/30/2000 12:45 am", 964_917_900),
            ("%a, %d %b %Y %H:%M:%S %z", "Sun, 30 Jul 2000 18:45:03 +0000", 964_982_703),
            ("%a %b %d %H:%M:%S %z %Y", "Sun Jul 30 19:45:03 +0100 2000", 964_982_703),
            ("%B %d, %Y", "July 30, 2000", 964_915_200),
            ("%m %d, %Y", "07 30, 2000", 964_915_200),
            ("%d-%b-%y", "30-Jul-00", 964_915_200),
            ("%Y%m%d", "20000730", 964_915_200),
        ] {
            let parsed = Pattern::try_new(pattern).expect("a pattern").parse(text);
            assert_eq!(parsed, Some(Timestamp::from_seconds(seconds)), "{pattern}");
        }
        let pattern = Pattern::try_new("%d/%m/%Y %H:%M").expect("a pattern");
        for text in ["30/02/2000 10:00", "30/13/2000 10:00", "30/07/2000", "30/07/2000 24:00", "30/07/2000 10:00 x", ""]
        {
            assert_eq!(pattern.parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_pattern_that_is_not_valid_says_what_to_give() {
        assert!(Pattern::try_new("%H:%M").is_err_and(|reason| reason.contains("lacks the year")));
        assert!(Pattern::try_new("%Q").is_err_and(|reason| reason.contains("%Y")));
    }
}
