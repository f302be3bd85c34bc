//! The rows of the monitor's store: their keys and stored forms.
//!
//! Rows of users are those of the feature store (`u/`, `c/`), made of the same events. The other
//! rows are the monitor's own:
//!
//! - `m/MOVIE`: how many ratings of a movie count.
//! - `d/start`: where the duel of the partition began.
//! - `d/index`: which tallies there are, since a store cannot list its rows.
//! - `d/stats`: what became of the ratings.
//! - `d/v/…`, `d/p/…`, `d/l/…`: the tallies of versions, of pairs, and of what users were shown.
//! - `d/h/PLACE/…`: the tallies of versions and pairs of an hour.
//!
//! Each partition has rows of its own. Readers merge them.
//!
//! **Invariant:** a row of an older version loads, and what a newer version added is written back
//! (`rows_keep_what_a_newer_version_added`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use marquee_domain::{ModelName, MovieId, Offset, Version};
use marquee_eval::duel::{Hour, LiveTally, Mergeable, Popularity, StoredError, Tally};
use marquee_ports::{Error, ErrorKind, Row};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The format of the rows in JSON, and of a movie's row.
const FORMAT: u8 = 1;

/// The key of [`Start`].
pub(crate) const START: Bytes = Bytes::from_static(b"d/start");
/// The key of [`Index`].
pub(crate) const INDEX: Bytes = Bytes::from_static(b"d/index");
/// The key of [`Stats`].
pub(crate) const STATS: Bytes = Bytes::from_static(b"d/stats");

/// Returns the key of a movie's row.
pub(crate) fn movie_key(movie: &MovieId) -> Bytes {
    Bytes::from(format!("m/{movie}"))
}

/// Names a tally of a model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum TallyId {
    Version(ModelName, Version),
    /// The older and the newer version.
    Pair(ModelName, Version, Version),
    Live(ModelName, LiveId),
}

/// Names the predictions of a version that were shown in one way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct LiveId {
    pub(crate) version: Version,
    /// `stable` or `candidate`.
    pub(crate) variant: String,
    /// The call that showed it.
    pub(crate) served_by: ServedBy,
}

/// The call that showed a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ServedBy {
    /// A call that this version does not know.
    Other,
    Predict,
    Recommend,
    Explain,
}

impl ServedBy {
    /// Returns the name for metrics and keys.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Predict => "predict",
            Self::Recommend => "recommend",
            Self::Explain => "explain",
        }
    }
}

impl TallyId {
    /// Returns the key of the tally's row.
    pub(crate) fn key(&self) -> Bytes {
        Bytes::from(format!("d/{self}"))
    }

    /// Returns the key of the row of the tally of an hour.
    pub(crate) fn hour_key(&self, hour: Hour) -> Bytes {
        Bytes::from(format!("d/h/{}/{self}", hour.place()))
    }
}

impl fmt::Display for TallyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(model, version) => write!(f, "v/{model}/{version}"),
            Self::Pair(model, stable, other) => write!(f, "p/{model}/{stable}/{other}"),
            Self::Live(model, LiveId { version, variant, served_by }) => {
                write!(f, "l/{model}/{version}/{}/{variant}", served_by.name())
            }
        }
    }
}

/// A value that a row holds.
pub(crate) trait Stored: Sized {
    /// Returns the stored form.
    fn pack(&self) -> Bytes;

    /// Reads the stored form.
    fn unpack(bytes: &[u8]) -> Result<Self, StoredError>;
}

/// Reads a row. A row of a newer version is whole, so that error is temporary.
pub(crate) fn unpack<T: Stored>(row: &Row) -> Result<T, Error> {
    T::unpack(&row.value).map_err(|error| {
        let kind = if matches!(error, StoredError::Newer { .. }) { ErrorKind::Unavailable } else { ErrorKind::Corrupt };
        Error::new(kind, "read a row of the monitor's store", error)
    })
}

impl<T: Mergeable + Serialize + DeserializeOwned> Stored for Tally<T> {
    fn pack(&self) -> Bytes {
        self.to_bytes().into()
    }

    fn unpack(bytes: &[u8]) -> Result<Self, StoredError> {
        Self::from_bytes(bytes)
    }
}

impl Stored for LiveTally {
    fn pack(&self) -> Bytes {
        self.to_bytes().into()
    }

