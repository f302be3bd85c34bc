//! Asks inference for predictions, and waits for it within bounds.
//!
//! While no instance answers, or while no wanted version is warm, the ratings wait: a restart of
//! inference costs no comparison. An outage that is longer than the patience must not stop the
//! monitor. Then each request is tried once, and ratings without an answer are learned without a
//! prediction.
//!
//! The wanted versions are read again for each batch, so that a rating is compared by the
//! versions that were warm after it arrived.
//!
//! A version is not asked for ratings that arrived before it was made: it may have been trained on
//! them, and would look better than it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use marquee_backoff::Backoff;
use marquee_domain::{ModelName, Timestamp, Version};
use marquee_eval::duel::Prediction;
use tokio::time::Instant;

use super::sequences::requests;
use crate::inference::{AskError, Evaluated, Inference, MOST_VERSIONS, Question, Reason, Sequence, WantedVersion};

/// How long to wait before the same question is asked again.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));

/// How long the wanted versions of a model are used within a batch before they are read again.
const FRESH: Duration = Duration::from_secs(1);

/// What each version predicts for one rating, or why it predicts nothing.
pub(crate) type Outcomes = BTreeMap<Version, Result<Prediction, Reason>>;

/// The answer for one model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ModelAnswer {
    pub(crate) model: ModelName,
    /// By the index of the step. The error says why no version could be asked.
    pub(crate) steps: Vec<Result<Outcomes, Reason>>,
}

/// Asks for predictions of each model.
#[derive(Debug)]
pub(crate) struct Predictor {
    inference: Arc<dyn Inference>,
    history: usize,
    patience: Duration,
    models: Vec<ModelState>,
}

#[derive(Debug)]
struct ModelState {
    model: ModelName,
    /// The wanted versions, and when they were read.
    wanted: Option<(Instant, Vec<WantedVersion>)>,
    /// Since when there is no answer.
    outage: Option<Instant>,
}

impl Predictor {
    pub(crate) fn new(inference: Arc<dyn Inference>, models: Vec<ModelName>, limits: (usize, Duration)) -> Self {
        let state = |model| ModelState { model, wanted: None, outage: None };
        let (history, patience) = limits;
        Self { inference, history, patience, models: models.into_iter().map(state).collect() }
    }

    /// Begins a batch: the wanted versions are read again, after its ratings have arrived.
    pub(crate) fn begin(&mut self) {
        self.models.iter_mut().for_each(|state| state.wanted = None);
    }

    /// Asks every model for predictions of all steps of a partition's part of the batch.
    pub(crate) async fn predict(&mut self, sequences: &[Sequence]) -> Vec<ModelAnswer> {
        let mut answers = Vec::with_capacity(self.models.len());
        for state in &mut self.models {
            let mut steps = Vec::new();
            for request in requests(sequences) {
                let asked = Asked { inference: &*self.inference, sequences: request, history: self.history };
                steps.extend(asked.answer(state, self.patience).await);
            }
            answers.push(ModelAnswer { model: state.model.clone(), steps });
        }
        answers
    }
}

/// One request.
struct Asked<'a> {
    inference: &'a dyn Inference,
    sequences: &'a [Sequence],
    history: usize,
}

