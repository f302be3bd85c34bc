//! The form of the times in a file: recognized from a sample, or given by the user.

use std::fmt;
use std::str::FromStr;

use marquee_domain::Timestamp;

use super::pattern::{Pattern, zone};
use super::{LAST_SECOND, from_fractional_seconds, number};

/// The first moment of the year 1, by which .NET and Java write a missing time.
const YEAR_ONE: i64 = -62_135_596_800_000_000;

/// The seconds of the day that Excel counts from, 1899-12-30.
const EXCEL_START: f64 = -2_209_161_600.0;

/// Written forms that are tried, those with more parts first.
const WRITTEN: [&str; 31] = [
    "%a, %d %b %Y %H:%M:%S %z",
    "%a %b %d %H:%M:%S %z %Y",
    "%a %b %d %H:%M:%S %Y",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%b %d, %Y %H:%M:%S",
    "%b %d, %Y",
    "%b %d %Y",
    "%m %d, %Y",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y",
    "%d/%m/%Y %I:%M:%S %p",
    "%d/%m/%Y %I:%M %p",
    "%d/%m/%y %H:%M",
    "%d/%m/%y",
];

/// The form of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeFormat {
    /// A number of units since 1970, as many a second.
    Epoch(u32),
    /// Days since 1899-12-30, as Excel stores dates.
    ExcelDays,
    /// A year alone.
    Year,
    /// ISO 8601. A time without a zone is UTC, a date is its midnight.
    Iso,
    /// Another written form.
    Written(Pattern),
    /// Times are left out.
    Ignored,
}

impl FromStr for TimeFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "s" => Self::Epoch(1),
            "ms" => Self::Epoch(1_000),
            "us" => Self::Epoch(1_000_000),
            "ns" => Self::Epoch(1_000_000_000),
            "iso" => Self::Iso,
            "excel" => Self::ExcelDays,
            "year" => Self::Year,
            "none" => Self::Ignored,
            pattern if pattern.contains('%') => Self::Written(Pattern::try_new(pattern)?),
            other => {
                return Err(format!(
                    "'{other}' is no form of times; give s, ms, us, ns, iso, excel, year, none or a pattern like %d/%m/%Y"
                ));
            }
        })
    }
}

impl fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epoch(1) => f.write_str("seconds since 1970"),
            Self::Epoch(1_000) => f.write_str("milliseconds since 1970"),
            Self::Epoch(1_000_000) => f.write_str("microseconds since 1970"),
            Self::Epoch(_) => f.write_str("nanoseconds since 1970"),
            Self::ExcelDays => f.write_str("days of Excel"),
            Self::Year => f.write_str("years"),
            Self::Iso => f.write_str("ISO 8601"),
            Self::Written(pattern) => f.write_str(pattern.as_str()),
            Self::Ignored => f.write_str("left out"),
        }
    }
}

/// What a sample of times has in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// This form.
    Format(TimeFormat),
    /// Day and month may be either way round, with the two patterns.
    Ambiguous(String, String),
    /// No form fits most of them.
    Unknown,
}

/// Returns whether a text means that there is no value.
pub(crate) fn is_absent(text: &str) -> bool {
    matches!(text, "" | "\\N" | "-")
        || ["nan", "nat", "na", "n/a", "null", "none", "nil"].iter().any(|absent| text.eq_ignore_ascii_case(absent))
}

/// Returns the units in a second of a number of this size: seconds up to the year 5138, then
/// milli-, micro- and nanoseconds.
pub(crate) fn units_by_size(value: f64) -> u32 {
    match value.abs() {
        value if value < 1e11 => 1,
        value if value < 1e14 => 1_000,
        value if value < 1e17 => 1_000_000,
        _ => 1_000_000_000,
    }
}

