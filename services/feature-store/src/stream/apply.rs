//! Applies one partition's events to its rows.
//!
//! The order of the writes makes a crash harmless without transactions: of a partition's writes a
//! store keeps a beginning, in their order. One batch writes the movie rows first, then the user
//! rows, then the marker.
//!
//! A movie row changes by the difference that an event makes to its user's ledger, so replaying an
//! event needs the ledger as it was. While a user's row is not written, the ledger is the old one
//! and the replay makes the same differences. Movie rows that have them already are recognized by
//! their offset and skipped. Once the user's row is written, every movie row of the batch is
//! written too, and the replay skips the event.
//!
//! A user with many ratings has several rows, so that an event does not rewrite all ratings; see
//! [`StoredUser`]. They are user rows in the order above.
//!
//! **Invariant:** a loss of the newest writes between any two calls leaves the rows of a run
//! without faults (`a_tail_that_is_lost_between_any_two_calls_is_applied_again`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{MovieId, Offset, Partition, RatingEvent, UserId};
use marquee_features::{
    Change, Chunk, Layout, MovieRow, Pack, RowWrite, StoredUser, Unpack, UserEdit, movie_key, pack, user_key,
};
use marquee_kit::Compute;
use marquee_log::Movies;
use marquee_ports::{Error, Lease, OnlineStore, Row, RowKey, Write};

use crate::rows::{unpack_row, weigh};

/// Most bytes of rows and events that are processed on the async thread. That takes some 100 µs.
/// To hand a small batch to another thread takes as long as to apply it.
const INLINE: usize = 16 << 10;

/// Consecutive events of one partition.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The events, in order, with their offsets.
    events: Vec<(Offset, RatingEvent)>,
    /// The users of the events, each once.
    users: Vec<UserId>,
    /// The offset of the first record after the batch.
    next: Offset,
}

impl Batch {
    /// Returns a batch of events before `next`.
    pub(crate) fn new(events: Vec<(Offset, RatingEvent)>, next: Offset) -> Self {
        let users: BTreeSet<&UserId> = events.iter().map(|(_, event)| event.user()).collect();
        let users = users.into_iter().cloned().collect();
        Self { events, users, next }
    }

    /// Returns the number of events.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }
}

/// A row while a batch is applied.
#[derive(Debug, Default)]
struct RowState<T> {
    row: T,
    applied: Option<Offset>,
    changed: bool,
}

type States<K, T> = BTreeMap<K, RowState<T>>;

/// A user's stored row, and which of its chunks the events of the batch need.
#[derive(Debug)]
struct OpenUser {
    id: UserId,
    stored: StoredUser,
    applied: Option<Offset>,
    /// The indices of the events that the row does not have yet.
    missing: Vec<usize>,
    needed: Vec<u32>,
}

/// The events of a batch, and their users.
struct OpenBatch {
    events: Vec<(Offset, RatingEvent)>,
    users: Vec<OpenUser>,
}

/// A batch whose user rows were read.
enum Opened {
    /// No user has chunks that the events need, so they were applied.
    Applied(UserChanges),
    /// Chunks must be read first.
    NeedsChunks(OpenBatch, Movies),
}

/// A user's row while a batch is applied.
struct EditedUser {
    edit: UserEdit,
    applied: Option<Offset>,
    changed: bool,
}

/// The effect of a batch on the rows of users, and through them on movies.
struct UserChanges {
    users: BTreeMap<UserId, EditedUser>,
    changes: Vec<(Offset, Change)>,
    /// The movies of the changes, each once.
    movies: Vec<MovieId>,
}

/// Applies batches. The computation for a large batch runs off the async threads.
#[derive(Debug)]
pub(crate) struct Applier {
    pub(crate) store: Arc<dyn OnlineStore>,
    pub(crate) compute: Compute,
    /// When the ratings of a user are split.
    pub(crate) layout: Layout,
}

