//! One file of the archive: its name and its rows.

use std::fmt;

use bytes::Bytes;
use marquee_domain::{MovieId, Offset, Partition, Rating, RatingEvent, Timestamp, UserId};
use marquee_log::arrival;
use marquee_parquet::{Column, Table};
use marquee_ports::{Error, ErrorKind, ObjectKey, Precondition, Topic};
use sha2::{Digest, Sha256};

use crate::{Archive, ArchivedEvent, FOLDER, key};

/// The last second of the year 9999.
const LAST_ARRIVAL: Timestamp = Timestamp::from_seconds(253_402_300_799);

/// What a file holds, as its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileName {
    /// The day of arrival, for example `2026-11-25`.
    pub(crate) day: String,
    pub(crate) partition: Partition,
    pub(crate) first: Offset,
    /// The last offset, inclusive.
    pub(crate) last: Offset,
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

/// Returns the day of arrival as file names write it. Producers set the time of a record, and it
/// can be absurd: it counts as the nearest day from 1970 to 9999.
pub(crate) fn day_of(arrived_at: Timestamp) -> String {
    let mut text = arrived_at.clamp(Timestamp::EPOCH, LAST_ARRIVAL).to_string();
    text.truncate("2026-11-25".len());
    text
}

impl FileName {
    /// Parses a path: the folder, `day=2026-11-25`, and the topic, partition, first and last offset
    /// with dashes between, for example `<topic>-00003-00000000000000000000-00000000000000000999`.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let (day, name) = path.strip_prefix(FOLDER)?.strip_prefix("/day=")?.split_once('/')?;
        let numbers = name.strip_prefix(Topic::RATINGS.name())?.strip_prefix('-')?.strip_suffix(".parquet")?;
        let mut numbers = numbers.split('-');
        let mut next = |width: usize| numbers.next().filter(|text| text.len() == width);
        let partition = Partition(next(5)?.parse().ok()?);
        let (first, last) = (Offset(next(20)?.parse().ok()?), Offset(next(20)?.parse().ok()?));
        (first <= last && !day.is_empty()).then(|| Self { day: day.to_owned(), partition, first, last })
    }

    fn path(&self) -> String {
        let Self { day, partition, first, last } = self;
        let topic = Topic::RATINGS.name();
        format!("{FOLDER}/day={day}/{topic}-{:05}-{:020}-{:020}.parquet", partition.0, first.0, last.0)
    }

    pub(crate) fn key(&self) -> Result<ObjectKey, Error> {
        key(&self.path())
    }
}

