//! Features as they were known at instants, and of everybody at one.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use marquee_domain::{MovieId, Offset, Timestamp, UserId};
use marquee_features::{Column, Definition, MovieRow, Sums, Timeline, TimelineEvent, UserRow, Value, View};
use marquee_kit::Failure;
use marquee_log::{MovieCatalog, Movies};
use marquee_ports::{Bounds, RatingLog, Topic};
use tokio::sync::mpsc;

use crate::named::{Entity, in_order};
use crate::scan::scan;
use crate::service::Service;

/// Rows of one answer.
pub(crate) const PAGE: usize = 500;

/// Values of one row, one a column.
pub(crate) type Values = Vec<Option<Value>>;

/// Whose features, and when.
pub(crate) struct Instant {
    pub(crate) entity: Entity,
    pub(crate) at: Timestamp,
}

/// What the log is gone through for.
struct Pass {
    service: Service,
    catalog: Movies,
    bounds: Vec<Bounds>,
    ignore_ingestion: bool,
}

impl Pass {
    async fn new(service: &Service, ignore_ingestion: bool) -> Result<Self, Failure> {
        let (bounds, catalog) = open(service).await?;
        Ok(Self { service: service.clone(), catalog, bounds, ignore_ingestion })
    }

    /// A partition's events that were known by a time, of the users that are wanted.
    async fn events(
        &self,
        bounds: &Bounds,
        until: Timestamp,
        wanted: impl Fn(&UserId) -> bool + Send + Sync,
    ) -> Result<Vec<TimelineEvent>, Failure> {
        let dependencies = self.service.dependencies();
        let mut events = Vec::new();
        let take = |offset: Offset, ingested_at, event: marquee_domain::RatingEvent| {
            let known = TimelineEvent::new(offset, event, (!self.ignore_ingestion).then_some(ingested_at));
            if known.known_at <= until && wanted(known.event.user()) {
                events.push(known);
            }
        };
        let log: &dyn RatingLog = &*dependencies.log;
        let scanned = scan(
            log,
            (&dependencies.scale, self.service.partitions()),
            bounds.partition,
            bounds.begin..bounds.end,
            take,
        )
        .await;
        scanned.map_err(|error| unreadable(&error))?;
        Ok(events)
    }
}

/// Returns the bounds of the rating topic and the movie catalog, both as they are now.
pub(crate) async fn open(service: &Service) -> Result<(Vec<Bounds>, Movies), Failure> {
    let log = Arc::clone(&service.dependencies().log);
    let bounds = log.bounds(Topic::RATINGS).await.map_err(|error| unreadable(&error))?;
    let movies = MovieCatalog::new(log).catch_up().await.map_err(|error| unreadable(&error))?;
    Ok((bounds, movies))
}

pub(crate) fn unreadable(error: &marquee_ports::Error) -> Failure {
    match error.is_retryable() {
        true => Failure::unavailable("read the rating log", error),
        false => Failure::internal("read the rating log", error),
    }
}

/// Runs what takes the processor for long where that is allowed.
pub(crate) async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Failure::internal("compute features", &error))
}

