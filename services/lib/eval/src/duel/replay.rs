//! The duel over a list of events, as an evaluation before or after the fact.
//!
//! It is written apart from the live duel, on the ledger alone: one event after another, in log
//! order, each predicted from the history before it and then learned.

use std::collections::{BTreeMap, HashMap, HashSet};

use marquee_domain::{Ledger, LedgerEntry, MovieId, Offset, Rating, RatingEvent, Timestamp, UserId, Version};

use super::{Case, Differences, Errors, Popularity, Prediction, Score, Tally, is_new_rating, pairs};

/// Predicts ratings.
pub trait Predict {
    /// Returns what each version predicts for a movie from a history, which is oldest first. A
    /// version that predicts nothing is absent.
    fn predict(&mut self, history: &[(MovieId, f64)], movie: &MovieId) -> BTreeMap<Version, Prediction>;
}

impl<F: FnMut(&[(MovieId, f64)], &MovieId) -> BTreeMap<Version, Prediction>> Predict for F {
    fn predict(&mut self, history: &[(MovieId, f64)], movie: &MovieId) -> BTreeMap<Version, Prediction> {
        self(history, movie)
    }
}

/// How events are replayed.
#[derive(Debug, Clone, Copy)]
pub struct Replay<G> {
    /// The newest ratings of a history.
    pub history: usize,
    /// The index of the first event that is compared. Earlier ones are learned only.
    pub from: usize,
    /// Returns the genres of a movie.
    pub genres: G,
}

/// The tallies of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replayed {
    /// By version.
    pub versions: BTreeMap<Version, Tally<Errors>>,
    /// By the older and the newer version of a pair.
    pub pairs: BTreeMap<(Version, Version), Tally<Differences>>,
}

impl Replayed {
    /// Adds the tallies of other events.
    pub fn merge(&mut self, other: &Self) {
        for (version, tally) in &other.versions {
            self.versions.entry(*version).or_default().merge(tally);
        }
        for (pair, tally) in &other.pairs {
            self.pairs.entry(*pair).or_default().merge(tally);
        }
    }
}

/// Replays the events of one partition, in log order, with the times of their arrival.
pub fn replay<G: Fn(&MovieId) -> Vec<String>>(
    events: &[(Timestamp, RatingEvent)],
    options: &Replay<G>,
    predictor: &mut impl Predict,
) -> Replayed {
    let mut state = State::default();
    for (index, (arrived, event)) in events.iter().enumerate() {
        let asked = (index >= options.from).then_some(&mut *predictor);
        state.step(Offset(index as u64), (*arrived, event), (options, asked));
    }
    state.replayed
}

#[derive(Default)]
struct State {
    ledgers: HashMap<UserId, Ledger>,
    /// Users who have had an event.
    known: HashSet<UserId>,
    /// How many ratings of each movie count.
    movies: HashMap<MovieId, u64>,
    popularity: Popularity,
    replayed: Replayed,
}

impl State {
    fn step<G: Fn(&MovieId) -> Vec<String>>(
        &mut self,
        offset: Offset,
        (arrived, event): (Timestamp, &RatingEvent),
        (options, predictor): (&Replay<G>, Option<&mut impl Predict>),
    ) {
        let ledger = self.ledgers.entry(event.user().clone()).or_default();
        let history = history(ledger, options.history);
        let count = ledger.len() as u64;
        let changes = ledger.apply(event, offset, |_| ());
        // A removal without a rating leaves nothing behind.
        let is_new_user = !changes.is_empty() && self.known.insert(event.user().clone());
        if let (RatingEvent::Rated(rating), Some(predictor), Some(change)) = (event, predictor, changes.first())
            && is_new_rating(change.old.as_ref().map(|old| old.rated_at), change.new.map(|(at, _)| at))
        {
            let movie_ratings = self.movies.get(&rating.movie).copied().unwrap_or(0);
            let popularity = self.popularity.tercile(movie_ratings);
            self.popularity.add(movie_ratings);
            let genres = (options.genres)(&rating.movie);
            let case = Case { history: count, is_new_user, popularity, genres: &genres };
            let predictions = predictor.predict(&history, &rating.movie);
            self.replayed.add(rating, (arrived, case), &predictions);
        }
        for change in changes {
            let ratings = self.movies.entry(change.movie).or_default();
            *ratings = (*ratings + u64::from(change.new.is_some())).saturating_sub(u64::from(change.old.is_some()));
        }
    }
}

impl Replayed {
    fn add(
        &mut self,
        rating: &Rating,
        (arrived, case): (Timestamp, Case<'_>),
        predictions: &BTreeMap<Version, Prediction>,
    ) {
        let slices = case.slices();
        let score = |(version, prediction): (&Version, &Prediction)| (*version, Score::of(*prediction, rating.value));
        let scores: BTreeMap<Version, Option<Score>> = predictions.iter().map(score).collect();
        for (version, score) in &scores {
            if let Some(score) = score {
                self.versions.entry(*version).or_default().add(&slices, arrived, *score);
            }
        }
        for (pair, both) in pairs(&scores) {
            self.pairs.entry(pair).or_default().add(&slices, arrived, both);
        }
    }
}

/// Returns the newest ratings that count, oldest first, as the feature store serves them.
fn history(ledger: &Ledger, limit: usize) -> Vec<(MovieId, f64)> {
    let mut all: Vec<(&MovieId, &LedgerEntry<()>)> = ledger.iter().collect();
    all.sort_by_key(|&(movie, entry)| (entry.rated_at, entry.offset, movie));
    let skip = all.len().saturating_sub(limit);
    all.into_iter().skip(skip).map(|(movie, entry)| (movie.clone(), entry.value)).collect()
}
