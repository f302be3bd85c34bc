//! The rows of a user with many ratings, whose events cost no more than those of other users.
//!
//! A user with few ratings has one row, a [`UserRow`]. A user with many has a *head* and *chunks*.
//! The head has the summary, the newest ratings, and the *pending* ratings: those that changed
//! since the chunks were written. A chunk has the ratings of the movies whose hash it has. So an
//! event reads and writes the head, and reads one chunk to find the rating that it replaces. When
//! enough ratings are pending, their chunks are written.
//!
//! A store may lose the newest of its writes. **Invariant:** what a chunk contains is in the head
//! that was stored before it, and a chunk is written before the head that needs it
//! (`a_tail_that_is_lost_between_any_two_calls_is_applied_again`). For that, chunks are written
//! from the head as it was read, before the events of the batch, and carry its offset. So a replay
//! writes the same chunks.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use marquee_domain::{Ledger, LedgerEntry, MovieId, Offset, RatingEvent, Timestamp, UserId};

use crate::row::{Change, Genres, Unknown, UserRow, UserSummary, user_key};

/// When rows are split, and into how many parts.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// A row with more ratings is split into chunks.
    pub whole: usize,
    /// Pending ratings of a head after which chunks are written.
    pub pending: usize,
    /// Ratings of a chunk when a row is split.
    pub chunk: usize,
    /// The newest ratings that a head must have.
    pub newest: usize,
}

impl Layout {
    /// Returns the layout with which histories of `history` ratings are served.
    pub fn of_history(history: usize) -> Self {
        Self { whole: 1_000.max(2 * history), pending: 64, chunk: 32, newest: history }
    }

    /// Returns the ratings of a chunk, on average, from which on a row is split again.
    fn full_chunk(self) -> u64 {
        4 * self.chunk as u64
    }

    /// Returns how many of the newest ratings a head keeps, so that a removal leaves enough.
    fn kept(self) -> usize {
        self.newest + self.newest / 4 + 16
    }
}

/// The chunks of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunks {
    /// The offset of the head from which they were made. It tells them from earlier chunks.
    pub(crate) generation: Offset,
    pub(crate) count: u32,
}

impl Chunks {
    /// Returns the key of a chunk's row.
    fn key(self, index: u32, user: &UserId) -> Bytes {
        Bytes::from(format!("c/{}/{index}/{user}", self.generation.0))
    }

    /// Returns the chunk that has the rating of a movie: FNV-1a of the id. It must never change.
    fn index_of(self, movie: &MovieId) -> u32 {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = movie.as_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step);
        (hash % u64::from(self.count.max(1))) as u32
    }
}

/// The ratings that a chunk has, by movie.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chunk {
    pub(crate) entries: BTreeMap<MovieId, LedgerEntry<Genres>>,
    pub(crate) unknown: Unknown,
}

/// The row of a user whose ratings are in chunks.
#[derive(Debug, Clone, PartialEq)]
pub struct UserWithChunks {
    pub(crate) summary: UserSummary,
    pub(crate) last_removal: Option<Offset>,
    /// Ratings that changed since the chunks were written. `None`: removed.
    pub(crate) pending: BTreeMap<MovieId, Option<LedgerEntry<Genres>>>,
    pub(crate) chunks: Chunks,
    /// The number of ratings that count.
    pub(crate) ratings: u64,
    pub(crate) newest: Newest,
    /// Earlier chunks, which the next write of the user must empty.
    pub(crate) previous: Option<Chunks>,
    pub(crate) unknown: Unknown,
    /// What a newer version added to the section of the chunks.
    pub(crate) unknown_chunks: Vec<u8>,
}

/// The newest ratings that count, oldest first, with their values.
pub(crate) type Newest = BTreeMap<(Timestamp, Offset, MovieId), f64>;

/// A user's row as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredUser {
    /// All ratings are in the row.
    Whole(Box<UserRow>),
    /// The ratings are in chunks.
    WithChunks(Box<UserWithChunks>),
}

impl Default for StoredUser {
    fn default() -> Self {
        Self::Whole(Box::default())
    }
}

