//! The health checks of a process: whether it can serve, and if not, why.
//!
//! Each role owns checks with names. `/readyz` and `grpc.health.v1` report them. The process is
//! ready when every check is ready and it does not drain.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// The reason that every check reports while the process drains.
const DRAINING: &str = "shutting down";

/// The state of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckState {
    /// The service can answer.
    Ready,
    /// The service cannot answer, with the reason.
    NotReady(String),
}

/// The checks of a process. Clones are cheap and share the checks.
///
/// **Invariant:** after [`Health::drain`] no check becomes ready again, whatever its owner reports
/// (the tests of this module).
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<watch::Sender<States>>);

#[derive(Debug, Clone, Default)]
struct States {
    draining: bool,
    checks: BTreeMap<&'static str, CheckState>,
}

impl States {
    fn is_ready(&self) -> bool {
        !self.draining && self.checks.values().all(|state| *state == CheckState::Ready)
    }
}

/// A check. Its owner sets its state.
#[derive(Debug, Clone)]
pub struct Check {
    service: &'static str,
    health: Health,
}

impl Health {
    /// Adds a check that is named after a gRPC service. At first it is not ready.
    pub fn check(&self, service: &'static str) -> Check {
        let check = Check { service, health: self.clone() };
        check.not_ready("starting");
        check
    }

    /// Returns every check by name.
    pub fn states(&self) -> BTreeMap<&'static str, CheckState> {
        self.0.borrow().checks.clone()
    }

    /// Returns whether every check is ready and the process does not drain.
    pub fn is_ready(&self) -> bool {
        self.0.borrow().is_ready()
    }

    /// Waits until every check is ready.
    pub async fn ready(&self) {
        let mut states = self.0.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = states.wait_for(States::is_ready).await;
    }

    /// Marks every check as not ready for good, so that load balancers stop sending requests before
    /// the listeners close.
    pub fn drain(&self) {
        self.0.send_modify(|states| {
            states.draining = true;
            for state in states.checks.values_mut() {
                *state = CheckState::NotReady(DRAINING.to_owned());
            }
        });
    }

    /// Returns the gRPC health service, and the task that updates it until `stop`. Then the streams
    /// of clients that watch a check end.
    pub fn grpc(&self, stop: crate::Stop) -> (HealthServer<HealthService>, impl Future<Output = ()> + Send + 'static) {
        let reporter = HealthReporter::new();
        let server = HealthServer::new(HealthService::from_health_reporter(reporter.clone()));
        let states = self.0.subscribe();
        (server, report(reporter, states, stop))
    }
}

async fn report(mut reporter: HealthReporter, mut states: watch::Receiver<States>, stop: crate::Stop) {
    let serving = |ready: bool| if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
    loop {
        let current = states.borrow_and_update().clone();
        for (service, state) in &current.checks {
            reporter.set_service_status(*service, serving(*state == CheckState::Ready)).await;
        }
        // The empty name means the whole server.
        reporter.set_service_status("", serving(current.is_ready())).await;
        tokio::select! {
            changed = states.changed() => if changed.is_err() { return },
            () = stop.cancelled() => break,
        }
    }
    let services: Vec<&'static str> = states.borrow().checks.keys().copied().chain([""]).collect();
    for service in services {
        reporter.clear_service_status(service).await;
    }
}

impl Check {
    /// Reports that the service can answer.
    pub fn ready(&self) {
        self.set(CheckState::Ready);
    }

    /// Reports that the service cannot answer. `why` is a lower-case phrase for people.
    pub fn not_ready(&self, why: impl Into<String>) {
        self.set(CheckState::NotReady(why.into()));
    }

    fn set(&self, state: CheckState) {
        self.health.0.send_if_modified(|states| {
            let state = if states.draining { CheckState::NotReady(DRAINING.to_owned()) } else { state };
            let changed = states.checks.get(self.service) != Some(&state);
            states.checks.insert(self.service, state);
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draining() -> CheckState {
        CheckState::NotReady(DRAINING.to_owned())
    }

    #[tokio::test]
    async fn a_process_is_ready_when_every_check_is() {
        let health = Health::default();
        let (one, two) = (health.check("one"), health.check("two"));
        one.ready();
        assert!(!health.is_ready());
        two.ready();
        health.ready().await;
        assert!(health.is_ready());
        two.not_ready("away");
        assert_eq!(health.states()["two"], CheckState::NotReady("away".to_owned()));
        assert!(!health.is_ready());
    }

    #[tokio::test]
    async fn streams_of_clients_that_watch_a_check_end_with_the_service() {
        use tonic_health::pb::HealthCheckRequest;
        use tonic_health::pb::health_client::HealthClient;
        let health = Health::default();
        health.check("one").ready();
        let stop = crate::Stop::new();
        let (server, report) = health.grpc(stop.clone());
        let report = tokio::spawn(report);
        let mut client = HealthClient::new(crate::Transport::in_process(server));
        let request = || HealthCheckRequest { service: "one".to_owned() };
        let mut states = loop {
            match client.watch(request()).await {
                Ok(states) => break states.into_inner(),
                // The first report is still to come.
                Err(_) => tokio::task::yield_now().await,
            }
        };
        assert_eq!(states.message().await.expect("a state").map(|state| state.status), Some(1));
        stop.cancel();
        report.await.expect("no panic");
        assert_eq!(states.message().await.expect("no error"), None);
    }

    #[test]
    fn a_process_that_drains_never_becomes_ready_again() {
        let health = Health::default();
        let check = health.check("one");
        check.ready();
        health.drain();
        assert_eq!(health.states()["one"], draining());
        check.ready();
        assert_eq!(health.states()["one"], draining());
        assert!(!health.is_ready());
        // A check that is added later, or a process without checks, is not ready either.
        health.check("two").ready();
        assert_eq!(health.states()["two"], draining());
        let empty = Health::default();
        assert!(empty.is_ready());
        empty.drain();
        assert!(!empty.is_ready());
    }
}
