//! Adds the predictions of a batch to the tallies. Pure.
//!
//! A row may already contain a part of the batch: the store kept the beginning of a write, and the
//! batch is applied again. What a row contains is recognized by its offset and not added twice.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use marquee_domain::{ModelName, MovieId, Offset, Version};
use marquee_eval::duel::{
    Case, Differences, Errors, HOURS_KEPT, Hour, LiveTally, Mergeable, Prediction, Score, Slice, Tally, pairs,
};
use marquee_log::Movies;
use marquee_ports::{Error, Row, Write};

use super::plan::{Plan, RatingCase};
use super::predict::{ModelAnswer, Outcomes};
use crate::inference::Reason;
use crate::join::Joined;
use crate::outcome::Outcome;
use crate::rows::{self, INDEX, Index, MovieCount, STATS, Stats, Stored, TallyId, movie_key};

/// A row while a batch is applied.
#[derive(Debug)]
struct RowState<T> {
    row: T,
    /// The offset of the stored row.
    stored: Option<Offset>,
    /// The offset of the newest event that was added.
    changed: Option<Offset>,
}

impl<T: Default + Stored> RowState<T> {
    fn read(stored: Option<&Row>) -> Result<Self, Error> {
        let row = stored.map(rows::unpack).transpose()?.unwrap_or_default();
        Ok(Self { row, stored: stored.map(|stored| stored.applied), changed: None })
    }

    /// Returns the row for a change by an event, unless the row has the event already.
    fn at(&mut self, offset: Offset) -> Option<&mut T> {
        if self.stored.is_some_and(|stored| stored >= offset) {
            return None;
        }
        self.changed = self.changed.max(Some(offset));
        Some(&mut self.row)
    }

    fn write(&self, key: Bytes) -> Option<Write> {
        Some(Write { key, value: self.row.pack(), applied: self.changed? })
    }
}

/// The tally of a version or a pair while a batch is applied, of all ratings and of each hour.
#[derive(Debug)]
struct TallyState<T> {
    all: RowState<Tally<T>>,
    hours: BTreeMap<Hour, RowState<Tally<T>>>,
}

impl<T: Mergeable> TallyState<T>
where
    Tally<T>: Stored,
{
    fn read(id: &TallyId, hours: &BTreeSet<Hour>, stored: &BTreeMap<Bytes, Row>) -> Result<Self, Error> {
        let of_hour = |hour: &Hour| Ok((*hour, RowState::read(stored.get(&id.hour_key(*hour)))?));
        let hours = hours.iter().map(of_hour).collect::<Result<_, Error>>()?;
        Ok(Self { all: RowState::read(stored.get(&id.key()))?, hours })
    }

    fn add(&mut self, RatingCase { offset, arrived, .. }: &RatingCase, slices: &[Slice], item: T::Item) {
        if let Some(tally) = self.all.at(*offset) {
            tally.add(slices, *arrived, item);
        }
        if let Some(tally) = self.hours.get_mut(&Hour::of(*arrived)).and_then(|row| row.at(*offset)) {
            tally.add_to_hour(slices, *arrived, item);
        }
    }

    fn writes(&self, id: &TallyId) -> impl Iterator<Item = Write> {
        let of_hours = self.hours.iter().filter_map(|(hour, row)| row.write(id.hour_key(*hour)));
        self.all.write(id.key()).into_iter().chain(of_hours)
    }
}

/// Returns the hours in which the ratings of a batch arrived; the last ones if a batch has more
/// than are kept apart.
fn hours(plan: &Plan) -> BTreeSet<Hour> {
    let mut hours: BTreeSet<Hour> = plan.cases.iter().map(|case| Hour::of(case.arrived)).collect();
    while hours.len() as u64 > HOURS_KEPT {
        hours.pop_first();
    }
    hours
}

/// What is added to the tallies.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) answers: Vec<ModelAnswer>,
    /// Ratings that were joined with a prediction, each at the offset where it was found.
    pub(crate) joined: Vec<(Offset, Joined)>,
}

/// The rows that a batch changes, besides those of users.
#[derive(Debug)]
pub(crate) struct Tallies {
    versions: BTreeMap<TallyId, TallyState<Errors>>,
    pairs: BTreeMap<TallyId, TallyState<Differences>>,
    live: BTreeMap<TallyId, RowState<LiveTally>>,
    movies: BTreeMap<MovieId, RowState<MovieCount>>,
    index: RowState<Index>,
    stats: RowState<Stats>,
}

