//! Routes a fifth of the users to version 2, checks that each user stays on one version, and routes
//! all users to it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use marquee_proto::prediction::v1::ListModelsRequest;
use marquee_proto::rollout::v1 as pb;

use super::Demo;
use super::summary::{Counter, Routing};

const USERS: usize = 1_000;

/// The largest deviation from 20% for 1,000 users: four standard deviations of a fair assignment.
const SLACK: f64 = 0.05;

impl Demo {
    pub(super) async fn share(&mut self) -> Result<()> {
        self.screen.heading(6, "route 20% of users to version 2, then all");
        let (stable, candidate) = match self.summary.models.as_slice() {
            [stable, candidate, ..] => (stable.version, candidate.version),
            _ => anyhow::bail!("routing needs two versions"),
        };
        self.route(stable, Some((candidate, 2_000))).await?;
        let before = self.counters().await?;
        let first = self.versions(0..USERS).await?;
        let second = self.versions(0..USERS).await?;
        let after = self.counters().await?;

        let on = |versions: &[u64]| versions.iter().filter(|version| **version == candidate).count();
        let share = on(&first) as f64 / USERS as f64;
        let sticky = first == second;
        self.screen.line(&bar(share));
        self.screen.check(
            &format!("{:.1}% of {USERS} users got version {candidate}", share * 100.0),
            (share - 0.2).abs() <= SLACK,
        );
        self.screen.check("every user got the same version the second time", sticky);
        let counters: Vec<Counter> = [stable, candidate]
            .into_iter()
            .map(|version| Counter {
                version,
                answered: after
                    .get(&version)
                    .copied()
                    .unwrap_or_default()
                    .saturating_sub(before.get(&version).copied().unwrap_or_default()),
                seen_by_client: first.iter().chain(&second).filter(|seen| **seen == version).count() as u64,
            })
            .collect();
        for counter in &counters {
            self.screen.check(
                &format!(
                    "version {} counted {} answers, the client counted {}",
                    counter.version, counter.answered, counter.seen_by_client
                ),
                counter.answered == counter.seen_by_client,
            );
        }

        self.route(stable, Some((candidate, 10_000))).await?;
        let full = self.versions(0..USERS).await?;
        let full_share = on(&full) as f64 / USERS as f64;
        self.screen.line(&bar(full_share));
        self.screen.check(
            &format!("{:.0}% of users got version {candidate} at full weight", full_share * 100.0),
            full_share == 1.0,
        );
        self.route(candidate, None).await?;
        self.screen.line(&format!("version {candidate} is now the stable version"));
        self.summary.routing = Routing { users: USERS as u64, share, sticky, counters, full_share };
        Ok(())
    }

    async fn route(&self, stable: u64, candidate: Option<(u64, u32)>) -> Result<()> {
        let candidates = candidate.into_iter().map(|(version, weight)| pb::Candidate { version, weight }).collect();
        let route = pb::Route { stable, candidates, ..pb::Route::default() };
        let request = pb::SetRouteRequest { route: Some(route), expected_revision: 0 };
        self.client.call(self.client.routing().set_route(request)).await.context("change the route")?;
        Ok(())
    }

    /// Returns the number of answers of each version, as the fleet counts them.
    pub(super) async fn counters(&self) -> Result<BTreeMap<u64, u64>> {
        let answer = self.client.call(self.client.models().list_models(ListModelsRequest::default())).await?;
        Ok(answer.versions.into_iter().map(|version| (version.version, version.answered)).collect())
    }
}

/// Draws a share as a bar.
fn bar(share: f64) -> String {
    const WIDTH: usize = 50;
    let full = (share * WIDTH as f64).round() as usize;
    format!("version 1 {}{} version 2", "░".repeat(WIDTH - full.min(WIDTH)), "█".repeat(full.min(WIDTH)))
}
