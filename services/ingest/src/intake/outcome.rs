//! A batch of ratings on its way: checked, prepared, and written.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use marquee_domain::{MovieId, Offset, Partition, Position, Rating, Violation};
use marquee_ports::NewRecord;

/// A batch whose fields were checked.
pub(crate) struct Batch {
    /// Each rating, or everything that is wrong with it.
    pub(crate) ratings: Vec<Result<Rating, Refused>>,
    /// Returns the original bytes of the rating at an index, for the rejected topic.
    pub(crate) original: Box<dyn Fn(usize) -> Bytes + Send + Sync>,
}

/// A rating with invalid fields.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) violations: Vec<Violation>,
    /// The movie of the rating if its id is valid. It may be missing in the catalog.
    pub(crate) movie: Option<MovieId>,
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("ratings", &self.ratings).finish_non_exhaustive()
    }
}

/// A batch whose rejected ratings are on the rejected topic and whose other ratings wait for the
/// log. Indices are places in the batch.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(super) total: usize,
    pub(super) accepted: Vec<(usize, NewRecord)>,
    pub(super) rejected: Vec<(usize, Vec<Violation>)>,
}

/// The outcome of a batch.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The rejected ratings by their places in the batch.
    pub(crate) rejected: Vec<(usize, Vec<Violation>)>,
    /// The position of each rating; `None` for a rejected one.
    pub(crate) positions: Vec<Option<Position>>,
}

impl Outcome {
    /// Returns how many ratings were accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.positions.iter().flatten().count() as u64
    }

    /// Returns the last position of each partition.
    pub(crate) fn last_positions(&self) -> Vec<Position> {
        let mut last: BTreeMap<Partition, Offset> = BTreeMap::new();
        for position in self.positions.iter().flatten() {
            let offset = last.entry(position.partition).or_insert(position.offset);
            *offset = (*offset).max(position.offset);
        }
        last.into_iter().map(|(partition, offset)| Position { partition, offset }).collect()
    }
}
