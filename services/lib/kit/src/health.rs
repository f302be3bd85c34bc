//! Whether a process can serve, and if not, why.
//!
//! Each role owns checks by name; `/readyz` and `grpc.health.v1` read them. The process is ready when every check is.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// How a check stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckState {
    /// It can serve.
    Ready,
    /// It cannot, and why.
    NotReady(String),
}

/// Every check of a process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<watch::Sender<BTreeMap<&'static str, CheckState>>>);

/// One check; its owner moves it.
#[derive(Debug, Clone)]
pub struct Check {
    service: &'static str,
    health: Health,
}

impl Health {
    /// Adds a check named after a gRPC service; it starts not ready.
    pub fn check(&self, service: &'static str) -> Check {
        let check = Check { service, health: self.clone() };
        check.not_ready("starting");
        check
    }

    /// Every check, by name.
    pub fn states(&self) -> BTreeMap<&'static str, CheckState> {
        self.0.borrow().clone()
    }

    /// Every check is ready.
    pub fn is_ready(&self) -> bool {
        self.0.borrow().values().all(|state| *state == CheckState::Ready)
    }

    /// Waits until every check is ready.
    pub async fn ready(&self) {
        let mut states = self.0.subscribe();
        // The sender lives in `self`, so waiting can't fail.
        let _ = states.wait_for(|states| states.values().all(|state| *state == CheckState::Ready)).await;
    }

    /// Marks everything as going down, so that balancers turn away before connections are closed.
    pub fn drain(&self) {
        self.0.send_modify(|states| {
            for state in states.values_mut() {
                *state = CheckState::NotReady("shutting down".to_owned());
            }
        });
    }

    /// The gRPC health service, and the task that keeps it true until `stop`.
    pub fn grpc(&self, stop: crate::Stop) -> (HealthServer<HealthService>, impl Future<Output = ()> + Send + 'static) {
        let reporter = HealthReporter::new();
        let server = HealthServer::new(HealthService::from_health_reporter(reporter.clone()));
        let states = self.0.subscribe();
        (server, report(reporter, states, stop))
    }
}

async fn report(
    reporter: HealthReporter,
    mut states: watch::Receiver<BTreeMap<&'static str, CheckState>>,
    stop: crate::Stop,
) {
    loop {
        let current = states.borrow_and_update().clone();
        let serving = |state: &CheckState| match state {
            CheckState::Ready => ServingStatus::Serving,
            CheckState::NotReady(_) => ServingStatus::NotServing,
        };
        for (service, state) in &current {
            reporter.set_service_status(*service, serving(state)).await;
        }
        // The empty name stands for the whole server.
        let all = current.values().find(|state| **state != CheckState::Ready).unwrap_or(&CheckState::Ready);
        reporter.set_service_status("", serving(all)).await;
        tokio::select! {
            changed = states.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
    }
}

impl Check {
    /// It can serve.
    pub fn ready(&self) {
        self.set(CheckState::Ready);
    }

    /// It cannot; `why` is a lower-case fragment for people.
    pub fn not_ready(&self, why: impl Into<String>) {
        self.set(CheckState::NotReady(why.into()));
    }

    fn set(&self, state: CheckState) {
        self.health.0.send_if_modified(|states| {
            let changed = states.get(self.service) != Some(&state);
            states.insert(self.service, state);
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_is_ready_when_every_check_is() {
        let health = Health::default();
        let (one, two) = (health.check("one"), health.check("two"));
        one.ready();
        assert!(!health.is_ready());
        two.ready();
        health.ready().await;
        health.drain();
        assert_eq!(health.states()["one"], CheckState::NotReady("shutting down".to_owned()));
    }
}
