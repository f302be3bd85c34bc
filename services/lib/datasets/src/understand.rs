//! Understands a rating file from its start: the format, the layout, the columns, and how values
//! are written.

use std::borrow::Cow;

use marquee_parquet::{ColumnInfo, Kind};

use crate::calibrate::{self, Ambiguous, calibrate};
use crate::cells::{Cell, Cells, Reading};
use crate::columns;
use crate::dialect::Dialect;
use crate::encoding::Text;
use crate::error::Error;
use crate::json::Keys;
use crate::json::frames::{Frame, Frames, Framing};
use crate::names::{Columns, Field, OF_RATINGS};
use crate::options::{Format, Options};
use crate::partitions::Given;
use crate::presets::{self, Preset};
use crate::records::{Record, Records};
use crate::sniff::{self, Layout, Rows, Unclear};
use crate::source::{Entry, SAMPLE, Sample};
use crate::split::Separator;
use crate::time::format::TimeFormat;
use crate::unpack;

/// How a rating file is read.
#[derive(Debug, Clone)]
pub(crate) struct Understood {
    pub(crate) body: Body,
    pub(crate) reading: Reading,
    pub(crate) dialect: Dialect,
    pub(crate) preset: Option<Preset>,
}

/// How the rows of a file are found.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// Text with separators.
    Separated(Text, Layout),
    /// JSON objects.
    Json(Text, Framing, Keys),
    /// The columns of a Parquet file, with their fields.
    Columns(Vec<(Field, ColumnInfo)>),
}

/// Understands a rating file.
pub(crate) fn understand(entry: &Entry, options: &Options) -> Result<Understood, Error> {
    let start = entry.start()?;
    if unpack::is_parquet(&start) {
        return parquet(entry, &Sample::default(), options);
    }
    if let Some(reason) = unpack::foreign(&start) {
        return Err(Error::Packing { name: entry.name.clone(), reason });
    }
    let sample = entry.sample()?;
    let format = options.format.or_else(|| Format::of(&entry.name));
    if format == Some(Format::Parquet) || unpack::is_parquet(&sample.bytes) {
        return parquet(entry, &sample, options);
    }
    if let Some(reason) = unpack::foreign(&sample.bytes) {
        return Err(Error::Packing { name: entry.name.clone(), reason });
    }
    let text = Text::tell(&sample.bytes, options.encoding);
    let decoded = text.decode(&sample.bytes);
    if decoded.contains('\0') {
        return Err(Error::Unknown { name: entry.name.clone() });
    }
    let framing = match format {
        Some(Format::Ndjson) => Framing::tell(&decoded).or_else(|| {
            // The first line may be bad.
            let has_object = decoded.lines().take(100).any(|line| line.trim_start().starts_with('{'));
            (has_object || decoded.trim().is_empty() || options.format.is_some()).then_some(Framing::Lines)
        }),
        None | Some(Format::Csv) => Framing::tell(&decoded).filter(|framing| holds_objects(&decoded, *framing)),
        Some(_) => None,
    };
    match framing {
        Some(framing) => json(entry, options, &sample, text, &decoded, framing),
        None => separated(entry, options, &sample, text, &decoded, format),
    }
}

/// Returns whether a text whose name does not say that it is JSON holds JSON objects.
fn holds_objects(text: &str, framing: Framing) -> bool {
    let mut frames = Frames::new(text.as_bytes(), framing);
    while let Ok(Some((_, frame))) = frames.next() {
        match frame {
            Frame::Object if serde_json::from_slice::<serde::de::IgnoredAny>(frames.text()).is_ok() => return true,
            // An object may be longer than the sample.
            Frame::Cut => return text.len() >= SAMPLE / 2,
            _ => {}
        }
    }
    false
}

/// Returns what is known of every text.
fn dialect(format: Format, sample: &Sample, text: Text) -> Dialect {
    Dialect {
        preset: None,
        format,
        packed: sample.layers.clone(),
        encoding: Some(text.name(&sample.bytes)),
        separator: None,
        returns: text.returns,
        header: None,
        columns: Vec::new(),
        decimal_comma: false,
        time: None,
        values: None,
        notes: Vec::new(),
    }
}

