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
//! **Invariant:** a loss of the newest writes between any two calls leaves the rows of a run
//! without faults (`a_tail_that_is_lost_between_any_two_calls_is_applied_again`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{MovieId, Offset, Partition, RatingEvent, UserId};
use marquee_features::{Change, MovieRow, Pack, Unpack, UserRow, movie_key, pack, user_key};
use marquee_kit::Compute;
use marquee_log::Movies;
use marquee_ports::{Error, Lease, OnlineStore, Row, RowKey, Write};

use crate::rows::unpack_row;

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

/// The effect of a batch on the rows of users, and through them on movies.
struct UserChanges {
    users: States<UserId, UserRow>,
    changes: Vec<(Offset, Change)>,
    /// The movies of the changes, each once.
    movies: Vec<MovieId>,
}

/// Applies batches. The computation runs off the async threads.
#[derive(Debug)]
pub(crate) struct Applier {
    pub(crate) store: Arc<dyn OnlineStore>,
    pub(crate) compute: Compute,
}

impl Applier {
    /// Applies a batch to the rows of the lease's partition, and moves the marker behind the batch.
    pub(crate) async fn apply(&self, lease: &mut dyn Lease, movies: Movies, batch: Batch) -> Result<(), Error> {
        let Batch { events, users, next } = batch;
        let stored = self.read(lease.partition(), users, user_key).await?;
        let changed = self.compute.run(move || apply_to_users(&events, stored, &movies)).await?;
        let UserChanges { users, changes, movies } = changed;
        let stored = self.read(lease.partition(), movies, movie_key).await?;
        let writes = self.compute.run(move || {
            let movies = apply_to_movies(&changes, stored)?;
            // Movies before users: while a user's row is the old one, a replay makes the same
            // changes.
            let mut writes = pack_changed(&movies, movie_key);
            writes.extend(pack_changed(&users, user_key));
            Ok::<_, Error>(writes)
        });
        lease.apply(writes.await?, next).await?;
        Ok(())
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

fn apply_to_users(
    events: &[(Offset, RatingEvent)],
    stored: Vec<(UserId, Option<Row>)>,
    movies: &Movies,
) -> Result<UserChanges, Error> {
    let mut users: States<UserId, UserRow> = unpack_all(stored)?;
    let mut changes = Vec::new();
    for (offset, event) in events {
        let user = users.get_mut(event.user()).expect("the row of every user of the batch was read");
        if user.applied.is_some_and(|applied| applied >= *offset) {
            continue;
        }
        let effect = user.row.apply(event, *offset, |movie| movies.genres(movie));
        // A removal without a rating: the row is as it was and need not be written.
        if effect.is_empty() {
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

fn pack_changed<K, T: Pack>(rows: &States<K, T>, key: impl Fn(&K) -> Bytes) -> Vec<Write> {
    let changed = rows.iter().filter(|(_, state)| state.changed);
    let write = |(id, state): (&K, &RowState<T>)| {
        state.applied.map(|applied| Write { key: key(id), value: pack(&state.row), applied })
    };
    changed.filter_map(write).collect()
}

#[cfg(test)]
mod tests;