impl StoredUser {
    /// Returns the chunks that must be read before events can be applied.
    pub fn chunks_for(&self, events: &[&RatingEvent], layout: Layout) -> Vec<u32> {
        let Self::WithChunks(head) = self else { return Vec::new() };
        if head.needs_all(events, layout) {
            return (0..head.chunks.count).collect();
        }
        let looked_up = movies(events).filter(|movie| !head.pending.contains_key(*movie));
        let written = head.pending.keys().filter(|_| head.is_due(layout));
        let indexes: BTreeSet<u32> = looked_up.chain(written).map(|movie| head.chunks.index_of(movie)).collect();
        indexes.into_iter().collect()
    }

    /// Returns the key of a chunk's row.
    pub fn chunk_key(&self, index: u32, user: &UserId) -> Option<Bytes> {
        match self {
            Self::Whole(_) => None,
            Self::WithChunks(head) => Some(head.chunks.key(index, user)),
        }
    }

    /// Prepares the row for events. `chunks` are those of [`Self::chunks_for`], and `applied` is
    /// the offset of the stored row.
    pub fn edit(
        self,
        chunks: BTreeMap<u32, Chunk>,
        applied: Option<Offset>,
        (events, layout): (&[&RatingEvent], Layout),
    ) -> UserEdit {
        match self {
            Self::Whole(row) => UserEdit::of_whole(*row, applied, (events, layout)),
            Self::WithChunks(head) if head.needs_all(events, layout) => {
                UserEdit::of_all(*head, chunks, applied, (events, layout))
            }
            Self::WithChunks(head) => UserEdit::of_parts(head, chunks, applied, (events, layout)),
        }
    }
}

/// Returns the movies that events name.
fn movies<'e>(events: &[&'e RatingEvent]) -> impl Iterator<Item = &'e MovieId> {
    events.iter().filter_map(|event| match event {
        RatingEvent::Rated(rating) => Some(&rating.movie),
        RatingEvent::Removed { movie, .. } => Some(movie),
        RatingEvent::UserRemoved { .. } => None,
    })
}

fn removes_user(events: &[&RatingEvent]) -> bool {
    events.iter().any(|event| matches!(event, RatingEvent::UserRemoved { .. }))
}

impl UserWithChunks {
    /// Returns whether events can be applied to the whole row only: the user is removed, too few of
    /// the newest ratings would be left, or the chunks are full.
    fn needs_all(&self, events: &[&RatingEvent], layout: Layout) -> bool {
        let removals = events.iter().filter(|event| matches!(event, RatingEvent::Removed { .. })).count();
        let needed = self.ratings.min((layout.newest + removals) as u64);
        let is_full = self.ratings > layout.full_chunk() * u64::from(self.chunks.count);
        removes_user(events) || (self.newest.len() as u64) < needed || is_full
    }

    /// Returns whether the pending ratings must be written into their chunks.
    fn is_due(&self, layout: Layout) -> bool {
        self.pending.len() >= layout.pending
    }

    /// Returns the row with all ratings.
    fn join(self, chunks: impl Iterator<Item = Chunk>) -> UserRow {
        let mut entries: BTreeMap<MovieId, LedgerEntry<Genres>> =
            chunks.flat_map(|chunk| chunk.entries.into_iter()).collect();
        for (movie, entry) in self.pending {
            match entry {
                Some(entry) => drop(entries.insert(movie, entry)),
                None => drop(entries.remove(&movie)),
            }
        }
        let ledger = Ledger::restore(entries, self.last_removal);
        UserRow { summary: self.summary, ledger, unknown: self.unknown }
    }

    /// Splits a row. Returns the head, and the chunks with all ratings.
    fn split(row: &UserRow, generation: Offset, layout: Layout) -> (Self, BTreeMap<u32, Chunk>) {
        let count = row.ledger.len().div_ceil(layout.chunk.max(1)).max(1);
        let chunks = Chunks { generation, count: u32::try_from(count).unwrap_or(u32::MAX) };
        let mut parts: BTreeMap<u32, Chunk> = (0..chunks.count).map(|index| (index, Chunk::default())).collect();
        let mut newest = Newest::new();
        for (movie, entry) in row.ledger.iter() {
            let part = parts.entry(chunks.index_of(movie)).or_default();
            part.entries.insert(movie.clone(), entry.clone());
            newest.insert((entry.rated_at, entry.offset, movie.clone()), entry.value);
            if newest.len() > layout.kept() {
                newest.pop_first();
            }
        }
        let head = Self {
            summary: row.summary.clone(),
            last_removal: row.ledger.last_removal(),
            pending: BTreeMap::new(),
            chunks,
            ratings: row.ledger.len() as u64,
            newest,
            previous: None,
            unknown: row.unknown.clone(),
            unknown_chunks: Vec::new(),
        };
        (head, parts)
    }

