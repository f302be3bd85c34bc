//! The rounds of a collector: read, store the raw bytes, send, remember the position.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use marquee_backoff::{Backoff, Delays};
use marquee_domain::{Movie, MovieId};
use sha2::{Digest as _, Sha256};

use crate::config::{KindConfig, SourceConfig};
use crate::destination::{Answer, DestinationError};
use crate::error::Error;
use crate::invalid::ConfigError;
use crate::mapping::{Mapped, Mapping};
use crate::raw::{Origin, RawFile, remove_after};
use crate::report::Collected;
use crate::schema;
use crate::setup::Setup;
use crate::source::{Batch, Record, Source, SourceError};
use crate::state::{State, StateFile};
use crate::{files, http, kafka, mysql, postgres};

/// Delays between calls to a source that fail.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30));

/// The longest time that a source may ask to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(900);

/// The notices of a round that are kept.
const NOTICES: usize = 100;

/// Collects from one source.
#[derive(Debug)]
pub struct Collector {
    pub(crate) config: SourceConfig,
    pub(crate) setup: Setup,
    pub(crate) source: Box<dyn Source>,
    known_movies: Option<HashSet<String>>,
    /// Whether the files of an interrupted batch were removed.
    is_clean: bool,
}

impl Collector {
    /// Returns a collector of a source. Nothing is asked yet.
    ///
    /// # Errors
    /// The configuration of the source cannot be used.
    pub fn new(config: SourceConfig, setup: Setup) -> Result<Self, Error> {
        let source = open(&config, &setup)?;
        Ok(Self::with_source(config, setup, source))
    }

    /// Returns a collector that asks another source than that of the configuration.
    pub fn with_source(config: SourceConfig, setup: Setup, source: Box<dyn Source>) -> Self {
        Self { config, setup, source, known_movies: None, is_clean: false }
    }

    /// Returns the name of the source.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Collects what is new. May be dropped at any point: the next round goes on.
    ///
    /// # Errors
    /// See [`Error`]. Batches before the failure stay stored, and `report` counts them.
    pub async fn round(&mut self, report: &mut Collected) -> Result<(), Error> {
        report.source.clone_from(&self.config.name);
        let objects = Arc::clone(&self.setup.objects);
        let name = self.config.name.clone();
        let (mut file, mut state) = StateFile::open(&*objects, &name, &self.config.identity()).await?;
        if !self.is_clean {
            let removed = remove_after(&*objects, &name, state.batches).await;
            removed.map_err(|source| Error::Objects { name: name.clone(), source })?;
            self.is_clean = true;
        }
        let mut mapping = self.mapping(&state).await?;
        let mut round = Asking::new();
        while let Some(batch) = self.next(&mut round, &state, report).await? {
            let taken = self.take(batch, &mut state, mapping, report).await;
            // What changed at the source is also kept when the batch was not taken because of it.
            if matches!(taken, Ok(_) | Err(Error::Gone { .. })) {
                file.save(&state).await?;
            }
            mapping = taken?;
        }
        Ok(())
    }

    pub(crate) async fn mapping(&self, state: &State) -> Result<Mapping, Error> {
        let map = match self.config.map_scale {
            None => None,
            Some(from) => {
                let to = self.setup.destination.scale().await.map_err(|source| self.refused(source))?;
                Some(marquee_datasets::ScaleMap { from, to })
            }
        };
        let options = self.config.options(map);
        Ok(Mapping::new(&self.config.name, self.config.content, options, state.recognized.as_ref()))
    }

    /// Asks the source for the next batch, again while it does not answer.
    pub(crate) async fn next(
        &mut self,
        round: &mut Asking,
        state: &State,
        report: &mut Collected,
    ) -> Result<Option<Batch>, Error> {
        loop {
            let asked = async {
                if !round.begun {
                    self.source.begin(&state.position).await?;
                    round.begun = true;
                }
                self.source.next(self.config.batch).await
            };
            let error = match asked.await {
                Ok(batch) => {
                    round.delays.reset();
                    round.waited = Duration::ZERO;
                    return Ok(batch);
                }
                Err(error) => error,
            };
            round.begun = false;
            let name = self.config.name.clone();
            let wait = error.wait().unwrap_or_default().max(round.delays.next());
            if !error.is_passing() || wait > LONGEST_WAIT || round.waited + wait > self.setup.patience {
                return Err(Error::Source { name, source: error });
            }
            let reason = chain(&error);
            tracing::warn!(source = name, reason, wait_ms = wait.as_millis() as u64, "a source did not answer");
            report.retries += 1;
            round.waited += wait;
            tokio::time::sleep(wait).await;
        }
    }

