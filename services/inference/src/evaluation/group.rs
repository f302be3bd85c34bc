//! Sequences that go through the graphs of a version together, step by step.
//!
//! The encoder reads each history once, alone, as it does for a prediction. Then each round scores
//! one step of each sequence in one run, and the learner adds the ratings of the round to the
//! states in another. So the cost of a rating does not grow with the history. A package without a
//! learner has its histories encoded again after each step.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;

use super::walk::{Learned, Walk};
use super::{StepError, rows};
use crate::model::{Change, Model, State};
use crate::pressure::Pressure;

/// Runs of the learner after which the histories are encoded again, so that rounding errors do not
/// add up. `marquee-onnx` tests what such a number of runs changes:
/// `learning_and_forgetting_equal_encoding_again`.
const LEARNED_AT_MOST: usize = 64;

/// The longest time for which an evaluation waits while serving is busy.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sequences of one version.
#[derive(Debug)]
pub(super) struct Group<'a> {
    model: Arc<Model>,
    pressure: &'a Pressure,
    /// Those with the most steps come first.
    walks: &'a mut [Walk],
    /// Runs of the learner since the histories were encoded.
    learned: usize,
}

impl<'a> Group<'a> {
    /// Creates a group of sequences, those with the most steps first.
    pub(super) fn new(model: Arc<Model>, pressure: &'a Pressure, walks: &'a mut [Walk]) -> Self {
        Self { model, pressure, walks, learned: 0 }
    }

    /// Predicts all steps of all sequences. Waits before each round while serving is busy.
    pub(super) async fn evaluate(mut self) -> Result<(), StepError> {
        let mut active = self.active();
        if active == 0 {
            return Ok(());
        }
        self.wait().await?;
        let mut state = self.encode(active).await?;
        loop {
            let learned = self.score(&state, active).await?;
            active = self.active();
            if active == 0 {
                return Ok(());
            }
            self.wait().await?;
            state = self.learn(rows::first(state, active), &learned[..active]).await?;
        }
    }

    async fn wait(&self) -> Result<(), StepError> {
        tokio::time::timeout(PATIENCE, self.pressure.calm()).await.map_err(|_| StepError::Busy)
    }

    /// Returns how many sequences have steps left. They are the first ones.
    fn active(&self) -> usize {
        self.walks.partition_point(|walk| walk.next().is_some())
    }

    /// Encodes the histories of the first sequences.
    async fn encode(&mut self, count: usize) -> Result<State, StepError> {
        self.learned = 0;
        let histories: Vec<Vec<(i64, f32)>> = self.walks[..count].iter().map(Walk::known).collect();
        let states = try_join_all(histories.iter().map(|history| self.model.encode(history))).await;
        let states = states.map_err(|error| StepError::Run("encoder", error))?;
        rows::join(states).ok_or(StepError::States)
    }

    /// Predicts the current steps of the first sequences. Returns what they change.
    async fn score(&mut self, state: &State, count: usize) -> Result<Vec<Learned>, StepError> {
        let steps = self.walks[..count].iter().map(|walk| walk.next().and_then(|step| walk.index(step.rated)));
        // The score of a movie that the version does not know is not used.
        let movies: Vec<i64> = steps.map(Option::unwrap_or_default).collect();
        let scores = self.model.score_rows(state, movies).await.map_err(|error| StepError::Run("scorer", error))?;
        if scores.len() != count {
            return Err(StepError::TooFewScores);
        }
        let advance = |(walk, score): (&mut Walk, _)| walk.advance(&self.model, score);
        Ok(self.walks[..count].iter_mut().zip(scores).map(advance).collect())
    }

    /// Changes the states as the steps of the round say.
    async fn learn(&mut self, mut state: State, learned: &[Learned]) -> Result<State, StepError> {
        let removed: Vec<Change> = learned.iter().map(|learned| learned.removed).collect();
        let added: Vec<Change> = learned.iter().map(|learned| learned.added).collect();
        let runs: Vec<Vec<Change>> = [removed, added].into_iter().filter(|changes| has_any(changes)).collect();
        if runs.is_empty() {
            return Ok(state);
        }
        if !self.model.has_learner() || self.learned + runs.len() > LEARNED_AT_MOST {
            return self.encode(learned.len()).await;
        }
        self.learned += runs.len();
        for changes in runs {
            state = self.model.learn(state, &changes).await.map_err(|error| StepError::Run("learner", error))?;
        }
        Ok(state)
    }
}

fn has_any(changes: &[Change]) -> bool {
    changes.iter().any(|change| change.weight != 0.0)
}
