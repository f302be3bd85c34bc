//! The faults: one process and one server at a time, so that every role always has a live instance.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use marquee_e2e::servers::Stack;
use marquee_e2e::{DEADLINE, Process, until};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Fleet;

/// How often what was done.
#[derive(Debug, Default)]
pub(super) struct Faults(BTreeMap<String, u32>);

impl Faults {
    pub(super) fn count(&mut self, what: &str, to: &str) {
        *self.0.entry(format!("{what} {to}")).or_default() += 1;
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(|(what, count)| format!("{count} × {what}")).collect();
        write!(formatter, "{} in all: {}", self.0.values().sum::<u32>(), all.join(", "))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// SIGKILL, a pause, a start.
    Kill,
    /// SIGSTOP, a pause, SIGCONT.
    Stop,
    /// SIGTERM and a start.
    Restart,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "killed",
            Self::Stop => "stopped",
            Self::Restart => "restarted",
        }
    }
}

/// Lets time pass, unless it is over.
pub(super) async fn hold(over: &mut watch::Receiver<bool>, millis: u64) {
    let _ = tokio::time::timeout(Duration::from_millis(millis), over.wait_for(|over| *over)).await;
}

/// Inflicts faults until it is over; then everything runs again.
pub(super) async fn inflict(
    mut stack: Stack,
    mut fleet: Fleet,
    seed: u64,
    over: watch::Receiver<bool>,
) -> Result<(Stack, Fleet, Faults)> {
    let rng = |stream| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        rng
    };
    let (mut processes, mut servers) = (Faults::default(), Faults::default());
    let ((), ()) = tokio::try_join!(
        on_processes(&mut fleet, rng(1), over.clone(), &mut processes),
        on_servers(&mut stack, rng(2), over, &mut servers),
    )?;
    processes.0.extend(servers.0);
    Ok((stack, fleet, processes))
}

async fn on_processes(
    fleet: &mut Fleet,
    mut rng: impl Rng,
    mut over: watch::Receiver<bool>,
    faults: &mut Faults,
) -> Result<()> {
    while !*over.borrow() {
        hold(&mut over, rng.random_range(200..1_500)).await;
        let (role, which) = (rng.random_range(0..3), rng.random_range(0..2));
        let (name, process) = match role {
            0 => ("ingest", &mut fleet.ingest[which]),
            1 => ("feature-store", &mut fleet.features[which]),
            _ => ("inference", &mut fleet.inference[which]),
        };
        let fault = [Fault::Kill, Fault::Stop, Fault::Restart][rng.random_range(0..3)];
        // Up to longer than a member of a group may be silent.
        let length = rng.random_range(100..if fault == Fault::Stop { 9_000 } else { 2_000 });
        match fault {
            Fault::Kill => process.kill().await?,
            Fault::Restart => drop(process.terminate().await?),
            Fault::Stop => process.pause().await?,
        }
        hold(&mut over, length).await;
        match fault {
            Fault::Stop => process.resume().await?,
            Fault::Kill | Fault::Restart => again(process).await.with_context(|| format!("start {name} again"))?,
        }
        let http = process.http();
        until(&format!("{name} is ready"), async || {
            http.get("/readyz").await.ok().filter(|answer| answer.status == 200)
        })
        .await?;
        faults.count(fault.name(), name);
    }
    Ok(())
}

/// Starts a process as a supervisor would: again, if a back-end was away.
pub(super) async fn again(process: &mut Process) -> Result<()> {
    let started = Instant::now();
    loop {
        match process.restart().await {
            Err(error) if started.elapsed() > DEADLINE => return Err(error),
            Err(_) => {}
            Ok(()) => return Ok(()),
        }
    }
}

async fn on_servers(
    stack: &mut Stack,
    mut rng: impl Rng,
    mut over: watch::Receiver<bool>,
    faults: &mut Faults,
) -> Result<()> {
    while !*over.borrow() {
        hold(&mut over, rng.random_range(3_000..7_000)).await;
        let (broker, kill) = (rng.random_bool(0.5), rng.random_bool(0.5));
        let length = rng.random_range(100..5_000);
        match (broker, kill) {
            (true, true) => stack.kafka.kill(0).await?,
            (true, false) => stack.kafka.pause(0).await?,
            (false, true) => stack.redis.kill(0).await?,
            (false, false) => stack.redis.pause(0).await?,
        }
        hold(&mut over, length).await;
        match (broker, kill) {
            (true, true) => stack.kafka.restart(0).await?,
            (true, false) => stack.kafka.resume(0).await?,
            (false, true) => stack.redis.restart(0).await?,
            (false, false) => stack.redis.resume(0).await?,
        }
        faults.count(if kill { "killed" } else { "stopped" }, if broker { "the broker" } else { "Redis" });
    }
    Ok(())
}