    fn unpack(bytes: &[u8]) -> Result<Self, StoredError> {
        Self::from_bytes(bytes)
    }
}

/// How many ratings of a movie count, of the users of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct MovieCount {
    pub(crate) ratings: u64,
    unknown: Vec<u8>,
}

impl MovieCount {
    /// Adds a rating that counts now, or removes one that no longer counts.
    pub(crate) fn change(&mut self, added: bool, removed: bool) {
        self.ratings = (self.ratings + u64::from(added)).saturating_sub(u64::from(removed));
    }
}

impl Stored for MovieCount {
    fn pack(&self) -> Bytes {
        let mut bytes = postcard::to_stdvec(&(FORMAT, self.ratings)).expect("plain fields always serialize");
        bytes.extend_from_slice(&self.unknown);
        bytes.into()
    }

    fn unpack(bytes: &[u8]) -> Result<Self, StoredError> {
        let (&format, fields) = bytes.split_first().ok_or(StoredError::Damaged)?;
        check_format(u64::from(format))?;
        let (ratings, unknown) = postcard::take_from_bytes(fields).map_err(|_| StoredError::Damaged)?;
        Ok(Self { ratings, unknown: unknown.to_vec() })
    }
}

/// Where the duel of a partition began.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Start {
    /// Ratings from this offset on are compared. Earlier ones are learned only.
    pub(crate) duel_from: Offset,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

impl Start {
    pub(crate) fn new(duel_from: Offset) -> Self {
        Self { duel_from, ..Self::default() }
    }
}

/// Which tallies a partition has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Index {
    #[serde(default)]
    pub(crate) models: BTreeMap<ModelName, ModelIndex>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// The tallies of a model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct ModelIndex {
    #[serde(default)]
    pub(crate) versions: BTreeSet<Version>,
    #[serde(default)]
    pub(crate) pairs: BTreeSet<(Version, Version)>,
    #[serde(default)]
    pub(crate) live: BTreeSet<LiveId>,
    /// The versions that predicted the newest rating.
    #[serde(default)]
    pub(crate) current: BTreeSet<Version>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

impl Index {
    /// Adds the tallies of another partition.
    pub(crate) fn merge(&mut self, other: Self) {
        for (name, other) in other.models {
            let model = self.models.entry(name).or_default();
            model.versions.extend(other.versions);
            model.pairs.extend(other.pairs);
            model.live.extend(other.live);
            model.current.extend(other.current);
        }
    }
}

/// What became of the ratings of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stats {
    /// Ratings that were new, from the start of the duel on.
    pub(crate) ratings: u64,
    /// Those that at least one version predicted, of each model.
    pub(crate) predicted: u64,
    /// By the name of a [`Reason`](crate::inference::Reason).
    pub(crate) unpredicted: BTreeMap<String, u64>,
    /// Events that were learned and not compared.
    pub(crate) not_compared: u64,
    /// Ratings that were joined with a prediction.
    pub(crate) joined: u64,
    /// Those whose prediction came after the rating.
    pub(crate) late: u64,
    /// How many ratings came for movies of each popularity.
    pub(crate) popularity: Popularity,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

impl Stats {
    /// Adds what became of the ratings of another partition. Popularity is that of one partition
    /// and stays as it is.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.ratings += other.ratings;
        self.predicted += other.predicted;
        for (reason, ratings) in &other.unpredicted {
            *self.unpredicted.entry(reason.clone()).or_default() += ratings;
        }
        self.not_compared += other.not_compared;
        self.joined += other.joined;
        self.late += other.late;
    }

    /// Returns the share of the ratings that were joined with a prediction; 0 without ratings.
    pub(crate) fn join_rate(&self) -> f64 {
        if self.ratings > 0 { self.joined as f64 / self.ratings as f64 } else { 0.0 }
    }
}

/// A row in JSON, with its format.
#[derive(Serialize, Deserialize)]
struct Json<T> {
    format: u64,
    #[serde(flatten)]
    row: T,
}

macro_rules! stored_as_json {
    ($($row:ty),*) => {
        $(impl Stored for $row {
            fn pack(&self) -> Bytes {
                pack_json(self)
            }

            fn unpack(bytes: &[u8]) -> Result<Self, StoredError> {
                unpack_json(bytes)
            }
        })*
    };
}

