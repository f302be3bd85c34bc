//! The options that say how files are read.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use marquee_datasets::{Field, Format, Options, Range, ScaleMap, TimeFormat, parse_encoding};

/// Arguments that say what the files do not tell.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How files are read")]
pub struct ReadingArgs {
    /// The format of the rating file, if its content does not tell it.
    #[arg(long, value_enum)]
    format: Option<FileFormat>,
    /// The list of movies, if it is not in the folder or archive of the ratings under a usual name,
    /// for example movies.csv.
    #[arg(long, value_name = "FILE")]
    movies: Option<PathBuf>,
    /// Where a field is: user, movie, rating, timestamp, title, year or genres, and the name of the
    /// column, its number in a file without a header, or its path in JSON.
    #[arg(long = "column", value_parser = column, value_name = "FIELD=NAME")]
    columns: Vec<(Field, String)>,
    /// The user of all ratings, for an export of one person.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// What the id of a movie is, for files that have none.
    #[arg(long, value_enum, value_name = "FIELDS")]
    movie_from: Option<MovieFrom>,
    /// The form of the times: s, ms, us or ns since 1970, iso, excel, year, none, or a pattern like
    /// %d/%m/%Y.
    #[arg(long, value_name = "FORM")]
    time_format: Option<TimeFormat>,
    /// Rows with the rating 0, or with none, say that there is no rating.
    #[arg(long)]
    zero_is_none: bool,
    /// Map the ratings of the file to the scale of the fleet: the lowest and the highest of the
    /// file, for example 0..10.
    #[arg(long, value_name = "MIN..MAX", allow_hyphen_values = true)]
    map_scale: Option<Range>,
    /// The encoding of text, for example windows-1251 or utf-16le.
    #[arg(long, value_parser = parse_encoding, value_name = "NAME")]
    encoding: Option<Encoding>,
}

/// An encoding of text.
type Encoding = marquee_datasets::Encoding;

/// What the id of a movie is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MovieFrom {
    /// The title with the year, such as `Heat (1995)`.
    #[value(name = "title+year", alias = "title")]
    TitleAndYear,
}

/// Formats of rating files, as the command line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    /// Tabs, no header (u.data).
    Tabs,
    /// `::` between values, no header (ratings.dat).
    Dat,
    /// Values with a separator, with or without a header.
    Csv,
    /// JSON objects, one on each line or in an array.
    #[value(alias = "json")]
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// Lines of user, rating and date below a line with each movie.
    Netflix,
}

impl From<FileFormat> for Format {
    fn from(format: FileFormat) -> Self {
        match format {
            FileFormat::Tabs => Self::Tabs,
            FileFormat::Dat => Self::DoubleColons,
            FileFormat::Csv => Self::Csv,
            FileFormat::Ndjson => Self::Ndjson,
            FileFormat::Parquet => Self::Parquet,
            FileFormat::Netflix => Self::Netflix,
        }
    }
}

fn column(text: &str) -> Result<(Field, String), String> {
    let (field, name) = text.split_once('=').ok_or_else(|| format!("'{text}' names no column; give FIELD=NAME"))?;
    Ok((field.trim().parse()?, name.to_owned()))
}

impl ReadingArgs {
    /// Returns the scale of the file that is mapped to another one, if it is.
    pub fn map_scale(&self) -> Option<Range> {
        self.map_scale
    }

    /// Returns the options for the readers, with how ratings are mapped to another scale.
    pub fn options(&self, map: Option<ScaleMap>) -> Options {
        Options {
            format: self.format.map(Format::from),
            movies: self.movies.clone(),
            columns: self.columns.clone(),
            user: self.user.clone(),
            movie_from_title: self.movie_from.is_some(),
            time_format: self.time_format.clone(),
            zero_is_none: self.zero_is_none,
            map,
            encoding: self.encoding,
        }
    }
}
