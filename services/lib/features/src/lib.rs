//! The definition of the features, and the rows that they are computed from.
//!
//! A [`Definition`] names every feature. [`UserRow`] and [`MovieRow`] aggregate the events of the
//! rating log. A [`Timeline`] replays events in the order in which they became known.
//!
//! The stream applies events one by one to stored rows; backfills and point-in-time joins apply the
//! same events to rows in memory. Which rating counts is decided by [`marquee_domain::Ledger`].
//!
//! **Invariant:** the same events give the same rows to the last bit in all three executions
//! (`at_every_instant_the_rows_are_those_of_the_known_events`).

mod chunks;
mod definition;
mod row;
mod stored;
#[cfg(test)]
mod testing;
mod timeline;
mod value;

pub use chunks::{Chunk, Chunks, Layout, RowWrite, StoredUser, UserEdit, UserPart, UserWithChunks};
pub use definition::{Column, Definition, Feature, Statistics, Sums, UnknownFeature, View};
pub use row::{Change, MovieRow, UserHead, UserRow, UserSummary, movie_key, user_key};
pub use stored::{Pack, RowError, Unpack, pack, unpack};
pub use timeline::{Timeline, TimelineEvent};
pub use value::{Value, ValueKind};