    /// Notes that the rating of a movie changed.
    fn note(
        &mut self,
        movie: &MovieId,
        (old, new): (Option<&LedgerEntry<Genres>>, Option<&LedgerEntry<Genres>>),
        layout: Layout,
    ) {
        let rank = |entry: &LedgerEntry<Genres>| (entry.rated_at, entry.offset, movie.clone());
        if let Some(old) = old {
            self.newest.remove(&rank(old));
            self.ratings = self.ratings.saturating_sub(1);
        }
        if let Some(new) = new {
            // A rating that is older than all of these may be older than one that is not here.
            let has_all = self.newest.len() as u64 == self.ratings;
            let rank = rank(new);
            if has_all || self.newest.first_key_value().is_some_and(|(oldest, _)| rank > *oldest) {
                self.newest.insert(rank, new.value);
            }
            self.ratings += 1;
        }
        if self.newest.len() > layout.kept() {
            self.newest.pop_first();
        }
        self.pending.insert(movie.clone(), new.cloned());
    }
}

/// A user's row while events are applied to it.
#[derive(Debug)]
pub struct UserEdit {
    /// The ratings that the events need: all, or those of the movies that they name.
    row: UserRow,
    /// The head, if the row is stored in parts.
    head: Option<Box<UserWithChunks>>,
    /// Chunks that must be stored before the head.
    chunks: BTreeMap<u32, Chunk>,
    /// The offset of the stored row.
    applied: Option<Offset>,
    /// Chunks to empty before the head is stored, because no stored head needs them any more, or
    /// because the user is removed.
    emptied: Vec<Chunks>,
    layout: Layout,
    /// The row must be stored, although the last event had no effect.
    is_repaired: bool,
}

/// A row of a user.
#[derive(Debug, Clone, PartialEq)]
pub enum UserPart {
    /// The row under the user's own key.
    User(StoredUser),
    /// A chunk.
    Chunk(Chunk),
}

/// A row to store: its key, the row, and the offset of the newest event in it.
pub type RowWrite = (Bytes, UserPart, Offset);

impl UserEdit {
    /// Edits a row that has all ratings, and splits it if they are many. A row that was not stored
    /// yet is not split: its chunks would have no head before them.
    fn of_whole(row: UserRow, applied: Option<Offset>, (events, layout): (&[&RatingEvent], Layout)) -> Self {
        let (mut head, mut chunks) = (None, BTreeMap::new());
        if let Some(generation) = applied
            && row.ledger.len() > layout.whole
            && !removes_user(events)
        {
            let (split, parts) = UserWithChunks::split(&row, generation, layout);
            (head, chunks) = (Some(Box::new(split)), parts);
        }
        Self { row, head, chunks, applied, emptied: Vec::new(), layout, is_repaired: false }
    }

    /// Edits a row whose chunks were all read: the user is removed, or the row is split again.
    fn of_all(
        head: UserWithChunks,
        chunks: BTreeMap<u32, Chunk>,
        applied: Option<Offset>,
        (events, layout): (&[&RatingEvent], Layout),
    ) -> Self {
        let (replaced, mut emptied) = (head.chunks, Vec::from_iter(head.previous));
        let row = head.join(chunks.into_values());
        if removes_user(events) {
            // A replay may then find a head whose chunks are empty; see `apply`.
            emptied.push(replaced);
            return Self { row, head: None, chunks: BTreeMap::new(), applied, emptied, layout, is_repaired: false };
        }
        let (mut head, chunks) = UserWithChunks::split(&row, applied.unwrap_or_default(), layout);
        head.previous = Some(replaced);
        Self { row, head: Some(Box::new(head)), chunks, applied, emptied, layout, is_repaired: false }
    }