    /// Stores and sends a batch, and notes it in the state.
    async fn take(
        &mut self,
        mut batch: Batch,
        state: &mut State,
        mapping: Mapping,
        report: &mut Collected,
    ) -> Result<Mapping, Error> {
        let now = self.setup.clock.now();
        for notice in batch.notices.drain(..) {
            tracing::warn!(source = self.config.name, notice, "a source needs attention");
            if report.notices.len() < NOTICES {
                report.notices.push(notice);
            }
        }
        report.skipped += batch.skipped;
        let read = leave_out_repeated(&mut batch, state, report);
        let mut columns = state.columns.clone();
        let drift = schema::compare(&mut columns, &batch, now);
        for change in &drift {
            let (kind, column) = (change.change.name(), &change.column);
            tracing::warn!(source = self.config.name, change = kind, column, "{change}");
        }
        report.drift.extend_from_slice(&drift);
        let mut mapping = mapping;
        if batch.records.is_empty() {
            state.columns = columns;
            state.note(&drift);
        } else {
            let gone = |column: &str| columns.get(column).is_none_or(|seen| seen.gone);
            let lost = mapping.needed().into_iter().find(|(_, column)| batch.is_uniform && gone(column));
            if let Some((field, column)) = lost {
                state.columns = columns;
                state.note(&drift);
                return Err(Error::Gone { name: self.config.name.clone(), column, field: field.name().to_owned() });
            }
            let origin = (state.batches + 1, state.records + 1);
            let (work, mapped);
            (mapping, work, mapped) = self.prepare(batch, origin, mapping).await?;
            batch = work.batch;
            let written = work.raw.write(&*self.setup.objects).await;
            written.map_err(|source| Error::Objects { name: self.config.name.clone(), source })?;
            self.send(&batch.records, mapped, state, report).await?;
            state.batches += 1;
            state.records += batch.records.len() as u64;
            report.batches += 1;
            report.records += batch.records.len() as u64;
            state.columns = columns;
            state.note(&drift);
            state.recognized = mapping.recognized().cloned();
        }
        state.remember(read, batch.keep_from);
        state.position = batch.position;
        state.updated_at = now.to_rfc3339();
        Ok(mapping)
    }

    /// Maps and encodes a batch on a thread where that may take its time.
    async fn prepare(
        &self,
        batch: Batch,
        (number, first): (u64, u64),
        mut mapping: Mapping,
    ) -> Result<(Mapping, Prepared, Mapped), Error> {
        let (name, kind, now) = (self.config.name.clone(), self.config.kind.name(), self.setup.clock.now());
        let work = move || {
            mapping.recognize(&batch.records).map_err(|source| Error::Unrecognized { name: name.clone(), source })?;
            let mapped = mapping.map(&batch.records, first);
            let raw = RawFile::new(Origin { name: &name, kind, number, first }, &batch, now);
            let raw = raw.map_err(|error| internal(&name, "write the raw records", error))?;
            Ok((mapping, Prepared { batch, raw }, mapped))
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| internal(&self.config.name, "map the records", error))?
    }

    async fn send(
        &mut self,
        records: &[Record],
        mapped: Mapped,
        state: &mut State,
        report: &mut Collected,
    ) -> Result<(), Error> {
        let place = |index: usize| records.get(index).map_or("", |record| record.place.as_str());
        report.unrated += mapped.unrated;
        self.add_movies(&mapped, report).await?;
        let Mapped { ratings, places, unreadable, faults, left_out, .. } = mapped;
        // The first faults are told in full.
        report.leave_out(left_out.saturating_sub(faults.len() as u64));
        for fault in faults {
            report.reject(&self.config.name, "MALFORMED", fault);
        }
        state.rejected += left_out;
        if ratings.is_empty() {
            return Ok(());
        }
        let answer = self.setup.destination.add_ratings(ratings).await;
        let Answer { accepted, refused } = answer.map_err(|source| self.refused(source))?;
        state.accepted += accepted;
        state.rejected += refused.len() as u64;
        report.accepted += accepted;
        for refusal in refused {
            let at = place(places.get(refusal.index).copied().unwrap_or(usize::MAX));
            match unreadable.iter().find(|(index, _)| *index == refusal.index) {
                Some((_, why)) => report.reject(at, "UNREADABLE", why.clone()),
                None => report.reject(at, &refusal.reason, refusal.message),
            }
        }
        Ok(())
    }

