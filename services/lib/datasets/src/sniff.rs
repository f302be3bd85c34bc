//! Recognizes the layout of a text with separators from its start: the separator, the quotes, the
//! header and the columns.

mod headless;

use crate::names::{Columns, Field, canonical};
use crate::options::{Format, Options};
use crate::partitions::Given;
use crate::records::{Record, Records};
use crate::split::{Separator, Splitting};

/// The most records that are looked at.
const RECORDS: usize = 500;

/// The most records before a header.
const PREAMBLE: usize = 20;

/// The fewest columns of a matrix without a header.
const WIDE: usize = 50;

/// The value that means "not rated" in the matrices of Jester.
const JESTER_NONE: f64 = 99.0;

/// How a text is read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    pub(crate) splitting: Splitting,
    /// The number of the last line before the first row: that of the header, or 0.
    pub(crate) skip: u64,
    /// The names of the columns, if there is a header.
    pub(crate) header: Option<Vec<String>>,
    pub(crate) columns: Columns,
    /// The number of fields of a row.
    pub(crate) width: usize,
    pub(crate) rows: Rows,
    /// What people should know.
    pub(crate) notes: Vec<String>,
}

/// What a line holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rows {
    /// One rating.
    Ratings,
    /// Lines of one movie each, `1:`, with the ratings of the movie below.
    Netflix,
    /// The ratings of one user: the movie of each column, and the value that means "not rated".
    Matrix { movies: Vec<(usize, String)>, none: Option<f64> },
}

/// The columns that were found, and what is lacking.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unclear {
    /// The first field without a column, or `None` if the text has no columns at all.
    pub(crate) field: Option<Field>,
    /// The names of the columns.
    pub(crate) found: Vec<String>,
}

/// The records at the start of a text, for one separator.
struct Attempt {
    splitting: Splitting,
    records: Vec<(u64, Vec<String>)>,
}

/// Recognizes the layout of a rating file.
pub(crate) fn ratings(
    sample: &str,
    format: Option<Format>,
    (options, given): (&Options, &Given),
) -> Result<Layout, Unclear> {
    let lines = || sample.lines().zip(1_u64..).filter(|(line, _)| !line.trim().is_empty());
    if format.is_none_or(|format| format == Format::Netflix) && is_netflix(lines().map(|(line, _)| line)) {
        let mut columns = Columns::default();
        [Field::User, Field::Rating, Field::Time]
            .into_iter()
            .zip(0..)
            .for_each(|(field, at)| columns.set(field, Some(at)));
        let splitting = Splitting { separator: Separator::Byte(b','), quote: None, escape: false, padded: false };
        return Ok(Layout {
            splitting,
            skip: 0,
            header: None,
            columns,
            width: 3,
            rows: Rows::Netflix,
            notes: Vec::new(),
        });
    }
    let attempts = attempts(sample, format);
    let mut best: Option<(usize, Layout)> = None;
    for attempt in &attempts {
        let Some((score, layout)) = attempt.with_header(options, Field::rank) else { continue };
        if best.as_ref().is_none_or(|(known, _)| score > *known) {
            best = Some((score, layout));
        }
    }
    if let Some((_, layout)) = &best
        && missing(&layout.columns, given, options.movie_from_title).is_none()
    {
        return Ok(layout.clone());
    }
    let named = attempts.iter().find_map(|attempt| attempt.matrix(options));
    if let Some(layout) =
        named.or_else(|| attempts.iter().find_map(|attempt| headless::ratings(attempt, format, (options, given))))
    {
        return Ok(layout);
    }
    let (columns, found) = match best {
        Some((_, layout)) => (layout.columns, layout.header.unwrap_or_default()),
        None => {
            let widest =
                attempts.iter().max_by_key(|attempt| attempt.records.first().map_or(0, |(_, first)| first.len()));
            let first = widest.and_then(|attempt| attempt.records.first()).map(|(_, first)| first.clone());
            let found = first.unwrap_or_default();
            if found.len() < 2 {
                return Err(Unclear { field: None, found: Vec::new() });
            }
            (Columns::default(), found)
        }
    };
    Err(Unclear { field: missing(&columns, given, options.movie_from_title), found })
}

