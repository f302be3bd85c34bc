//! Reads rating data sets as their publishers ship them: MovieLens 100K, 1M, 10M, latest, 25M and 32M as folder or zip, and ratings in CSV,
//! NDJSON or Parquet.
//!
//! [`open`] looks at the names of the files and decides; [`Dataset::movies`] gives the catalogue and [`Dataset::ratings`] streams the rows,
//! each as it stands in the file. What must stay true: a bad row is an error of that row and the rest goes on; memory does not grow with the
//! file; names inside an archive are compared, never used as paths; no input panics. Whether a rating fits the scale is not judged here.

mod archive;
mod dataset;
mod error;
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
pub use layout::Format;
pub use ratings::{ROW_ORDER_START, Ratings, Row};
pub use time::parse as parse_time;
