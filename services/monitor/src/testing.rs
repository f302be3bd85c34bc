//! A monitor over memory ports and a scripted inference, for unit tests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{
    Clock, ModelName, MovieId, Offset, Partition, Position, Rating, RatingEvent, Scale, SystemClock, Timestamp, UserId,
    Version,
};
use marquee_eval::duel::{Prediction, Replay, Replayed, replay};
use marquee_kit::Context;
use marquee_log::keyed;
use marquee_ports::memory::{Faults, MemoryLog, MemoryStore};
use marquee_ports::{Bounds, NewRecord, OnlineStore, RatingLog, Record, Topic};
use marquee_proto::record;
use tokio::time::sleep;

use crate::api::MonitorHandler;
use crate::inference::{AskError, Evaluated, Inference, Question, Reason, Step, WantedVersion};
use crate::join::Shown;
use crate::reader::Reader;
use crate::rows::{LiveId, ServedBy};
use crate::service::{Dependencies, start};
use crate::settings::Settings;

/// When the first event of a world arrives.
pub(crate) const EPOCH: i64 = 1_700_000_000;

/// The newest ratings of a history in tests.
pub(crate) const HISTORY: usize = 4;

/// Inference that predicts by a formula from the whole history, in its order. So a prediction from
/// another history is another prediction.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScriptedInference(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) wanted: Vec<WantedVersion>,
    /// Answers every question with an error while it is set.
    pub(crate) error: Option<AskError>,
    /// Errors of the next questions.
    pub(crate) errors: VecDeque<AskError>,
    /// Versions that predict nothing.
    pub(crate) failing: Vec<Version>,
    /// The number of questions.
    pub(crate) questions: usize,
}

impl ScriptedInference {
    /// Returns inference with these versions, which are warm and old.
    pub(crate) fn with(versions: &[u64]) -> Self {
        let inference = Self::default();
        inference.script().wanted = versions.iter().map(|version| wanted(*version)).collect();
        inference
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().expect("not poisoned")
    }
}

pub(crate) fn wanted(version: u64) -> WantedVersion {
    WantedVersion { version: Version(version), is_warm: true, created_at: Some(Timestamp::from_seconds(EPOCH - 1)) }
}

pub(crate) fn away() -> AskError {
    let message = "away for a test".to_owned();
    AskError { reason: Reason::InferenceUnavailable, message, is_passing: true }
}

/// Returns what a version predicts.
pub(crate) fn predict(version: Version, history: &[(MovieId, f64)], movie: &MovieId) -> Prediction {
    let text = |hash: u64, text: &str| {
        text.bytes().fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let hash = history.iter().fold(version.0, |hash, (movie, rating)| text(hash, movie.as_str()) ^ rating.to_bits());
    let hash = text(hash, movie.as_str());
    let spread = (hash % 7 > 0).then(|| 0.5 + (hash % 5) as f64 / 4.0);
    Prediction { rating: 1.0 + (hash % 1_000) as f64 / 250.0, spread }
}

/// Makes a step the newest entry of a history, as inference does.
pub(crate) fn learn(history: &mut Vec<(MovieId, f64)>, step: &Step, limit: usize) {
    history.retain(|(movie, _)| *movie != step.movie);
    history.push((step.movie.clone(), step.rating));
    history.drain(..history.len().saturating_sub(limit));
}

#[async_trait]
impl Inference for ScriptedInference {
    async fn wanted(&self, _: &ModelName) -> Result<Vec<WantedVersion>, AskError> {
        let script = self.script();
        script.error.clone().map_or_else(|| Ok(script.wanted.clone()), Err)
    }

    async fn evaluate(&self, question: Question<'_>) -> Result<Vec<Evaluated>, AskError> {
        let mut script = self.script();
        script.questions += 1;
        if let Some(error) = script.error.clone().or_else(|| script.errors.pop_front()) {
            return Err(error);
        }
        let steps = |version: Version| {
            let mut predictions = Vec::new();
            for sequence in question.sequences {
                let mut history = sequence.history.clone();
                for step in &sequence.steps {
                    predictions.push(Some(predict(version, &history, &step.movie)));
                    learn(&mut history, step, question.history);
                }
            }
            predictions
        };
        let answer = |version: &Version| Evaluated {
            version: *version,
            steps: match script.failing.contains(version) {
                true => Err("fails for a test".to_owned()),
                false => Ok(steps(*version)),
            },
        };
        Ok(question.versions.iter().map(answer).collect())
    }
}

/// The ports and the context of one monitor.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) log: MemoryLog,
    pub(crate) store: MemoryStore,
    /// The faults of the store.
    pub(crate) faults: Faults,
    pub(crate) inference: ScriptedInference,
    pub(crate) context: Context,
    pub(crate) settings: Settings,
    pub(crate) partitions: u32,
}