/// Recognizes the form of some times.
pub(crate) fn tell<'a>(sample: impl Iterator<Item = &'a str> + Clone) -> Told {
    let sample = sample.map(str::trim).filter(|text| !is_absent(text));
    let count = sample.clone().count();
    if count == 0 {
        return Told::Format(TimeFormat::Iso);
    }
    // One bad row must not hide the form of the others.
    let most = (count * 9).div_ceil(10);
    let numbers: Vec<f64> = sample.clone().filter_map(|text| text.parse::<f64>().ok()).collect();
    if numbers.len() >= most {
        return Told::Format(of_numbers(&numbers, &sample));
    }
    if sample.clone().filter(|text| iso(text).is_some()).count() >= most {
        return Told::Format(TimeFormat::Iso);
    }
    for text in WRITTEN {
        let Ok(pattern) = Pattern::try_new(text) else { continue };
        let fits = |pattern: &Pattern| sample.clone().filter(|text| pattern.parse(text).is_some()).count() >= most;
        let swapped = text.replace("%d/%m", "%m/%d").replace("%d-%m", "%m-%d");
        let other = if swapped == text { None } else { Pattern::try_new(&swapped).ok() };
        match (fits(&pattern), other.filter(fits)) {
            (true, None) => return Told::Format(TimeFormat::Written(pattern)),
            (false, Some(other)) => return Told::Format(TimeFormat::Written(other)),
            (true, Some(other)) => {
                if sample.clone().all(|text| pattern.parse(text) == other.parse(text)) {
                    return Told::Format(TimeFormat::Written(pattern));
                }
                return Told::Ambiguous(text.to_owned(), swapped);
            }
            (false, None) => {}
        }
    }
    Told::Unknown
}

fn of_numbers<'a>(numbers: &[f64], sample: &(impl Iterator<Item = &'a str> + Clone)) -> TimeFormat {
    let all = |least: f64, most: f64| numbers.iter().all(|number| (least..=most).contains(number));
    let is_whole = numbers.iter().all(|number| number.fract() == 0.0);
    if numbers.len() > 1 && all(19_000_101.0, 21_001_231.0) && is_whole {
        let pattern = Pattern::try_new("%Y%m%d").ok();
        if let Some(pattern) = pattern.filter(|pattern| sample.clone().all(|text| pattern.parse(text).is_some())) {
            return TimeFormat::Written(pattern);
        }
    }
    if numbers.len() > 1 && all(1_900.0, 2_100.0) && is_whole {
        return TimeFormat::Year;
    }
    if numbers.len() > 1 && all(20_000.0, 80_000.0) {
        return TimeFormat::ExcelDays;
    }
    let mut votes = [(1, 0), (1_000, 0), (1_000_000, 0), (1_000_000_000, 0)];
    for number in numbers {
        let units = units_by_size(*number);
        votes.iter_mut().filter(|(known, _)| *known == units).for_each(|(_, count)| *count += 1);
    }
    let best = votes.into_iter().max_by_key(|(_, count)| *count);
    TimeFormat::Epoch(best.map_or(1, |(units, _)| units))
}

impl TimeFormat {
    /// Returns the text from which it is parsed.
    pub fn code(&self) -> String {
        match self {
            Self::Epoch(1) => "s",
            Self::Epoch(1_000) => "ms",
            Self::Epoch(1_000_000) => "us",
            Self::Epoch(_) => "ns",
            Self::ExcelDays => "excel",
            Self::Year => "year",
            Self::Iso => "iso",
            Self::Written(pattern) => pattern.as_str(),
            Self::Ignored => "none",
        }
        .to_owned()
    }

    /// Parses a time. `None` is a missing time.
    pub(crate) fn parse(&self, text: &str) -> Result<Option<Timestamp>, String> {
        let text = text.trim();
        if is_absent(text) || *self == Self::Ignored {
            return Ok(None);
        }
        let time = match self {
            Self::Written(pattern) => pattern.parse(text),
            Self::Iso => iso(text),
            _ => None,
        };
        if let Some(time) = time {
            return Ok(Some(time).filter(|time| time.micros() != YEAR_ONE));
        }
        if let Ok(number) = text.parse::<i64>() {
            return self.of_integer(number);
        }
        if let Ok(number) = text.parse::<f64>() {
            return self.of_number(number);
        }
        if let Some(time) = iso(text) {
            return Ok(Some(time));
        }
        Err(match self {
            Self::Written(pattern) => format!("is not a time; expected one like {}", pattern.as_str()),
            _ => super::HINT.to_owned(),
        })
    }

