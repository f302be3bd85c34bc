//! Backfills: the features of all entities of a view as of one instant.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use marquee_domain::{MovieId, Timestamp, UserId};
use marquee_features::{Column, Definition, MovieRow, Timeline, TimelineEvent, UserRow, View};
use marquee_kit::Failure;
use marquee_log::Movies;
use marquee_ports::Bounds;
use tokio::sync::OwnedSemaphorePermit;

use super::replay::{LogEvent, RatingEvents};
use super::{Offline, PAGE};
use crate::entity::Values;

/// The view, its columns, and the instant.
#[derive(Debug, Clone)]
pub(crate) struct BackfillRequest {
    pub(crate) view: View,
    pub(crate) columns: Vec<Column>,
    pub(crate) as_of: Timestamp,
    /// An event counts from its own time on, not from the time when the log accepted it.
    pub(crate) ignore_ingestion: bool,
}

/// Ids with their values.
pub(crate) type BackfillPage = Vec<(String, Values)>;

/// A backfill whose pages are computed as they are read: users partition by partition, in the order
/// of their ids in each; movies in the order of their ids.
#[derive(Debug)]
pub(crate) struct Backfill {
    request: Arc<BackfillRequest>,
    definition: Arc<Definition>,
    events: RatingEvents,
    movies: Movies,
    /// The partitions that are left to read.
    bounds: VecDeque<Bounds>,
    /// The users of the partition that was read last.
    user_rows: std::vec::IntoIter<(UserId, UserRow)>,
    /// The movies, merged over the partitions that were read.
    movie_rows: BTreeMap<MovieId, MovieRow>,
    _permit: OwnedSemaphorePermit,
}

impl Offline {
    /// Starts a backfill.
    pub(crate) async fn backfill(&self, request: BackfillRequest) -> Result<Backfill, Failure> {
        let permit = self.permit()?;
        let (bounds, movies) = self.events.open().await?;
        Ok(Backfill {
            request: Arc::new(request),
            definition: Arc::clone(&self.definition),
            events: self.events.clone(),
            movies,
            bounds: bounds.into(),
            user_rows: Vec::new().into_iter(),
            movie_rows: BTreeMap::new(),
            _permit: permit,
        })
    }
}

impl Backfill {
    /// Computes the next rows. Returns `None` after the last one.
    pub(crate) async fn next_page(&mut self) -> Result<Option<BackfillPage>, Failure> {
        loop {
            if self.user_rows.len() > 0 {
                return Ok(Some(self.users_page().await));
            }
            match self.bounds.pop_front() {
                Some(bounds) => self.read(&bounds).await?,
                None => break,
            }
        }
        Ok(if self.movie_rows.is_empty() { None } else { Some(self.movies_page().await) })
    }

    /// Reads the rows of a partition.
    async fn read(&mut self, bounds: &Bounds) -> Result<(), Failure> {
        let BackfillRequest { view, as_of, ignore_ingestion, .. } = *self.request;
        let visit = move |known: &mut Vec<TimelineEvent>, event: LogEvent| {
            let ingested_at = (!ignore_ingestion).then_some(event.ingested_at);
            let event = TimelineEvent::new(event.offset, event.event, ingested_at);
            if event.known_at <= as_of {
                known.push(event);
            }
        };
        let known = self.events.fold(bounds, Vec::new(), visit).await?;
        let (movies, mut merged) = (self.movies.clone(), std::mem::take(&mut self.movie_rows));
        let replay = move || {
            let mut timeline = Timeline::new(known, view == View::Movie);
            timeline.advance(as_of, |movie| movies.genres(movie));
            let (users, parts) = timeline.into_rows();
            for (movie, part) in parts {
                merged.entry(movie).or_default().merge(&part);
            }
            let mut users: Vec<_> = if view == View::User { users.into_iter().collect() } else { Vec::new() };
            users.sort_unstable_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
            (users, merged)
        };
        let (users, merged) = self.events.compute.run(replay).await;
        self.user_rows = users.into_iter();
        self.movie_rows = merged;
        Ok(())
    }

    async fn users_page(&mut self) -> BackfillPage {
        let rows: Vec<(UserId, UserRow)> = self.user_rows.by_ref().take(PAGE).collect();
        let (request, definition) = (Arc::clone(&self.request), Arc::clone(&self.definition));
        let values = move |(id, row): (UserId, UserRow)| {
            (id.as_str().to_owned(), definition.of_user(&request.columns, &row, request.as_of))
        };
        self.events.compute.run(move || rows.into_iter().map(values).collect()).await
    }

    async fn movies_page(&mut self) -> BackfillPage {
        let next = std::iter::from_fn(|| self.movie_rows.pop_first());
        let rows: Vec<(MovieId, MovieRow)> = next.take(PAGE).collect();
        let (request, definition) = (Arc::clone(&self.request), Arc::clone(&self.definition));
        let values = move |(id, row): (MovieId, MovieRow)| {
            (id.as_str().to_owned(), definition.of_movie(&request.columns, &row, request.as_of))
        };
        self.events.compute.run(move || rows.into_iter().map(values).collect()).await
    }
}