impl World {
    pub(crate) fn new(partitions: u32, versions: &[u64]) -> Self {
        let faults = Faults::default();
        Self {
            log: MemoryLog::new(partitions),
            store: MemoryStore::new(faults.clone()),
            faults,
            inference: ScriptedInference::with(versions),
            context: Context::default(),
            settings: Settings { history: HISTORY, batch: 7, ..Settings::default() },
            partitions,
        }
    }

    pub(crate) async fn start(&self) -> MonitorHandler {
        let dependencies = Dependencies {
            log: Arc::new(self.log.clone()),
            store: Arc::new(self.store.clone()),
            objects: None,
            inference: Arc::new(self.inference.clone()),
            decode_shown,
            clock: Arc::new(SystemClock) as Arc<dyn Clock>,
            scale: Scale::try_new(1.0, 5.0, 1.0).expect("a scale"),
        };
        let handler = start(self.settings.clone(), dependencies, &self.context).await.expect("it starts");
        self.context.health.ready().await;
        handler
    }

    /// Ends the tasks, as a process that is stopped does, and prepares the next start.
    pub(crate) async fn stop(&mut self) {
        self.context.stop.cancel();
        self.context.tasks.join(Duration::from_secs(1)).await;
        self.context = Context::default();
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader { store: Arc::new(self.store.clone()), partitions: self.partitions }
    }

    /// Appends events. Each arrives a second after the one before it in the world.
    pub(crate) async fn append(&self, events: &[(Timestamp, RatingEvent)]) {
        let record = |(arrived, event): &(Timestamp, RatingEvent)| keyed(event, *arrived);
        self.log.append(Topic::RATINGS, events.iter().map(record).collect()).await.expect("appended");
    }