/// Recognizes the layout of a file of movies with a header.
pub(crate) fn movies(sample: &str, options: &Options) -> Result<Layout, Unclear> {
    let lacks =
        |columns: &Columns| [Field::Movie, Field::Title].into_iter().find(|field| columns.get(*field).is_none());
    let mut found = Vec::new();
    let mut columns = Columns::default();
    for attempt in attempts(sample, None) {
        let Some((_, layout)) = attempt.with_header(options, Field::rank_in_movies) else { continue };
        if lacks(&layout.columns).is_none() {
            return Ok(layout);
        }
        columns = layout.columns;
        found = layout.header.unwrap_or_default();
    }
    Err(Unclear { field: lacks(&columns), found })
}

/// Returns the first field that a rating needs and that has no column and is not given.
pub(crate) fn missing(columns: &Columns, given: &Given, from_title: bool) -> Option<Field> {
    let has = |field| columns.get(field).is_some() || given.has(field);
    if !has(Field::User) {
        Some(Field::User)
    } else if from_title && !has(Field::Title) {
        Some(Field::Title)
    } else if !has(Field::Movie) && !has(Field::Title) {
        Some(Field::Movie)
    } else if !has(Field::Rating) {
        Some(Field::Rating)
    } else {
        None
    }
}

/// Returns whether lines are those of the Netflix Prize: a movie, and ratings below it.
fn is_netflix<'a>(mut lines: impl Iterator<Item = &'a str>) -> bool {
    let is_movie = lines.next().and_then(|line| line.trim().strip_suffix(':')).is_some_and(is_number);
    let is_rating = |line: &str| {
        let fields: Vec<&str> = line.trim().split(',').collect();
        matches!(fields[..], [user, rating, _] if is_number(user) && is_number(rating))
    };
    is_movie && lines.next().is_some_and(is_rating)
}

pub(crate) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Splits the start of a text by each separator that may be meant.
fn attempts(sample: &str, format: Option<Format>) -> Vec<Attempt> {
    let first = sample.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    // Excel writes and reads the separator in a line of its own.
    let declared = first.trim().strip_prefix("sep=").or(first.trim().strip_prefix("SEP="));
    let declared = declared.and_then(|rest| rest.bytes().next()).map(Separator::Byte);
    let candidates = match (declared, format) {
        (Some(separator), _) => vec![separator],
        (None, Some(Format::Tabs)) => vec![Separator::Byte(b'\t')],
        _ => vec![
            Separator::DoubleColon,
            Separator::Byte(b'\t'),
            Separator::Byte(b';'),
            Separator::Byte(b','),
            Separator::Byte(b'|'),
            Separator::Blanks,
        ],
    };
    let attempt = |separator| Attempt::try_new(sample, separator);
    candidates.into_iter().filter_map(attempt).collect()
}

impl Attempt {
    /// Splits the start of a text. Returns `None` if the separator does not occur.
    fn try_new(sample: &str, separator: Separator) -> Option<Self> {
        let splitting = splitting(sample, separator);
        let mut reader = Records::new(sample.as_bytes(), splitting, 0);
        let mut records = Vec::new();
        while let Ok(Some((number, record))) = reader.next() {
            if record == Record::Fields {
                let field = |index| String::from_utf8_lossy(reader.get(index).unwrap_or_default()).trim().to_owned();
                records.push((number, (0..reader.len()).map(field).collect::<Vec<String>>()));
            }
            if records.len() == RECORDS {
                break;
            }
        }
        let is_split = records.iter().any(|(_, fields)| fields.len() > 1);
        is_split.then_some(Self { splitting, records })
    }

    /// Finds a header, with the number of its known fields.
    fn with_header(&self, options: &Options, rank: fn(Field, &str) -> Option<usize>) -> Option<(usize, Layout)> {
        let mut best: Option<(usize, usize, Columns)> = None;
        for (at, (_, fields)) in self.records.iter().take(PREAMBLE).enumerate() {
            let names = fields.iter().map(|field| field.trim_start_matches(['#', '%', ' ']));
            let columns = Columns::find(names, &options.columns, rank);
            let titled = usize::from(columns.get(Field::Title).is_some());
            let score = 2 * columns.known() + titled;
            if score >= 3 && best.as_ref().is_none_or(|(known, _, _)| score > *known) {
                best = Some((score, at, columns));
            }
        }
        let (score, at, columns) = best?;
        let (line, header) = self.records.get(at)?;
        let mut layout = self.layout(*line, columns, header.len());
        layout.header = Some(header.clone());
        self.shift(at, &mut layout);
        Some((score, layout))
    }

    fn layout(&self, skip: u64, columns: Columns, width: usize) -> Layout {
        let (rows, notes) = (Rows::Ratings, Vec::new());
        Layout { splitting: self.splitting, skip, header: None, columns, width, rows, notes }
    }

