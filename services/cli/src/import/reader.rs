//! Reads rows on a thread of its own and sends them through a channel in batches, so that parsing
//! and sending overlap. The channel is bounded.

use std::collections::HashSet;

use marquee_datasets::{Dataset, Row, RowError};
use marquee_proto::convert;
use marquee_proto::ratings::v1 as pb;
use tokio::sync::mpsc;

use super::bare_movie;

/// Batches that the channel holds.
const WAITING: usize = 8;

/// How rows are read.
pub(super) struct Plan {
    /// Rows in a batch.
    pub(super) batch: usize,
    /// Rows to skip.
    pub(super) skip: u64,
    /// The movies in the catalog, if missing ones are to be added by their ids.
    pub(super) bare: Option<HashSet<String>>,
}

/// Rows in file order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) ratings: Vec<pb::Rating>,
    /// The line of each rating.
    pub(super) lines: Vec<u64>,
    /// Movies that must be added to the catalog first.
    pub(super) movies: Vec<pb::Movie>,
    /// Rows that could not be read.
    pub(super) errors: Vec<RowError>,
    /// Rows of the file up to the end of this batch, readable or not.
    pub(super) rows: u64,
    /// Bytes of the file up to the end of this batch.
    pub(super) bytes: u64,
}

/// Starts to read. The channel closes at the end of the file.
pub(super) fn start(dataset: &Dataset, plan: Plan) -> Result<mpsc::Receiver<Batch>, marquee_datasets::Error> {
    let mut ratings = dataset.ratings()?;
    let (send, receive) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut known = plan.bare;
        let mut batch = Batch { rows: plan.skip, ..Batch::default() };
        if let Err(error) = ratings.skip_rows(plan.skip) {
            batch.errors.push(error);
        }
        loop {
            let row = ratings.next();
            let ended = row.is_none();
            match row {
                Some(Ok(row)) => take(row, known.as_mut(), &mut batch),
                Some(Err(error)) => batch.errors.push(error),
                None => {}
            }
            batch.rows += u64::from(!ended);
            let full = batch.ratings.len() + batch.errors.len() >= plan.batch;
            if full || ended {
                batch.bytes = ratings.bytes_read();
                let next = Batch { rows: batch.rows, ..Batch::default() };
                let empty = batch.ratings.is_empty() && batch.errors.is_empty();
                // A closed channel means that the sender failed and reports that itself.
                if (!empty && send.blocking_send(std::mem::replace(&mut batch, next)).is_err()) || ended {
                    return;
                }
            }
        }
    });
    Ok(receive)
}

fn take(row: Row, known: Option<&mut HashSet<String>>, batch: &mut Batch) {
    if let Some(known) = known
        && !known.contains(&row.movie)
        && let Some(movie) = bare_movie(&row.movie)
    {
        batch.movies.push(convert::movie(&movie));
        known.insert(row.movie.clone());
    }
    batch.lines.push(row.line);
    batch.ratings.push(pb::Rating {
        user_id: row.user,
        movie_id: row.movie,
        rating: row.rating,
        rated_at: row.rated_at.map(convert::timestamp),
    });
}
