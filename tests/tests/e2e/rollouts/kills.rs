//! The controller is killed at any instant, and goes on where it was.

use std::time::Duration;

use anyhow::Result;
use marquee_e2e::{Process, World};
use marquee_proto::training::v1::{Algorithm, Parameters};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::{PROGRAM, get, start, status, until_phase, with_pauses};
use crate::spine::teach;

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_killed_goes_on_where_it_was() -> Result<()> {
    let world = World::new(30, 20, 36);
    let folder = tempfile::tempdir()?;
    let mut process = Process::start(PROGRAM, folder.path(), &["rollouts.interval=100ms"]).await?;
    let clients = process.clients()?;
    teach(&clients, &world, Algorithm::Bias).await?;
    clients.train(Algorithm::Bias, Parameters::default()).await?;
    let weights = [5, 10, 20, 40, 80];
    start(&clients, &json!({"model": "ratings", "version": 2, "steps": with_pauses(&weights, "300ms")})).await?;
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for _ in 0..5 {
        // At a random instant, unless it is over before.
        let instant = Duration::from_millis(rng.random_range(0..400));
        let _ = tokio::time::timeout(instant, until_phase(&process.clients()?, "Completed")).await;
        process.kill().await?;
        process.restart().await?;
        let clients = process.clients()?;
        // Whatever was stored, the route never has a weight that no step has.
        let route = clients.routed().await?;
        let weight = route.candidates.first().map_or(0, |candidate| candidate.weight / 100);
        assert!(weight == 0 || weights.contains(&weight), "{route:?}");
        assert!(status(&get(&clients).await?).is_none_or(|status| status["phase"] != "Degraded"));
    }
    let clients = process.clients()?;
    let ended = until_phase(&clients, "Completed").await?;
    assert_eq!((&ended["stable"], clients.routed().await?.stable), (&json!(2), 2));
    process.kill().await
}