/// The values of every row, in their order.
pub(crate) async fn join(
    service: &Service,
    rows: Vec<Instant>,
    columns: Vec<Column>,
    ignore_ingestion: bool,
) -> Result<Vec<Values>, Failure> {
    let Some(until) = rows.iter().map(|row| row.at).max() else { return Ok(Vec::new()) };
    let pass = Pass::new(service, ignore_ingestion).await?;
    let has = |view| columns.iter().any(|column| column.view == view);
    let users: HashSet<UserId> = rows.iter().filter_map(|row| row.entity.user.clone()).collect();
    let movies = has(View::Movie) && rows.iter().any(|row| row.entity.movie.is_some());
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&index| rows[index].at);
    let shared = Arc::new((rows, order, columns));
    let mut user_values: Vec<Values> = vec![Vec::new(); shared.0.len()];
    let mut sums: Vec<Sums> = vec![Sums::default(); shared.0.len()];
    for bounds in &pass.bounds {
        // A movie's features rest on what everybody gave; a user's on the user's events alone.
        let events = pass.events(bounds, until, |user| movies || users.contains(user)).await?;
        let (service, catalog, shared, partition) =
            (service.clone(), pass.catalog.clone(), Arc::clone(&shared), bounds.partition);
        (user_values, sums) = compute(move || {
            let (rows, order, columns) = &*shared;
            let definition = service.definition();
            let mut timeline = Timeline::new(events, movies);
            for &index in order {
                let Instant { entity, at } = &rows[index];
                timeline.advance(*at, |movie| catalog.genres(movie));
                if let Some(user) = entity.user.as_ref().filter(|user| service.home(user) == partition) {
                    user_values[index] = user_row(definition, columns, timeline.user(user), *at);
                }
                if let Some(movie) = entity.movie.as_ref().and_then(|movie| timeline.movie(movie)) {
                    definition.add(movie, *at, &mut sums[index]);
                }
            }
            (user_values, sums)
        })
        .await?;
    }
    let (rows, _, columns) = &*shared;
    let definition = service.definition();
    let values = |((row, user), sums): ((&Instant, Values), Sums)| {
        let user = if row.entity.user.is_some() { user } else { vec![None; columns.len()] };
        let movie = match row.entity.movie {
            Some(_) => definition.of_sums(columns, &sums),
            None => vec![None; columns.len()],
        };
        in_order(columns, user, movie)
    };
    Ok(rows.iter().zip(user_values).zip(sums).map(values).collect())
}

fn user_row(definition: &Definition, columns: &[Column], row: Option<&UserRow>, at: Timestamp) -> Values {
    match row {
        Some(row) => definition.of_user(columns, row, at),
        None => definition.of_user(columns, &UserRow::default(), at),
    }
}

/// Ids with their values.
pub(crate) type Page = Vec<(String, Values)>;

/// Everybody of a view as of an instant, partition by partition, in pages. Ends early when nobody takes them any more.
pub(crate) async fn backfill(
    service: &Service,
    view: View,
    columns: Vec<Column>,
    as_of: Timestamp,
    ignore_ingestion: bool,
    pages: &mpsc::Sender<Result<Page, Failure>>,
) -> Result<(), Failure> {
    let pass = Pass::new(service, ignore_ingestion).await?;
    let columns = Arc::new(columns);
    let mut movies: BTreeMap<MovieId, MovieRow> = BTreeMap::new();
    for bounds in &pass.bounds {
        let events = pass.events(bounds, as_of, |_| true).await?;
        let (catalog, service, columns) = (pass.catalog.clone(), service.clone(), Arc::clone(&columns));
        let (users, parts) = compute(move || {
            let mut timeline = Timeline::new(events, view == View::Movie);
            timeline.advance(as_of, |movie| catalog.genres(movie));
            let (users, movies) = timeline.into_rows();
            if view == View::Movie {
                return (Page::new(), movies);
            }
            let values = |(id, row): (UserId, UserRow)| {
                (id.as_str().to_owned(), service.definition().of_user(&columns, &row, as_of))
            };
            let mut users: Page = users.into_iter().map(values).collect();
            users.sort_by(|(one, _), (other, _)| one.cmp(other));
            (users, movies)
        })
        .await?;
        for (movie, part) in parts {
            movies.entry(movie).or_default().merge(&part);
        }
        if !give(users, pages).await {
            return Ok(());
        }
    }
    let definition = service.definition();
    let rows = movies.iter().map(|(id, row)| (id.as_str().to_owned(), definition.of_movie(&columns, row, as_of)));
    give(rows.collect(), pages).await;
    Ok(())
}

/// Gives rows page by page; false when nobody takes them any more.
async fn give(rows: Page, pages: &mpsc::Sender<Result<Page, Failure>>) -> bool {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        if pages.send(Ok(rows.by_ref().take(PAGE).collect())).await.is_err() {
            return false;
        }
    }
    true
}