impl Applier {
    /// Applies a batch to the rows of the lease's partition, and moves the marker behind the batch.
    /// `movies` is awaited after the rows of the users were read.
    pub(crate) async fn apply(
        &self,
        lease: &mut dyn Lease,
        movies: impl Future<Output = Result<Movies, Error>>,
        batch: Batch,
    ) -> Result<(), Error> {
        let Batch { events, users, next } = batch;
        let (source, layout) = (lease.partition(), self.layout);
        let stored = self.read(source, users, user_key).await?;
        let movies = movies.await?;
        let bytes = weigh(events.len(), stored.iter().filter_map(|(_, row)| row.as_ref()));
        let opened = self.run(bytes, move || open_users(events, stored, (movies, layout))).await?;
        let (open, movies) = match opened {
            Opened::Applied(changed) => return self.write(lease, changed, (bytes, next)).await,
            Opened::NeedsChunks(open, movies) => (open, movies),
        };
        let chunks = self.read_chunks(source, &open.users).await?;
        let bytes = bytes + weigh(0, chunks.values());
        let changed = self.run(bytes, move || apply_to_users(open, &chunks, (&movies, layout))).await?;
        self.write(lease, changed, (bytes, next)).await
    }

    /// Runs a computation over this many bytes of rows and events: here if they are few, else off
    /// the async threads.
    pub(super) async fn run<T: Send + 'static>(&self, bytes: usize, job: impl FnOnce() -> T + Send + 'static) -> T {
        self.compute.run_if(bytes > INLINE, job).await
    }

    /// Writes what a batch changed, and moves the marker behind the batch. `bytes` is the size of
    /// the batch and the rows of its users.
    async fn write(
        &self,
        lease: &mut dyn Lease,
        changed: UserChanges,
        (bytes, next): (usize, Offset),
    ) -> Result<(), Error> {
        let source = lease.partition();
        let UserChanges { users, changes, movies } = changed;
        let stored = self.read(source, movies, movie_key).await?;
        let bytes = bytes + weigh(0, stored.iter().filter_map(|(_, row)| row.as_ref()));
        let writes = self.run(bytes, move || {
            let movies = apply_to_movies(&changes, stored)?;
            // Movies before users: while a user's row is the old one, a replay makes the same
            // changes.
            let mut writes = pack_changed(&movies, movie_key);
            writes.extend(pack_users(users));
            Ok::<_, Error>(writes)
        });
        lease.apply(writes.await?, next).await?;
        Ok(())
    }

    /// Reads the chunks that users need, by their keys.
    async fn read_chunks(&self, source: Partition, users: &[OpenUser]) -> Result<BTreeMap<Bytes, Row>, Error> {
        let key = |user: &OpenUser, index: &u32| user.stored.chunk_key(*index, &user.id);
        let keys = users.iter().flat_map(|user| user.needed.iter().filter_map(|index| key(user, index)));
        let keys: Vec<RowKey> = keys.map(|key| RowKey { source, key }).collect();
        let rows = self.store.get(&keys).await?;
        Ok(keys.into_iter().zip(rows).filter_map(|(key, row)| Some((key.key, row?))).collect())
    }

    async fn read<K>(
        &self,
        source: Partition,
        ids: Vec<K>,
        key: fn(&K) -> Bytes,
    ) -> Result<Vec<(K, Option<Row>)>, Error> {
        let keys: Vec<RowKey> = ids.iter().map(|id| RowKey { source, key: key(id) }).collect();
        let rows = self.store.get(&keys).await?;
        Ok(ids.into_iter().zip(rows).collect())
    }
}

/// Returns the events with these indices.
fn pick<'e>(events: &'e [(Offset, RatingEvent)], indices: &[usize]) -> Vec<&'e RatingEvent> {
    indices.iter().map(|index| &events[*index].1).collect()
}

/// Reads the rows of users, and applies the events unless chunks are needed.
fn open_users(
    events: Vec<(Offset, RatingEvent)>,
    stored: Vec<(UserId, Option<Row>)>,
    (movies, layout): (Movies, Layout),
) -> Result<Opened, Error> {
    let mut by_user: BTreeMap<&UserId, Vec<usize>> = BTreeMap::new();
    for (index, (_, event)) in events.iter().enumerate() {
        by_user.entry(event.user()).or_default().push(index);
    }
    let open = |(id, row): (UserId, Option<Row>)| {
        let applied = row.as_ref().map(|row| row.applied);
        let is_missing = |index: &usize| applied.is_none_or(|applied| applied < events[*index].0);
        let missing: Vec<usize> = by_user.get(&id).into_iter().flatten().copied().filter(is_missing).collect();
        let stored: StoredUser = row.as_ref().map(unpack_row).transpose()?.unwrap_or_default();
        let needed = match missing.is_empty() {
            true => Vec::new(),
            false => stored.chunks_for(&pick(&events, &missing), layout),
        };
        Ok(OpenUser { id, stored, applied, missing, needed })
    };
    let users = stored.into_iter().map(open).collect::<Result<Vec<_>, Error>>()?;
    drop(by_user);
    let open = OpenBatch { events, users };
    Ok(match open.users.iter().all(|user| user.needed.is_empty()) {
        true => Opened::Applied(apply_to_users(open, &BTreeMap::new(), (&movies, layout))?),
        false => Opened::NeedsChunks(open, movies),
    })
}

