//! Applies a batch to the rows of its users in memory, and says which ratings are to be predicted
//! and from which histories. Pure.

use std::collections::BTreeMap;

use bytes::Bytes;
use marquee_domain::{MovieId, Offset, Rating, RatingEvent, Timestamp, UserId};
use marquee_eval::duel::is_new_rating;
use marquee_features::{Change, Chunk, Layout, RowError, StoredUser, Unpack, UserEdit, unpack};
use marquee_log::Movies;
use marquee_ports::{Error, ErrorKind, Row};

use super::batch::LoggedEvent;
use super::sequences::Sequences;
use crate::inference::{Sequence, Step};

/// How events are planned.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// The genres at present.
    pub(crate) movies: Movies,
    pub(crate) layout: Layout,
    /// Most ratings of a history.
    pub(crate) history: usize,
    /// Events from this offset on are compared.
    pub(crate) duel_from: Offset,
}

/// A user's stored row, and which of its chunks the events need.
#[derive(Debug)]
pub(crate) struct OpenUser {
    id: UserId,
    stored: StoredUser,
    applied: Option<Offset>,
    /// The indices of the events that the row does not have yet.
    missing: Vec<usize>,
    needed: Vec<u32>,
}

/// A rating that is compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RatingCase {
    pub(crate) offset: Offset,
    pub(crate) user: UserId,
    pub(crate) movie: MovieId,
    /// In stars.
    pub(crate) rating: f64,
    pub(crate) arrived: Timestamp,
    /// How many ratings of the user counted before.
    pub(crate) history: u64,
    pub(crate) is_new_user: bool,
    /// Its index among the steps of all sequences.
    pub(crate) step: usize,
}

/// A user's row with the events of the batch.
#[derive(Debug)]
pub(crate) struct ChangedUser {
    pub(crate) id: UserId,
    pub(crate) edit: UserEdit,
    /// The offset of the last event that changed the row.
    pub(crate) applied: Offset,
}

/// What a batch does.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) users: Vec<ChangedUser>,
    /// The effects on movies, in log order.
    pub(crate) changes: Vec<(Offset, Change)>,
    /// In log order.
    pub(crate) cases: Vec<RatingCase>,
    pub(crate) sequences: Vec<Sequence>,
    /// Events that are learned and not compared although the duel has begun.
    pub(crate) not_compared: Vec<Offset>,
    /// The offset of the last event.
    pub(crate) last: Option<Offset>,
}

/// Reads the rows of the users of a batch.
pub(crate) fn open(
    events: &[LoggedEvent],
    stored: Vec<(UserId, Option<Row>)>,
    layout: Layout,
) -> Result<Vec<OpenUser>, Error> {
    let mut by_user: BTreeMap<&UserId, Vec<usize>> = BTreeMap::new();
    for (index, logged) in events.iter().enumerate() {
        by_user.entry(logged.event.user()).or_default().push(index);
    }
    let open = |(id, row): (UserId, Option<Row>)| {
        let applied = row.as_ref().map(|row| row.applied);
        let is_missing = |index: &usize| applied.is_none_or(|applied| applied < events[*index].offset);
        let missing: Vec<usize> = by_user.get(&id).into_iter().flatten().copied().filter(is_missing).collect();
        let stored: StoredUser = row.as_ref().map(unpack_user).transpose()?.unwrap_or_default();
        let needed = match missing.is_empty() {
            true => Vec::new(),
            false => stored.chunks_for(&pick(events, &missing), layout),
        };
        Ok(OpenUser { id, stored, applied, missing, needed })
    };
    stored.into_iter().map(open).collect()
}

impl OpenUser {
    /// Returns the keys of the chunks that must be read.
    pub(crate) fn chunk_keys(&self) -> impl Iterator<Item = Bytes> {
        self.needed.iter().filter_map(|index| self.stored.chunk_key(*index, &self.id))
    }
}

/// Plans a batch. `chunks` are the rows of [`OpenUser::chunk_keys`].
pub(crate) fn plan(
    events: &[LoggedEvent],
    users: Vec<OpenUser>,
    chunks: &BTreeMap<Bytes, Row>,
    rules: &Rules,
) -> Result<Plan, Error> {
    let mut plan = Plan { last: events.last().map(|last| last.offset), ..Plan::default() };
    for user in users {
        if !user.missing.is_empty() {
            plan.add(events, user, (chunks, rules))?;
        }
    }
    plan.changes.sort_by_key(|(offset, _)| *offset);
    plan.cases.sort_by_key(|case| case.offset);
    plan.not_compared.sort_unstable();
    Ok(plan)
}

