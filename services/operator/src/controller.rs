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
    /// It ended because another writer was faster, so the next one begins without a pause.
    lost_race: bool,
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
            rounds.insert(key.clone(), Round { began: now, wish, delays: BACKOFF.start(), lost_race: false });
            return None;
        };
        let wait = (self.interval / 2).saturating_sub(now.duration_since(round.began));
        let is_pausing = round.delays.tries() == 0 && !round.lost_race;
        if round.wish == wish && !wait.is_zero() && is_pausing {
            return Some(wait);
        }
        (round.began, round.wish, round.lost_race) = (now, wish, false);
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
        // Another writer was faster. Its state is read soon.
        if error.is_conflict() {
            self.change(key, |round| round.lost_race = true);
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use clap::Parser as _;
    use http::{Request, Response};
    use kube::client::Body;
    use marquee_driver::ApplyError;
    use marquee_kit::Context;

    use super::*;
    use crate::resource::ModelRolloutSpec;
    use crate::settings::{Command, Program};

    /// The default interval of the operator.
    const INTERVAL: Duration = Duration::from_secs(5);

    /// Returns a controller whose API server never answers.
    fn controller() -> Arc<Controller> {
        let silent = tower::service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
        let Command::Run(args) = Program::parse_from(["marquee-operator", "run"]).command else { unreachable!() };
        let metrics = OperatorMetrics::new(&Context::default().metrics);
        let made = Controller::new(Client::new(silent, "default"), Scope::All, &args, (metrics, "one".to_owned()));
        made.expect("valid arguments")
    }

    fn rollout() -> ModelRollout {
        ModelRollout::new("ratings", ModelRolloutSpec::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_reconciliation_that_keeps_failing_is_tried_less_and_less_often() {
        let (controller, rollout) = (controller(), rollout());
        let key = RolloutLabels::of(&rollout);
        let failed = Error::Cleanup("no instance answers".to_owned());
        assert_eq!(controller.retry_after(&key, &failed), INTERVAL, "nothing is known of the rollout");
        assert_eq!(controller.begin(&key, &rollout), None);
        for ceiling in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            let ceiling = Duration::from_millis(ceiling);
            let delay = controller.retry_after(&key, &failed);
            assert!(delay >= ceiling / 2 && delay <= ceiling, "{delay:?} is not in the upper half of {ceiling:?}");
            assert_eq!(controller.begin(&key, &rollout), None, "a try waits for its delay only");
        }
        controller.change(&key, |round| round.delays.reset());
        let delay = controller.retry_after(&key, &failed);
        assert!(delay <= Duration::from_millis(500), "{delay:?} after a success");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_race_is_tried_again_soon_and_counts_as_no_failure() {
        let (controller, rollout) = (controller(), rollout());
        let key = RolloutLabels::of(&rollout);
        assert_eq!(controller.begin(&key, &rollout), None);
        assert_eq!(controller.begin(&key, &rollout), Some(INTERVAL / 2), "two rounds have a pause between them");
        let lost = Error::Route(ApplyError::Conflict("the route is at 4".to_owned()));
        for _ in 0..8 {
            assert_eq!(controller.retry_after(&key, &lost), INTERVAL / 4);
        }
        tokio::time::advance(INTERVAL / 4).await;
        assert_eq!(controller.begin(&key, &rollout), None, "the state of the other writer is read");
        assert_eq!(controller.begin(&key, &rollout), Some(INTERVAL / 2), "one round only begins early");
        let failed = Error::Cleanup("no instance answers".to_owned());
        let delay = controller.retry_after(&key, &failed);
        assert!(delay <= Duration::from_millis(500), "{delay:?} is not the first delay");
    }
}