/// Returns the keys of the rows that a batch changes, besides those of users. `tallies` are the ids
/// of [`tally_ids`].
pub(crate) fn keys(plan: &Plan, tallies: &BTreeSet<TallyId>) -> BTreeSet<Bytes> {
    let (movies, hours) = (plan.changes.iter().map(|(_, change)| movie_key(&change.movie)), hours(plan));
    let has_hours = |id: &&TallyId| !matches!(id, TallyId::Live(..));
    let of_hours = tallies.iter().filter(has_hours).flat_map(|id| hours.iter().map(|hour| id.hour_key(*hour)));
    movies.chain(tallies.iter().map(TallyId::key)).chain(of_hours).chain([INDEX, STATS]).collect()
}

/// Returns the tallies that predictions are added to.
pub(crate) fn tally_ids(evidence: &Evidence) -> BTreeSet<TallyId> {
    let mut ids = BTreeSet::new();
    for ModelAnswer { model, steps } in &evidence.answers {
        let versions = |outcomes: &Outcomes| -> BTreeSet<Version> {
            outcomes.iter().filter(|(_, outcome)| is_judged(outcome)).map(|(version, _)| *version).collect()
        };
        // Most steps have the same versions.
        let sets: BTreeSet<BTreeSet<Version>> = steps.iter().flatten().map(versions).collect();
        for set in sets {
            for version in &set {
                ids.insert(TallyId::Version(model.clone(), *version));
                let later = set.range(*version..).skip(1);
                ids.extend(later.map(|other| TallyId::Pair(model.clone(), *version, *other)));
            }
        }
    }
    ids.extend(evidence.joined.iter().map(|(_, joined)| live_id(joined)));
    ids
}

/// Returns whether a version is judged by a rating, also by failing to predict it.
fn is_judged(outcome: &Result<Prediction, Reason>) -> bool {
    !matches!(outcome, Err(Reason::BeforeTraining))
}

fn live_id(joined: &Joined) -> TallyId {
    TallyId::Live(joined.shown.model.clone(), joined.shown.id.clone())
}

impl Tallies {
    /// Reads the rows with the keys of [`keys`].
    pub(crate) fn read(plan: &Plan, ids: BTreeSet<TallyId>, stored: &BTreeMap<Bytes, Row>) -> Result<Self, Error> {
        let mut tallies = Self {
            versions: BTreeMap::new(),
            pairs: BTreeMap::new(),
            live: BTreeMap::new(),
            movies: BTreeMap::new(),
            index: RowState::read(stored.get(&INDEX))?,
            stats: RowState::read(stored.get(&STATS))?,
        };
        let hours = hours(plan);
        for id in ids {
            match id {
                TallyId::Version(..) => {
                    let tally = TallyState::read(&id, &hours, stored)?;
                    tallies.versions.insert(id, tally);
                }
                TallyId::Pair(..) => {
                    let tally = TallyState::read(&id, &hours, stored)?;
                    tallies.pairs.insert(id, tally);
                }
                TallyId::Live(..) => {
                    let tally = RowState::read(stored.get(&id.key()))?;
                    tallies.live.insert(id, tally);
                }
            }
        }
        for (_, change) in &plan.changes {
            if !tallies.movies.contains_key(&change.movie) {
                let row = RowState::read(stored.get(&movie_key(&change.movie)))?;
                tallies.movies.insert(change.movie.clone(), row);
            }
        }
        Ok(tallies)
    }

    /// Adds a batch, in log order.
    pub(crate) fn add(&mut self, plan: &Plan, evidence: &Evidence, movies: &Movies) -> Outcome {
        let mut outcome = Outcome::default();
        let mut changes = plan.changes.iter().peekable();
        for case in &plan.cases {
            // A rating is compared before its own change.
            while let Some((offset, change)) = changes.next_if(|(offset, _)| *offset < case.offset) {
                self.change_movie(*offset, change);
            }
            self.add_case(case, evidence, (movies, &mut outcome));
        }
        changes.for_each(|(offset, change)| self.change_movie(*offset, change));
        for offset in &plan.not_compared {
            if let Some(stats) = self.stats.at(*offset) {
                stats.not_compared += 1;
            }
        }
        for (offset, joined) in &evidence.joined {
            self.add_joined(*offset, joined);
        }
        self.add_to_index(plan, evidence);
        outcome
    }

    fn change_movie(&mut self, offset: Offset, change: &marquee_features::Change) {
        if let Some(count) = self.movies.get_mut(&change.movie).and_then(|movie| movie.at(offset)) {
            count.change(change.new.is_some(), change.old.is_some());
        }
    }