    /// R writes names of rows without a name in the header: then rows have one field more, and the
    /// first counts the rows.
    fn shift(&self, header: usize, layout: &mut Layout) {
        let rows: Vec<&Vec<String>> = self.records.iter().skip(header + 1).map(|(_, fields)| fields).collect();
        let counts = rows.iter().zip(1_u64..).all(|(fields, number)| {
            fields.len() == layout.width + 1 && fields.first().is_some_and(|first| first.parse() == Ok(number))
        });
        if rows.len() < 3 || !counts {
            return;
        }
        layout.width += 1;
        let shifted: Vec<_> = layout.columns.iter().map(|(field, column)| (field, column + 1)).collect();
        shifted.into_iter().for_each(|(field, column)| layout.columns.set(field, Some(column)));
        layout.header.iter_mut().for_each(|header| header.insert(0, String::new()));
        layout.notes.push("the first value of each row counts the rows, and has no name in the header".to_owned());
    }

    /// Recognizes a matrix: one row for each user, one column for each movie.
    fn matrix(&self, options: &Options) -> Option<Layout> {
        let (line, header) = self.records.first()?;
        let is_value = |text: &String| text.is_empty() || text.parse::<f64>().is_ok();
        let rows = || self.records.iter().skip(1).map(|(_, fields)| fields);
        let is_user = |name: &String| Field::User.rank(&canonical(name)).is_some();
        let named = header.first().filter(|first| is_user(first)).is_some();
        let names_only =
            header.iter().skip(1).all(|name| !name.is_empty() && Field::Rating.rank(&canonical(name)).is_none());
        if named && names_only && header.len() > 3 && rows().count() > 0 {
            let fits = rows().all(|fields| fields.len() == header.len() && fields.iter().skip(1).all(is_value));
            let movies = header.iter().cloned().enumerate().skip(1).collect();
            let mut columns = Columns::default();
            columns.set(Field::User, Some(0));
            let mut layout = self.layout(*line, columns, header.len());
            layout.header = Some(header.clone());
            layout.rows = Rows::Matrix { movies, none: None };
            return fits.then_some(layout);
        }
        let all_values =
            self.records.iter().all(|(_, fields)| fields.len() == header.len() && fields.iter().all(is_value));
        if header.len() < WIDE || !all_values || !options.columns.is_empty() {
            return None;
        }
        // The first value of a row of Jester counts its ratings.
        let is_count = |fields: &Vec<String>| {
            let rated = fields.iter().skip(1).filter(|text| text.parse() != Ok(JESTER_NONE)).count();
            fields.first().and_then(|first| first.parse().ok()) == Some(rated as f64)
        };
        let counted = self.records.iter().all(|(_, fields)| is_count(fields));
        let movies =
            (usize::from(counted)..header.len()).map(|at| (at, (at + usize::from(!counted)).to_string())).collect();
        let mut layout = self.layout(0, Columns::default(), header.len());
        layout.rows = Rows::Matrix { movies, none: Some(JESTER_NONE) };
        layout.notes.push("users are named by the number of their row, movies by that of their column".to_owned());
        Some(layout)
    }
}

