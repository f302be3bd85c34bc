//! Recognizes the columns of a text without a header by what they hold.

use std::collections::HashSet;

use super::{Attempt, Layout, missing};
use crate::names::{Columns, Field};
use crate::options::{Format, Options};
use crate::partitions::Given;
use crate::split::Separator;
use crate::time::format::{TimeFormat, Told, is_absent, tell};

/// The smallest number that is a time rather than an id: 1973 in seconds.
const EARLIEST: f64 = 1e8;

/// The largest rating that is looked for.
const HIGHEST: f64 = 100.0;

/// Returns the layout of a rating file without a header.
pub(super) fn ratings(
    attempt: &Attempt,
    format: Option<Format>,
    (options, given): (&Options, &Given),
) -> Option<Layout> {
    let (skip, rows) = rows(attempt);
    let width = usual_width(&rows)?;
    let rows: Vec<&[String]> = rows.into_iter().filter(|row| row.len() == width).collect();
    if !options.columns.is_empty() {
        let names: Vec<String> = (1..=width).map(|number| number.to_string()).collect();
        let columns = Columns::find(names.iter().map(String::as_str), &options.columns, |_, _| None);
        let is_whole = missing(&columns, given, options.movie_from_title).is_none();
        return is_whole.then(|| attempt.layout(skip, columns, width));
    }
    let is_positional = matches!(format, Some(Format::Tabs | Format::DoubleColons))
        || attempt.splitting.separator == Separator::DoubleColon;
    let columns = if is_positional { positional(width) } else { guess(&rows, width, given.has(Field::User)) };
    columns.map(|columns| attempt.layout(skip, columns, width))
}

/// Returns the rows below comments, and the line of the last comment.
fn rows(attempt: &Attempt) -> (u64, Vec<&[String]>) {
    let is_comment =
        |row: &[String]| row.first().is_some_and(|first| first.starts_with(['%', '#']) || first.starts_with("sep="));
    let comments = attempt.records.iter().take_while(|(_, row)| is_comment(row)).count();
    let skip = comments.checked_sub(1).and_then(|last| attempt.records.get(last)).map_or(0, |(line, _)| *line);
    (skip, attempt.records.iter().skip(comments).map(|(_, row)| row.as_slice()).collect())
}

/// Returns the number of fields that nine of ten rows have.
fn usual_width(rows: &[&[String]]) -> Option<usize> {
    let mut widths: Vec<usize> = rows.iter().map(|row| row.len()).collect();
    widths.sort_unstable();
    let middle = *widths.get(widths.len() / 2)?;
    let usual = widths.iter().filter(|width| **width == middle).count();
    (middle > 1 && usual * 10 >= rows.len() * 9).then_some(middle)
}

/// Returns the columns of MovieLens: user, movie, rating and time. The times may be missing.
fn positional(width: usize) -> Option<Columns> {
    let mut columns = Columns::default();
    let fields = [Field::User, Field::Movie, Field::Rating, Field::Time];
    fields.into_iter().take(width).zip(0..).for_each(|(field, at)| columns.set(field, Some(at)));
    (width >= 3).then_some(columns)
}