    fn add_case(&mut self, case: &RatingCase, evidence: &Evidence, (movies, outcome): (&Movies, &mut Outcome)) {
        let ratings = self.movies.get(&case.movie).map_or(0, |movie| movie.row.ratings);
        let judged = Case {
            history: case.history,
            is_new_user: case.is_new_user,
            popularity: self.stats.row.popularity.tercile(ratings),
            genres: movies.genres(&case.movie),
        };
        let slices = judged.slices();
        let (mut is_predicted, mut unpredicted) = (!evidence.answers.is_empty(), Vec::new());
        for ModelAnswer { model, steps } in &evidence.answers {
            let scored = match steps.get(case.step) {
                Some(Ok(outcomes)) if outcomes.is_empty() => {
                    unpredicted.push(Reason::NoVersion);
                    0
                }
                Some(Ok(outcomes)) => self.add_scores(model, case, (&slices, outcomes), &mut unpredicted),
                Some(Err(reason)) => {
                    unpredicted.push(*reason);
                    0
                }
                None => 0,
            };
            is_predicted &= scored > 0;
        }
        unpredicted.iter().for_each(|reason| *outcome.unpredicted.entry(*reason).or_default() += 1);
        outcome.predicted += u64::from(is_predicted);
        if let Some(stats) = self.stats.at(case.offset) {
            stats.ratings += 1;
            stats.predicted += u64::from(is_predicted);
            for reason in unpredicted {
                *stats.unpredicted.entry(reason.name().to_owned()).or_default() += 1;
            }
            stats.popularity.add(ratings);
        }
    }

    /// Adds what the versions of a model predicted for a rating. Returns how many did.
    fn add_scores(
        &mut self,
        model: &ModelName,
        case: &RatingCase,
        (slices, outcomes): (&[Slice], &Outcomes),
        unpredicted: &mut Vec<Reason>,
    ) -> usize {
        let mut scores: BTreeMap<Version, Option<Score>> = BTreeMap::new();
        for (version, outcome) in outcomes {
            let score = outcome.and_then(|made| Score::of(made, case.rating).ok_or(Reason::EstimateFailed));
            unpredicted.extend(score.err());
            if is_judged(outcome) {
                scores.insert(*version, score.ok());
            }
        }
        for (version, score) in scores.iter().filter_map(|(version, score)| Some((version, (*score)?))) {
            if let Some(tally) = self.versions.get_mut(&TallyId::Version(model.clone(), *version)) {
                tally.add(case, slices, score);
            }
        }
        for ((stable, other), both) in pairs(&scores) {
            if let Some(tally) = self.pairs.get_mut(&TallyId::Pair(model.clone(), stable, other)) {
                tally.add(case, slices, both);
            }
        }
        scores.values().flatten().count()
    }

    fn add_joined(&mut self, offset: Offset, joined: &Joined) {
        let prediction = Prediction { rating: joined.shown.rating, spread: joined.shown.spread };
        let Some(score) = Score::of(prediction, joined.rating) else { return };
        if let Some(tally) = self.live.get_mut(&live_id(joined)).and_then(|row| row.at(offset)) {
            tally.add(joined.arrived, score);
        }
        if let Some(stats) = self.stats.at(offset) {
            stats.joined += 1;
            stats.late += u64::from(joined.is_late);
        }
    }

    /// Names new tallies in the index, and the versions that predicted the newest rating.
    fn add_to_index(&mut self, plan: &Plan, evidence: &Evidence) {
        let Some(last) = plan.last else { return };
        let mut index = self.index.row.clone();
        for id in self.versions.keys().chain(self.pairs.keys()).chain(self.live.keys()) {
            match id.clone() {
                TallyId::Version(model, version) => {
                    index.models.entry(model).or_default().versions.insert(version);
                }
                TallyId::Pair(model, stable, other) => {
                    index.models.entry(model).or_default().pairs.insert((stable, other));
                }
                TallyId::Live(model, live) => {
                    index.models.entry(model).or_default().live.insert(live);
                }
            }
        }
        for ModelAnswer { model, steps } in &evidence.answers {
            let newest = plan.cases.last().and_then(|case| steps.get(case.step));
            if let Some(Ok(outcomes)) = newest {
                let current = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(version, _)| *version);
                index.models.entry(model.clone()).or_default().current = current.collect();
            }
        }
        if index != self.index.row
            && let Some(row) = self.index.at(last)
        {
            *row = index;
        }
    }

    /// Returns the rows to write before those of users, in the order in which they must be written:
    /// what depends on rows of movies and statistics comes before them, because a replay needs them
    /// as they were.
    pub(crate) fn writes(&self) -> Vec<Write> {
        let mut writes = Vec::from_iter(self.index.write(INDEX));
        writes.extend(self.versions.iter().flat_map(|(id, tally)| tally.writes(id)));
        writes.extend(self.pairs.iter().flat_map(|(id, tally)| tally.writes(id)));
        writes.extend(self.live.iter().filter_map(|(id, row)| row.write(id.key())));
        writes.extend(self.stats.write(STATS));
        writes.extend(self.movies.iter().filter_map(|(movie, row)| row.write(movie_key(movie))));
        writes
    }
}