impl Plan {
    /// Adds the events of one user.
    fn add(
        &mut self,
        events: &[LoggedEvent],
        user: OpenUser,
        (chunks, rules): (&BTreeMap<Bytes, Row>, &Rules),
    ) -> Result<(), Error> {
        let OpenUser { id, stored, applied, missing, needed } = user;
        let mut parts: BTreeMap<u32, Chunk> = BTreeMap::new();
        for index in needed {
            let row = stored.chunk_key(index, &id).and_then(|key| chunks.get(&key));
            parts.insert(index, row.map(unpack_user).transpose()?.unwrap_or_default());
        }
        let edit = stored.edit(parts, applied, (&pick(events, &missing), rules.layout));
        let mut user = UserPlan {
            plan: self,
            edit,
            sequences: Sequences::new(rules.history),
            changed: None,
            is_stored: applied.is_some(),
        };
        for index in missing {
            user.apply(&events[index], rules);
        }
        let UserPlan { edit, sequences, changed, .. } = user;
        self.sequences.extend(sequences.finish());
        self.users.extend(changed.map(|applied| ChangedUser { id, edit, applied }));
        Ok(())
    }
}

/// The plan of one user.
struct UserPlan<'a> {
    plan: &'a mut Plan,
    edit: UserEdit,
    sequences: Sequences,
    /// The offset of the last event that changed the row.
    changed: Option<Offset>,
    /// The user had an event before the batch.
    is_stored: bool,
}

impl UserPlan<'_> {
    /// Applies an event to the row, and adds it to the sequences if it is a rating to predict.
    fn apply(&mut self, logged: &LoggedEvent, rules: &Rules) {
        let LoggedEvent { offset, arrived, event } = logged;
        let is_duel = *offset >= rules.duel_from;
        if is_duel {
            self.sequences.look(&self.edit);
        }
        let (history, is_new_user) = (self.edit.ratings(), !self.is_stored && self.changed.is_none());
        let effect = self.edit.apply(event, *offset, |movie| rules.movies.genres(movie));
        let is_repaired = self.edit.take_repaired();
        if is_repaired || !effect.is_empty() {
            self.changed = Some(*offset);
        }
        if is_duel {
            match compared(event, &effect) {
                Some(rating) => {
                    let Rating { user, movie, value, .. } = rating.clone();
                    self.sequences.predict(Step { movie: movie.clone(), rating: value, arrived: *arrived });
                    let (offset, arrived, step) = (*offset, *arrived, self.plan.cases.len());
                    let case = RatingCase { offset, user, movie, rating: value, arrived, history, is_new_user, step };
                    self.plan.cases.push(case);
                }
                None => self.plan.not_compared.push(*offset),
            }
        }
        self.plan.changes.extend(effect.into_iter().map(|change| (*offset, change)));
    }
}

/// Returns the rating of an event that is compared: one that counts and is not sent again.
fn compared<'e>(event: &'e RatingEvent, effect: &[Change]) -> Option<&'e Rating> {
    let (RatingEvent::Rated(rating), Some(change)) = (event, effect.first()) else { return None };
    let time = |rating: Option<(Timestamp, f64)>| rating.map(|(at, _)| at);
    is_new_rating(time(change.old), time(change.new)).then_some(rating)
}

/// Returns the events with these indices.
fn pick<'e>(events: &'e [LoggedEvent], indices: &[usize]) -> Vec<&'e RatingEvent> {
    indices.iter().map(|index| &events[*index].event).collect()
}

/// Reads a row of a user, or one of its chunks.
fn unpack_user<T: Unpack>(stored: &Row) -> Result<T, Error> {
    unpack(&stored.value).map_err(|error: RowError| {
        let kind = if error.is_newer() { ErrorKind::Unavailable } else { ErrorKind::Corrupt };
        Error::new(kind, "read a user's row of the monitor's store", error)
    })
}

#[cfg(test)]
mod tests;