/// Finds the columns by their values. Returns `None` if they could be meant in several ways.
fn guess(rows: &[&[String]], width: usize, has_user: bool) -> Option<Columns> {
    let column = |at: usize| rows.iter().filter_map(move |row| row.get(at)).map(|text| text.trim());
    let is_empty = |at: &usize| column(*at).all(str::is_empty);
    let mut left: Vec<usize> = (0..width).filter(|at| !is_empty(at)).collect();
    let time = left.iter().rev().copied().find(|at| is_time(column(*at)));
    left.retain(|at| Some(*at) != time);
    let needed = if has_user { 2 } else { 3 };
    let counts_rows = left.first().is_some_and(|first| is_count(column(*first)));
    if left.len() == needed + 1 && counts_rows {
        left.remove(0);
    }
    if left.len() != needed {
        return None;
    }
    let numbers = |at: usize| column(at).map(|text| text.replace(',', ".").parse::<f64>().ok());
    let is_rating = |at: &usize| numbers(*at).all(|value| value.is_some_and(|value| value.abs() <= HIGHEST));
    let distinct = |at: usize| column(at).collect::<HashSet<_>>().len();
    // The usual place wins. Otherwise it is the column with the fewest different values.
    let usual = left.last().copied().filter(is_rating);
    let fewest = left.iter().copied().filter(is_rating).min_by_key(|at| distinct(*at));
    let rating = usual.or(fewest)?;
    left.retain(|at| *at != rating);
    let mut columns = Columns::default();
    columns.set(Field::Rating, Some(rating));
    columns.set(Field::Time, time);
    match left[..] {
        [movie] => columns.set(Field::Movie, Some(movie)),
        [first, second] => {
            // Amazon writes its products before their reviewers in some files.
            let is_swapped = column(first).all(is_asin) && column(second).all(is_reviewer);
            let (user, movie) = if is_swapped { (second, first) } else { (first, second) };
            columns.set(Field::User, Some(user));
            columns.set(Field::Movie, Some(movie));
        }
        _ => return None,
    }
    Some(columns)
}

fn is_time<'a>(values: impl Iterator<Item = &'a str> + Clone) -> bool {
    let mut given = values.clone().filter(|text| !is_absent(text)).peekable();
    if given.peek().is_none() {
        return false;
    }
    if given.clone().all(|text| text.parse::<f64>().is_ok()) {
        return given.all(|text| text.parse::<f64>().is_ok_and(|number| number.abs() >= EARLIEST));
    }
    matches!(tell(values), Told::Format(TimeFormat::Iso | TimeFormat::Written(_)) | Told::Ambiguous(..))
}

/// Returns whether values count rows: each is one more than the one before.
fn is_count<'a>(values: impl Iterator<Item = &'a str>) -> bool {
    let numbers: Option<Vec<i64>> = values.map(|text| text.parse().ok()).collect();
    numbers
        .is_some_and(|numbers| numbers.len() > 2 && numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)))
}

fn is_asin(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

fn is_reviewer(text: &str) -> bool {
    text.len() > 10
        && text.starts_with('A')
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::super::ratings as sniff;
    use super::*;

    fn places(sample: &str, options: &Options) -> Option<[Option<usize>; 4]> {
        let columns = sniff(sample, None, (options, &Given::new(&[], options))).ok()?.columns;
        Some([Field::User, Field::Movie, Field::Rating, Field::Time].map(|field| columns.get(field)))
    }

    #[test]
    fn columns_are_told_by_what_they_hold() {
        let plain = Options::default();
        for (sample, expected) in [
            ("0001,AB7,5.0,1252800000\n0002,AB8,1.0,1252800001\n", [Some(0), Some(1), Some(2), Some(3)]),
            (
                "0000013714,A2SUAM1J3GNN3B,5.0,1252800000\n0000013715,A2SUAM1J3GNN3C,5.0,1252800000\n",
                [Some(1), Some(0), Some(2), Some(3)],
            ),
            ("ann|2001-01-01|m7|4\nbob|2001-01-02|m8|5\n", [Some(0), Some(2), Some(3), Some(1)]),
            ("1\t\t5\t\t0.219\n1\t\t7\t\t-9.281\n", [Some(0), Some(2), Some(4), None]),
            ("1 2 3\n1 3 4.5\n", [Some(0), Some(1), Some(2), None]),
        ] {
            assert_eq!(places(sample, &plain), Some(expected), "{sample}");
        }
        let mine = Options { user: Some("me".to_owned()), ..Options::default() };
        assert_eq!(places("m7,4\nm8,5\n", &mine), Some([None, Some(0), Some(1), None]));
        let named = [(Field::User, "4"), (Field::Movie, "1"), (Field::Rating, "3")];
        let columns = named.map(|(field, name)| (field, name.to_owned())).to_vec();
        let named = Options { columns, ..Options::default() };
        assert_eq!(places("m7,x,5,ann\nm8,y,4,bob\n", &named), Some([Some(3), Some(0), Some(2), None]));
        assert_eq!(places("1,2,3,4\n5,6,7,8\n", &plain), None, "what could be meant in several ways is not guessed");
    }
}
