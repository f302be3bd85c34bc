//! What operators do meanwhile: promote and roll back versions every few seconds, also beyond the
//! versions that an instance keeps warm, and check the served features against the log.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, ensure};
use marquee_e2e::{Clients, Process};
use marquee_proto::features::v1::feature_history_client::FeatureHistoryClient;
use marquee_proto::features::v1::{CheckFeaturesRequest, CheckFeaturesResponse};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tonic::Request;

use super::VERSIONS;

/// How long a check may take.
const CHECK: Duration = Duration::from_secs(20);

/// Users and movies of one check.
const SAMPLE: u32 = 20;

/// The client of the checks of one feature store.
pub(super) type Checker = FeatureHistoryClient<marquee_kit::Transport>;

/// Returns the client of the checks of a feature store.
pub(super) fn checker(process: &Process) -> Result<Checker> {
    Ok(FeatureHistoryClient::new(marquee_kit::Transport::connect(&process.addresses().grpc)?))
}

/// What became of the changes of the route.
#[derive(Debug, Default)]
pub(super) struct Routed {
    accepted: usize,
    refused: usize,
}

impl Routed {
    /// Fails unless most changes were accepted, since otherwise nothing was tried.
    pub(super) fn check(&self) {
        assert!(self.accepted > 0, "no change of the route was accepted: {self}");
    }
}

impl fmt::Display for Routed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} promotions and rollbacks accepted, {} refused meanwhile", self.accepted, self.refused)
    }
}

async fn wait(over: &mut watch::Receiver<bool>, time: Duration) {
    let _ = tokio::time::timeout(time, over.wait_for(|over| *over)).await;
}

/// Routes all users, or a candidate's share of them, to one version after the other until the end.
pub(super) async fn route(inference: [Clients; 2], seed: u64, mut over: watch::Receiver<bool>) -> Result<Routed> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(30);
    let mut routed = Routed::default();
    while !*over.borrow() {
        wait(&mut over, Duration::from_millis(rng.random_range(1_000..3_000))).await;
        let stable = rng.random_range(1..=VERSIONS);
        let candidate = rng.random_range(1..=VERSIONS);
        let candidates = if candidate == stable { vec![] } else { vec![(candidate, rng.random_range(1..=5_000))] };
        let asked = &inference[rng.random_range(0..inference.len())];
        // A killed instance cannot take the change; the other one is tried the next time.
        match tokio::time::timeout(Duration::from_secs(5), asked.route(stable, &candidates)).await {
            Ok(Ok(_)) => routed.accepted += 1,
            Ok(Err(_)) | Err(_) => routed.refused += 1,
        }
    }
    Ok(routed)
}

/// What the checks of the features found.
#[derive(Debug, Default)]
pub(super) struct Checked {
    checks: usize,
    values: u64,
    unanswered: usize,
}

impl fmt::Display for Checked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { checks, values, unanswered } = self;
        write!(formatter, "{checks} checks of {values} values found no difference, {unanswered} were cut short")
    }
}

/// Checks served features against the log until the end. A check that a fault cuts short is tried
/// again; a check that ends must find no difference.
pub(super) async fn check(checkers: [Checker; 2], mut over: watch::Receiver<bool>) -> Result<Checked> {
    let mut checked = Checked::default();
    for number in 0.. {
        if *over.borrow() {
            break;
        }
        wait(&mut over, Duration::from_millis(500)).await;
        let mut request = Request::new(CheckFeaturesRequest { sample: SAMPLE, seed: number });
        request.set_timeout(CHECK);
        let asked = checkers[number as usize % checkers.len()].clone();
        let answer = tokio::select! {
            answer = answer(asked, request) => answer,
            _ = over.wait_for(|over| *over) => break,
        };
        match answer {
            Some(found) => {
                ensure!(found.different == 0, "a check found differences: {:?}", found.skews);
                checked.checks += 1;
                checked.values += found.values;
            }
            None => checked.unanswered += 1,
        }
    }
    Ok(checked)
}

async fn answer(mut checker: Checker, request: Request<CheckFeaturesRequest>) -> Option<CheckFeaturesResponse> {
    let answer = tokio::time::timeout(CHECK, checker.check_features(request)).await.ok()?;
    Some(answer.ok()?.into_inner())
}
