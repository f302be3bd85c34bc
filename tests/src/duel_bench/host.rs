//! Fleets in this process over one folder, and what the process has used.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use marquee::{Fleet, ROLES};
use marquee_e2e::{Clients, DEADLINE, Http, cpu_time, settings, until};
use marquee_inference::Inference;
use marquee_proto::monitor::v1::GetStatusRequest;
use marquee_proto::monitor::v1::monitor_client::MonitorClient;
use marquee_proto::ratings::v1::Rating;
use marquee_proto::rollout::v1::{self as routing, VersionState};
use marquee_trainer::Trainer;

/// Every role that the bench uses. Rollouts would need the monitor.
pub(crate) const EVERY_ROLE: &[&str] = &["ingest", "feature-store", "trainer", "inference", "monitor"];

/// The largest number of ratings in a request.
const REQUEST: usize = 10_000;

/// Some roles in this process.
#[derive(Debug)]
pub(crate) struct Host {
    fleet: Fleet,
    pub(crate) clients: Clients,
}

/// Counters of the states that evaluations found in the cache or not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct States {
    pub(crate) hit: f64,
    pub(crate) missed: f64,
}

/// Processor time that this process has used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    pub(crate) all: Duration,
    /// That of the threads of the graphs of evaluations.
    pub(crate) graphs: Duration,
}

impl Used {
    pub(crate) fn now() -> Result<Self> {
        let all = cpu_time(Path::new("/proc/self/stat")).context("no processor time")?;
        let mut used = Self { all, ..Self::default() };
        for task in std::fs::read_dir("/proc/self/task")? {
            let folder = task?.path();
            if std::fs::read_to_string(folder.join("comm")).is_ok_and(|name| name.trim() == "onnx-background") {
                used.graphs += cpu_time(&folder.join("stat")).unwrap_or_default();
            }
        }
        Ok(used)
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self { all: self.all.saturating_sub(before.all), graphs: self.graphs.saturating_sub(before.graphs) }
    }
}

impl Host {
    /// Starts roles by their names, and waits until they serve.
    pub(crate) async fn start(folder: &Path, roles: &[&str]) -> Result<Self> {
        let mut settings = settings(folder);
        // Some roles alone. They share the data folder, because they share this process.
        settings.backends.isolated = true;
        settings.role::<Inference>().predictions.sample = 1.0;
        // The time for archiving after a restart would be counted as work of the duel.
        settings.role::<Trainer>().archive.enabled = false;
        let roles: Vec<_> = ROLES.iter().copied().filter(|role| roles.contains(&role.name)).collect();
        let fleet = Box::pin(Fleet::start(settings, &roles)).await?;
        tokio::time::timeout(DEADLINE, fleet.ready()).await.context("the fleet did not become ready")??;
        let clients = Clients::new(&fleet.transport()?);
        Ok(Self { fleet, clients })
    }

    /// Gives ratings, and waits until the feature store has them.
    pub(crate) async fn rate(&self, ratings: &[Rating]) -> Result<()> {
        let mut positions = Vec::new();
        for ratings in ratings.chunks(REQUEST) {
            positions.extend(self.clients.rate_all(ratings.to_vec()).await?.positions);
        }
        self.clients.user("nobody", &positions).await?;
        Ok(())
    }

    /// Returns up to where the monitor has learned, and the end of the log, summed over the
    /// partitions.
    pub(crate) async fn progress(&self) -> Result<(u64, u64)> {
        let status = MonitorClient::new(self.fleet.in_process()).get_status(GetStatusRequest {}).await?.into_inner();
        let sum = |of: fn(&marquee_proto::monitor::v1::PartitionStatus) -> u64| status.partitions.iter().map(of).sum();
        Ok((sum(|partition| partition.next_offset), sum(|partition| partition.end_offset)))
    }

    /// Waits until the monitor has learned everything.
    pub(crate) async fn learned(&self) -> Result<()> {
        let is_learned = async || {
            let progress = self.progress().await;
            progress.is_ok_and(|(next, end)| end > 0 && next >= end).then_some(())
        };
        until("the monitor has caught up", is_learned).await
    }

    /// Waits until both versions can predict.
    pub(crate) async fn both_warm(&self) -> Result<()> {
        let are_warm = async || {
            let request = routing::GetStatusRequest::default();
            let status = self.clients.routing.clone().get_status(request).await.ok()?.into_inner().status?;
            let warm = |version: u64| {
                let versions = status.models.iter().flat_map(|model| &model.versions);
                versions.into_iter().any(|found| found.version == version && found.state() == VersionState::Warm)
            };
            (warm(1) && warm(2)).then_some(())
        };
        until("both versions are warm", are_warm).await
    }

    /// Reads how often states were found.
    pub(crate) async fn states(&self) -> Result<States> {
        let text = Http::new(&format!("http://{}", self.fleet.http_address())).get("/metrics").await?.text();
        let counter = |name: &str| {
            let name = format!("marquee_inference_evaluation_states_{name}_total");
            let line = text.lines().find_map(|line| line.strip_prefix(name.as_str()));
            line.and_then(|value| value.trim().parse().ok()).with_context(|| format!("there is no metric {name}"))
        };
        Ok(States { hit: counter("hit")?, missed: counter("missed")? })
    }

    pub(crate) async fn stop(self) {
        drop(self.clients);
        self.fleet.shutdown().await;
    }
}
