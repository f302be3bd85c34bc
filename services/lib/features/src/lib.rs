//! What features there are, and how events of the rating log become them.
//!
//! A [`Definition`] names every feature; [`UserRow`] and [`MovieRow`] aggregate events; [`Timeline`] replays them in order of when they were known.
//! The stream applies events one by one to rows that it keeps; backfills and point-in-time joins apply the same events to rows of their own. What
//! must stay true: the same events give the same row to the last bit, in whatever order they are applied, and however often.

mod definition;
mod row;
mod timeline;
mod value;

pub use definition::{Column, Definition, Feature, Sums, UnknownFeature, View};
pub use row::{Change, MovieRow, RowError, UserHead, UserRow, UserSummary, movie_key, pack, unpack, user_key};
pub use timeline::{Known, Timeline};
pub use value::{Kind, Value};