    /// Adds the movies that the catalog lacks: as they are described, or by their ids. A source of
    /// movies also replaces those that it describes.
    async fn add_movies(&mut self, mapped: &Mapped, report: &mut Collected) -> Result<(), Error> {
        let is_catalog = mapped.ratings.is_empty() && !mapped.movies.is_empty();
        if mapped.ratings.is_empty() && mapped.movies.is_empty() {
            return Ok(());
        }
        if self.known_movies.is_none() {
            let known = self.setup.destination.known_movies().await;
            self.known_movies = Some(known.map_err(|source| self.refused(source))?);
        }
        let known = self.known_movies.get_or_insert_default();
        let (mut movies, mut added): (Vec<Movie>, HashSet<String>) = Default::default();
        for movie in &mapped.movies {
            let id = movie.id.to_string();
            if (is_catalog || !known.contains(&id)) && added.insert(id) {
                movies.push(movie.clone());
            }
        }
        for rating in mapped.ratings.iter().filter(|rating| rating.rating.is_some()) {
            if known.contains(&rating.movie) || added.contains(&rating.movie) {
                continue;
            }
            // An id that is not valid is refused with its rating.
            let bare =
                MovieId::try_new(&rating.movie).ok().and_then(|id| Movie::try_new(id, "", None, Vec::new()).ok());
            if let Some(movie) = bare {
                added.insert(rating.movie.clone());
                movies.push(movie);
            }
        }
        if movies.is_empty() {
            return Ok(());
        }
        report.movies += movies.len() as u64;
        let sent = self.setup.destination.add_movies(movies).await;
        sent.map_err(|source| self.refused(source))?;
        self.known_movies.get_or_insert_default().extend(added);
        Ok(())
    }

    fn refused(&self, source: DestinationError) -> Error {
        Error::Destination { name: self.config.name.clone(), source }
    }
}

/// Returns the source of a configuration. Nothing is asked yet.
fn open(config: &SourceConfig, setup: &Setup) -> Result<Box<dyn Source>, ConfigError> {
    let opened: Result<Box<dyn Source>, ConfigError> = match &config.kind {
        KindConfig::Postgres(settings) => Ok(Box::new(postgres::Postgres::of(settings.clone()))),
        KindConfig::Mysql(settings) => Ok(Box::new(mysql::Mysql::of(settings.clone()))),
        KindConfig::Http(settings) => http::Http::new((**settings).clone()).map(|http| Box::new(http) as _),
        KindConfig::Files(settings) => files::open(settings, setup),
        KindConfig::Kafka(settings) => Ok(Box::new(kafka::Kafka::new((**settings).clone()))),
    };
    opened.map_err(|error| error.within(&format!("sources.{}", config.name)))
}

/// How a source is asked in a round.
#[derive(Debug)]
pub(crate) struct Asking {
    delays: Delays,
    /// The time that was waited since the last answer.
    waited: Duration,
    /// Whether the source was told where to begin.
    begun: bool,
}

impl Asking {
    pub(crate) fn new() -> Self {
        Self { delays: BACKOFF.start(), waited: Duration::ZERO, begun: false }
    }
}

/// A batch with what is stored of it.
#[derive(Debug)]
struct Prepared {
    batch: Batch,
    raw: RawFile,
}

/// Leaves out the records that were read before. Returns what is to be remembered of all.
fn leave_out_repeated(batch: &mut Batch, state: &State, report: &mut Collected) -> Vec<(f64, String)> {
    let known: HashSet<&str> = state.recent.iter().map(|(_, digest)| digest.as_str()).collect();
    let mut read = Vec::new();
    batch.records.retain(|record| {
        let Some(order) = record.order else { return true };
        let digest = digest(record);
        let is_new = !known.contains(digest.as_str());
        report.repeated += u64::from(!is_new);
        read.push((order, digest));
        is_new
    });
    read
}

/// Returns the first half of the SHA-256 of a record, which tells it from others.
fn digest(record: &Record) -> String {
    let digest = Sha256::digest(&record.raw);
    hex::encode(digest.get(..16).unwrap_or_default())
}

fn internal(name: &str, doing: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Internal { name: name.to_owned(), doing, source: source.into() }
}

/// Returns an error with its causes.
pub(crate) fn chain(error: &SourceError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
