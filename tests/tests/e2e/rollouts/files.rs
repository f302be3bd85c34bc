//! A fleet that reads rollout files: what is in the folder is started, and again when it changes.

use std::time::Duration;

use anyhow::{Context, Result};
use marquee_controller::Controller;
use marquee_e2e::{Clients, Fleet, World, marquee, until};
use marquee_proto::rollout::v1::{ListRolloutsRequest, ListRolloutsResponse, RolloutFile};
use marquee_proto::training::v1::{Algorithm, Parameters};
use serde_json::json;

use super::{PROGRAM, get, start, until_phase, until_status};
use crate::spine::teach;

async fn list(clients: &Clients) -> Result<ListRolloutsResponse> {
    Ok(clients.rollouts.clone().list_rollouts(ListRolloutsRequest::default()).await?.into_inner())
}

/// Waits until a file is known, and returns it.
async fn known(clients: &Clients, name: &str) -> Result<RolloutFile> {
    let find = async || list(clients).await.ok()?.files.into_iter().find(|file| file.name == name);
    until("the file is known", find).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rollout_files_are_started_when_they_are_new_and_when_they_change() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).context("write a file");
    let steps = |steps: &str| format!("model = \"ratings\"\nversion = 2\nsteps = [{steps}]\n");
    write("wrong.toml", "model = \"films\"\nversion = 2\nsteps = [{ setWeight = 101 }]\n")?;
    write("ratings.toml", &steps("{ shadow = {} }, { setWeight = 20 }, { pause = {} }"))?;
    let place = folder.path().to_owned();
    let fleet = Fleet::start_with(move |settings| {
        let controller = settings.role::<Controller>();
        (controller.interval, controller.folder) = (Duration::from_millis(100), place);
    })
    .await?;
    let clients = fleet.clients();
    let world = World::new(30, 20, 36);
    teach(clients, &world, Algorithm::Bias).await?;
    clients.train(Algorithm::Bias, Parameters::default()).await?;
    until_phase(clients, "Paused").await?;

    let wrong = known(clients, "wrong.toml").await?;
    assert!(wrong.error.contains("steps[0].setWeight"), "{wrong:?}");
    let started = known(clients, "ratings.toml").await?;
    assert_eq!((started.model.as_str(), started.error.as_str()), ("ratings", ""));
    let arguments = ["rollout", "list", "--grpc", &fleet.address()].map(str::to_owned);
    let listed = marquee(PROGRAM, arguments.to_vec()).await?;
    let notes = String::from_utf8_lossy(&listed.stderr).into_owned();
    assert!(notes.contains("rollout file wrong.toml: ") && notes.contains("steps[0].setWeight"), "{notes}");

    // A changed file is a new specification.
    write("ratings.toml", &steps("{ shadow = {} }, { setWeight = 20 }"))?;
    until_status(clients, "completed", |status| status["phase"] == "Completed").await?;
    assert_eq!(clients.routed().await?.stable, 2);
    assert_eq!(get(clients).await?.generation, 2);
    // A restart does not start the file again, although another specification came after it.
    let by_call = json!({"model": "ratings", "version": 2, "steps": [{"setWeight": 30}]});
    let before = start(clients, &by_call).await?;
    assert_eq!(before.generation, 3);
    let fleet = fleet.restart().await?;
    let clients = fleet.clients();
    known(clients, "ratings.toml").await?;
    std::fs::remove_file(folder.path().join("ratings.toml"))?;
    let is_gone = async || list(clients).await.ok()?.files.iter().all(|file| file.name != "ratings.toml").then_some(());
    until("the file is gone", is_gone).await?;
    let after = get(clients).await?;
    assert_eq!((after.generation, after.created_at), (before.generation, before.created_at));
    assert_eq!(clients.routed().await?.stable, 2);
    fleet.stop().await;
    Ok(())
}