/// Recognizes how a text uses quotes.
fn splitting(sample: &str, separator: Separator) -> Splitting {
    let Separator::Byte(byte) = separator else {
        return Splitting { separator, quote: None, escape: false, padded: false };
    };
    let delimiter = char::from(byte);
    let mut lines = sample.lines().filter(|line| !line.trim().is_empty()).take(RECORDS);
    let single = lines.clone().all(|line| line.trim().starts_with('\'') && line.trim().ends_with('\''));
    if single && lines.next().is_some() {
        return Splitting { separator, quote: Some(b'\''), escape: false, padded: false };
    }
    let starts = |line: &str| line.starts_with('"') || line.contains(&format!("{delimiter}\""));
    let has_quotes = byte != b'\t' || sample.lines().any(starts);
    let ends_field = |rest: &str| rest.is_empty() || rest.starts_with(['\n', '\r', delimiter]);
    let escape = sample.match_indices("\\\"").any(|(at, _)| sample.get(at + 2..).is_some_and(|rest| !ends_field(rest)));
    let padded = sample.lines().any(|line| line.contains(&format!("{delimiter} \"")));
    Splitting { separator, quote: has_quotes.then_some(b'"'), escape, padded }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sample: &str) -> Result<Layout, Unclear> {
        ratings(sample, None, (&Options::default(), &Given::default()))
    }

    fn places(columns: &Columns) -> [Option<usize>; 4] {
        [Field::User, Field::Movie, Field::Rating, Field::Time].map(|field| columns.get(field))
    }

    #[test]
    fn separators_headers_and_columns_are_recognized() {
        let all = [Some(0), Some(1), Some(2), Some(3)];
        for (sample, separator, skip, columns) in [
            ("userId,movieId,rating,timestamp\n1,2,3,4\n", Separator::Byte(b','), 1, all),
            ("userId;movieId;rating;timestamp\n1;2;3,5;4\n", Separator::Byte(b';'), 1, all),
            ("sep=;\nuserId;movieId;rating;timestamp\n1;2;3,5;4\n", Separator::Byte(b';'), 2, all),
            ("user\tmovie\trating\n1\t2\t3\n", Separator::Byte(b'\t'), 1, [Some(0), Some(1), Some(2), None]),
            ("1::2::3::964982703\n", Separator::DoubleColon, 0, all),
            ("1\t2\t3\t964982703\n", Separator::Byte(b'\t'), 0, all),
            ("A1,B2,3.0,964982703\nA2,B2,3.5,964982704\n", Separator::Byte(b','), 0, all),
            ("% bip weighted\n1 2 3 964982703\n1 3 4 964982704\n", Separator::Blanks, 1, all),
            ("My ratings\n\nuser,movie,rating\n1,2,3\n", Separator::Byte(b','), 3, [Some(0), Some(1), Some(2), None]),
            (",userId,movieId,rating\n0,1,2,3\n1,1,2,3\n", Separator::Byte(b','), 1, [Some(1), Some(2), Some(3), None]),
            ("0,7,8,4.5\n1,7,9,4\n2,8,9,3\n", Separator::Byte(b','), 0, [Some(1), Some(2), Some(3), None]),
        ] {
            let layout = told(sample).unwrap_or_else(|unclear| panic!("{sample}: {unclear:?}"));
            assert_eq!((layout.splitting.separator, layout.skip), (separator, skip), "{sample}");
            assert_eq!(places(&layout.columns), columns, "{sample}");
        }
    }

    #[test]
    fn names_of_rows_as_r_writes_them_are_no_column() {
        let layout = told("\"user\",\"movie\",\"rating\"\n\"1\",7,8,4\n\"2\",7,9,5\n\"3\",8,9,3\n").expect("a layout");
        assert_eq!((places(&layout.columns), layout.width), ([Some(1), Some(2), Some(3), None], 4));
        let comma = told("user,movie,rating\n1,1,4,0\n1,10,3,5\n2,1,5,0\n").expect("a layout");
        assert_eq!((places(&comma.columns), comma.width), ([Some(0), Some(1), Some(2), None], 3), "decimal commas");
    }

    #[test]
    fn what_is_lacking_is_named() {
        let lacks = |sample: &str| told(sample).map_err(|unclear| (unclear.field, unclear.found));
        assert_eq!(
            lacks("movie,rating,date\n1,2,3\n"),
            Err((Some(Field::User), ["movie", "rating", "date"].map(str::to_owned).to_vec()))
        );
        assert_eq!(lacks("1,2,3,4\n").map_err(|(field, _)| field), Err(Some(Field::User)));
        assert_eq!(lacks("one line of a letter.\n").map_err(|(field, _)| field), Err(Some(Field::User)));
        assert_eq!(lacks("").map_err(|(field, _)| field), Err(None));
    }

    #[test]
    fn a_matrix_has_a_movie_in_each_column() {
        let layout = told("user_id,Heat,Ran,Up\nu1,5,,3\nu2,,,1\n").expect("a layout");
        let Rows::Matrix { movies, none: None } = layout.rows else { panic!("a matrix") };
        assert_eq!(movies, [(1, "Heat".to_owned()), (2, "Ran".to_owned()), (3, "Up".to_owned())]);
        let row = |rated: usize| format!("{rated},{}{}\n", "-7.82,".repeat(rated), vec!["99"; 100 - rated].join(","));
        let layout = told(&[row(74), row(10)].concat()).expect("a layout");
        let Rows::Matrix { movies, none: Some(99.0) } = layout.rows else { panic!("a matrix") };
        assert_eq!((movies.len(), movies[0].clone()), (100, (1, "1".to_owned())));
    }

    #[test]
    fn the_lines_of_the_netflix_prize_are_recognized() {
        assert_eq!(told("1:\n1488844,3,2005-09-06\n").map(|layout| layout.rows), Ok(Rows::Netflix));
    }
}
