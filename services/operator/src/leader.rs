//! Leader election by a Lease: of several operators, one reconciles.
//!
//! The algorithm is that of client-go. An operator takes a lease that has no holder, or whose
//! record did not change for as long as the record says. The time is measured on the observer's
//! own clock, so that clocks may differ. Every write names the resource version that it replaces,
//! so of several operators that try at once, one succeeds.
//!
//! The lease alone does not fence a leader that was paused for longer than it lasts. Statuses and
//! routes are therefore written on condition that they are those that the decision was based on.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use marquee_backoff::{Backoff, Delays};
use marquee_kit::{Check, Stop};
use tokio::time::{Instant, sleep, timeout};

/// How long a lease lasts and how often it is renewed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// Others wait this long after the last renewal.
    pub(crate) duration: Duration,
    /// A leader that could not renew for this long stops to lead. Shorter than the duration.
    pub(crate) deadline: Duration,
    /// Pause between two renewals, and the longest one between two tries.
    pub(crate) retry: Duration,
}

impl Times {
    /// Derives the times of a lease from its duration, in the proportions of client-go.
    pub(crate) fn of(duration: Duration) -> Self {
        Self { duration, deadline: duration * 2 / 3, retry: duration * 2 / 15 }
    }

    /// Returns the pauses between tries: with jitter, so that operators which failed together, or
    /// which wait for the same lease, do not all ask at the same time.
    fn retries(self) -> Delays {
        Backoff::new(self.retry, self.retry).start()
    }
}

/// A candidate for the lease.
#[derive(Debug)]
pub(crate) struct Elector {
    leases: Api<Lease>,
    name: String,
    identity: String,
    times: Times,
    check: Check,
    observed: Option<Observed>,
}

/// A record of the lease, and when this process saw it first.
#[derive(Debug)]
struct Observed {
    version: Option<String>,
    since: Instant,
}

impl Elector {
    /// A candidate with an identity of its own. The check tells whether the API server answers.
    pub(crate) fn new(leases: Api<Lease>, (name, identity): (&str, &str), times: Times, check: Check) -> Self {
        Self { leases, name: name.to_owned(), identity: identity.to_owned(), times, check, observed: None }
    }

    /// Waits until this operator leads.
    pub(crate) async fn acquire(&mut self) {
        let mut retries = self.times.retries();
        while !self.attempt(self.times.deadline).await.unwrap_or(false) {
            retries.wait().await;
        }
    }

    /// Renews the lease until that fails for too long, another operator holds it, or `stop` is
    /// canceled.
    pub(crate) async fn hold(&mut self, stop: &Stop) {
        let (mut renewed, mut retries) = (Instant::now(), self.times.retries());
        let mut pause = self.times.retry;
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.cancelled() => return,
            }
            match self.attempt(self.times.deadline.saturating_sub(renewed.elapsed())).await {
                Some(true) => (renewed, pause) = (Instant::now(), self.times.retry),
                Some(false) => return tracing::warn!(lease = self.name, "another operator leads"),
                None => pause = retries.next(),
            }
            if renewed.elapsed() >= self.times.deadline {
                return tracing::warn!(lease = self.name, "could not renew the lease in time, and stops to lead");
            }
        }
    }

    /// Tries to take or renew the lease. Returns `None` without an answer of the API server.
    async fn attempt(&mut self, longest: Duration) -> Option<bool> {
        let why = match timeout(longest, self.try_acquire()).await {
            Ok(Ok(leads)) => {
                self.check.ready();
                return Some(leads);
            }
            Ok(Err(error)) => crate::error::explain(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(lease = self.name, error = why, "could not take or renew the lease");
        self.check.not_ready(format!("the API server does not grant the lease: {why}"));
        None
    }

    /// Takes or renews the lease. Returns false if another operator holds it.
    async fn try_acquire(&mut self) -> Result<bool, kube::Error> {
        let Some(current) = self.leases.get_opt(&self.name).await? else {
            let lease = self.lease(None);
            return won(self.leases.create(&PostParams::default(), &lease).await);
        };
        let is_ours = holder(&current) == self.identity;
        if !is_ours && !self.is_expired(&current) {
            return Ok(false);
        }
        let next = self.lease(Some(&current));
        let taken = won(self.leases.replace(&self.name, &PostParams::default(), &next).await)?;
        if taken && !is_ours {
            tracing::info!(lease = self.name, identity = self.identity, before = holder(&current), "leads");
        }
        Ok(taken)
    }

    /// Returns whether a lease has no holder, or was not renewed for as long as it lasts.
    fn is_expired(&mut self, lease: &Lease) -> bool {
        let version = lease.metadata.resource_version.clone();
        let observed = match self.observed.take() {
            Some(observed) if observed.version == version => observed,
            _ => Observed { version, since: Instant::now() },
        };
        let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).unwrap_or(0);
        let lasts = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        let expired = holder(lease).is_empty() || observed.since.elapsed() > lasts;
        self.observed = Some(observed);
        expired
    }

    /// The lease with this operator as its holder, over the one that is stored.
    fn lease(&self, current: Option<&Lease>) -> Lease {
        let now = MicroTime(Timestamp::now());
        let before = current.and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let is_ours = before.holder_identity.as_deref() == Some(self.identity.as_str());
        let transitions = before.lease_transitions.unwrap_or(0) + i32::from(current.is_some() && !is_ours);
        let acquired = before.acquire_time.filter(|_| is_ours).unwrap_or_else(|| now.clone());
        let seconds = self.times.duration.as_secs_f64().ceil() as i32;
        let spec = LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(seconds.max(1)),
            acquire_time: Some(acquired),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        };
        let own = || ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
        Lease { metadata: current.map_or_else(own, |lease| lease.metadata.clone()), spec: Some(spec) }
    }

    /// Gives the lease back if this operator still holds it, so that another operator need not
    /// wait.
    pub(crate) async fn release(&self) {
        let released = async {
            let Some(mut lease) = self.leases.get_opt(&self.name).await? else { return Ok(()) };
            if holder(&lease) == self.identity {
                if let Some(spec) = &mut lease.spec {
                    spec.holder_identity = None;
                }
                self.leases.replace(&self.name, &PostParams::default(), &lease).await?;
            }
            Ok::<_, kube::Error>(())
        };
        match timeout(self.times.retry, released).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error = crate::error::explain(&error);
                tracing::warn!(lease = self.name, error, "could not give the lease back");
            }
            Err(_) => tracing::warn!(lease = self.name, "no answer when giving the lease back"),
        }
    }
}

/// Returns the holder of a lease, or an empty text.
fn holder(lease: &Lease) -> &str {
    lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default()
}

/// Returns whether a conditional write took place. That another operator was faster is no error.
fn won<T>(written: Result<T, kube::Error>) -> Result<bool, kube::Error> {
    match written {
        Ok(_) => Ok(true),
        Err(error) if crate::error::is_status(&error, 409) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
