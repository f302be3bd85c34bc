//! A user in front of the version that answers: assignment, history and state.

use std::sync::Arc;

use marquee_domain::{ModelName, Variant, Version};
use tokio::time::Instant;

use super::history::{Entry, Freshness, History};
use super::{Caller, Encoded, Error, Rating};
use crate::model::{Model, Score, State};
use crate::routing::Unrouted;

/// What an answer is based on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Provenance {
    pub(crate) model: ModelName,
    pub(crate) version: Version,
    pub(crate) variant: Variant,
    pub(crate) freshness: Option<Freshness>,
    pub(crate) history_version: u64,
    pub(crate) degraded: bool,
}

/// The version that a user is assigned to.
#[derive(Debug)]
pub(super) struct Assigned {
    pub(super) model: Arc<Model>,
    pub(super) variant: Variant,
    /// When the request began.
    pub(super) started: Instant,
}

/// A user's history and state for one version.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) model: Arc<Model>,
    pub(super) history: History,
    pub(super) state: State,
    pub(super) provenance: Provenance,
}

impl Rating {
    /// Assigns the user to a version. A request that no version can answer is counted under the
    /// version that should have.
    pub(super) fn assign(&self, caller: &Caller) -> Result<Assigned, Error> {
        let started = Instant::now();
        match self.routing.assign(&caller.model, &caller.user) {
            Ok((model, variant)) => Ok(Assigned { model, variant, started }),
            Err(unrouted) => {
                let error = Error::from(unrouted);
                if let Error::Unrouted(Unrouted::NotWarm { model, version, variant, .. }) = &error {
                    let key = (model.clone(), Version(*version));
                    self.measure(&key, variant, error.outcome());
                    self.counted.tallies.count(&key, error.kind(), started.elapsed());
                }
                Err(error)
            }
        }
    }

    /// Reads the user's history and encodes it, or takes the state from the cache.
    pub(super) async fn subject(&self, caller: &Caller, assigned: &Assigned) -> Result<Subject, Error> {
        let model = Arc::clone(&assigned.model);
        let history = self.histories.read(&caller.user, &caller.after).await;
        let history = history.map_err(|error| Error::Features(Box::new(error)))?;
        if history.degraded {
            self.metrics.degraded.inc();
        }
        let state = self.state(caller, &model, &history).await?;
        let provenance = Provenance {
            model: model.name.clone(),
            version: model.version,
            variant: assigned.variant,
            freshness: history.freshness,
            history_version: history.version,
            degraded: history.degraded,
        };
        Ok(Subject { model, history, state, provenance })
    }

    /// Returns the state of a user at a history.
    async fn state(&self, caller: &Caller, model: &Model, history: &History) -> Result<State, Error> {
        let key = (caller.user.clone(), model.name.clone(), model.version);
        if let Some(found) = self.states.get(&key).filter(|found| found.history == history.version) {
            self.metrics.states_hit.inc();
            return Ok(found.state);
        }
        self.metrics.states_missed.inc();
        let state = model.encode(&known(model, &history.entries)).await.map_err(Error::Encoder)?;
        self.states.insert(key, Encoded { history: history.version, state: Arc::clone(&state) });
        self.metrics.states.set(i64::try_from(self.states.len()).unwrap_or(i64::MAX));
        self.metrics.states_bytes.set(i64::try_from(self.states.bytes()).unwrap_or(i64::MAX));
        Ok(state)
    }
}

/// Returns the entries of a history that a version knows, by movie index.
pub(super) fn known(model: &Model, history: &[Entry]) -> Vec<(i64, f32)> {
    history.iter().filter_map(|entry| Some((model.index_of(&entry.movie)?, entry.rating as f32))).collect()
}

/// Returns the score of a movie that the version was trained without: the mean of the user's
/// ratings, pulled towards the mean of all ratings as if the user had five more ratings of that
/// mean. The ratings come in the order of the history.
pub(crate) fn unknown(model: &Model, ratings: impl ExactSizeIterator<Item = f64>) -> Score {
    const PRIOR: f64 = 5.0;
    let (prior, count) = (model.prior(), ratings.len() as f64);
    let sum: f64 = ratings.sum();
    Score { rating: (sum + PRIOR * prior.rating) / (count + PRIOR), spread: prior.spread }
}
