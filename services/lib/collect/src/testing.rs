//! A destination and a source in memory, with scripted faults.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use marquee_domain::{Movie, Scale, SystemClock, Timestamp};
use marquee_ports::memory::{Fault, Faults, MemoryObjects};
use serde_json::Value;

use crate::collector::Collector;
use crate::config::{Config, SourceConfig};
use crate::destination::{Answer, Destination, DestinationError, NewRating, Refusal};
use crate::setup::Setup;
use crate::source::{Batch, Record, Source, SourceError};

/// The ratings that count by user, movie and time, and how often each was sent.
type Ratings = BTreeMap<(String, String, Timestamp), (f64, usize)>;

/// Keeps what it gets. Ratings above 5 are refused.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    pub(crate) faults: Faults,
    pub(crate) ratings: Arc<Mutex<Ratings>>,
    pub(crate) movies: Arc<Mutex<BTreeMap<String, Movie>>>,
    /// What was refused because it has no value.
    pub(crate) unreadable: Arc<Mutex<Vec<(String, String)>>>,
}

impl Memory {
    pub(crate) fn len(&self) -> usize {
        self.ratings.lock().expect("whole").len()
    }

    /// Runs an effect as the script says.
    fn run<T>(&self, method: &'static str, effect: impl FnOnce() -> T) -> Result<T, DestinationError> {
        match self.faults.next(method) {
            Some(Fault::Fail(_)) => Err(format!("no {method}").into()),
            Some(Fault::FailAfter(_)) => {
                effect();
                Err(format!("no answer to {method}").into())
            }
            _ => Ok(effect()),
        }
    }
}

#[async_trait]
impl Destination for Memory {
    async fn scale(&self) -> Result<Scale, DestinationError> {
        Ok(Scale::try_new(0.5, 5.0, 0.5)?)
    }

    async fn known_movies(&self) -> Result<HashSet<String>, DestinationError> {
        self.run("known", || self.movies.lock().expect("whole").keys().cloned().collect())
    }

    async fn add_movies(&self, movies: Vec<Movie>) -> Result<(), DestinationError> {
        self.run("movies", || {
            let mut known = self.movies.lock().expect("whole");
            known.extend(movies.into_iter().map(|movie| (movie.id.to_string(), movie)));
        })
    }

    async fn add_ratings(&self, ratings: Vec<NewRating>) -> Result<Answer, DestinationError> {
        self.run("ratings", || {
            let mut answer = Answer::default();
            let (known, mut kept) = (self.movies.lock().expect("whole"), self.ratings.lock().expect("whole"));
            for (index, rating) in ratings.into_iter().enumerate() {
                let mut refuse = |reason: &str| {
                    answer.refused.push(Refusal { index, reason: reason.to_owned(), message: reason.to_owned() });
                };
                let (Some(value), Some(time)) = (rating.rating, rating.rated_at) else {
                    self.unreadable.lock().expect("whole").push((rating.user, rating.movie));
                    refuse("MISSING");
                    continue;
                };
                if value > 5.0 {
                    refuse("OFF_SCALE");
                } else if !known.contains_key(&rating.movie) {
                    refuse("UNKNOWN_MOVIE");
                } else {
                    answer.accepted += 1;
                    let times = kept.entry((rating.user, rating.movie, time)).or_insert((value, 0));
                    *times = (value, times.1 + 1);
                }
            }
            answer
        })
    }
}

/// Returns what a collector works with.
pub(crate) fn setup(objects: &MemoryObjects, destination: &Memory) -> Setup {
    Setup {
        objects: Arc::new(objects.clone()),
        destination: Arc::new(destination.clone()),
        clock: Arc::new(SystemClock),
        patience: Duration::from_secs(60),
    }
}

/// Returns the configuration of the source `shop`.
pub(crate) fn config(text: &str) -> SourceConfig {
    let config = Config::parse(&format!("[sources.shop]\n{text}"), Path::new("/"));
    config.expect("valid").sources.into_iter().next().expect("one")
}

/// Records in a list, of which a source returns some at a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct List {
    pub(crate) records: Arc<Mutex<Vec<String>>>,
    pub(crate) faults: Faults,
    pub(crate) is_uniform: bool,
    at: usize,
}

impl List {
    pub(crate) fn push(&self, record: impl Into<String>) {
        self.records.lock().expect("whole").push(record.into());
    }

    /// Returns a collector of the list, as after a start.
    pub(crate) fn collector(&self, objects: &MemoryObjects, destination: &Memory, settings: &str) -> Collector {
        // The kind does not matter: the list takes its place.
        let config = config(&format!("kind = \"files\"\npaths = [\"list\"]\n{settings}"));
        Collector::with_source(config, setup(objects, destination), Box::new(self.clone()))
    }
}

#[async_trait]
impl Source for List {
    async fn begin(&mut self, position: &Value) -> Result<(), SourceError> {
        self.at = position.as_u64().unwrap_or_default() as usize;
        Ok(())
    }

    async fn next(&mut self, most: usize) -> Result<Option<Batch>, SourceError> {
        if let Some(Fault::Fail(_)) = self.faults.next("next") {
            return Err(SourceError::passing("read the list", "it is away").with_wait(Some(Duration::from_secs(1))));
        }
        let records = self.records.lock().expect("whole");
        let taken: Vec<Record> = (self.at..records.len())
            .take(most)
            .map(|at| Record { raw: records[at].clone().into(), place: format!("record {at}"), ..Record::default() })
            .collect();
        if taken.is_empty() {
            return Ok(None);
        }
        let from = self.at;
        self.at += taken.len();
        Ok(Some(Batch {
            records: taken,
            position: self.at.into(),
            query: "list".to_owned(),
            range: (from.to_string(), self.at.to_string()),
            is_uniform: self.is_uniform,
            ..Batch::default()
        }))
    }
}
