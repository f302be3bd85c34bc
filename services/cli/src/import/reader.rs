//! Reads rows on a thread of its own and sends them through a channel in batches, so that parsing
//! and sending overlap. The channel is bounded.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use marquee_datasets::{Dataset, Places, Ratings, Row, RowError};
use marquee_proto::convert;
use marquee_proto::ratings::v1 as pb;
use tokio::sync::mpsc;

use super::bare_movie;
use super::ranges::Ranges;

/// Batches that the channel holds.
const WAITING: usize = 8;

/// How rows are read.
pub(super) struct Plan {
    /// Rows in a batch.
    pub(super) batch: usize,
    /// Rows to skip.
    pub(super) skip: u64,
    /// The rows among them that are read all the same.
    pub(super) again: Ranges,
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
    /// Why ratings could not be read, by their index. They are sent without a value, so that ingest
    /// refuses them and keeps their text.
    pub(super) unreadable: BTreeMap<usize, RowError>,
    /// Why the rest of the file cannot be read.
    pub(super) fatal: Option<RowError>,
    /// Where the files of the set start.
    pub(super) places: Places,
    /// Ratings whose rows have no time.
    pub(super) without_time: u64,
    /// The rows of the file in this batch, readable or not.
    pub(super) rows: Range<u64>,
    /// Bytes of the file up to the end of this batch.
    pub(super) bytes: u64,
}

impl Batch {
    fn starts_at(row: u64, places: Places) -> Self {
        Self { rows: row..row, places, ..Self::default() }
    }
}

/// Rows in batches, and the number of rows that say that there is no rating.
pub(super) type Reading = (mpsc::Receiver<Batch>, Arc<AtomicU64>);

/// Starts to read. The channel closes at the end of the file.
pub(super) fn start(dataset: &Dataset, plan: Plan) -> Result<Reading, marquee_datasets::Error> {
    let ratings = dataset.ratings()?;
    let unrated = ratings.unrated();
    let (send, receive) = mpsc::channel(WAITING);
    let batch = Batch::starts_at(0, ratings.places());
    let mut reader = Reader { ratings, known: plan.bare, send, size: plan.batch, batch };
    tokio::task::spawn_blocking(move || {
        for range in plan.again.iter().chain(std::iter::once(plan.skip..u64::MAX)) {
            if reader.read(range).is_none() {
                return;
            }
        }
    });
    Ok((receive, unrated))
}

struct Reader {
    ratings: Ratings,
    /// The movies in the catalog, if missing ones are added.
    known: Option<HashSet<String>>,
    send: mpsc::Sender<Batch>,
    size: usize,
    batch: Batch,
}

impl Reader {
    /// Reads a range of rows. Returns `None` at the end of the file, or if nobody receives.
    fn read(&mut self, rows: Range<u64>) -> Option<()> {
        if let Err(error) = self.ratings.skip_rows(rows.start.saturating_sub(self.batch.rows.end)) {
            self.batch.fatal = Some(error);
        }
        self.batch.rows = rows.start..rows.start;
        while self.batch.rows.end < rows.end {
            let Some(row) = self.ratings.next() else {
                self.flush();
                return None;
            };
            self.take(row);
            if self.batch.ratings.len() >= self.size {
                self.flush()?;
            }
        }
        self.flush()
    }

    /// Sends the batch unless it is empty. Returns `None` if nobody receives: then the sender has
    /// failed and reports that itself.
    fn flush(&mut self) -> Option<()> {
        self.batch.bytes = self.ratings.bytes_read();
        let next = Batch::starts_at(self.batch.rows.end, self.batch.places.clone());
        let batch = std::mem::replace(&mut self.batch, next);
        if batch.ratings.is_empty() && batch.fatal.is_none() {
            return Some(());
        }
        self.send.blocking_send(batch).ok()
    }

    fn take(&mut self, row: Result<Row, RowError>) {
        self.batch.rows.end += 1;
        let row = match row {
            Ok(row) => row,
            Err(error) if error.fatal => {
                self.batch.fatal = Some(error);
                return;
            }
            Err(error) => return self.take_unreadable(error),
        };
        if let Some(known) = &mut self.known
            && !known.contains(&row.movie)
            && let Some(movie) = bare_movie(&row.movie)
        {
            self.batch.movies.push(convert::movie(&movie));
            known.insert(row.movie.clone());
        }
        self.batch.without_time += u64::from(row.rated_at.is_none());
        self.batch.lines.push(row.line);
        self.batch.ratings.push(pb::Rating {
            rated_at: Some(convert::timestamp(row.time())),
            user_id: row.user,
            movie_id: row.movie,
            rating: Some(row.rating),
        });
    }

    /// Takes a row that cannot be read: a rating without a value, with the row's place and text
    /// instead of the ids.
    fn take_unreadable(&mut self, error: RowError) {
        let (file, line) = self.batch.places.locate(error.line);
        let place = file.map_or_else(|| format!("line {line}"), |file| format!("line {line} of {file}"));
        self.batch.lines.push(error.line);
        let rating = pb::Rating { user_id: place, movie_id: error.text.clone(), ..pb::Rating::default() };
        self.batch.unreadable.insert(self.batch.ratings.len(), error);
        self.batch.ratings.push(rating);
    }
}