    /// Waits until every event is learned.
    pub(crate) async fn learned(&self) {
        for Bounds { partition, end, .. } in self.log.bounds(Topic::RATINGS).await.expect("bounds") {
            while self.store.marker(partition).await.expect("a marker") < end {
                sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Replays the log, from an offset of each partition on. The first ratings of this number have
    /// no prediction.
    async fn replayed(&self, from: &BTreeMap<Partition, Offset>, unpredicted: u64) -> Replayed {
        let mut asked = 0;
        let versions: Vec<Version> = self.inference.script().wanted.iter().map(|wanted| wanted.version).collect();
        let mut predictor = |history: &[(MovieId, f64)], movie: &MovieId| -> BTreeMap<Version, Prediction> {
            asked += 1;
            let versions = versions.iter().filter(|_| asked > unpredicted);
            versions.map(|version| (*version, predict(*version, history, movie))).collect()
        };
        let mut all = Replayed::default();
        for Bounds { partition, .. } in self.log.bounds(Topic::RATINGS).await.expect("bounds") {
            let records = self.log.read(Topic::RATINGS, Position { partition, offset: Offset(0) }, 100_000).await;
            let event = |record: Record| {
                let event = record::decode_event(Some(record::PROTOBUF.as_bytes()), &record.value).expect("an event");
                (record.timestamp, event)
            };
            let events: Vec<_> = records.expect("read").into_iter().map(event).collect();
            let from = from.get(&partition).map_or(0, |from| from.0 as usize);
            let options = Replay { history: HISTORY, from, genres: |_: &MovieId| Vec::new() };
            all.merge(&replay(&events, &options, &mut predictor));
        }
        all
    }

    /// Asserts that the tallies in the store are those of a replay, to the last bit.
    pub(crate) async fn assert_replayed(&self, from: &BTreeMap<Partition, Offset>) -> Replayed {
        self.assert_replayed_after(from, 0).await
    }

    /// The same where the first ratings of this number were learned without a prediction.
    pub(crate) async fn assert_replayed_after(&self, from: &BTreeMap<Partition, Offset>, unpredicted: u64) -> Replayed {
        let (expected, reader) = (self.replayed(from, unpredicted).await, self.reader());
        for (version, tally) in &expected.versions {
            let live = reader.version(&model(), *version, None).await.expect("read");
            assert_eq!(live, *tally, "version {version}");
        }
        for (pair, tally) in &expected.pairs {
            assert_eq!(reader.pair(&model(), *pair, None).await.expect("read"), *tally, "pair {pair:?}");
        }
        let index = reader.index().await.expect("read").models.remove(&model()).unwrap_or_default();
        assert!(index.pairs.iter().eq(expected.pairs.keys()), "{index:?}");
        expected
    }
}

pub(crate) fn model() -> ModelName {
    ModelName::try_new("ratings").expect("a name")
}

pub(crate) fn user(number: usize) -> UserId {
    UserId::try_new(&format!("user-{number}")).expect("a user id")
}

pub(crate) fn movie(number: usize) -> MovieId {
    MovieId::try_new(&format!("movie-{number}")).expect("a movie id")
}

/// Numbers without an order, the same in every run.
pub(crate) fn scatter(number: usize) -> usize {
    (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) as usize
}

/// Ratings of few users and movies, so that they meet: changed, late, sent again and removed.
pub(crate) fn events(range: std::ops::Range<usize>) -> Vec<(Timestamp, RatingEvent)> {
    let event = |number: usize| {
        let random = scatter(number);
        let (user, movie) = (user(random % 7), movie(random / 7 % 11));
        let arrived = Timestamp::from_seconds(EPOCH + number as i64);
        // Every fifth rating is dated back, and some have the time of another one.
        let back = if random.is_multiple_of(5) { random / 100 % 40 } else { 0 };
        let at = Timestamp::from_seconds(EPOCH + (number / 2) as i64 - back as i64);
        let event = match random / 1_000 % 40 {
            0 => RatingEvent::UserRemoved { user, at },
            1..4 => RatingEvent::Removed { user, movie, at },
            _ => {
                let value = (1 + random / 77 % 5) as f64;
                RatingEvent::Rated(Rating { user, movie, value, rated_at: at })
            }
        };
        (arrived, event)
    };
    let all: Vec<_> = range.map(event).collect();
    // Some are sent again at once.
    let twice = |(index, event): (usize, (Timestamp, RatingEvent))| {
        let times = if index % 13 == 5 { 2 } else { 1 };
        std::iter::repeat_n(event, times)
    };
    all.into_iter().enumerate().flat_map(twice).collect()
}

/// Reads a prediction that a test wrote as `USER MOVIE RATING VERSION SECONDS`.
fn decode_shown(stored: &Record) -> Vec<Shown> {
    shown_of(stored).into_iter().collect()
}

fn shown_of(stored: &Record) -> Option<Shown> {
    let text = std::str::from_utf8(&stored.value).ok()?;
    let fields: Vec<&str> = text.split(' ').collect();
    let [user, movie, rating, version, seconds] = fields[..] else { return None };
    Some(Shown {
        user: UserId::try_new(user).ok()?,
        movie: MovieId::try_new(movie).ok()?,
        rating: rating.parse().ok()?,
        spread: None,
        model: model(),
        id: LiveId {
            version: Version(version.parse().ok()?),
            variant: "stable".to_owned(),
            served_by: ServedBy::Predict,
        },
        predicted_at: Timestamp::from_seconds(seconds.parse().ok()?),
    })
}

/// Returns the record of a prediction for `decode_shown`.
pub(crate) fn shown(user: &UserId, movie: &MovieId, (rating, version, seconds): (f64, u64, i64)) -> NewRecord {
    NewRecord {
        key: Some(Bytes::copy_from_slice(user.as_str().as_bytes())),
        value: format!("{user} {movie} {rating} {version} {seconds}").into(),
        headers: Vec::new(),
        timestamp: Timestamp::from_seconds(seconds),
    }
}
