//! Reads rating data sets in the formats of their publishers: MovieLens 100K, 1M, 10M, latest, 25M
//! and 32M as a folder or zip, and ratings in CSV, NDJSON or Parquet.
//!
//! [`open`] recognizes a data set by the names of its files. [`Dataset::movies`] returns the movie
//! catalog, and [`Dataset::ratings`] streams the rows as they are in the file. This crate does not
//! check whether a rating is on the scale. Names inside an archive are only compared and never used
//! as paths.
//!
//! **Invariant:** a bad row is an error of that row only, and reading continues after it
//! (`a_bad_row_names_line_and_field_and_the_rest_goes_on`).
//!
//! **Invariant:** no input causes a panic (`tests/damage.rs` and the fuzz targets).

mod archive;
mod dataset;
mod error;
mod extras;
mod fields;
mod layout;
mod lines;
mod member;
mod movies;
mod ratings;
mod source;
mod time;

pub use dataset::{Dataset, Options, open, open_bytes};
pub use error::{Error, RowError};
pub use extras::UserFacts;
pub use layout::Format;
pub use ratings::{ROW_ORDER_START, Ratings, Row};
pub use time::parse as parse_time;
