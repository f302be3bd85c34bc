//! Reads rating data sets as publishers, programs and people write them: MovieLens, the Netflix
//! Prize, Letterboxd, IMDb, Trakt, Amazon reviews and many others, as text with separators, JSON or
//! Parquet, packed or not, in one file, in parts or in an archive.
//!
//! [`open`] understands a data set from its content: [`Dataset::dialect`] says what was understood,
//! [`Dataset::catalog`] returns the movies, and [`Dataset::ratings`] streams the rows as they are
//! in the file. [`Options`] says what the files do not tell. This crate does not refuse a rating
//! that is off a scale, but [`Dataset::survey`] compares a whole file with one. Names inside an
//! archive are only compared and never used as paths.
//!
//! **Invariant:** a bad row is an error of that row only, and reading continues after it
//! (`a_bad_row_names_line_and_field_and_the_rest_goes_on`).
//!
//! **Invariant:** no input causes a panic (`tests/damage.rs` and the fuzz targets).

mod archive;
mod calibrate;
mod cells;
mod columns;
mod dataset;
mod dialect;
mod encoding;
mod error;
mod extras;
mod files;
mod ids;
mod json;
mod lines;
mod mapper;
mod member;
mod movies;
mod names;
mod options;
mod partitions;
mod presets;
mod ratings;
mod records;
mod sniff;
mod source;
mod split;
mod survey;
mod time;
mod understand;
mod unpack;

pub use cells::{ROW_ORDER_START, Row};
pub use dataset::{Dataset, open, open_all, open_bytes};
pub use dialect::{Dialect, Values};
pub use error::{Error, RowError};
pub use extras::UserFacts;
pub use ids::Ids;
pub use mapper::{Mapper, Recognized, movies_of};
pub use movies::{Catalog, MovieFault};
pub use names::Field;
pub use options::{Encoding, Format, Options, Range, ScaleMap, parse_encoding};
pub use ratings::{Places, Ratings};
pub use survey::Survey;
pub use time::format::TimeFormat;
pub use time::parse as parse_time;
pub use time::pattern::Pattern;
