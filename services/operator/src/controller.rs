//! Calls the reconciliation of each rollout: when its object changes, and at an interval.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use futures_util::StreamExt as _;
use kube::runtime::controller::Action;
use kube::runtime::{Config as ControllerConfig, Controller as Runtime, watcher};
use kube::{Api, Client, ResourceExt};
use marquee_backoff::{Backoff, Delays};
use marquee_kit::Stop;
use tokio::time::Instant;

use crate::error::Error;
use crate::metrics::{OperatorMetrics, RolloutLabels};
use crate::reconcile::{self, Reconciler};
use crate::resource::ModelRollout;
use crate::settings::RunArgs;

/// The delays between tries of a reconciliation that fails.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));

/// How many rollouts are reconciled at once.
const CONCURRENCY: u16 = 8;

/// The namespaces whose rollouts are carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of them.
    All,
    /// One.
    Namespace(String),
}

impl Scope {
    /// All namespaces, or one.
    pub(crate) fn new(all: bool, namespace: String) -> Self {
        if all { Self::All } else { Self::Namespace(namespace) }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all namespaces"),
            Self::Namespace(name) => write!(f, "namespace {name}"),
        }
    }
}

/// Reconciles the rollouts of a scope.
pub(crate) struct Controller {
    client: Client,
    scope: Scope,
    interval: Duration,
    metrics: OperatorMetrics,
    reconciler: Reconciler,
    /// What is known of each rollout, by namespace and name.
    rounds: Mutex<HashMap<RolloutLabels, Round>>,
}

/// The last reconciliation of a rollout.
#[derive(Debug)]
struct Round {
    began: Instant,
    /// A fingerprint of what a person may have changed.
    wish: u64,
    delays: Delays,
}

impl Controller {
    /// Prepares a controller. `identity` is the name of this operator in events.
    ///
    /// # Errors
    /// A file of the arguments cannot be used.
    pub(crate) fn new(
        client: Client,
        scope: Scope,
        args: &RunArgs,
        (metrics, identity): (OperatorMetrics, String),
    ) -> Result<Arc<Self>> {
        let reconciler = Reconciler::new(client.clone(), args, metrics.clone(), identity)?;
        let (interval, rounds) = (args.interval, Mutex::default());
        Ok(Arc::new(Self { client, scope, interval, metrics, reconciler, rounds }))
    }

    /// Reconciles until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: Stop) {
        let rollouts: Api<ModelRollout> = match &self.scope {
            Scope::All => Api::all(self.client.clone()),
            Scope::Namespace(name) => Api::namespaced(self.client.clone(), name),
        };
        // What another leader did meanwhile is not known.
        self.rounds().clear();
        let runtime = Runtime::new(rollouts, watcher::Config::default())
            .with_config(ControllerConfig::default().concurrency(CONCURRENCY))
            .graceful_shutdown_on(async move { stop.cancelled().await })
            .run(
                |rollout, this| async move { this.reconcile(&rollout).await },
                |rollout, error, this| this.retry(&rollout, error),
                Arc::clone(&self),
            );
        let ended = runtime.for_each(|outcome| async move {
            if let Err(error) = outcome {
                tracing::debug!(error = %marquee_kit::chain(&error), "reconciliation");
            }
        });
        ended.await;
    }

    async fn reconcile(&self, rollout: &ModelRollout) -> Result<Action, Error> {
        let key = RolloutLabels::of(rollout);
        if let Some(wait) = self.begin(&key, rollout) {
            return Ok(Action::requeue(wait));
        }
        let started = Instant::now();
        let outcome = self.reconciler.reconcile(&key).await;
        let label = match &outcome {
            Ok(_) => "done",
            Err(error) if error.is_conflict() => "conflict",
            Err(_) => "failed",
        };
        self.metrics.reconciled(label, started.elapsed());
        match outcome {
            Ok(reconcile::Outcome::Gone) => {
                self.rounds().remove(&key);
                self.metrics.forget(&key);
                Ok(Action::await_change())
            }
            Ok(reconcile::Outcome::Again(wait)) => {
                self.change(&key, |round| round.delays.reset());
                Ok(Action::requeue(wait.min(self.interval)))
            }
            Err(error) => Err(error),
        }
    }

    /// Begins a round. Returns how long to wait if the last one began a moment ago and nobody
    /// wished for anything else since: each status that is stored is a change of the object too.
    fn begin(&self, key: &RolloutLabels, rollout: &ModelRollout) -> Option<Duration> {
        let wish = wish(rollout);
        let mut rounds = self.rounds();
        let now = Instant::now();
        let Some(round) = rounds.get_mut(key) else {
            rounds.insert(key.clone(), Round { began: now, wish, delays: BACKOFF.start() });
            return None;
        };
        let wait = (self.interval / 2).saturating_sub(now.duration_since(round.began));
        if round.wish == wish && !wait.is_zero() && round.delays.tries() == 0 {
            return Some(wait);
        }
        (round.began, round.wish) = (now, wish);
        None
    }

    fn rounds(&self) -> MutexGuard<'_, HashMap<RolloutLabels, Round>> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, key: &RolloutLabels, change: impl FnOnce(&mut Round)) {
        if let Some(round) = self.rounds().get_mut(key) {
            change(round);
        }
    }

    /// Logs why a reconciliation failed, and returns when to try it again.
    fn retry(&self, rollout: &ModelRollout, error: &Error) -> Action {
        let key = RolloutLabels::of(rollout);
        let delay = self.retry_after(&key, error);
        let text = marquee_kit::chain(error);
        if error.is_conflict() {
            tracing::debug!(namespace = key.namespace, rollout = key.name, error = text, "another writer was faster");
        } else {
            tracing::warn!(
                namespace = key.namespace,
                rollout = key.name,
                error = text,
                ?delay,
                "reconciliation failed"
            );
        }
        Action::requeue(delay)
    }

    /// Returns when to try a reconciliation again that failed.
    fn retry_after(&self, key: &RolloutLabels, error: &Error) -> Duration {
        // Another writer was faster. Its state is read at once.
        if error.is_conflict() {
            return self.interval / 4;
        }
        let mut delay = self.interval;
        self.change(key, |round| delay = round.delays.next());
        delay
    }
}

/// A fingerprint of what a person may change: the spec, the commands, and whether it is deleted.
fn wish(rollout: &ModelRollout) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    rollout.metadata.generation.hash(&mut hasher);
    rollout.metadata.deletion_timestamp.is_some().hash(&mut hasher);
    rollout.annotations().hash(&mut hasher);
    hasher.finish()
}
