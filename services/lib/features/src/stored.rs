//! The stored form of rows.
//!
//! A row is a format byte followed by sections. A section is its length (32 bits, little-endian)
//! and as many bytes of postcard. A user's row has the sections *summary* and *ledger*, a movie's
//! row the section *sums*.
//!
//! There are two ways to change the form:
//!
//! - A new field is appended to a section, or a new section to the row. The format byte stays. An
//!   older instance reads the fields that it knows and writes the other bytes back unchanged. It
//!   does not update them, so a field that depends on events must be stored with the offset up to
//!   which it is right.
//! - Any other change needs a new format byte. An older instance refuses such a row with
//!   [`RowError::Newer`]. That error is temporary: the instance retries until it is replaced, or
//!   until the partition moves to a newer instance. A release must therefore read a new format
//!   before the next release writes it.
//!
//! Rows of format 2 are converted when they are read. Their removal markers are dropped. A user
//! with many ratings has a row of format 4 and further rows; see [`crate::chunks`].

mod chunks;

use std::collections::BTreeMap;

use bytes::Bytes;
use marquee_domain::{Ledger, LedgerEntry, Moments, MovieId, Offset, Tiles, Timestamp};
use serde::de::DeserializeOwned;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::row::{Genres, Unknown};
use crate::{MovieRow, UserHead, UserRow, UserSummary};

/// The format that is written.
const FORMAT: u8 = 3;

/// The format of a user whose ratings are in chunks.
const IN_CHUNKS: u8 = 4;

/// The format before sections, which is still read.
const WITHOUT_SECTIONS: u8 = 2;

/// A row that this version cannot read.
#[derive(Debug, Error)]
pub enum RowError {
    /// A newer version wrote the row. It is whole, and a newer instance can read it.
    #[error("a row has format {format}, and this version reads formats up to {IN_CHUNKS}; upgrade this instance")]
    Newer {
        /// The row's format.
        format: u8,
    },
    /// The first byte is no format of a row.
    #[error("a row has no known format")]
    Format,
    /// The row is damaged.
    #[error("a row does not decode")]
    Decode(#[source] postcard::Error),
}

impl RowError {
    /// Whether the row is whole and only this instance is too old for it.
    pub fn is_newer(&self) -> bool {
        matches!(self, Self::Newer { .. })
    }
}

/// A row that can be stored.
pub trait Pack {
    /// Returns the stored form.
    fn pack(&self) -> Bytes;
}

/// A row, or the beginning of one, that can be read from a row's stored form.
pub trait Unpack: Sized {
    /// Reads the stored form.
    ///
    /// # Errors
    /// A newer version wrote the row, or it is damaged.
    fn unpack(bytes: &[u8]) -> Result<Self, RowError>;
}

/// Returns the stored form of a row.
pub fn pack<T: Pack>(row: &T) -> Bytes {
    row.pack()
}

/// Reads a row, or its beginning, from its stored form.
///
/// # Errors
/// A newer version wrote the row, or it is damaged.
pub fn unpack<T: Unpack>(bytes: &[u8]) -> Result<T, RowError> {
    T::unpack(bytes)
}

impl Pack for UserRow {
    fn pack(&self) -> Bytes {
        let UserSummary { event_time, moments, tiles, genres } = &self.summary;
        let mut bytes = vec![FORMAT];
        write_section(&mut bytes, &(event_time, moments, tiles, genres), &self.unknown.fields[0]);
        write_section(&mut bytes, &(self.ledger.last_removal(), Entries(&self.ledger)), &self.unknown.fields[1]);
        bytes.extend_from_slice(&self.unknown.sections);
        bytes.into()
    }
}

impl Pack for MovieRow {
    fn pack(&self) -> Bytes {
        let mut bytes = vec![FORMAT];
        write_section(&mut bytes, &(&self.moments, &self.tiles, &self.event_time), &self.unknown.fields[0]);
        bytes.extend_from_slice(&self.unknown.sections);
        bytes.into()
    }
}

/// Of a user whose ratings are in chunks, this is the row that is served: it has the newest ratings
/// only. Events are applied to a [`StoredUser`](crate::StoredUser) instead.
impl Unpack for UserRow {
    fn unpack(bytes: &[u8]) -> Result<Self, RowError> {
        match Body::of(bytes)? {
            Body::InChunks(body) => chunks::unpack_served(body),
            Body::WithoutSections(body) => Ok(postcard::from_bytes::<OldUser>(body).map_err(RowError::Decode)?.into()),
            Body::Sections(body) => {
                let (summary, body) = section(body)?;
                let (ledger, sections) = section(body)?;
                let (summary, after_summary) = fields::<StoredSummary>(summary)?;
                let (ledger, after_ledger) = fields::<StoredLedger>(ledger)?;
                let unknown =
                    Unknown { fields: [after_summary.to_vec(), after_ledger.to_vec()], sections: sections.to_vec() };
                Ok(Self { summary: summary.into(), ledger: ledger.into(), unknown })
            }
        }
    }
}

impl Unpack for UserSummary {
    fn unpack(bytes: &[u8]) -> Result<Self, RowError> {
        Ok(fields::<StoredSummary>(Body::of(bytes)?.first_section()?)?.0.into())
    }
}

impl Unpack for UserHead {
    fn unpack(bytes: &[u8]) -> Result<Self, RowError> {
        let (event_time, _) = fields(Body::of(bytes)?.first_section()?)?;
        Ok(Self { event_time })
    }
}

impl Unpack for MovieRow {
    fn unpack(bytes: &[u8]) -> Result<Self, RowError> {
        let (first, sections) = match Body::of(bytes)? {
            Body::WithoutSections(body) => (body, &[][..]),
            Body::Sections(body) => section(body)?,
            Body::InChunks(_) => return Err(RowError::Format),
        };
        let (StoredSums { moments, tiles, event_time }, after) = fields(first)?;
        let unknown = Unknown { fields: [after.to_vec(), Vec::new()], sections: sections.to_vec() };
        Ok(Self { moments, tiles, event_time, unknown })
    }
}

/// What follows the format byte.
enum Body<'a> {
    WithoutSections(&'a [u8]),
    Sections(&'a [u8]),
    /// The sections of a user whose ratings are in chunks.
    InChunks(&'a [u8]),
}

impl<'a> Body<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, RowError> {
        match bytes.split_first() {
            Some((&FORMAT, body)) => Ok(Self::Sections(body)),
            Some((&IN_CHUNKS, body)) => Ok(Self::InChunks(body)),
            Some((&WITHOUT_SECTIONS, body)) => Ok(Self::WithoutSections(body)),
            Some((&format, _)) if format > IN_CHUNKS => Err(RowError::Newer { format }),
            _ => Err(RowError::Format),
        }
    }

    /// Returns the bytes that begin with the first section's fields.
    fn first_section(self) -> Result<&'a [u8], RowError> {
        match self {
            Self::WithoutSections(body) => Ok(body),
            Self::Sections(body) | Self::InChunks(body) => Ok(section(body)?.0),
        }
    }
}

