//! Rollouts that the duel decides: a better version reaches all users, and one that was trained on
//! shuffled ratings is stopped before it has any.

use anyhow::{Context, Result};
use marquee_e2e::{World, marquee, until};
use marquee_proto::prediction::v1::LoadModelRequest;
use marquee_proto::rollout::v1::Route;
use marquee_proto::training::v1::{Algorithm, Parameters};
use serde_json::{Value, json};

use super::{PROGRAM, start, trained, until_phase};
use crate::live::{Load, Routes};
use crate::packages;

/// The steps of a rollout that the duel decides.
fn by_duel(version: u64) -> Value {
    json!({
        "model": "ratings",
        "version": version,
        "steps": [{"shadow": {}}, {"analysis": {}}, {"setWeight": 25}, {"setWeight": 50}],
        "metrics": [{"name": "accuracy", "duel": {"margin": 0.05, "minRatings": 200}, "interval": "1s"}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_better_version_is_promoted_by_evidence() -> Result<()> {
    let fleet = trained(&World::new(60, 20, 41)).await?;
    let clients = fleet.clients();
    // Version 1 knows biases only, version 2 tastes.
    clients.train(Algorithm::Map, Parameters::default()).await?;
    let ratings = Load::ratings(clients, 1_000, 50);
    start(clients, &by_duel(2)).await?;
    let ended = until_phase(clients, "Completed").await?;
    let given = ratings.end().await?;
    assert_eq!(clients.routed().await?.stable, 2, "{ended:#}");
    let last = &ended["analysis"][0]["last"];
    assert!(last["estimate"].as_f64().is_some_and(|estimate| estimate < 0.0), "{ended:#}");
    assert!(last["samples"].as_u64().is_some_and(|samples| (200..=given).contains(&samples)), "{ended:#}");
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_shuffled_ratings_is_stopped_before_it_has_users() -> Result<()> {
    let world = World::new(60, 20, 42);
    let fleet = trained(&world).await?;
    let clients = fleet.clients();
    // Version 2 knows the tastes that the shuffled ratings do not have.
    clients.train(Algorithm::Map, Parameters::default()).await?;
    clients.route(2, &[]).await?;
    packages::shuffled(&world).await?.publish(fleet.folder(), 3)?;
    let request = LoadModelRequest { model: String::new(), version: 3 };
    clients.models.clone().load_model(request).await.context("the package is accepted")?;
    let (ratings, routes) = (Load::ratings(clients, 2_000, 50), Routes::watch(clients).await?);
    let mut spec = by_duel(3);
    spec["metrics"][0]["duel"]["margin"] = json!(0.0);
    start(clients, &spec).await?;
    let ended = until_phase(clients, "Degraded").await?;
    ratings.end().await?;
    let most = routes.seen().iter().map(|(_, weight)| *weight).max();
    assert_eq!((&ended["reason"], most), (&json!("AnalysisFailed"), Some(0)), "{ended:#}");
    // The decision is stored before the route changes.
    let is_out = |route: &Route| route.shadow.is_empty();
    let route = until("the version is out of the route", async || clients.routed().await.ok().filter(is_out)).await?;
    assert_eq!((route.stable, route.candidates.len()), (2, 0), "{route:?}");
    let metrics = fleet.http().get("/metrics").await?.text();
    assert!(
        metrics.contains("marquee_rollout_aborts_total{model=\"ratings\",reason=\"AnalysisFailed\"} 1"),
        "{metrics}"
    );
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_simulated_on_recorded_ratings() -> Result<()> {
    let world = World::new(60, 20, 43);
    let fleet = trained(&world).await?;
    fleet.clients().train(Algorithm::Map, Parameters::default()).await?;
    let folder = tempfile::tempdir()?;
    let (file, data) = (folder.path().join("rollout.json"), folder.path().join("ratings.csv"));
    std::fs::write(&file, by_duel(2).to_string())?;
    // Other people of the same world, whom no version has seen.
    let mut csv = String::from("userId,movieId,rating,timestamp\n");
    for rating in World::new(200, 20, 44).ratings() {
        let seconds = rating.rated_at.map_or(0, |time| time.seconds);
        csv.push_str(&format!("other-{},{},{},{seconds}\n", rating.user_id, rating.movie_id, rating.rating()));
    }
    std::fs::write(&data, csv)?;
    let (file, data, address) = (file.display().to_string(), data.display().to_string(), fleet.address());
    let simulate = async |stable: &str, candidate: &str| -> Result<Value> {
        let versions = ["--stable", stable, "--candidate", candidate];
        let mut arguments = vec!["rollout", "simulate", &file, "--ratings", &data, "--json", "--grpc", &address];
        arguments.extend(versions);
        let output = marquee(PROGRAM, arguments).await?;
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    let better = simulate("1", "2").await?;
    assert_eq!((&better["phase"], &better["exhausted"]), (&json!("Completed"), &json!(false)), "{better:#}");
    let worse = simulate("2", "1").await?;
    assert_eq!((&worse["phase"], &worse["reason"]), (&json!("Degraded"), &json!("AnalysisFailed")), "{worse:#}");
    assert_eq!(fleet.clients().routed().await?.stable, 1, "nothing in the fleet changes");
    fleet.stop().await;
    Ok(())
}
