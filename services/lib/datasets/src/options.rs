//! What the caller knows about a data set beyond its files.

use std::path::PathBuf;
use std::str::FromStr;

use marquee_domain::Scale;

use crate::names::Field;
use crate::time::format::TimeFormat;

/// An encoding of text.
pub type Encoding = &'static encoding_rs::Encoding;

/// The format of a rating file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `u.data` of MovieLens 100K: user, movie, rating and Unix seconds, separated by tabs, without
    /// a header. The seconds may be missing.
    Tabs,
    /// `ratings.dat` of MovieLens 1M and 10M: the same fields, separated by `::`. The seconds may
    /// be missing.
    DoubleColons,
    /// Values with a separator, with or without a header.
    Csv,
    /// One JSON object on each line, or an array of objects.
    Ndjson,
    /// A Parquet file.
    Parquet,
    /// Lines of user, rating and date below a line with each movie, as in the Netflix Prize.
    Netflix,
    /// One row for each user, and one column for each movie.
    Matrix,
}

impl Format {
    /// Returns the format for people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tabs | Self::DoubleColons | Self::Csv => "text with separators",
            Self::Ndjson => "JSON",
            Self::Parquet => "Parquet",
            Self::Netflix => "Netflix Prize",
            Self::Matrix => "one row for each user, one column for each movie",
        }
    }

    /// Returns the format for a file name in lower case, without the extension of its compression.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension {
            "data" | "base" | "test" => Some(Self::Tabs),
            "dat" => Some(Self::DoubleColons),
            "csv" | "tsv" | "inter" => Some(Self::Csv),
            "ndjson" | "jsonl" | "json" => Some(Self::Ndjson),
            "parquet" => Some(Self::Parquet),
            // Some publishers add the compression of the pages to the name.
            "brotli" | "snappy" => name.contains(".parquet.").then_some(Self::Parquet),
            _ => None,
        }
    }
}

/// Facts that the files do not tell, or not rightly.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The format of the rating file.
    pub format: Option<Format>,
    /// The movie file, if it is not in the folder of the rating file.
    pub movies: Option<PathBuf>,
    /// The names of columns whose names are unusual.
    pub columns: Vec<(Field, String)>,
    /// The user of every rating, for an export of one person.
    pub user: Option<String>,
    /// Whether the id of a movie is its title with the year.
    pub movie_from_title: bool,
    /// The form of the times.
    pub time_format: Option<TimeFormat>,
    /// Whether the value 0 means that there is no rating.
    pub zero_is_none: bool,
    /// The scale of the file and that of the ratings, if they differ.
    pub map: Option<ScaleMap>,
    /// The encoding of text.
    pub encoding: Option<Encoding>,
}

/// A range of values, written as `0..10`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    min: f64,
    max: f64,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no range of ratings; give the lowest and the highest, like 0..10");
        let (min, max) = text.split_once("..").ok_or_else(wrong)?;
        let (Ok(min), Ok(max)) = (min.trim().parse::<f64>(), max.trim().parse::<f64>()) else { return Err(wrong()) };
        if min.is_finite() && max.is_finite() && min < max { Ok(Self { min, max }) } else { Err(wrong()) }
    }
}

/// Maps the values of a file to a scale: its lowest value to the minimum, its highest to the
/// maximum, others in proportion, to the nearest step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScaleMap {
    /// The values of the file.
    pub from: Range,
    /// The scale of the ratings.
    pub to: Scale,
}

impl ScaleMap {
    /// Maps a value. A value outside of the range stays outside of the scale.
    pub fn map(&self, value: f64) -> f64 {
        let Self { from, to } = self;
        let share = (value - from.min) / (from.max - from.min);
        let mapped = to.min() + share * (to.max() - to.min());
        if !(0.0..=1.0).contains(&share) || to.step() <= 0.0 {
            return mapped;
        }
        to.min() + ((mapped - to.min()) / to.step()).round() * to.step()
    }
}

/// Finds an encoding by its name, for example `windows-1251`, `gbk` or `utf-16le`.
///
/// # Errors
/// No encoding has the name.
pub fn parse_encoding(name: &str) -> Result<Encoding, String> {
    let found = encoding_rs::Encoding::for_label(name.as_bytes());
    found.ok_or_else(|| format!("'{name}' is no known encoding; give one like utf-8, windows-1252, utf-16le or gbk"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_mapped_in_proportion_to_the_nearest_step() {
        let to = Scale::try_new(0.5, 5.0, 0.5).expect("a scale");
        let map = ScaleMap { from: "0..10".parse().expect("a range"), to };
        for (value, mapped) in [(0.0, 0.5), (10.0, 5.0), (5.0, 3.0), (7.0, 3.5), (9.9, 5.0)] {
            assert_eq!(map.map(value), mapped, "{value}");
        }
        assert!(map.map(11.0) > 5.0 && map.map(-1.0) < 0.5, "what is off the range is not hidden");
        for wrong in ["10", "10..0", "a..b", "0..inf", "1..1"] {
            assert!(wrong.parse::<Range>().is_err(), "{wrong}");
        }
        assert!("-10..10".parse::<Range>().is_ok());
    }

    #[test]
    fn encodings_are_found_by_their_names() {
        assert_eq!(parse_encoding("latin1").map(|encoding| encoding.name()), Ok("windows-1252"));
        assert!(parse_encoding("klingon").is_err_and(|reason| reason.contains("windows-1252")));
    }
}