    /// Converts a whole number.
    pub(crate) fn of_integer(&self, number: i64) -> Result<Option<Timestamp>, String> {
        let Self::Epoch(units) = self.for_number(number as f64) else { return self.of_number(number as f64) };
        let units = i64::from(units);
        let micros = match 1_000_000 % units {
            0 => number.checked_mul(1_000_000 / units),
            _ => Some(number.div_euclid(units / 1_000_000)),
        };
        checked(micros)
    }

    /// Converts a number.
    pub(crate) fn of_number(&self, number: f64) -> Result<Option<Timestamp>, String> {
        if number.is_nan() {
            return Ok(None);
        }
        let seconds = match self.for_number(number) {
            Self::Ignored => return Ok(None),
            Self::ExcelDays => EXCEL_START + number * 86_400.0,
            Self::Year => {
                let days = super::days_from_civil(number.clamp(-1e4, 1e4) as i64, 1, 1);
                days as f64 * 86_400.0
            }
            Self::Epoch(units) => number / f64::from(units),
            Self::Iso | Self::Written(_) => number,
        };
        let time = from_fractional_seconds(seconds).map_err(str::to_owned)?;
        checked(Some(time.micros()))
    }

    /// Returns the form of a number in a file of this form. A number that would be beyond the year
    /// 5138 in seconds has a finer unit.
    fn for_number(&self, number: f64) -> Self {
        match self {
            Self::Epoch(units) => Self::Epoch(units_by_size(number).max(*units)),
            Self::Iso | Self::Written(_) => Self::Epoch(units_by_size(number)),
            other => other.clone(),
        }
    }
}

fn checked(micros: Option<i64>) -> Result<Option<Timestamp>, String> {
    match micros {
        Some(YEAR_ONE) => Ok(None),
        Some(micros) if micros.div_euclid(1_000_000).abs() <= LAST_SECOND => Ok(Some(Timestamp::from_micros(micros))),
        _ => Err("is beyond the year 9999; give the unit with --time-format".to_owned()),
    }
}