stored_as_json!(Start, Index, Stats);

fn pack_json<T: Serialize>(row: &T) -> Bytes {
    let json = Json { format: u64::from(FORMAT), row };
    serde_json::to_vec(&json).expect("plain fields with text keys always serialize").into()
}

fn unpack_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoredError> {
    /// The format alone, which a newer form has too.
    #[derive(Deserialize)]
    struct Format {
        format: u64,
    }
    let Format { format } = serde_json::from_slice(bytes).map_err(|_| StoredError::Damaged)?;
    check_format(format)?;
    serde_json::from_slice::<Json<T>>(bytes).map(|json| json.row).map_err(|_| StoredError::Damaged)
}

fn check_format(format: u64) -> Result<(), StoredError> {
    match format {
        0 => Err(StoredError::Damaged),
        format if format > u64::from(FORMAT) => {
            Err(StoredError::Newer { format: u8::try_from(format).unwrap_or(u8::MAX) })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;

    use super::*;

    fn model() -> ModelName {
        ModelName::try_new("ratings").unwrap()
    }

    #[test]
    fn every_row_is_read_back() {
        let start = Start::new(Offset(7));
        assert_eq!(Start::unpack(&start.pack()), Ok(start));
        let mut index = Index::default();
        let live = LiveId { version: Version(1), variant: "stable".to_owned(), served_by: ServedBy::Recommend };
        let (versions, pairs) = (BTreeSet::from([Version(1)]), BTreeSet::from([(Version(1), Version(2))]));
        let current = BTreeSet::from([Version(2)]);
        let entry = ModelIndex { versions, pairs, live: BTreeSet::from([live]), current, ..ModelIndex::default() };
        index.models.insert(model(), entry);
        assert_eq!(Index::unpack(&index.pack()), Ok(index));
        let mut stats = Stats { ratings: 5, late: 1, ..Stats::default() };
        stats.popularity.add(300);
        stats.unpredicted.insert("NO_VERSION".to_owned(), 2);
        assert_eq!(Stats::unpack(&stats.pack()), Ok(stats));
        let count = MovieCount { ratings: 300, unknown: Vec::new() };
        assert_eq!(MovieCount::unpack(&count.pack()), Ok(count));
    }

    #[test]
    fn rows_keep_what_a_newer_version_added() {
        let newer = br#"{"format":1,"ratings":3,"joined":1,"spice":{"hot":true}}"#;
        let mut stats = Stats::unpack(newer).expect("known fields");
        stats.ratings += 1;
        let written: Value = serde_json::from_slice(&stats.pack()).expect("JSON");
        assert_eq!((&written["ratings"], &written["spice"]["hot"]), (&Value::from(4), &Value::from(true)));
        let count = MovieCount::unpack(&[1, 9, 42, 43]).expect("known fields");
        assert_eq!((count.ratings, count.pack()), (9, Bytes::from_static(&[1, 9, 42, 43])));
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        assert_eq!(Stats::unpack(br#"{"format":2,"ratings":"many"}"#), Err(StoredError::Newer { format: 2 }));
        assert_eq!(Stats::unpack(br#"{"ratings":1}"#), Err(StoredError::Damaged));
        assert_eq!(MovieCount::unpack(&[3, 1]), Err(StoredError::Newer { format: 3 }));
        assert_eq!(MovieCount::unpack(&[]), Err(StoredError::Damaged));
    }

    #[test]
    fn keys_are_apart() {
        let live =
            |variant: &str| LiveId { version: Version(1), variant: variant.to_owned(), served_by: ServedBy::Predict };
        let ids = [
            TallyId::Version(model(), Version(1)),
            TallyId::Pair(model(), Version(1), Version(2)),
            TallyId::Live(model(), live("stable")),
            TallyId::Live(model(), live("candidate")),
        ];
        let hours = [0, 3_600].map(|seconds| Hour::of(Timestamp::from_seconds(seconds)));
        let of_hours = ids.iter().flat_map(|id| hours.map(|hour| id.hour_key(hour)));
        let keys = ids.iter().map(TallyId::key).chain(of_hours).chain([START, INDEX, STATS]);
        let keys: BTreeSet<Bytes> = keys.collect();
        assert_eq!(keys.len(), 4 + 8 + 3);
    }
}
