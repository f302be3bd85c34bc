//! Cuts the ratings of a user into sequences: a history, and ratings that are predicted one after
//! another and learned in between.
//!
//! Inference learns a step by making it the newest entry of the history. That is what the user's
//! row does, unless a rating comes out of order or is removed. A sequence ends there, and the next
//! one begins with the history of the row.
//!
//! **Invariant:** each rating is predicted from the history that the feature store would serve just
//! before the rating's position in the log (`each_rating_is_predicted_from_the_row_before_it`).

use std::collections::VecDeque;

use marquee_domain::MovieId;
use marquee_features::UserEdit;

use crate::inference::{Sequence, Step};

/// Most steps of a sequence. Short ones spread better over requests.
const MOST_STEPS: usize = 64;

/// The most steps and entries of histories in one request, below the limits of inference.
const REQUEST_STEPS: usize = 512;
const REQUEST_ENTRIES: usize = 20_000;

/// The sequences of one user while events are applied to the user's row.
#[derive(Debug)]
pub(crate) struct Sequences {
    limit: usize,
    /// The history that inference has after the steps so far, oldest first. `None` before it is
    /// needed.
    known: Option<VecDeque<(MovieId, f64)>>,
    /// The last sequence goes on.
    is_open: bool,
    done: Vec<Sequence>,
}

impl Sequences {
    /// Returns no sequences yet, of histories with at most `limit` entries.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, known: None, is_open: false, done: Vec::new() }
    }

    /// Prepares for an event that may be a rating to predict. `row` is the row before the event.
    /// Where it differs from what inference knows, the sequence ends.
    pub(crate) fn look(&mut self, row: &UserEdit) {
        let history = row.history(self.limit);
        let is_equal = (self.known.as_ref())
            .is_some_and(|known| known.iter().map(|(movie, rating)| (movie, *rating)).eq(history.iter().copied()));
        if !is_equal {
            self.known = Some(history.into_iter().map(|(movie, rating)| (movie.clone(), rating)).collect());
            self.is_open = false;
        }
    }

    /// Adds a rating that is predicted from what [`Self::look`] saw, then learned.
    pub(crate) fn predict(&mut self, step: Step) {
        let known = self.known.get_or_insert_default();
        if !self.is_open {
            self.done.push(Sequence { history: known.iter().cloned().collect(), steps: Vec::new() });
            self.is_open = true;
        }
        known.retain(|(movie, _)| *movie != step.movie);
        known.push_back((step.movie.clone(), step.rating));
        if known.len() > self.limit {
            known.pop_front();
        }
        if let Some(last) = self.done.last_mut() {
            last.steps.push(step);
            self.is_open = last.steps.len() < MOST_STEPS;
        }
    }

    /// Returns the sequences, in order.
    pub(crate) fn finish(self) -> Vec<Sequence> {
        self.done
    }
}

/// Splits sequences into requests.
pub(crate) fn requests(sequences: &[Sequence]) -> Vec<&[Sequence]> {
    let (mut requests, mut start) = (Vec::new(), 0);
    let (mut steps, mut entries) = (0, 0);
    for (index, sequence) in sequences.iter().enumerate() {
        steps += sequence.steps.len();
        entries += sequence.history.len();
        if index > start && (steps > REQUEST_STEPS || entries > REQUEST_ENTRIES) {
            requests.push(&sequences[start..index]);
            start = index;
            (steps, entries) = (sequence.steps.len(), sequence.history.len());
        }
    }
    if start < sequences.len() {
        requests.push(&sequences[start..]);
    }
    requests
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;

    use super::*;

    fn sequence(steps: usize, entries: usize) -> Sequence {
        let movie = MovieId::try_new("m").unwrap();
        let step = Step { movie: movie.clone(), rating: 3.0, arrived: Timestamp::EPOCH };
        Sequence { history: vec![(movie, 4.0); entries], steps: vec![step; steps] }
    }

    #[test]
    fn requests_have_every_sequence_once_and_stay_within_the_limits() {
        let all: Vec<Sequence> = (0..500).map(|n| sequence(1 + n % MOST_STEPS, n % 501)).collect();
        let requests = requests(&all);
        assert_eq!(requests.concat(), all);
        assert!(requests.len() > 10);
        for request in requests {
            assert!(request.iter().map(|sequence| sequence.steps.len()).sum::<usize>() <= REQUEST_STEPS);
            assert!(request.iter().map(|sequence| sequence.history.len()).sum::<usize>() <= REQUEST_ENTRIES);
        }
        assert!(super::requests(&[]).is_empty());
    }
}
