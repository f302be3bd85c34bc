//! Applies one partition's events to its rows. The order of the writes is what makes a crash between them harmless; see the crate's own page.

use std::collections::BTreeMap;

use bytes::Bytes;
use marquee_domain::{MovieId, Offset, Partition, RatingEvent, UserId};
use marquee_ports::{Error, ErrorKind, Lease, OnlineStore, RowKey, Write};

use marquee_features::{MovieRow, Pack, RowError, Unpack, UserRow, movie_key, pack, unpack, user_key};

/// A row while a batch is applied.
struct Open<T> {
    row: T,
    applied: Option<Offset>,
    changed: bool,
}

/// Consecutive events of one partition.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The events, in order, with their offsets.
    pub(crate) events: Vec<(Offset, RatingEvent)>,
    /// The offset of the first record after the batch.
    pub(crate) next: Offset,
}

/// Applies a batch to the rows of the lease's partition, and moves the marker behind the batch.
pub(crate) async fn apply<'g>(
    store: &dyn OnlineStore,
    lease: &mut dyn Lease,
    genres: impl Fn(&MovieId) -> &'g [String] + Send,
    batch: &Batch,
) -> Result<(), Error> {
    let (partition, events) = (lease.partition(), &batch.events);
    let mut users: BTreeMap<UserId, Open<UserRow>> =
        open(store, partition, events.iter().map(|(_, event)| event.user()), user_key).await?;
    let mut changes = Vec::new();
    for (offset, event) in events {
        let Some(user) = users.get_mut(event.user()) else { continue };
        if user.applied.is_some_and(|applied| applied >= *offset) {
            continue;
        }
        let made = user.row.apply(event, *offset, &genres);
        // A removal without a rating: the row is as it was and need not be written.
        if made.is_empty() {
            continue;
        }
        user.applied = Some(*offset);
        user.changed = true;
        changes.extend(made.into_iter().map(|change| (*offset, change)));
    }
    let mut movies: BTreeMap<MovieId, Open<MovieRow>> =
        open(store, partition, changes.iter().map(|(_, change)| &change.movie), movie_key).await?;
    for (offset, change) in &changes {
        let Some(movie) = movies.get_mut(&change.movie) else { continue };
        // An event changes a movie at most once, so the offset alone tells whether the row has the change.
        if movie.applied.is_none_or(|applied| applied < *offset) {
            movie.row.apply(change);
            movie.applied = Some(*offset);
            movie.changed = true;
        }
    }
    // Movies before users: as long as a user's row is the old one, replaying gives the same changes.
    let mut writes = writes(&movies, movie_key);
    writes.extend(self::writes(&users, user_key));
    lease.apply(writes, batch.next).await?;
    Ok(())
}

async fn open<'a, K, T>(
    store: &dyn OnlineStore,
    source: Partition,
    keys: impl Iterator<Item = &'a K>,
    name: impl Fn(&K) -> Bytes,
) -> Result<BTreeMap<K, Open<T>>, Error>
where
    K: Ord + Clone + 'a,
    T: Default + Unpack,
{
    let mut wanted: Vec<&K> = keys.collect();
    wanted.sort_unstable();
    wanted.dedup();
    let names: Vec<RowKey> = wanted.iter().map(|key| RowKey { source, key: name(key) }).collect();
    let rows = store.get(&names).await?;
    let mut opened = BTreeMap::new();
    for (key, stored) in wanted.into_iter().zip(rows) {
        let open = match stored {
            Some(stored) => {
                let row = unpack(&stored.value).map_err(corrupt)?;
                Open { row, applied: Some(stored.applied), changed: false }
            }
            None => Open { row: T::default(), applied: None, changed: false },
        };
        opened.insert(key.clone(), open);
    }
    Ok(opened)
}

fn writes<K, T: Pack>(rows: &BTreeMap<K, Open<T>>, name: impl Fn(&K) -> Bytes) -> Vec<Write> {
    rows.iter()
        .filter(|(_, open)| open.changed)
        .filter_map(|(key, open)| open.applied.map(|applied| Write { key: name(key), value: pack(&open.row), applied }))
        .collect()
}

/// A row of a newer version is whole, and a newer instance can read it: that error is temporary.
pub(crate) fn corrupt(error: RowError) -> Error {
    let kind = if error.is_newer() { ErrorKind::Unavailable } else { ErrorKind::Corrupt };
    Error::new(kind, "read a row of the online store", error)
}

#[cfg(test)]
mod tests;
