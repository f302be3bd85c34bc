//! Reads movies: the ratings of all users, merged over the partitions.

use std::sync::Arc;

use marquee_domain::{MovieId, Partition, Position, Timestamp};
use marquee_features::{Definition, MovieRow, Sums};
use marquee_kit::Failure;
use marquee_ports::{Error, Row, RowKey};

use super::{Basis, Online, Statistics};
use crate::rows::{unpack_row, weigh};

/// A movie as stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Movie {
    pub(crate) id: MovieId,
    pub(crate) statistics: Statistics,
    /// `None` before the first event about the movie.
    pub(crate) basis: Option<Basis>,
}

impl Online {
    /// Reads movies, in the order of the ids. Windows end at `as_of`.
    pub(crate) async fn movies(&self, ids: Vec<MovieId>, as_of: Timestamp) -> Result<Vec<Movie>, Failure> {
        let keys: Vec<RowKey> = ids.iter().flat_map(|id| self.rows.movie_keys(id)).collect();
        let rows = self.rows.get(&keys).await?;
        self.meters.movies_read.inc_by(ids.len() as u64);
        let (definition, partitions) = (Arc::clone(&self.definition), self.rows.partitions as usize);
        self.project(weigh(ids.len(), rows.iter().flatten()), move || {
            let movie = |(id, parts): (MovieId, &[Option<Row>])| {
                let (sums, basis) = merge(&definition, parts, as_of)?;
                Ok(Movie { id, statistics: definition.movie_statistics(&sums).into(), basis })
            };
            ids.into_iter().zip(rows.chunks(partitions)).map(movie).collect()
        })
        .await
    }
}

/// Merges a movie's rows, one for each partition in partition order.
pub(super) fn merge(
    definition: &Definition,
    parts: &[Option<Row>],
    as_of: Timestamp,
) -> Result<(Sums, Option<Basis>), Error> {
    let (mut sums, mut newest) = (Sums::default(), None);
    for (partition, row) in (0..).map(Partition).zip(parts) {
        let Some(row) = row else { continue };
        let part: MovieRow = unpack_row(row)?;
        let basis = Basis { event_time: part.event_time, applied: Position { partition, offset: row.applied } };
        newest = newest.max(Some(basis));
        definition.add(&part, as_of, &mut sums);
    }
    Ok((sums, newest))
}
