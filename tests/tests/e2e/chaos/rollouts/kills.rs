//! SIGKILL for whatever takes part in rollouts, one or two processes at a time.

use anyhow::{Context, Result};
use marquee_e2e::operator::Operator;
use marquee_e2e::{Process, until};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use tokio::sync::watch;

use super::super::faults::{Faults, again, hold};

/// What is killed.
pub(super) struct Victims {
    /// The core with monitor and controller, the instances, and a controller of its own if there is
    /// one.
    processes: Vec<(&'static str, Process)>,
    operator: Option<Operator>,
}

impl Victims {
    /// Takes the processes of a fleet.
    pub(super) fn new(core: Process, [one, two]: [Process; 2]) -> Self {
        let processes = vec![("core with monitor", core), ("inference", one), ("inference", two)];
        Self { processes, operator: None }
    }

    pub(super) fn and_controller(mut self, controller: Process) -> Self {
        self.processes.push(("controller", controller));
        self
    }

    pub(super) fn and_operator(self, operator: Operator) -> Self {
        Self { operator: Some(operator), ..self }
    }

    pub(super) fn core(&self) -> &Process {
        &self.processes[0].1
    }

    /// Returns the addresses of all inference instances.
    pub(super) fn instances(&self) -> Vec<String> {
        self.processes.iter().take(3).map(|(_, process)| process.addresses().grpc.clone()).collect()
    }
}

/// Kills and starts again until it is over. Then everything runs.
pub(super) async fn inflict(
    mut victims: Victims,
    mut rng: ChaCha8Rng,
    mut over: watch::Receiver<bool>,
) -> Result<(Victims, Faults)> {
    let mut faults = Faults::default();
    while !*over.borrow() {
        hold(&mut over, rng.random_range(300..2_000)).await;
        let count = victims.processes.len() + usize::from(victims.operator.is_some());
        let all: Vec<usize> = (0..count).collect();
        let together = if rng.random_bool(0.25) { 2 } else { 1 };
        let chosen: Vec<usize> = all.sample(&mut rng, together).copied().collect();
        for number in &chosen {
            if let Some((_, process)) = victims.processes.get_mut(*number) {
                process.kill().await?;
            }
        }
        hold(&mut over, rng.random_range(0..600)).await;
        for number in chosen {
            match (victims.processes.get_mut(number), &mut victims.operator) {
                (Some((name, process)), _) => {
                    again(process).await.with_context(|| format!("start {name} again"))?;
                    faults.count("killed", name);
                }
                (None, Some(operator)) => {
                    operator.restart().await?;
                    faults.count("killed", "operator");
                }
                (None, None) => {}
            }
        }
    }
    if let Some(operator) = &victims.operator {
        until("the operator leads", async || operator.leads().await.then_some(())).await?;
    }
    Ok((victims, faults))
}
