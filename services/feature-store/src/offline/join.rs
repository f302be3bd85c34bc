//! Point-in-time joins: features as they were known at instants.
//!
//! The log is read once, before the first page. What is kept of it is small: the events of the
//! users in question, and for each row the sums of its movie. The values of a page, which may hold
//! long histories, are computed when the page is read.

use std::collections::HashSet;
use std::sync::Arc;

use marquee_domain::{Timestamp, UserId};
use marquee_features::{Column, Definition, Sums, Timeline, TimelineEvent, UserRow, View};
use marquee_kit::{Compute, Failure};
use marquee_log::Movies;
use marquee_ports::Bounds;
use tokio::sync::OwnedSemaphorePermit;

use super::replay::LogEvent;
use super::timelines::UserTimelines;
use super::{Offline, PAGE};
use crate::entity::{Entity, Values, has_view, in_order, no_values};

/// An entity and an instant.
#[derive(Debug, Clone)]
pub(crate) struct Instant {
    pub(crate) entity: Entity,
    pub(crate) at: Timestamp,
}

/// The rows and the columns of a join.
#[derive(Debug)]
pub(crate) struct JoinRequest {
    pub(crate) rows: Vec<Instant>,
    pub(crate) columns: Vec<Column>,
    /// An event counts from its own time on, not from the time when the log accepted it.
    pub(crate) ignore_ingestion: bool,
}

/// A join whose pages are computed as they are read.
#[derive(Debug)]
pub(crate) struct Join {
    /// `None` while a page is computed.
    state: Option<JoinState>,
    compute: Compute,
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct JoinState {
    definition: Arc<Definition>,
    columns: Vec<Column>,
    movies: Movies,
    timelines: UserTimelines,
    /// The rows that are left, each with the sums of its movie.
    rows: std::vec::IntoIter<(Instant, Sums)>,
}

/// What a join keeps of the log.
struct Collected {
    timelines: UserTimelines,
    sums: Vec<Sums>,
}

/// What a join needs of the log.
struct Needs {
    /// The rows by time.
    rows: Vec<Instant>,
    order: Vec<usize>,
    users: HashSet<UserId>,
    movies: bool,
    /// No row needs an event that became known later.
    until: Timestamp,
    ignore_ingestion: bool,
}

impl Offline {
    /// Starts a join.
    pub(crate) async fn join(&self, request: JoinRequest) -> Result<Join, Failure> {
        let permit = self.permit()?;
        let JoinRequest { rows, columns, ignore_ingestion } = request;
        let (bounds, movies) = self.events.open().await?;
        let needs = Arc::new(Needs::new(rows, &columns, ignore_ingestion));
        let mut collected = Collected { timelines: UserTimelines::default(), sums: Vec::new() };
        collected.sums.resize_with(needs.rows.len(), Sums::default);
        for bounds in &bounds {
            collected = self.collect(bounds, &needs, &movies, collected).await?;
        }
        let rows: Vec<(Instant, Sums)> = needs.rows.iter().cloned().zip(collected.sums).collect();
        let state = JoinState {
            definition: Arc::clone(&self.definition),
            columns,
            movies,
            timelines: collected.timelines,
            rows: rows.into_iter(),
        };
        Ok(Join { state: Some(state), compute: self.compute.clone(), _permit: permit })
    }

    /// Reads one partition. A movie's features rest on the events of all users, a user's on the
    /// user's own.
    async fn collect(
        &self,
        bounds: &Bounds,
        needs: &Arc<Needs>,
        movies: &Movies,
        collected: Collected,
    ) -> Result<Collected, Failure> {
        let visited = Arc::clone(needs);
        let visit = move |(collected, all): &mut (Collected, Vec<TimelineEvent>), event: LogEvent| {
            let ingested_at = (!visited.ignore_ingestion).then_some(event.ingested_at);
            let event = TimelineEvent::new(event.offset, event.event, ingested_at);
            if event.known_at > visited.until {
                return;
            }
            if visited.users.contains(event.event.user()) {
                collected.timelines.add(event.clone());
            }
            if visited.movies {
                all.push(event);
            }
        };
        let (mut collected, all) = self.events.fold(bounds, (collected, Vec::new()), visit).await?;
        if !needs.movies {
            return Ok(collected);
        }
        let (definition, needs, movies) = (Arc::clone(&self.definition), Arc::clone(needs), movies.clone());
        let add_sums = move || {
            let mut timeline = Timeline::new(all, true);
            for &index in &needs.order {
                let Instant { entity, at } = &needs.rows[index];
                timeline.advance(*at, |movie| movies.genres(movie));
                if let Some(movie) = entity.movie.as_ref().and_then(|movie| timeline.movie(movie)) {
                    definition.add(movie, *at, &mut collected.sums[index]);
                }
            }
            collected
        };
        Ok(self.compute.run(add_sums).await)
    }
}

impl Needs {
    fn new(rows: Vec<Instant>, columns: &[Column], ignore_ingestion: bool) -> Self {
        let users = rows.iter().filter(|_| has_view(columns, View::User)).filter_map(|row| row.entity.user.clone());
        let users = users.collect();
        let movies = has_view(columns, View::Movie) && rows.iter().any(|row| row.entity.movie.is_some());
        let until = rows.iter().map(|row| row.at).max().unwrap_or(Timestamp::from_micros(i64::MIN));
        Self { order: by_time(&rows, |row| row.at), rows, users, movies, until, ignore_ingestion }
    }
}

/// Returns the indexes of rows, by their time.
fn by_time<T>(rows: &[T], at: impl Fn(&T) -> Timestamp) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&index| at(&rows[index]));
    order
}

impl Join {
    /// Computes the next rows, in the order of the request. Returns `None` after the last one.
    pub(crate) async fn next_page(&mut self) -> Option<Vec<Values>> {
        let mut state = self.state.take()?;
        let job = move || {
            let page = state.next_page();
            (state, page)
        };
        let (state, page) = self.compute.run(job).await;
        self.state = Some(state);
        (!page.is_empty()).then_some(page)
    }
}

impl JoinState {
    fn next_page(&mut self) -> Vec<Values> {
        let rows: Vec<(Instant, Sums)> = self.rows.by_ref().take(PAGE).collect();
        let mut page = vec![Values::new(); rows.len()];
        // By time, so that the timeline of a user with several rows goes forward.
        for index in by_time(&rows, |(row, _)| row.at) {
            let (Instant { entity, at }, sums) = &rows[index];
            let user = self.user_values(entity, *at);
            let movie = match entity.movie {
                Some(_) => self.definition.of_sums(&self.columns, sums),
                None => no_values(&self.columns, View::Movie),
            };
            page[index] = in_order(&self.columns, user, movie);
        }
        page
    }

    fn user_values(&mut self, entity: &Entity, at: Timestamp) -> Values {
        let Some(user) = &entity.user else { return no_values(&self.columns, View::User) };
        match self.timelines.row(user, at, &self.movies) {
            Some(row) => self.definition.of_user(&self.columns, row, at),
            None => self.definition.of_user(&self.columns, &UserRow::default(), at),
        }
    }
}