fn separated(
    entry: &Entry,
    options: &Options,
    sample: &Sample,
    text: Text,
    decoded: &str,
    format: Option<Format>,
) -> Result<Understood, Error> {
    let (whole, given) = (whole_lines(decoded, sample.bytes.len() >= SAMPLE), entry.given(options));
    let mut layout = sniff::ratings(whole, format, (options, &given))
        .map_err(|unclear| unclear_error(entry, unclear, format, options))?;
    let mut reading = Reading::of(options, given.cells());
    reading.strict = text.strict;
    let mut dialect = dialect(format.unwrap_or(Format::Csv), sample, text);
    let preset = match (&layout.rows, &layout.header) {
        (Rows::Netflix, _) => Some(presets::NETFLIX),
        (Rows::Matrix { none: Some(_), .. }, _) => Some(presets::JESTER),
        (_, Some(header)) => presets::by_columns(header.iter().map(String::as_str)),
        _ => None,
    };
    apply(preset, &mut layout.columns, &mut reading, options);
    let rows = sample_rows(whole, &layout);
    let has_times = layout.columns.get(Field::Time).is_some();
    let calibration = calibrate(&mut reading, &rows, has_times).map_err(|ambiguous| times_error(entry, ambiguous))?;
    let movies = rows.iter().filter_map(|cells| cells.get(Field::Movie).text()).collect::<Vec<Cow<'_, str>>>();
    let preset = preset.or(match (layout.splitting.separator, format) {
        (Separator::DoubleColon, _) if layout.header.is_none() => {
            Some(presets::of_double_colons(calibration.values, movies.iter().map(Cow::as_ref)))
        }
        (_, Some(Format::Tabs)) if layout.header.is_none() => Some(presets::GROUPLENS),
        _ => None,
    });
    dialect.preset = preset.map(|preset| preset.name);
    dialect.separator = Some(layout.splitting.separator.name());
    dialect.header = layout.header.as_ref().map(|_| layout.skip);
    dialect.format = match &layout.rows {
        Rows::Ratings => dialect.format,
        Rows::Netflix => Format::Netflix,
        Rows::Matrix { .. } => Format::Matrix,
    };
    let name = |index: usize| match layout.header.as_ref().and_then(|header| header.get(index)) {
        Some(name) => format!("`{name}`"),
        None => format!("column {}", index + 1),
    };
    dialect.columns = shown_columns((&reading, &given), |field| layout.columns.get(field).map(name));
    match &layout.rows {
        Rows::Netflix => dialect.columns.push((Field::Movie, "the line above".to_owned())),
        Rows::Matrix { movies, .. } => {
            dialect.columns.push((Field::Movie, "the header, or the number of the column".to_owned()));
            dialect.columns.push((Field::Rating, format!("{} columns", movies.len())));
        }
        Rows::Ratings => {}
    }
    dialect.decimal_comma = reading.decimal_comma;
    dialect.time = calibration.time;
    dialect.values = calibration.values;
    dialect.notes = [std::mem::take(&mut layout.notes), calibration.notes].concat();
    Ok(Understood { body: Body::Separated(text, layout), reading, dialect, preset })
}

fn json(
    entry: &Entry,
    options: &Options,
    sample: &Sample,
    text: Text,
    decoded: &str,
    framing: Framing,
) -> Result<Understood, Error> {
    let mut keys = Keys::new(&options.columns, Field::rank);
    let mut frames = Frames::new(decoded.as_bytes(), framing);
    let (mut rows, mut paths, mut found) = (Vec::new(), vec![None; Field::ALL.len()], Vec::new());
    while let Ok(Some((_, frame))) = frames.next() {
        if frame != Frame::Object || rows.len() == calibrate::ROWS {
            break;
        }
        let Ok(object) = keys.parse(frames.text()) else { continue };
        for (field, path) in Field::ALL.into_iter().zip(&mut paths) {
            *path = path.take().or_else(|| object.path(field, &keys).map(str::to_owned));
        }
        rows.push(object.cells.to_owned());
    }
    for path in keys.paths() {
        found.push(path.to_owned());
    }
    let preset = presets::by_columns(found.iter().map(String::as_str));
    let given = entry.given(options);
    let mut reading = Reading::of(options, given.cells());
    let mut columns = Columns::default();
    for (at, (field, path)) in Field::ALL.into_iter().zip(&paths).enumerate() {
        columns.set(field, path.as_ref().map(|_| at));
    }
    apply(preset, &mut columns, &mut reading, options);
    keys.forget(preset.map_or(&[], |preset| preset.not));
    if !rows.is_empty()
        && let Some(field) = sniff::missing(&columns, &given, reading.movie_from_title)
    {
        return Err(no_column(entry, field, found, preset, options));
    }
    let has_times = columns.get(Field::Time).is_some() || rows.is_empty();
    let calibration = calibrate(&mut reading, &rows, has_times).map_err(|ambiguous| times_error(entry, ambiguous))?;
    // Objects later in the file may have times even if the first have none.
    reading.time = reading.time.or(Some(TimeFormat::Epoch(1)));
    let mut dialect = dialect(Format::Ndjson, sample, text);
    dialect.preset = preset.map(|preset| preset.name);
    let path = |field: Field| paths.get(field as usize).cloned().flatten().filter(|_| columns.get(field).is_some());
    dialect.columns = shown_columns((&reading, &given), |field| path(field).map(|path| format!("`{path}`")));
    dialect.time = calibration.time;
    dialect.values = calibration.values;
    dialect.notes = calibration.notes;
    Ok(Understood { body: Body::Json(text, framing, keys), reading, dialect, preset })
}

