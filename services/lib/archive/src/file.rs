//! One file of the archive: its name and its rows.

use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{MovieId, Offset, Partition, Rating, RatingEvent, Timestamp, UserId};
use marquee_parquet::{Column, Table};
use marquee_ports::{Error, ErrorKind, ObjectKey, ObjectStore, Precondition, Topic};
use sha2::{Digest, Sha256};

use super::{FOLDER, key};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// What a file holds, as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileName {
    /// Day of arrival, in days since 1970.
    pub(super) day: i64,
    pub(super) partition: Partition,
    pub(super) first: Offset,
    /// The last offset, itself included.
    pub(super) last: Offset,
}

/// An event as it is archived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) offset: Offset,
    pub(super) ingested_at: Timestamp,
    pub(super) event: RatingEvent,
}

impl FileName {
    /// `archive/ratings/day=2026-11-25/marquee.ratings.v1-00003-00000000000000000000-00000000000000000999.parquet`, in parts.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let (day, name) = path.strip_prefix(FOLDER)?.strip_prefix("/day=")?.split_once('/')?;
        let numbers = name.strip_prefix(Topic::RATINGS.name())?.strip_prefix('-')?.strip_suffix(".parquet")?;
        let mut numbers = numbers.split('-');
        let mut next = |width: usize| numbers.next().filter(|text| text.len() == width);
        let partition = Partition(next(5)?.parse().ok()?);
        let (first, last) = (Offset(next(20)?.parse().ok()?), Offset(next(20)?.parse().ok()?));
        let day = day_of(day)?;
        (first <= last).then_some(Self { day, partition, first, last })
    }

    fn path(&self) -> String {
        let Self { day, partition, first, last } = self;
        let (date, topic) = (date_of(*day), Topic::RATINGS.name());
        format!("{FOLDER}/day={date}/{topic}-{:05}-{:020}-{:020}.parquet", partition.0, first.0, last.0)
    }

    pub(super) fn parquet(&self) -> Result<ObjectKey, Error> {
        key(&self.path())
    }
}

/// `2026-11-25`.
pub(super) fn date_of(day: i64) -> String {
    Timestamp::from_micros(day.saturating_mul(MICROS_PER_DAY)).to_string().chars().take_while(|c| *c != 'T').collect()
}

/// The day that is written like this: searched for near a guess, so that there is no calendar but the one that writes.
pub(super) fn day_of(date: &str) -> Option<i64> {
    let (year, rest) = date.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let number = |text: &str| text.parse::<i64>().ok().filter(|number| (0..=9_999).contains(number));
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    let guess = (year - 1970) * 365 + (year - 1970) / 4 + (month - 1) * 30 + day;
    (guess - 40..guess + 40).find(|candidate| date_of(*candidate) == date)
}

/// Writes a file and returns its digest. The same run of offsets is the same file, so one that is there already is what was wanted.
pub(super) async fn put(objects: &Arc<dyn ObjectStore>, name: &FileName, rows: &[Row]) -> Result<String, Error> {
    let parquet = encode(name, rows)?;
    let sha256 = Sha256::digest(&parquet).iter().map(|byte| format!("{byte:02x}")).collect();
    match objects.put(&name.parquet()?, parquet, Precondition::Absent).await {
        Err(error) if error.kind() != ErrorKind::Conflict => Err(error),
        _ => Ok(sha256),
    }
}

fn encode(name: &FileName, rows: &[Row]) -> Result<Bytes, Error> {
    let parquet = marquee_parquet::write(&table(name, rows))
        .map_err(|error| Error::new(ErrorKind::Invalid, "write a file of the archive", error))?;
    Ok(parquet.into())
}