impl Asked<'_> {
    /// Returns the answer for each step. It waits while there may be one later, and no longer than
    /// the patience since the outage began.
    async fn answer(&self, state: &mut ModelState, patience: Duration) -> Vec<Result<Outcomes, Reason>> {
        let mut delays = BACKOFF.start();
        loop {
            let error = match self.ask(state).await {
                Ok(outcomes) => {
                    state.outage = None;
                    return outcomes.into_iter().map(Ok).collect();
                }
                Err(error) => error,
            };
            state.wanted = None;
            let since = *state.outage.get_or_insert_with(Instant::now);
            if !error.is_passing || since.elapsed() >= patience {
                let reason = error.reason.name();
                tracing::debug!(model = %state.model, %error, reason, "ratings have no prediction");
                return vec![Err(error.reason); self.steps()];
            }
            if delays.tries() == 0 {
                tracing::info!(model = %state.model, %error, "waiting for predictions");
            }
            delays.wait().await;
        }
    }

    fn steps(&self) -> usize {
        self.sequences.iter().map(|sequence| sequence.steps.len()).sum()
    }

    fn arrivals(&self) -> impl Iterator<Item = Timestamp> {
        self.sequences.iter().flat_map(|sequence| sequence.steps.iter().map(|step| step.arrived))
    }

    async fn ask(&self, state: &mut ModelState) -> Result<Vec<Outcomes>, AskError> {
        let wanted = self.wanted(state).await?;
        let newest = self.arrivals().max().unwrap_or_default();
        let is_later = |wanted: &&WantedVersion| wanted.created_at.is_none_or(|created| created < newest);
        let mut versions: Vec<Version> =
            wanted.iter().filter(|wanted| wanted.is_warm).filter(is_later).map(|wanted| wanted.version).collect();
        versions.sort_unstable();
        versions.drain(..versions.len().saturating_sub(MOST_VERSIONS));
        let mut outcomes = vec![Outcomes::new(); self.steps()];
        if versions.is_empty() {
            // A version that is made later than the ratings is no reason to wait.
            let is_expected = wanted.iter().any(|wanted| !wanted.is_warm && is_later(&wanted));
            if is_expected || wanted.is_empty() {
                return Err(no_version(is_expected, "no wanted version is warm"));
            }
        } else {
            let question =
                Question { model: &state.model, versions: &versions, sequences: self.sequences, history: self.history };
            let evaluated = self.inference.evaluate(question).await?;
            if evaluated.iter().all(|version| version.steps.is_err()) {
                let why = evaluated.into_iter().find_map(|version| version.steps.err());
                return Err(no_version(true, &why.unwrap_or_else(|| "no version answered".to_owned())));
            }
            evaluated.into_iter().for_each(|version| fill(&mut outcomes, version));
        }
        self.leave_out(&wanted, &mut outcomes);
        Ok(outcomes)
    }

    /// Returns the wanted versions, which are read again after a moment of the same batch.
    async fn wanted(&self, state: &mut ModelState) -> Result<Vec<WantedVersion>, AskError> {
        if let Some((read, wanted)) = &state.wanted
            && read.elapsed() < FRESH
        {
            return Ok(wanted.clone());
        }
        let wanted = self.inference.wanted(&state.model).await?;
        state.wanted = Some((Instant::now(), wanted.clone()));
        Ok(wanted)
    }

    /// Leaves out predictions of ratings that arrived before a version was made.
    fn leave_out(&self, wanted: &[WantedVersion], outcomes: &mut [Outcomes]) {
        for wanted in wanted.iter().filter(|wanted| wanted.is_warm) {
            let Some(created) = wanted.created_at else { continue };
            for (arrived, outcomes) in self.arrivals().zip(outcomes.iter_mut()) {
                if arrived <= created {
                    outcomes.insert(wanted.version, Err(Reason::BeforeTraining));
                }
            }
        }
    }
}

/// Adds what one version predicted.
fn fill(outcomes: &mut [Outcomes], Evaluated { version, steps }: Evaluated) {
    match steps {
        Ok(steps) => {
            let steps = steps.into_iter().map(Some).chain(std::iter::repeat(None)).map(Option::flatten);
            for (outcomes, prediction) in outcomes.iter_mut().zip(steps) {
                outcomes.insert(version, prediction.ok_or(Reason::EstimateFailed));
            }
        }
        Err(error) => {
            tracing::debug!(%version, error, "a version predicted nothing");
            for outcomes in outcomes.iter_mut() {
                outcomes.insert(version, Err(Reason::VersionFailed));
            }
        }
    }
}

fn no_version(is_passing: bool, message: &str) -> AskError {
    AskError { reason: Reason::NoVersion, message: message.to_owned(), is_passing }
}

#[cfg(test)]
mod tests;
