//! Drives every rollout while this controller holds the lease, and stands by while another one
//! does.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use marquee_domain::{ModelName, Timestamp};
use marquee_driver::{ApplyError, Driver, Observed};
use marquee_kit::{Check, Stop, chain};
use marquee_lease::Lease;
use marquee_rollout::{Action, Decision, Event, Outcome, Severity, Spec, Status};
use tokio::time::Instant;

use crate::metrics::RolloutMetrics;
use crate::rollouts::Rollouts;
use crate::spec;
use crate::store::{Document, DocumentError, StoreError, Stored, StoredEvent};

/// The rollouts that are looked at side by side.
const SIDE_BY_SIDE: usize = 8;

/// The shortest time between two rounds.
const SHORTEST: Duration = Duration::from_millis(20);

/// The reason of the event that tells of a route that could not be changed.
const ROUTE_NOT_CHANGED: &str = "RouteNotChanged";

/// What a controller works with.
#[derive(Debug)]
pub(crate) struct Workplace {
    pub(crate) lease: Lease,
    pub(crate) driver: Driver,
    pub(crate) metrics: RolloutMetrics,
    pub(crate) check: Check,
}

/// The controller of rollouts.
#[derive(Debug)]
pub(crate) struct Worker {
    rollouts: Arc<Rollouts>,
    at: Workplace,
    interval: Duration,
    /// What was logged about each model, so that it is logged once.
    told: Mutex<BTreeMap<ModelName, Told>>,
}

/// What was logged about a model.
#[derive(Debug, Default)]
struct Told {
    problems: Vec<String>,
    /// Why the rollout cannot be driven.
    unreadable: Option<String>,
    /// Why the route could not be changed. A refusal is also an observation of the next round.
    unchanged: Option<ApplyError>,
}

/// A rollout that can be driven.
struct Work {
    stored: Stored,
    spec: Spec,
    status: Status,
}

impl Worker {
    pub(crate) fn new(rollouts: Arc<Rollouts>, at: Workplace, interval: Duration) -> Self {
        Self { rollouts, at, interval, told: Mutex::default() }
    }