fn write_section<T: Serialize>(bytes: &mut Vec<u8>, known: &T, unknown: &[u8]) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    *bytes = postcard::to_extend(known, std::mem::take(bytes)).expect("plain fields always serialize");
    bytes.extend_from_slice(unknown);
    let length = u32::try_from(bytes.len() - start - 4).expect("a row is smaller than 4 GiB");
    bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Splits a section off the front.
fn section(bytes: &[u8]) -> Result<(&[u8], &[u8]), RowError> {
    let section = bytes
        .split_first_chunk::<4>()
        .and_then(|(length, rest)| rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?));
    section.ok_or(RowError::Decode(postcard::Error::DeserializeUnexpectedEnd))
}

/// Reads the known fields of a section, and returns them with the bytes that follow.
fn fields<T: DeserializeOwned>(section: &[u8]) -> Result<(T, &[u8]), RowError> {
    postcard::take_from_bytes(section).map_err(RowError::Decode)
}

#[derive(Deserialize)]
struct StoredSummary {
    event_time: Option<Timestamp>,
    moments: Moments,
    tiles: Tiles,
    genres: BTreeMap<String, Moments>,
}

#[derive(Deserialize)]
struct StoredLedger {
    last_removal: Option<Offset>,
    entries: Vec<StoredEntry>,
}

#[derive(Deserialize)]
struct StoredEntry {
    movie: MovieId,
    rated_at: Timestamp,
    offset: Offset,
    value: f64,
    genres: Genres,
}

#[derive(Deserialize)]
struct StoredSums {
    moments: Moments,
    tiles: Tiles,
    event_time: Option<Timestamp>,
}

/// Serializes a ledger's entries as [`StoredEntry`] reads them.
struct Entries<'a>(&'a Ledger<Genres>);

#[derive(Serialize)]
struct EntryRef<'a> {
    movie: &'a str,
    rated_at: Timestamp,
    offset: Offset,
    value: f64,
    genres: &'a [String],
}

impl<'a> EntryRef<'a> {
    fn new(movie: &'a MovieId, entry: &'a LedgerEntry<Genres>) -> Self {
        let LedgerEntry { value, rated_at, offset, data } = entry;
        Self { movie: movie.as_str(), rated_at: *rated_at, offset: *offset, value: *value, genres: data }
    }
}

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = |(movie, entry)| EntryRef::new(movie, entry);
        serializer.collect_seq(self.0.iter().map(entry))
    }
}

impl From<StoredSummary> for UserSummary {
    fn from(StoredSummary { event_time, moments, tiles, genres }: StoredSummary) -> Self {
        Self { event_time, moments, tiles, genres }
    }
}

impl From<StoredLedger> for Ledger<Genres> {
    fn from(StoredLedger { last_removal, entries }: StoredLedger) -> Self {
        let entry = |StoredEntry { movie, rated_at, offset, value, genres }| {
            (movie, LedgerEntry { value, rated_at, offset, data: genres })
        };
        Self::restore(entries.into_iter().map(entry), last_removal)
    }
}

/// A user's row of format 2. The time of the user's removal follows, which is no longer used.
#[derive(Deserialize)]
struct OldUser {
    event_time: Option<Timestamp>,
    moments: Moments,
    tiles: Tiles,
    genres: BTreeMap<String, Moments>,
    ledger: BTreeMap<MovieId, OldEntry>,
}

/// A rating, or the removal of one where `rating` is absent.
#[derive(Deserialize)]
struct OldEntry {
    at: Timestamp,
    offset: Offset,
    rating: Option<OldRating>,
}

#[derive(Deserialize)]
struct OldRating {
    value: f64,
    genres: Genres,
}

impl From<OldUser> for UserRow {
    fn from(old: OldUser) -> Self {
        let OldUser { event_time, moments, tiles, genres, ledger } = old;
        let removals = ledger.values().filter(|entry| entry.rating.is_none());
        let last_removal = removals.map(|entry| entry.offset).max();
        let entries = ledger.into_iter().filter_map(|(movie, OldEntry { at, offset, rating })| {
            let OldRating { value, genres } = rating?;
            Some((movie, LedgerEntry { value, rated_at: at, offset, data: genres }))
        });
        Self {
            summary: UserSummary { event_time, moments, tiles, genres },
            ledger: Ledger::restore(entries, last_removal),
            unknown: Unknown::default(),
        }
    }
}

#[cfg(test)]
mod tests;