    fn of_parts(
        mut head: Box<UserWithChunks>,
        mut chunks: BTreeMap<u32, Chunk>,
        applied: Option<Offset>,
        (events, layout): (&[&RatingEvent], Layout),
    ) -> Self {
        let stored = |movie: &&MovieId| match head.pending.get(*movie) {
            Some(pending) => pending.clone(),
            None => chunks.get(&head.chunks.index_of(movie))?.entries.get(*movie).cloned(),
        };
        let entries: BTreeMap<MovieId, LedgerEntry<Genres>> =
            movies(events).filter_map(|movie| Some((movie.clone(), stored(&movie)?))).collect();
        let row = UserRow {
            summary: std::mem::take(&mut head.summary),
            ledger: Ledger::restore(entries, head.last_removal),
            unknown: Unknown::default(),
        };
        let mut written = BTreeMap::new();
        if head.is_due(layout) {
            for (movie, entry) in std::mem::take(&mut head.pending) {
                let index = head.chunks.index_of(&movie);
                let chunk = written.entry(index).or_insert_with(|| chunks.remove(&index).unwrap_or_default());
                match entry {
                    Some(entry) => drop(chunk.entries.insert(movie, entry)),
                    None => drop(chunk.entries.remove(&movie)),
                }
            }
        }
        let emptied = Vec::from_iter(head.previous.take());
        Self { row, head: Some(head), chunks: written, applied, emptied, layout, is_repaired: false }
    }

    /// Applies an event, as [`UserRow::apply`] does.
    pub fn apply<'g>(
        &mut self,
        event: &RatingEvent,
        offset: Offset,
        genres: impl Fn(&MovieId) -> &'g [String],
    ) -> Vec<Change> {
        let movie = movies(&[event]).next().filter(|_| self.head.is_some());
        let old = movie.and_then(|movie| self.row.ledger.get(movie)).cloned();
        let changes = self.row.apply(event, offset, genres);
        if let (Some(head), Some(movie)) = (&mut self.head, movie) {
            let new = self.row.ledger.get(movie);
            if old.as_ref() != new {
                head.note(movie, (old.as_ref(), new), self.layout);
            }
        }
        self.repair(event, offset);
        changes
    }

    /// Completes the removal of a user whose chunks were emptied by a write of which the end was
    /// lost: the sums then have ratings that no chunk has any more. The movies have been written
    /// before.
    fn repair(&mut self, event: &RatingEvent, offset: Offset) {
        let is_removal = matches!(event, RatingEvent::UserRemoved { .. }) && self.head.is_none();
        let summary = &mut self.row.summary;
        if is_removal && self.row.ledger.is_empty() && !summary.moments.is_empty() {
            *summary = UserSummary { event_time: summary.event_time, ..UserSummary::default() };
            self.row.ledger = Ledger::restore([], Some(offset));
            self.is_repaired = true;
        }
    }

    /// Returns the newest ratings that count, oldest first, at most `limit` and at most as many as
    /// the layout keeps.
    pub fn history(&self, limit: usize) -> Vec<(&MovieId, f64)> {
        let Some(head) = &self.head else {
            return self.row.history(limit).into_iter().map(|(movie, value, _)| (movie, value)).collect();
        };
        let skip = head.newest.len().saturating_sub(limit);
        head.newest.iter().skip(skip).map(|((.., movie), value)| (movie, *value)).collect()
    }

    /// Returns how many ratings count.
    pub fn ratings(&self) -> u64 {
        self.head.as_ref().map_or(self.row.ledger.len() as u64, |head| head.ratings)
    }

    /// Returns whether the row must be stored, although the last event had no effect.
    pub fn take_repaired(&mut self) -> bool {
        std::mem::take(&mut self.is_repaired)
    }

    /// Returns the rows to store, in the order in which they must be stored. `applied` is the
    /// offset of the last event that changed the row.
    pub fn writes(self, user: &UserId, applied: Offset) -> Vec<RowWrite> {
        // Chunks are made of the stored head, which has this offset.
        let made = self.applied.unwrap_or_default();
        let mut writes = Vec::new();
        // Rows cannot be removed from a store. Empty ones show nothing of a user that was removed.
        for chunks in self.emptied {
            let empty = |index| (chunks.key(index, user), UserPart::Chunk(Chunk::default()), made);
            writes.extend((0..chunks.count).map(empty));
        }
        let row = match self.head {
            None => StoredUser::Whole(Box::new(self.row)),
            Some(mut head) => {
                let chunk = |(index, chunk)| (head.chunks.key(index, user), UserPart::Chunk(chunk), made);
                writes.extend(self.chunks.into_iter().map(chunk));
                head.last_removal = self.row.ledger.last_removal();
                head.summary = self.row.summary;
                StoredUser::WithChunks(head)
            }
        };
        writes.push((user_key(user), UserPart::User(row), applied));
        writes
    }
}

#[cfg(test)]
mod tests;