fn table(name: &FileName, rows: &[Row]) -> Table {
    let numbers = |value: &dyn Fn(&Row) -> Option<i64>| rows.iter().map(value).collect::<Vec<_>>();
    let texts = |value: &dyn Fn(&Row) -> Option<String>| rows.iter().map(value).collect::<Vec<_>>();
    let offset = |row: &Row| i64::try_from(row.offset.0).ok();
    let kind = |row: &Row| {
        let kind = match row.event {
            RatingEvent::Rated(_) => "rated",
            RatingEvent::Removed { .. } => "removed",
            RatingEvent::UserRemoved { .. } => "user_removed",
        };
        Some(kind.to_owned())
    };
    let movie = |row: &Row| match &row.event {
        RatingEvent::Rated(rating) => Some(rating.movie.as_str().to_owned()),
        RatingEvent::Removed { movie, .. } => Some(movie.as_str().to_owned()),
        RatingEvent::UserRemoved { .. } => None,
    };
    let rating = |row: &Row| match &row.event {
        RatingEvent::Rated(rating) => Some(rating.value),
        _ => None,
    };
    let columns = vec![
        ("partition", Column::Int64(numbers(&|_| Some(i64::from(name.partition.0))))),
        ("offset", Column::Int64(numbers(&offset))),
        ("ingested_at", Column::Timestamp(numbers(&|row| Some(row.ingested_at.micros())))),
        ("kind", Column::Utf8(texts(&kind))),
        ("user_id", Column::Utf8(texts(&|row| Some(row.event.user().as_str().to_owned())))),
        ("movie_id", Column::Utf8(texts(&movie))),
        ("rating", Column::Float64(rows.iter().map(rating).collect())),
        ("rated_at", Column::Timestamp(numbers(&|row| Some(row.event.at().micros())))),
    ];
    Table { columns: columns.into_iter().map(|(name, column)| (name.to_owned(), column)).collect() }
}

/// The rows of a file.
pub(super) fn decode(name: &FileName, parquet: Bytes) -> Result<Vec<Row>, Error> {
    let corrupt = || Error::bare(ErrorKind::Corrupt, format!("read {}: a row is no event", name.path()));
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
        Some(Row { offset, ingested_at: Timestamp::from_micros((*arrivals.get(at)?)?), event })
    };
    (0..table.rows()).map(|at| row(at).ok_or_else(corrupt)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(offset: u64, kind: u8, value: f64, micros: i64) -> Row {
        let user = UserId::try_new("user 7").expect("valid");
        let movie = MovieId::try_new("ëlan").expect("valid");
        let at = Timestamp::from_micros(micros);
        let event = match kind {
            0 => RatingEvent::Rated(Rating { user, movie, value, rated_at: at }),
            1 => RatingEvent::Removed { user, movie, at },
            _ => RatingEvent::UserRemoved { user, at },
        };
        Row { offset: Offset(offset), ingested_at: Timestamp::from_micros(micros + 5), event }
    }

    proptest! {
        #[test]
        fn a_name_comes_back_as_it_was(day in -300_000i64..1_000_000, partition in 0u32..1_024, first in any::<u32>(), length in 0u64..1_000) {
            let first = Offset(u64::from(first));
            let name = FileName { day, partition: Partition(partition), first, last: Offset(first.0 + length) };
            prop_assert_eq!(FileName::parse(name.parquet().expect("a key").as_str()), Some(name));
        }

        #[test]
        fn rows_come_back_as_they_were(drawn in prop::collection::vec((0u8..3, 0.5f64..5.0, 0i64..2_000_000_000_000_000), 1..50)) {
            let rows: Vec<Row> = (0..).zip(&drawn).map(|(offset, &(kind, value, micros))| row(offset, kind, value, micros)).collect();
            let name = FileName { day: 20_000, partition: Partition(3), first: Offset(0), last: Offset(rows.len() as u64 - 1) };
            let parquet = encode(&name, &rows).expect("encodes");
            prop_assert_eq!(decode(&name, parquet).expect("decodes"), rows);
        }

        #[test]
        fn other_names_are_none(text in ".{0,60}") {
            prop_assert_eq!(FileName::parse(&text), None);
            prop_assert_eq!(FileName::parse(&format!("{FOLDER}/day=2026-11-25/{text}")), None);
        }
    }

    #[test]
    fn damage_is_an_error() {
        let name = FileName { day: 20_000, partition: Partition(0), first: Offset(0), last: Offset(0) };
        let parquet = encode(&name, &[row(0, 0, 4.0, 5)]).expect("encodes");
        for cut in 0..parquet.len() {
            assert!(decode(&name, parquet.slice(..cut)).is_err(), "{cut}");
        }
    }
}