fn parquet(entry: &Entry, sample: &Sample, options: &Options) -> Result<Understood, Error> {
    let failed = |source| Error::Parquet { name: entry.name.clone(), source };
    let infos = columns::open(entry, &[], 1)?.columns().to_vec();
    let names = || infos.iter().map(|info| info.name.as_str());
    let mut positions = Columns::find(names(), &options.columns, Field::rank);
    let preset = presets::by_columns(names());
    let given = entry.given(options);
    let mut reading = Reading::of(options, given.cells());
    apply(preset, &mut positions, &mut reading, options);
    // Columns that are only good to have are left out if their type is not supported.
    for field in [Field::Title, Field::Year, Field::Genres, Field::Release] {
        let info = positions.get(field).and_then(|at| infos.get(at));
        if info.is_some_and(|info| matches!(info.kind, Kind::Unsupported(_))) {
            positions.set(field, None);
        }
    }
    if let Some(field) = sniff::missing(&positions, &given, reading.movie_from_title) {
        return Err(no_column(entry, field, names().map(str::to_owned).collect(), preset, options));
    }
    let wanted: Vec<(Field, ColumnInfo)> = positions
        .iter()
        .filter(|(field, _)| OF_RATINGS.contains(field))
        .filter_map(|(field, at)| Some((field, infos.get(at)?.clone())))
        .collect();
    let mut batches = columns::open(entry, &wanted, calibrate::ROWS)?;
    let first = batches.next().transpose().map_err(failed)?.unwrap_or_default();
    let rows: Vec<Cells<'_>> = (0..first.rows()).map(|row| columns::cells(&first, &wanted, row)).collect();
    let has_times = positions.get(Field::Time).is_some();
    let calibration = calibrate(&mut reading, &rows, has_times).map_err(|ambiguous| times_error(entry, ambiguous))?;
    let name =
        |field: Field| wanted.iter().find(|(known, _)| *known == field).map(|(_, info)| format!("`{}`", info.name));
    let dialect = Dialect {
        preset: preset.map(|preset| preset.name),
        format: Format::Parquet,
        packed: sample.layers.clone(),
        encoding: None,
        separator: None,
        returns: false,
        header: None,
        columns: shown_columns((&reading, &given), name),
        decimal_comma: false,
        time: calibration.time,
        values: calibration.values,
        notes: calibration.notes,
    };
    Ok(Understood { body: Body::Columns(wanted), reading, dialect, preset })
}

/// Adds what a preset knows. Titles name the movies of a file without their ids.
fn apply(preset: Option<Preset>, columns: &mut Columns, reading: &mut Reading, options: &Options) {
    if let Some(preset) = preset {
        for value in preset.unrated {
            if !reading.unrated.contains(value) {
                reading.unrated.push(*value);
            }
        }
        let is_named = |field: Field| options.columns.iter().any(|(named, _)| *named == field);
        for field in preset.not.iter().filter(|field| !is_named(**field)) {
            columns.set(*field, None);
        }
        reading.movie_from_title |= preset.from_title && !is_named(Field::Movie);
    }
    let has_movie = columns.get(Field::Movie).is_some() || !matches!(reading.given.get(Field::Movie), Cell::Missing);
    reading.movie_from_title |= !has_movie && columns.get(Field::Title).is_some();
}

