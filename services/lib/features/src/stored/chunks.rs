//! The stored form of users whose ratings are in chunks.
//!
//! The head has the sections *summary*, *pending* and *chunks*, and a chunk has the section
//! *ratings*. Sections and their changes follow the rules of the parent module.

use bytes::Bytes;
use marquee_domain::{Ledger, LedgerEntry, MovieId, Offset, Timestamp};
use serde::Deserialize;

use super::{Body, EntryRef, FORMAT, IN_CHUNKS, RowError, StoredEntry, StoredSummary, fields, section, write_section};
use crate::chunks::{Chunk, Chunks, StoredUser, UserPart, UserWithChunks};
use crate::row::{Genres, Unknown};
use crate::{Pack, Unpack, UserRow};

/// The section *chunks* of a head.
#[derive(Deserialize)]
struct StoredChunks {
    generation: Offset,
    count: u32,
    ratings: u64,
    newest: Vec<StoredNewest>,
    /// Generation and number of earlier chunks.
    previous: Option<(Offset, u32)>,
}

#[derive(Deserialize)]
struct StoredNewest {
    rated_at: Timestamp,
    offset: Offset,
    movie: MovieId,
    value: f64,
}

/// The section *pending* of a head. A movie without an entry was removed.
#[derive(Deserialize)]
struct StoredPending {
    last_removal: Option<Offset>,
    rated: Vec<StoredEntry>,
    removed: Vec<MovieId>,
}

fn entry(stored: StoredEntry) -> (MovieId, LedgerEntry<Genres>) {
    let StoredEntry { movie, rated_at, offset, value, genres } = stored;
    (movie, LedgerEntry { value, rated_at, offset, data: genres })
}

impl Pack for Chunk {
    fn pack(&self) -> Bytes {
        let entries: Vec<EntryRef<'_>> =
            self.entries.iter().map(|(movie, entry)| EntryRef::new(movie, entry)).collect();
        let mut bytes = vec![FORMAT];
        write_section(&mut bytes, &entries, &self.unknown.fields[0]);
        bytes.extend_from_slice(&self.unknown.sections);
        bytes.into()
    }
}

impl Unpack for Chunk {
    fn unpack(bytes: &[u8]) -> Result<Self, RowError> {
        let Body::Sections(body) = Body::of(bytes)? else { return Err(RowError::Format) };
        let (ratings, sections) = section(body)?;
        let (entries, after) = fields::<Vec<StoredEntry>>(ratings)?;
        let unknown = Unknown { fields: [after.to_vec(), Vec::new()], sections: sections.to_vec() };
        Ok(Self { entries: entries.into_iter().map(entry).collect(), unknown })
    }
}

impl Pack for UserWithChunks {
    fn pack(&self) -> Bytes {
        let summary = &self.summary;
        let (mut rated, mut removed) = (Vec::new(), Vec::new());
        for (movie, entry) in &self.pending {
            match entry {
                Some(entry) => rated.push(EntryRef::new(movie, entry)),
                None => removed.push(movie.as_str()),
            }
        }
        let newest = self.newest.iter().map(|((at, offset, movie), value)| (at, offset, movie.as_str(), value));
        let newest: Vec<_> = newest.collect();
        let previous = self.previous.map(|chunks| (chunks.generation, chunks.count));
        let chunks = (self.chunks.generation, self.chunks.count, self.ratings, newest, previous);
        let mut bytes = vec![IN_CHUNKS];
        let known = (&summary.event_time, &summary.moments, &summary.tiles, &summary.genres);
        write_section(&mut bytes, &known, &self.unknown.fields[0]);
        write_section(&mut bytes, &(self.last_removal, rated, removed), &self.unknown.fields[1]);
        write_section(&mut bytes, &chunks, &self.unknown_chunks);
        bytes.extend_from_slice(&self.unknown.sections);
        bytes.into()
    }
}

impl UserWithChunks {
    /// Reads what follows the format byte.
    fn unpack_body(body: &[u8]) -> Result<Self, RowError> {
        let (summary, body) = section(body)?;
        let (pending, body) = section(body)?;
        let (chunks, sections) = section(body)?;
        let (summary, after_summary) = fields::<StoredSummary>(summary)?;
        let (pending, after_pending) = fields::<StoredPending>(pending)?;
        let (chunks, after_chunks) = fields::<StoredChunks>(chunks)?;
        let rated = pending.rated.into_iter().map(entry).map(|(movie, entry)| (movie, Some(entry)));
        let newest = chunks.newest.into_iter().map(|rating| {
            let StoredNewest { rated_at, offset, movie, value } = rating;
            ((rated_at, offset, movie), value)
        });
        Ok(Self {
            summary: summary.into(),
            last_removal: pending.last_removal,
            pending: rated.chain(pending.removed.into_iter().map(|movie| (movie, None))).collect(),
            chunks: Chunks { generation: chunks.generation, count: chunks.count },
            ratings: chunks.ratings,
            newest: newest.collect(),
            previous: chunks.previous.map(|(generation, count)| Chunks { generation, count }),
            unknown: Unknown { fields: [after_summary.to_vec(), after_pending.to_vec()], sections: sections.to_vec() },
            unknown_chunks: after_chunks.to_vec(),
        })
    }
}

impl Pack for StoredUser {
    fn pack(&self) -> Bytes {
        match self {
            Self::Whole(row) => row.pack(),
            Self::WithChunks(head) => head.pack(),
        }
    }
}

impl Pack for UserPart {
    fn pack(&self) -> Bytes {
        match self {
            Self::User(row) => row.pack(),
            Self::Chunk(chunk) => chunk.pack(),
        }
    }
}

impl Unpack for StoredUser {
    fn unpack(bytes: &[u8]) -> Result<Self, RowError> {
        match bytes.split_first() {
            Some((&IN_CHUNKS, body)) => Ok(Self::WithChunks(Box::new(UserWithChunks::unpack_body(body)?))),
            _ => Ok(Self::Whole(Box::new(UserRow::unpack(bytes)?))),
        }
    }
}

/// Reads the row that is served of a head: its summary and the newest ratings, without their
/// genres.
pub(super) fn unpack_served(body: &[u8]) -> Result<UserRow, RowError> {
    let head = UserWithChunks::unpack_body(body)?;
    let entry =
        |((rated_at, offset, movie), value)| (movie, LedgerEntry { value, rated_at, offset, data: Genres::new() });
    let ledger = Ledger::restore(head.newest.into_iter().map(entry), head.last_removal);
    Ok(UserRow { summary: head.summary, ledger, unknown: head.unknown })
}