    /// Works until `stop`.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), Infallible> {
        self.at.check.not_ready("the rollouts were not read yet");
        let (mut held, mut away) = (None, false);
        while !stop.is_cancelled() {
            let looked = tokio::select! {
                looked = self.look(held) => looked,
                () = stop.cancelled() => break,
            };
            if let Err(error) = &looked
                && !away
            {
                tracing::warn!(error = chain(error), "the rollouts cannot be read; trying again");
            }
            away = looked.is_err();
            let wait;
            (held, wait) = looked.unwrap_or((None, self.interval));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.rollouts.wait_for_call() => {}
                () = stop.cancelled() => {}
            }
        }
        if held.is_some()
            && let Err(error) = self.at.lease.release().await
        {
            tracing::warn!(error = chain(&error), "could not release the lease; other controllers wait until it ends");
        }
        Ok(())
    }

    /// Takes or renews the lease, reads every rollout, and drives them with the lease. Returns when
    /// this controller renewed it, or `None` without it, and how long to wait for the next round.
    async fn look(&self, renewed: Option<Instant>) -> Result<(Option<Instant>, Duration), StoreError> {
        let held = self.hold(renewed).await;
        let stored = self.rollouts.refresh().await?;
        self.at.check.ready();
        let held = held?;
        if held.is_some() != renewed.is_some() {
            tracing::info!(holds = held.is_some(), "the lease of the rollouts changed");
        }
        self.at.metrics.set_lease(held.is_some());
        if held.is_none() {
            return Ok((None, self.interval));
        }
        tokio::select! {
            next = self.drive_all(stored) => Ok((held, self.wait_until(next))),
            // What a round leaves half done is decided again by the next holder.
            () = self.keep_lease() => Ok((None, SHORTEST)),
        }
    }

    /// Takes the lease, or renews it if that is due.
    async fn hold(&self, renewed: Option<Instant>) -> Result<Option<Instant>, StoreError> {
        if renewed.is_some_and(|renewed| renewed.elapsed() < self.at.lease.renewal()) {
            return Ok(renewed);
        }
        let now = Instant::now();
        let holds = self.at.lease.hold().await.map_err(StoreError::Store)?;
        Ok(holds.then_some(now))
    }

    /// Returns how long to wait for the next round.
    fn wait_until(&self, next: Option<Timestamp>) -> Duration {
        let due = next.map_or(self.interval, |next| next.since(self.rollouts.now()));
        due.clamp(SHORTEST, self.interval)
    }

    /// Renews the lease. Returns when it is lost.
    async fn keep_lease(&self) {
        let mut keeper = self.at.lease.keeper();
        loop {
            tokio::time::sleep(self.at.lease.renewal()).await;
            match keeper.renew().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => tracing::warn!(error = chain(&error), "could not renew the lease; trying again"),
            }
        }
        tracing::warn!("lost the lease of the rollouts");
    }

    /// Drives every rollout by one round. Returns when the earliest next one is due.
    async fn drive_all(&self, stored: Vec<Stored>) -> Option<Timestamp> {
        let rounds = stored.into_iter().filter_map(|stored| self.read(stored)).map(|work| self.round(work));
        let due: Vec<Option<Timestamp>> = stream::iter(rounds).buffer_unordered(SIDE_BY_SIDE).collect().await;
        due.into_iter().flatten().min()
    }

    /// Reads the parts of a rollout. Returns `None` for one of a newer release, which this one must
    /// not drive.
    fn read(&self, stored: Stored) -> Option<Work> {
        let model = &stored.document.model;
        let unreadable = match spec::parts(&stored.document) {
            Ok((spec, status)) => {
                self.with_told(model, |told| told.unreadable = None);
                return Some(Work { spec, status, stored });
            }
            Err(unreadable) => unreadable,
        };
        let before = self.with_told(model, |told| told.unreadable.replace(unreadable.clone()));
        if before.as_ref() != Some(&unreadable) {
            tracing::error!(%model, reason = unreadable, "a rollout is not driven");
        }
        None
    }

    /// Observes, decides, stores the status, and changes the route. Returns when the next round is
    /// due.
    async fn round(&self, work: Work) -> Option<Timestamp> {
        let Work { stored, spec, status } = work;
        let unchanged = self.with_told(&spec.model, |told| told.unchanged.clone());
        let observed = self.at.driver.observe(&spec, &status, spec::commands(&stored.document)).await;
        let observed = observed.with_refusal(unchanged.as_ref().and_then(ApplyError::refusal).map(str::to_owned));
        self.tell_problems(&spec.model, &observed);
        let decision = self.at.driver.decide(&spec, &status, &observed, self.rollouts.now());
        match self.store(&stored, &decision).await {
            Ok(()) => {}
            // The next round reads what another controller or a caller wrote.
            Err(StoreError::Superseded) => return Some(Timestamp::EPOCH),
            Err(error) => {
                tracing::warn!(model = %spec.model, error = chain(&error), "a decision was not stored; deciding again");
                return None;
            }
        }
        self.tell(&spec.model, &status, &decision);
        self.apply(&spec.model, &observed, &decision.actions).await;
        Some(decision.next)
    }

    /// Stores a decision if it changes something.
    async fn store(&self, stored: &Stored, decision: &Decision) -> Result<(), StoreError> {
        let mut new = stored.document.clone();
        new.status = encode(&decision.status).map_err(|error| StoreError::Document(new.model.clone(), error))?;
        new.observed_generation = new.generation;
        new.commands.retain(|command| !decision.status.handled_commands.contains(&command.id));
        new.events.extend(events(decision).map(stored_event));
        if new.says_the_same(&stored.document) {
            return Ok(());
        }
        let written = self.rollouts.store().write(new, Some(stored)).await?;
        self.rollouts.adopt(written.document);
        Ok(())
    }

    /// Tells the events of a decision that is stored, and shows its figures.
    fn tell(&self, model: &ModelName, before: &Status, decision: &Decision) {
        let status = &decision.status;
        for event in events(decision) {
            self.at.metrics.count(model, event);
            let (reason, weight) = (event.reason.as_str(), status.weights.wanted.value());
            let candidate = status.candidate.map_or(0, |version| version.0);
            match event.severity {
                Severity::Normal => {
                    tracing::info!(%model, reason, candidate, weight, detail = event.message, "rollout event")
                }
                Severity::Warning => {
                    tracing::warn!(%model, reason, candidate, weight, detail = event.message, "rollout event")
                }
            }
        }
        for past in status.history.iter().take_while(|past| !before.history.contains(past)) {
            match past.outcome {
                Outcome::Aborted => self.at.metrics.aborted(model, past.reason.as_str()),
                Outcome::Completed => self.at.metrics.completed(model),
                Outcome::Superseded => {}
            }
        }
        self.at.metrics.show(model, status);
    }

    /// Changes the route. A change that fails is decided again in the next round.
    async fn apply(&self, model: &ModelName, observed: &Observed, actions: &[Action]) {
        let failed = self.at.driver.apply(observed, actions).await.err();
        let before = self.with_told(model, |told| std::mem::replace(&mut told.unchanged, failed.clone()));
        let Some(error) = failed else { return };
        self.at.metrics.route_failed(model);
        if before.as_ref() != Some(&error) {
            let error = error.to_string();
            tracing::warn!(%model, error, "the route was not changed; trying again");
            self.record(model, error).await;
        }
    }

    /// Adds an event to a rollout. It is lost if others change the rollout all the time.
    async fn record(&self, model: &ModelName, message: String) {
        let event = StoredEvent::new(self.rollouts.now(), ROUTE_NOT_CHANGED, message).warning(true);
        let add = |present: Option<Document>| {
            let mut document = present.ok_or(())?;
            document.events.push(event.clone());
            Ok::<_, ()>(document)
        };
        if let Ok(stored) = self.rollouts.store().change(model, add).await {
            self.rollouts.adopt(stored.document);
        }
    }

    /// Logs what does not answer when that changes.
    fn tell_problems(&self, model: &ModelName, observed: &Observed) {
        let problems = &observed.problems;
        self.at.metrics.unreachable(model, problems.len());
        let before = self.with_told(model, |told| std::mem::replace(&mut told.problems, problems.clone()));
        if before == *problems {
            return;
        }
        match problems.is_empty() {
            true => tracing::info!(%model, "everything that the rollout needs answers again"),
            false => tracing::warn!(%model, problems = problems.join("; "), "something that the rollout needs is away"),
        }
    }

    fn with_told<T>(&self, model: &ModelName, change: impl FnOnce(&mut Told) -> T) -> T {
        let mut told: MutexGuard<'_, _> = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        change(told.entry(model.clone()).or_default())
    }
}

/// Returns the events of a decision, the oldest first.
fn events(decision: &Decision) -> impl Iterator<Item = &Event> {
    decision.actions.iter().filter_map(|action| match action {
        Action::Event(event) => Some(event),
        Action::SetRoute { .. } => None,
    })
}

fn stored_event(event: &Event) -> StoredEvent {
    let warning = event.severity == Severity::Warning;
    StoredEvent::new(event.time, event.reason.as_str(), event.message.clone()).warning(warning)
}

fn encode(status: &Status) -> Result<serde_json::Value, DocumentError> {
    serde_json::to_value(status).map_err(DocumentError::Json)
}

#[cfg(test)]
mod tests;