/// Returns where each field comes from, for people.
fn shown_columns((reading, given): (&Reading, &Given), name: impl Fn(Field) -> Option<String>) -> Vec<(Field, String)> {
    let from = |field: Field| match field {
        Field::User if reading.user.is_some() => reading.user.as_ref().map(|user| format!("always {user}")),
        Field::Movie if reading.movie_from_title => Some("title and year".to_owned()),
        field => name(field).or_else(|| Some(format!("`{}` of the folder", given.name(field)?))),
    };
    OF_RATINGS.into_iter().filter_map(|field| Some((field, from(field)?))).collect()
}

/// Returns the text up to the last whole line, because a sample ends anywhere.
fn whole_lines(sample: &str, is_cut: bool) -> &str {
    match sample.rfind('\n') {
        Some(at) if is_cut => sample.get(..=at).unwrap_or(sample),
        _ => sample,
    }
    .trim_start_matches('\u{feff}')
}

/// Returns the cells of the first rows of a text with separators.
fn sample_rows(sample: &str, layout: &Layout) -> Vec<Cells<'static>> {
    let mut records = Records::new(sample.as_bytes(), layout.splitting, layout.width);
    let mut rows = Vec::new();
    while let Ok(Some((number, record))) = records.next() {
        if record != Record::Fields || number <= layout.skip || layout.rows == Rows::Netflix && records.len() < 2 {
            continue;
        }
        if rows.len() == calibrate::ROWS {
            break;
        }
        match &layout.rows {
            Rows::Matrix { movies, none } => {
                for (at, _) in movies {
                    let cell = Cell::Text(Cow::Owned(records.get(*at).unwrap_or_default().trim_ascii().to_vec()));
                    let value = cell.text().and_then(|text| text.parse::<f64>().ok());
                    if value.is_some() && value != *none {
                        let mut cells = Cells::default();
                        cells.set(Field::Rating, cell);
                        rows.push(cells);
                    }
                }
            }
            _ => {
                let mut cells = Cells::default();
                for (field, at) in layout.columns.iter() {
                    let cell = records.get(at).map(|bytes| Cell::Text(Cow::Owned(bytes.to_vec())));
                    cells.set(field, cell.unwrap_or_default());
                }
                rows.push(cells);
            }
        }
    }
    rows
}

fn times_error(entry: &Entry, Ambiguous(first, second): Ambiguous) -> Error {
    Error::AmbiguousTimes { name: entry.name.clone(), first, second }
}

fn unclear_error(entry: &Entry, unclear: Unclear, format: Option<Format>, options: &Options) -> Error {
    let preset = presets::by_columns(unclear.found.iter().map(String::as_str));
    match unclear.field {
        Some(field) if format.is_some() || preset.is_some() => no_column(entry, field, unclear.found, preset, options),
        Some(field)
            if unclear
                .found
                .iter()
                .any(|name| OF_RATINGS.iter().any(|field| field.rank(&crate::names::canonical(name)).is_some())) =>
        {
            no_column(entry, field, unclear.found, preset, options)
        }
        None if format.is_some() => no_column(entry, Field::User, unclear.found, preset, options),
        _ => Error::Unknown { name: entry.name.clone() },
    }
}

fn no_column(entry: &Entry, field: Field, found: Vec<String>, preset: Option<Preset>, options: &Options) -> Error {
    let given = options.columns.iter().find(|(named, _)| *named == field);
    let fix = match (field, preset, given) {
        (_, _, Some((_, name))) => format!("--column names `{name}`, which the file does not have"),
        (Field::User, Some(preset), _) if preset.is_personal => {
            format!("the file is an export of {}; say whose it is with --user NAME", preset.name)
        }
        (Field::User, ..) => {
            "name the column `user_id`, say which it is with --column user=NAME, or give the user with --user NAME"
                .to_owned()
        }
        (field, ..) => {
            let usual = if field == Field::Movie { "`movie_id` or `item_id`".to_owned() } else { format!("`{field}`") };
            format!("name the column {usual}, or say which it is with --column {field}=NAME")
        }
    };
    Error::NoColumn { name: entry.name.clone(), field: field.name(), fix, found }
}