fn apply_to_users(
    open: OpenBatch,
    chunks: &BTreeMap<Bytes, Row>,
    (movies, layout): (&Movies, Layout),
) -> Result<UserChanges, Error> {
    let OpenBatch { events, users: open } = open;
    let mut users = BTreeMap::new();
    for OpenUser { id, stored, applied, missing, needed } in open {
        let mut parts: BTreeMap<u32, Chunk> = BTreeMap::new();
        for index in needed {
            let row = stored.chunk_key(index, &id).and_then(|key| chunks.get(&key));
            parts.insert(index, row.map(unpack_row).transpose()?.unwrap_or_default());
        }
        let edit = stored.edit(parts, applied, (&pick(&events, &missing), layout));
        users.insert(id, EditedUser { edit, applied, changed: false });
    }
    let mut changes = Vec::new();
    for (offset, event) in &events {
        let user = users.get_mut(event.user()).expect("the row of every user of the batch was read");
        if user.applied.is_some_and(|applied| applied >= *offset) {
            continue;
        }
        let effect = user.edit.apply(event, *offset, |movie| movies.genres(movie));
        // A removal without a rating: the row is as it was and need not be written.
        if !user.edit.take_repaired() && effect.is_empty() {
            continue;
        }
        user.applied = Some(*offset);
        user.changed = true;
        changes.extend(effect.into_iter().map(|change| (*offset, change)));
    }
    let movies: BTreeSet<&MovieId> = changes.iter().map(|(_, change)| &change.movie).collect();
    let movies = movies.into_iter().cloned().collect();
    Ok(UserChanges { users, changes, movies })
}

fn apply_to_movies(
    changes: &[(Offset, Change)],
    stored: Vec<(MovieId, Option<Row>)>,
) -> Result<States<MovieId, MovieRow>, Error> {
    let mut movies: States<MovieId, MovieRow> = unpack_all(stored)?;
    for (offset, change) in changes {
        let movie = movies.get_mut(&change.movie).expect("the row of every movie of the changes was read");
        // An event changes a movie at most once, so the offset alone tells whether the row has the
        // change.
        if movie.applied.is_none_or(|applied| applied < *offset) {
            movie.row.apply(change);
            movie.applied = Some(*offset);
            movie.changed = true;
        }
    }
    Ok(movies)
}

fn unpack_all<K: Ord, T: Default + Unpack>(stored: Vec<(K, Option<Row>)>) -> Result<States<K, T>, Error> {
    let state = |(key, stored): (K, Option<Row>)| {
        let state = match stored {
            Some(stored) => RowState { row: unpack_row(&stored)?, applied: Some(stored.applied), changed: false },
            None => RowState::default(),
        };
        Ok((key, state))
    };
    stored.into_iter().map(state).collect()
}

fn pack_users(users: BTreeMap<UserId, EditedUser>) -> Vec<Write> {
    let changed = users.into_iter().filter(|(_, user)| user.changed);
    let rows = changed.filter_map(|(id, user)| Some(user.edit.writes(&id, user.applied?)));
    let write = |(key, row, applied): RowWrite| Write { key, value: pack(&row), applied };
    rows.flatten().map(write).collect()
}

fn pack_changed<K, T: Pack>(rows: &States<K, T>, key: impl Fn(&K) -> Bytes) -> Vec<Write> {
    let changed = rows.iter().filter(|(_, state)| state.changed);
    let write = |(id, state): (&K, &RowState<T>)| {
        state.applied.map(|applied| Write { key: key(id), value: pack(&state.row), applied })
    };
    changed.filter_map(write).collect()
}

#[cfg(test)]
mod tests;
