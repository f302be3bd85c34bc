//! Sequences that go through the graphs of a version together, step by step.
//!
//! The encoder reads each history once, alone, as it does for a prediction, unless its state was
//! kept by an earlier evaluation. Then each round scores one step of each sequence in one run, and
//! the learner adds the ratings of the round to the states in another. So the cost of a rating does
//! not grow with the history. Where a rating moves everything, as in models with noise weights, the
//! learner carries sums over the history, and reads the history once in place of the encoder. The
//! state after the last step is kept for the next ratings of the user. A package without a learner
//! has its histories encoded again after each step.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;

use super::states::{StateKey, States, UserState};
use super::walk::{Learned, Walk};
use super::{StepError, rows};
use crate::model::{Change, Model, State};
use crate::pressure::Pressure;

/// Runs of the learner after which a history is encoded again, so that rounding errors do not add
/// up. `marquee-onnx` tests what such a number of runs changes:
/// `learning_and_forgetting_equal_encoding_again`.
const LEARNED_AT_MOST: usize = 64;

/// The longest time for which an evaluation waits while serving is busy.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sequences of one version.
#[derive(Debug)]
pub(super) struct Group<'a> {
    model: Arc<Model>,
    pressure: &'a Pressure,
    states: &'a States,
    /// Those with the most steps come first.
    walks: &'a mut [Walk],
    /// One for each sequence that has steps.
    rows: Vec<Row>,
}

/// The state of a sequence, which is a row of the state of the group.
#[derive(Debug)]
struct Row {
    /// Names the state at the start.
    start: Option<StateKey>,
    /// Runs of the learner since the history was encoded.
    learned: usize,
}

impl<'a> Group<'a> {
    /// Creates a group of sequences, those with the most steps first.
    pub(super) fn new(
        model: Arc<Model>,
        (pressure, states): (&'a Pressure, &'a States),
        walks: &'a mut [Walk],
    ) -> Self {
        Self { model, pressure, states, walks, rows: Vec::new() }
    }

    /// Predicts all steps of all sequences. Waits before each round while serving is busy.
    pub(super) async fn evaluate(mut self) -> Result<(), StepError> {
        let mut active = self.active();
        if active == 0 {
            return Ok(());
        }
        self.wait().await?;
        let mut state = self.start(active).await?;
        loop {
            let mut learned = self.score(&state, active).await?;
            let left = self.active();
            if left == 0 {
                self.end(state, learned).await;
                return Ok(());
            }
            // The states of sequences that have ended are only needed later.
            learned.truncate(if self.states.is_on() { active } else { left });
            self.wait().await?;
            state = self.learn(rows::first(state, learned.len()), learned, left).await?;
            self.keep(&state, left..active);
            state = rows::first(state, left);
            active = left;
        }
    }

    /// Learns the last steps. Every step has its estimate by then, so what fails here costs a run
    /// of the encoder later, and nothing else.
    async fn end(&mut self, state: State, learned: Vec<Learned>) {
        if !self.states.is_on() || self.pressure.is_busy() {
            return;
        }
        let rows = learned.len();
        match self.learn(state, learned, 0).await {
            Ok(state) => self.keep(&state, 0..rows),
            Err(error) => tracing::debug!(error = marquee_kit::chain(&error), "states were not kept"),
        }
    }

    async fn wait(&self) -> Result<(), StepError> {
        tokio::time::timeout(PATIENCE, self.pressure.calm()).await.map_err(|_| StepError::Busy)
    }

    /// Returns how many sequences have steps left. They are the first ones.
    fn active(&self) -> usize {
        self.walks.partition_point(|walk| walk.next().is_some())
    }

    /// Returns the states of the first sequences before their first step.
    async fn start(&mut self, count: usize) -> Result<State, StepError> {
        let histories: Vec<Vec<(i64, f32)>> = self.walks[..count].iter().map(Walk::known).collect();
        let keys: Vec<Option<StateKey>> =
            histories.iter().map(|history| self.states.key(&self.model, history)).collect();
        let found = self.states.find(keys.iter().map(Option::as_ref));
        let missed = histories.iter().zip(&found).filter(|(_, found)| found.is_none());
        let mut encoded = self.encode(missed.map(|(history, _)| history)).await?.into_iter();
        let mut states = Vec::with_capacity(count);
        for (key, found) in keys.into_iter().zip(found) {
            let is_new = found.is_none();
            let found = found.or_else(|| Some(UserState { state: encoded.next()?, learned: 0 }));
            let value = found.ok_or(StepError::States)?;
            states.push(Arc::clone(&value.state));
            self.rows.push(Row { start: key.clone(), learned: value.learned });
            if let Some(key) = key.filter(|_| is_new && rows::is_finite(&value.state)) {
                self.states.keep(key, value, None);
            }
        }
        rows::join(&states).ok_or(StepError::States)
    }

    /// Encodes histories, each alone.
    async fn encode(&self, histories: impl Iterator<Item = &Vec<(i64, f32)>>) -> Result<Vec<State>, StepError> {
        let states = try_join_all(histories.map(|history| self.model.begin(history))).await;
        states.map_err(|error| StepError::Run("encoder", error))
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

    /// Changes the states as the steps of the round say. Those of the first `left` sequences are
    /// encoded again where too much was learned since they were; the others are left as they are.
    async fn learn(&mut self, state: State, mut learned: Vec<Learned>, left: usize) -> Result<State, StepError> {
        let outdated = self.count(&mut learned);
        let removed: Vec<Change> = learned.iter().map(|learned| learned.removed).collect();
        let added: Vec<Change> = learned.iter().map(|learned| learned.added).collect();
        let learned = self.model.learn(state, [&removed, &added]).await;
        let state = learned.map_err(|error| StepError::Run("learner", error))?;
        let outdated: Vec<usize> = outdated.into_iter().filter(|row| *row < left).collect();
        let histories: Vec<Vec<(i64, f32)>> = outdated.iter().map(|row| self.walks[*row].known()).collect();
        let encoded = self.encode(histories.iter()).await?;
        outdated.iter().for_each(|row| self.rows[*row].learned = 0);
        let replaced: Vec<(usize, State)> = outdated.into_iter().zip(encoded).collect();
        rows::replace(state, &replaced).ok_or(StepError::States)
    }

    /// Counts the runs of the learner that changes need. Returns the rows for which they are too
    /// many, whose changes are taken out.
    fn count(&mut self, learned: &mut [Learned]) -> Vec<usize> {
        let most = self.most_learned();
        let mut outdated = Vec::new();
        for (index, (row, learned)) in self.rows.iter_mut().zip(learned).enumerate() {
            row.learned += learned.runs();
            if row.learned > most {
                *learned = Learned::NOTHING;
                outdated.push(index);
            }
        }
        outdated
    }

    fn most_learned(&self) -> usize {
        if self.model.has_learner() { LEARNED_AT_MOST } else { 0 }
    }

    /// Keeps the states of sequences that have ended.
    fn keep(&self, state: &State, ended: Range<usize>) {
        if !self.states.is_on() {
            return;
        }
        for index in ended {
            let (row, walk) = (&self.rows[index], &self.walks[index]);
            // Beyond the limit, the next evaluation encodes the history.
            if row.learned > self.most_learned() || !walk.is_predicted() {
                continue;
            }
            let key = self.states.key(&self.model, &walk.known()).filter(|key| Some(key) != row.start.as_ref());
            let Some((key, state)) = key.zip(rows::row(state, index)) else { continue };
            if rows::is_finite(&state) {
                self.states.keep(key, UserState { state, learned: row.learned }, row.start.clone());
            }
        }
    }
}
