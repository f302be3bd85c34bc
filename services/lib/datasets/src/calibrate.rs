//! Recognizes how the values of a file are written, from its first rows: the decimal sign, the form
//! of the times, and ids that became floating point.

use std::borrow::Cow;

use crate::cells::{Cell, Cells, Reading, parse_number, whole_number};
use crate::dialect::Values;
use crate::names::Field;
use crate::time::format::{TimeFormat, Told, is_absent, tell, units_by_size};

/// The most rows that are looked at.
pub(crate) const ROWS: usize = 1_000;

/// Two forms that the times may have, which only the user can tell apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ambiguous(pub(crate) String, pub(crate) String);

/// What was recognized beside the reading itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Calibration {
    pub(crate) time: Option<String>,
    pub(crate) values: Option<Values>,
    pub(crate) notes: Vec<String>,
}

/// Completes a reading from the first rows of a file.
pub(crate) fn calibrate(
    reading: &mut Reading,
    sample: &[Cells<'_>],
    has_times: bool,
) -> Result<Calibration, Ambiguous> {
    let mut calibration = Calibration::default();
    let texts = |field: Field| {
        sample.iter().filter_map(move |cells| match cells.get(field) {
            Cell::Text(_) => cells.get(field).text(),
            _ => None,
        })
    };
    reading.decimal_comma = has_decimal_commas(texts(Field::Rating));
    for (field, whole) in [(Field::User, &mut reading.whole_users), (Field::Movie, &mut reading.whole_movies)] {
        let floats = sample.iter().any(|cells| matches!(cells.get(field), Cell::Float(_)));
        *whole = are_whole_floats(texts(field));
        if *whole || floats {
            calibration.notes.push(format!("{field} ids like 1.0 are read as the whole number 1"));
        }
    }
    let values = sample.iter().filter_map(|cells| match cells.get(Field::Rating) {
        Cell::Integer(number) => Some(*number as f64),
        Cell::Float(number) => Some(*number),
        cell => parse_number(&cell.text()?, reading.decimal_comma),
    });
    calibration.values = Values::of(values.filter(|value| !reading.unrated.contains(value)));
    if has_times {
        calibrate_times(reading, sample, &mut calibration)?;
    }
    Ok(calibration)
}

fn calibrate_times(
    reading: &mut Reading,
    sample: &[Cells<'_>],
    calibration: &mut Calibration,
) -> Result<(), Ambiguous> {
    let cells = || sample.iter().map(|cells| cells.get(Field::Time));
    let texts: Vec<Cow<'_, str>> =
        cells().filter(|cell| matches!(cell, Cell::Text(_))).filter_map(Cell::text).collect();
    let numbers = cells().filter_map(|cell| match cell {
        Cell::Integer(number) => Some(*number as f64),
        Cell::Float(number) => Some(*number),
        _ => None,
    });
    let given = reading.time.is_some();
    if !given {
        let told = match numbers.clone().next() {
            Some(_) => {
                let units = numbers.map(units_by_size).max().unwrap_or(1);
                Told::Format(TimeFormat::Epoch(units))
            }
            None => tell(texts.iter().map(Cow::as_ref)),
        };
        match told {
            Told::Format(format) => reading.time = Some(format),
            Told::Ambiguous(first, second) => return Err(Ambiguous(first, second)),
            Told::Unknown => {
                reading.time = Some(TimeFormat::Iso);
                calibration.notes.push("most times are of no known form; give it with --time-format".to_owned());
            }
        }
    }
    let format = reading.time.clone().unwrap_or(TimeFormat::Iso);
    let stored = cells().any(|cell| matches!(cell, Cell::Time(_)));
    let mut name = if stored { "times of the file".to_owned() } else { format.to_string() };
    if !given && matches!(&format, TimeFormat::Epoch(units) if *units > 1) {
        name.push_str(", by their size");
    }
    let has_zone = |text: &str| {
        let clock = text.get(10..).unwrap_or_default();
        clock.ends_with(['Z', 'z']) || clock.contains(['+', '-']) || clock.contains("UTC") || clock.contains("GMT")
    };
    let is_written = matches!(&format, TimeFormat::Iso | TimeFormat::Written(_) | TimeFormat::ExcelDays);
    let given_times = || texts.iter().filter(|text| !is_absent(text.trim()));
    if is_written && given_times().next().is_some() && given_times().all(|text| !has_zone(text.trim())) {
        name.push_str(", taken as UTC");
    }
    calibration.time = Some(name);
    Ok(())
}

/// Returns whether values have a decimal comma: some look like `3,5`, and none like `3.5`.
fn has_decimal_commas<'a>(values: impl Iterator<Item = Cow<'a, str>>) -> bool {
    let (mut commas, mut points) = (0, 0);
    for value in values {
        let split = |sign| {
            let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let value = value.trim().trim_start_matches(['-', '+']);
            value.split_once(sign).is_some_and(|(whole, part)| is_digits(whole) && is_digits(part))
        };
        commas += usize::from(split(','));
        points += usize::from(split('.'));
    }
    commas > points
}

/// Returns whether ids are whole numbers, some of them written as floating point.
fn are_whole_floats<'a>(ids: impl Iterator<Item = Cow<'a, str>>) -> bool {
    let mut floats = 0;
    for id in ids {
        let id = id.trim();
        if is_absent(id) {
            continue;
        }
        if whole_number(id).is_none() {
            return false;
        }
        floats += usize::from(id.contains('.'));
    }
    floats > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn calibrated(rows: &[[&str; 3]]) -> (Reading, Result<Calibration, Ambiguous>) {
        let mut reading = Reading::of(&Options::default(), Cells::default());
        let sample: Vec<Cells<'_>> = rows
            .iter()
            .map(|[user, rating, time]| {
                let mut cells = Cells::default();
                cells.set(Field::User, Cell::of_text(user));
                cells.set(Field::Rating, Cell::of_text(rating));
                cells.set(Field::Time, Cell::of_text(time));
                cells
            })
            .collect();
        let calibration = calibrate(&mut reading, &sample, true);
        (reading, calibration)
    }

    #[test]
    fn the_first_rows_tell_how_values_are_written() {
        let (reading, calibration) = calibrated(&[["1.0", "3,5", "964982703000"], ["2.0", "4", "964982704000"]]);
        assert!(reading.decimal_comma && reading.whole_users && !reading.whole_movies);
        let calibration = calibration.expect("no ambiguity");
        assert_eq!(calibration.time.as_deref(), Some("milliseconds since 1970, by their size"));
        assert_eq!(calibration.values.map(|values| (values.min, values.max, values.step)), Some((3.5, 4.0, 0.5)));
        assert_eq!(calibration.notes, ["user ids like 1.0 are read as the whole number 1"]);
        let (reading, calibration) = calibrated(&[["1.5", "3.5", "2000-07-30 18:45:00"]]);
        assert!(!reading.decimal_comma && !reading.whole_users);
        assert_eq!(calibration.expect("no ambiguity").time.as_deref(), Some("ISO 8601, taken as UTC"));
    }

    #[test]
    fn times_that_may_be_meant_in_two_ways_are_an_error() {
        let (_, calibration) = calibrated(&[["1", "3", "01/02/2003"]]);
        assert_eq!(calibration, Err(Ambiguous("%d/%m/%Y".to_owned(), "%m/%d/%Y".to_owned())));
    }
}