impl Archive {
    /// Writes a file and returns its digest.
    ///
    /// # Errors
    /// Another content has this name already, which a stopped writer left. The next take-over of
    /// the partition deletes it.
    pub(crate) async fn put(&self, name: &FileName, rows: Vec<ArchivedEvent>) -> Result<String, Error> {
        let encoded = name.clone();
        let encode = move || encode(&encoded, &rows).map(|parquet| (sha256(&parquet), parquet));
        let (digest, parquet) = self.compute.run(encode).await?;
        match self.objects.put(&name.key()?, parquet.clone(), Precondition::Absent).await {
            Ok(_) => Ok(digest),
            Err(error) if error.kind() == ErrorKind::Conflict => {
                let present = self.objects.get(&name.key()?).await?;
                let is_same = present.is_some_and(|present| present.bytes == parquet);
                if is_same { Ok(digest) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a file and checks its digest. Earlier indices may lack a digest. Returns `None` if the
    /// file is absent, for example because it was merged.
    ///
    /// # Errors
    /// The object store does not answer (kind `Unavailable`), or the file is not the one that was
    /// archived.
    pub(crate) async fn get(&self, name: &FileName, digest: &str) -> Result<Option<Vec<ArchivedEvent>>, Error> {
        let Some(object) = self.objects.get(&name.key()?).await? else { return Ok(None) };
        let (name, digest) = (name.clone(), digest.to_owned());
        let decode = move || {
            if !digest.is_empty() && sha256(&object.bytes) != digest {
                let doing = format!("read {}: its digest is not {digest}", name.path());
                return Err(Error::bare(ErrorKind::Corrupt, doing));
            }
            decode(&name, object.bytes)
        };
        self.compute.run(decode).await.map(Some)
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encode(name: &FileName, rows: &[ArchivedEvent]) -> Result<Bytes, Error> {
    let parquet = marquee_parquet::write(&table(name, rows))
        .map_err(|error| Error::new(ErrorKind::Invalid, "write a file of the archive", error))?;
    Ok(parquet.into())
}

fn table(name: &FileName, rows: &[ArchivedEvent]) -> Table {
    let numbers = |value: &dyn Fn(&ArchivedEvent) -> Option<i64>| rows.iter().map(value).collect::<Vec<_>>();
    let texts = |value: &dyn Fn(&ArchivedEvent) -> Option<String>| rows.iter().map(value).collect::<Vec<_>>();
    let offset = |row: &ArchivedEvent| i64::try_from(row.offset.0).ok();
    let kind = |row: &ArchivedEvent| {
        let kind = match row.event {
            RatingEvent::Rated(_) => "rated",
            RatingEvent::Removed { .. } => "removed",
            RatingEvent::UserRemoved { .. } => "user_removed",
        };
        Some(kind.to_owned())
    };
    let movie = |row: &ArchivedEvent| match &row.event {
        RatingEvent::Rated(rating) => Some(rating.movie.as_str().to_owned()),
        RatingEvent::Removed { movie, .. } => Some(movie.as_str().to_owned()),
        RatingEvent::UserRemoved { .. } => None,
    };
    let rating = |row: &ArchivedEvent| match &row.event {
        RatingEvent::Rated(rating) => Some(rating.value),
        _ => None,
    };
    let columns = vec![
        ("partition", Column::Int64(numbers(&|_| Some(i64::from(name.partition.0))))),
        ("offset", Column::Int64(numbers(&offset))),
        ("ingested_at", Column::Timestamp(numbers(&|row| Some(row.arrived_at.micros())))),
        ("kind", Column::Utf8(texts(&kind))),
        ("user_id", Column::Utf8(texts(&|row| Some(row.event.user().as_str().to_owned())))),
        ("movie_id", Column::Utf8(texts(&movie))),
        ("rating", Column::Float64(rows.iter().map(rating).collect())),
        ("rated_at", Column::Timestamp(numbers(&|row| Some(row.event.at().micros())))),
    ];
    Table { columns: columns.into_iter().map(|(name, column)| (name.to_owned(), column)).collect() }
}

/// Returns the rows of a file. Rows that are not events are left out with a warning.
pub(crate) fn decode(name: &FileName, parquet: Bytes) -> Result<Vec<ArchivedEvent>, Error> {
    let corrupt = || Error::bare(ErrorKind::Corrupt, format!("read {}: it lacks a column", name.path()));
    let table = marquee_parquet::read(parquet)
        .map_err(|error| Error::new(ErrorKind::Corrupt, format!("read {}", name.path()), error))?;
    let numbers = |column: &str| match table.column(column) {
        Some(Column::Int64(values)) => Ok(values.as_slice()),
        _ => Err(corrupt()),
    };
    let texts = |column: &str| match table.column(column) {
        Some(Column::Utf8(values)) => Ok(values.as_slice()),
        _ => Err(corrupt()),
    };
    let Some(Column::Float64(ratings)) = table.column("rating") else { return Err(corrupt()) };
    let (offsets, arrivals, times) = (numbers("offset")?, numbers("ingested_at")?, numbers("rated_at")?);
    let (kinds, users, movies) = (texts("kind")?, texts("user_id")?, texts("movie_id")?);
    let row = |at: usize| {
        let user = UserId::try_new(users.get(at)?.as_deref()?).ok()?;
        let time = Timestamp::from_micros((*times.get(at)?)?);
        let movie = || MovieId::try_new(movies.get(at)?.as_deref()?).ok();
        let event = match kinds.get(at)?.as_deref()? {
            "rated" => {
                RatingEvent::Rated(Rating { user, movie: movie()?, value: (*ratings.get(at)?)?, rated_at: time })
            }
            "removed" => RatingEvent::Removed { user, movie: movie()?, at: time },
            "user_removed" => RatingEvent::UserRemoved { user, at: time },
            _ => return None,
        };
        let offset = Offset(u64::try_from((*offsets.get(at)?)?).ok()?);
        let arrived_at = Timestamp::from_micros(arrivals.get(at).copied().flatten().unwrap_or(0));
        // Earlier versions archived the time of a record as it was.
        Some(ArchivedEvent { offset, arrived_at: arrival(arrived_at, &event), event })
    };
    let rows: Vec<ArchivedEvent> = (0..table.rows()).filter_map(row).collect();
    let left_out = table.rows() - rows.len();
    if left_out > 0 {
        tracing::warn!(file = name.path(), left_out, "rows of the archive that are not events were left out");
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{archive, archived, row};

    fn name(partition: u32, first: u64, last: u64) -> FileName {
        let (partition, first, last) = (Partition(partition), Offset(first), Offset(last));
        FileName { day: "2026-11-25".to_owned(), partition, first, last }
    }

    proptest! {
        #[test]
        fn a_name_comes_back_as_it_was(
            micros in any::<i64>(), partition in 0u32..1_024, first in any::<u32>(), length in 0u64..1_000,
        ) {
            let first = u64::from(first);
            let day = day_of(Timestamp::from_micros(micros));
            let name = FileName { day, ..name(partition, first, first + length) };
            prop_assert_eq!(FileName::parse(name.key().expect("a key").as_str()), Some(name));
        }

        #[test]
        fn rows_come_back_as_they_were(
            drawn in prop::collection::vec((0u8..3, 0.5f64..5.0, 0i64..2_000_000_000_000_000), 1..50),
        ) {
            let row = |(offset, &(kind, value, micros)): (u64, &(u8, f64, i64))| row(offset, kind, value, micros);
            let rows: Vec<ArchivedEvent> = (0..).zip(&drawn).map(row).collect();
            let name = name(3, 0, rows.len() as u64 - 1);
            let parquet = encode(&name, &rows).expect("encodes");
            prop_assert_eq!(decode(&name, parquet).expect("decodes"), rows);
        }

        #[test]
        fn other_paths_are_not_names(text in ".{0,60}") {
            prop_assert_eq!(FileName::parse(&text), None);
            prop_assert_eq!(FileName::parse(&format!("{FOLDER}/day=2026-11-25/{text}")), None);
        }
    }

    #[test]
    fn an_absurd_time_of_arrival_counts_as_the_nearest_day() {
        let day = |micros| day_of(Timestamp::from_micros(micros));
        assert_eq!((day(i64::MIN).as_str(), day(-1).as_str()), ("1970-01-01", "1970-01-01"));
        assert_eq!((day(1_764_081_000_000_000).as_str(), day(i64::MAX).as_str()), ("2025-11-25", "9999-12-31"));
    }

    #[test]
    fn damage_is_an_error() {
        let name = name(0, 0, 0);
        let parquet = encode(&name, &[row(0, 0, 4.0, 5)]).expect("encodes");
        for cut in 0..parquet.len() {
            assert!(decode(&name, parquet.slice(..cut)).is_err(), "{cut}");
        }
    }

    #[tokio::test]
    async fn a_file_with_another_digest_is_not_read() {
        let archive = archive();
        let name = name(0, 0, 0);
        let digest = archive.put(&name, vec![archived(0)]).await.expect("writes");
        assert_eq!(archive.get(&name, &digest).await.expect("reads"), Some(vec![archived(0)]));
        // A file that decodes, but is not the one that was archived.
        let other = encode(&name, &[row(0, 0, 1.0, 5)]).expect("encodes");
        archive.objects.put(&name.key().expect("valid"), other, Precondition::None).await.expect("writes");
        let refused = archive.get(&name, &digest).await.expect_err("another file");
        assert_eq!(refused.kind(), ErrorKind::Corrupt);
    }

    #[tokio::test]
    async fn a_file_is_never_replaced_by_another_content() {
        let archive = archive();
        let name = name(0, 0, 1);
        let digest = archive.put(&name, vec![archived(0)]).await.expect("writes");
        assert_eq!(archive.put(&name, vec![archived(0)]).await.expect("the same file"), digest);
        let refused = archive.put(&name, vec![archived(1)]).await.expect_err("another file");
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        assert_eq!(archive.get(&name, &digest).await.expect("reads"), Some(vec![archived(0)]));
    }
}