/// Parses ISO 8601: a date, or a date and a time with or without seconds, fraction and zone.
fn iso(text: &str) -> Option<Timestamp> {
    if let Some(time) = super::rfc_3339(text.as_bytes()) {
        return Some(time);
    }
    let (date, rest) = text.split_at_checked(10)?;
    let midnight = super::date(date.as_bytes())? * 86_400;
    let Some(clock) = rest.strip_prefix(['T', 't', ' ']) else {
        return rest.is_empty().then(|| Timestamp::from_seconds(midnight));
    };
    let at = clock.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.' | ',')).unwrap_or(clock.len());
    let (clock, mut behind) = clock.split_at_checked(at)?;
    behind = behind.trim_start();
    let offset = if behind.is_empty() { 0 } else { zone(&mut behind)? };
    if !behind.is_empty() {
        return None;
    }
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
    let kept = fraction.get(..fraction.len().min(6))?;
    let micros = number(kept.as_bytes())? * 10_i64.pow(6 - kept.len() as u32);
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?.as_bytes())?, number(parts.next()?.as_bytes())?);
    let second = parts.next().map_or(Some(0), |second| number(second.as_bytes()))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = midnight + hour * 3_600 + minute * 60 + second - offset;
    Some(Timestamp::from_micros(seconds * 1_000_000 + micros))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(sample: &[&str]) -> Told {
        tell(sample.iter().copied())
    }

    #[test]
    fn the_form_of_times_is_recognized_from_a_sample() {
        for (sample, form, seconds) in [
            (&["964982703", "964982704"][..], "seconds since 1970", 964_982_703),
            (&["964982703.0", "9.64982704e+08"], "seconds since 1970", 964_982_703),
            (&["964982703000", "1"], "milliseconds since 1970", 964_982_703),
            (&["964982703000000"], "microseconds since 1970", 964_982_703),
            (&["964982703000000000"], "nanoseconds since 1970", 964_982_703),
            (&["2000-07-30", "", "NaT"], "ISO 8601", 964_915_200),
            (&["2000-07-30 18:45:03"], "ISO 8601", 964_982_703),
            (&["2000-07-30T18:45"], "ISO 8601", 964_982_700),
            (&["2000-07-30 18:45:03.000 UTC"], "ISO 8601", 964_982_703),
            (&["2000-07-30T19:45:03.000+0100"], "ISO 8601", 964_982_703),
            (&["30/07/2000", "01/02/2000"], "%d/%m/%Y", 964_915_200),
            (&["07/30/2000 18:45", "01/02/2000 10:00"], "%m/%d/%Y %H:%M", 964_982_700),
            (&["30.07.2000"], "%d.%m.%Y", 964_915_200),
            (&["07 30, 2000", "09 13, 2009"], "%m %d, %Y", 964_915_200),
            (&["30-Jul-2000"], "%d-%b-%Y", 964_915_200),
            (&["20000730", "20000801"], "%Y%m%d", 964_915_200),
            (&["36737", "36738.5"], "days of Excel", 964_915_200),
            (&["2000", "2001"], "years", 946_684_800),
        ] {
            let Told::Format(format) = told(sample) else { panic!("{sample:?}: {:?}", told(sample)) };
            assert_eq!(format.to_string(), form, "{sample:?}");
            assert_eq!(format.parse(sample[0]), Ok(Some(Timestamp::from_seconds(seconds))), "{sample:?}");
        }
    }

    #[test]
    fn days_and_months_that_may_be_swapped_are_not_guessed() {
        let ambiguous = Told::Ambiguous("%d/%m/%Y".to_owned(), "%m/%d/%Y".to_owned());
        assert_eq!(told(&["01/02/2000", "03/04/2000"]), ambiguous);
        assert_eq!(told(&["yesterday", "soon"]), Told::Unknown);
    }

    #[test]
    fn absent_times_are_none_in_every_form() {
        for format in ["s", "iso", "%d/%m/%Y"] {
            let format: TimeFormat = format.parse().expect("a form");
            for text in ["", " ", "NaN", "NaT", "null", "\\N", "None"] {
                assert_eq!(format.parse(text), Ok(None), "{text}");
            }
            assert!(format.parse("soon").is_err());
        }
        assert_eq!(TimeFormat::Epoch(1_000).parse("-62135596800000"), Ok(None), "a missing time of .NET");
        assert_eq!(TimeFormat::Ignored.parse("soon"), Ok(None));
        assert!("%H".parse::<TimeFormat>().is_err());
        assert!("soon".parse::<TimeFormat>().is_err_and(|reason| reason.contains("ms")));
    }

    #[test]
    fn a_number_of_another_size_has_a_finer_unit() {
        let time = Ok(Some(Timestamp::from_seconds(964_982_703)));
        for text in ["964982703", "964982703000", "964982703000000", "964982703000000000"] {
            assert_eq!(TimeFormat::Epoch(1).parse(text), time, "{text}");
        }
        assert!(TimeFormat::Epoch(1).parse("9e30").is_err_and(|reason| reason.contains("9999")));
    }

    proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(texts in prop::collection::vec("[0-9a-zA-Z:/., +-]{0,30}", 0..5)) {
            let _ = tell(texts.iter().map(String::as_str));
            for text in &texts {
                for format in ["s", "ms", "ns", "iso", "excel", "year", "%d/%m/%Y %H:%M", "%a %b %d %H:%M:%S %z %Y"] {
                    let _ = format.parse::<TimeFormat>().expect("a form").parse(text);
                }
            }
        }
    }
}
