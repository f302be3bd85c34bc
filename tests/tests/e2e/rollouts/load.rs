//! 1,000 predictions a second, while versions are promoted, users return to a version that is not
//! loaded any more, and the instances are restarted.
//!
//! No request fails for a client that tries again after UNAVAILABLE, and every answer is one that
//! an effective route of the instance gives at that time. On a loaded machine the load is less than
//! it should be; the test then says so and holds all the same.

#[path = "load/generator.rs"]
mod generator;
#[path = "load/verdict.rs"]
mod verdict;

use std::time::Duration;

use anyhow::{Result, ensure};
use marquee_domain::Route;
use marquee_e2e::{Clients, World, until};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::shared::{Shared, View, route, view};
use generator::generate;
use verdict::Observed;

/// How long the load goes on between two changes.
const PHASE: Duration = Duration::from_secs(1);

/// Versions that are promoted in turn: more than an instance keeps loaded.
const VERSIONS: u64 = 4;

/// The largest number of users of the load.
const USERS: usize = 60;

/// Time in which routes change or instances are away.
pub(super) type Swap = (Instant, Instant);

/// What was changed.
#[derive(Debug, Default)]
struct Changes {
    /// Every route that was set, with the first.
    routes: Vec<Route>,
    swaps: Vec<Swap>,
}

impl Changes {
    /// Routes users, and waits until both instances answer by that route.
    async fn route(&mut self, fleet: &Shared, to: (u64, &[(u64, u32)])) -> Result<()> {
        let started = Instant::now();
        self.set(fleet, to).await?;
        for instance in &fleet.instances {
            self.followed(&instance.clients()?).await?;
        }
        self.swaps.push((started, Instant::now()));
        Ok(())
    }

    async fn set(&mut self, fleet: &Shared, (stable, candidates): (u64, &[(u64, u32)])) -> Result<()> {
        self.routes.push(route(&fleet.core.clients()?.route(stable, candidates).await?)?);
        Ok(())
    }

    /// Waits until an instance answers by the last route.
    async fn followed(&self, clients: &Clients) -> Result<()> {
        let last = self.routes.last().map_or(0, Route::revision);
        let follows = |view: &View| view.effective.revision() == last;
        until("the instance follows", async || view(clients).await.filter(follows)).await.map(drop)
    }
}

/// Lets the load go on for a while, unless it has failed.
async fn go_on(failed: &mut watch::Receiver<bool>) -> Result<()> {
    let failure = tokio::time::timeout(PHASE, failed.wait_for(|failed| *failed)).await;
    ensure!(failure.is_err(), "a request failed");
    Ok(())
}

/// Promotes one version after the other, each by way of a candidate with half of the users.
async fn promote(fleet: &Shared, changes: &mut Changes, failed: &mut watch::Receiver<bool>) -> Result<()> {
    for version in 2..=VERSIONS {
        changes.route(fleet, (version - 1, &[(version, 5_000)])).await?;
        changes.route(fleet, (version, &[])).await?;
        go_on(failed).await?;
    }
    Ok(())
}

/// Routes all users to version 1, which no instance has loaded any more.
async fn roll_back(fleet: &Shared, changes: &mut Changes, failed: &mut watch::Receiver<bool>) -> Result<()> {
    for instance in &fleet.instances {
        let clients = instance.clients()?;
        let is_unloaded = |view: &View| !view.warm.contains(&1);
        until("version 1 is unloaded", async || view(&clients).await.filter(is_unloaded)).await?;
    }
    changes.route(fleet, (1, &[])).await?;
    go_on(failed).await
}

/// Restarts one instance after the other. While the second one is away, another version is
/// promoted, which it does not know of when it starts.
async fn restart(fleet: &mut Shared, changes: &mut Changes, failed: &mut watch::Receiver<bool>) -> Result<()> {
    for number in 0..fleet.instances.len() {
        let started = Instant::now();
        let ended = fleet.instances[number].terminate().await?;
        ensure!(ended == Some(0), "an instance ended with {ended:?}");
        if number == 1 {
            changes.set(fleet, (3, &[(4, 2_000)])).await?;
            changes.followed(&fleet.instances[0].clients()?).await?;
        }
        fleet.instances[number].restart().await?;
        changes.followed(&fleet.instances[number].clients()?).await?;
        changes.swaps.push((started, Instant::now()));
        go_on(failed).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_no_request_fails_and_only_versions_of_the_effective_route_answer() -> Result<()> {
    let Some(mut fleet) = Shared::start(&World::new(USERS, 20, 61)).await? else { return Ok(()) };
    for _ in 2..=VERSIONS {
        fleet.publish(|_| {}).await?;
    }
    let mut changes = Changes { routes: vec![route(&fleet.core.clients()?.routed().await?)?], ..Changes::default() };
    let addresses = fleet.instances.each_ref().map(|instance| instance.addresses().grpc.clone());
    let (over, failure) = (watch::Sender::new(false), watch::Sender::new(false));
    let mut failed = failure.subscribe();
    let observing = verdict::observe(&addresses, &over)?;
    let load = tokio::spawn(generate(addresses, failure, over.subscribe()));
    go_on(&mut failed).await?;

    let changed = async {
        promote(&fleet, &mut changes, &mut failed).await?;
        roll_back(&fleet, &mut changes, &mut failed).await?;
        restart(&mut fleet, &mut changes, &mut failed).await
    };
    let changed = changed.await;
    over.send_replace(true);
    let load = load.await??;
    let observed = Observed::join(observing).await?;
    println!("load: {}", load.describe(&changes.swaps));
    if let Some(failure) = load.failures.first() {
        anyhow::bail!("{} requests failed, for example: {failure}", load.failures.len());
    }
    changed?;
    let judged = verdict::judge(&load.answers, &observed, &changes.routes)?;
    println!("answers by version: {judged:?}");
    let answered = judged.keys().copied().collect::<Vec<u64>>();
    assert_eq!(answered, (1..=VERSIONS).collect::<Vec<u64>>(), "every version answered");
    Ok(())
}
