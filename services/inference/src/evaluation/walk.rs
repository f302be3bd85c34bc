//! One sequence on its way through a version: the history that grows with the steps, and what was
//! predicted so far.

use std::collections::VecDeque;
use std::sync::Arc;

use super::request::{Rated, Sequence, Step};
use super::{Estimate, Estimates, StepError, failure};
use crate::model::{Change, Model, Score};
use crate::rating::unknown;

/// A sequence.
#[derive(Debug)]
pub(super) struct Walk {
    /// The index of the sequence in the request.
    pub(super) sequence: usize,
    /// The index of each movie of the request in the version, if the version knows it.
    indices: Arc<[Option<i64>]>,
    steps: Vec<Step>,
    limit: Option<usize>,
    /// Oldest first.
    history: VecDeque<Rated>,
    estimates: Estimates,
}

/// What a learned step changes in the state of the user. The rating that leaves comes first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Learned {
    pub(super) removed: Change,
    pub(super) added: Change,
}

impl Learned {
    pub(super) const NOTHING: Self = Self { removed: Change::NONE, added: Change::NONE };

    /// Returns how many runs of the learner it takes.
    pub(super) fn runs(self) -> usize {
        [self.removed, self.added].iter().filter(|change| !change.is_none()).count()
    }
}

impl Walk {
    pub(super) fn new((at, sequence): (usize, &Sequence), indices: Arc<[Option<i64>]>) -> Self {
        let (history, estimates) = (VecDeque::new(), Vec::with_capacity(sequence.steps.len()));
        let (steps, limit) = (sequence.steps.clone(), sequence.limit);
        let mut walk = Self { sequence: at, indices, steps, limit, history, estimates };
        walk.restart(sequence);
        walk
    }

    /// Begins again at the first step.
    pub(super) fn restart(&mut self, sequence: &Sequence) {
        self.estimates.clear();
        self.history = sequence.history.iter().copied().collect();
        let beyond = self.limit.map_or(0, |limit| self.history.len().saturating_sub(limit));
        self.history.drain(..beyond);
    }

    pub(super) fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Returns the next step, or `None` at the end.
    pub(super) fn next(&self) -> Option<Step> {
        self.steps.get(self.estimates.len()).copied()
    }

    /// Returns the entries of the history that the version knows, by movie index.
    pub(super) fn known(&self) -> Vec<(i64, f32)> {
        let entry = |rated: &Rated| Some((self.index(*rated)?, rated.rating as f32));
        self.history.iter().filter_map(entry).collect()
    }

    /// Returns the index of a movie in the version.
    pub(super) fn index(&self, rated: Rated) -> Option<i64> {
        self.indices[rated.movie]
    }

    /// Ends the current step with the score of its movie. The score of a movie that the version
    /// does not know is ignored. Returns what the step changes, if it is learned.
    pub(super) fn advance(&mut self, model: &Model, score: Score) -> Learned {
        let Some(step) = self.next() else { return Learned::NOTHING };
        let is_unknown = self.index(step.rated).is_none();
        let score = match is_unknown {
            true => unknown(model, self.history.iter().map(|rated| rated.rating)),
            false => score,
        };
        self.estimates.push(if score.is_finite() {
            let rating = model.scale().clip(score.rating);
            Ok(Estimate { rating, spread: score.spread, unknown_movie: is_unknown })
        } else {
            Err("the model returned no finite rating".into())
        });
        if step.learn { self.learn(step.rated) } else { Learned::NOTHING }
    }

    /// Adds a rating to the history. The earlier rating of the movie leaves, or else the oldest
    /// entry beyond the limit.
    fn learn(&mut self, rated: Rated) -> Learned {
        let earlier = self.history.iter().position(|entry| entry.movie == rated.movie);
        self.history.push_back(rated);
        let removed = match earlier {
            Some(earlier) => self.history.remove(earlier),
            None if self.limit.is_some_and(|limit| self.history.len() > limit) => self.history.pop_front(),
            None => None,
        };
        let change = |rated: Rated, weight| match self.index(rated) {
            Some(movie) => Change { movie, rating: rated.rating as f32, weight },
            None => Change::NONE,
        };
        Learned { removed: removed.map_or(Change::NONE, |rated| change(rated, -1.0)), added: change(rated, 1.0) }
    }

    /// Returns whether every step so far has an estimate.
    pub(super) fn is_predicted(&self) -> bool {
        self.estimates.iter().all(Result::is_ok)
    }

    /// Gives the steps that have no estimate yet the reason why.
    pub(super) fn fail(&mut self, error: Option<&StepError>) {
        let Some(error) = error else { return };
        self.estimates.resize(self.steps.len(), Err(failure(error)));
    }

    pub(super) fn into_estimates(self) -> Estimates {
        self.estimates
    }
}
