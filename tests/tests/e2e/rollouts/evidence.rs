//! Rollouts that the duel decides: a better version reaches all users, and one that was trained on
//! shuffled ratings is stopped before it has any.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use marquee_e2e::{Clients, Fleet, World, marquee, until};
use marquee_proto::prediction::v1::LoadModelRequest;
use marquee_proto::ratings::v1::Rating;
use marquee_proto::rollout::v1::Route;
use marquee_proto::training::v1::{Algorithm, Parameters};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use super::{PROGRAM, start, trained, until_phase};

/// The steps of a rollout that the duel decides.
fn by_duel(version: u64) -> Value {
    json!({
        "model": "ratings",
        "version": version,
        "steps": [{"shadow": {}}, {"analysis": {}}, {"setWeight": 25}, {"setWeight": 50}],
        "metrics": [{"name": "accuracy", "duel": {"margin": 0.05, "minRatings": 200}, "interval": "1s"}],
    })
}

/// Ratings of the same tastes by users that no version has seen, without end.
async fn rate(clients: Clients, seed: u64, stop: Arc<AtomicBool>) -> Result<u64> {
    let mut given = 0;
    let mut pace = interval(Duration::from_millis(20));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 0.. {
        let world = World::new(40, 20, seed + round);
        let ratings = world.ratings().into_iter().map(|rating| Rating {
            user_id: format!("{}-{seed}-{round}", rating.user_id),
            rated_at: None,
            ..rating
        });
        for batch in ratings.collect::<Vec<_>>().chunks(50) {
            if stop.load(Ordering::Relaxed) {
                return Ok(given);
            }
            clients.rate_all(batch.to_vec()).await?;
            given += batch.len() as u64;
            pace.tick().await;
        }
    }
    Ok(given)
}

/// Trains a version in a fleet of its own, whose ratings are the same numbers in another order, and
/// publishes it as version 3 of another fleet.
async fn publish_shuffled(world: &World, folder: &Path) -> Result<()> {
    let made = Fleet::start().await?;
    made.clients().add_movies(world.catalogue()).await?;
    let mut ratings = world.ratings();
    let mut values: Vec<f64> = ratings.iter().map(|rating| rating.rating).collect();
    rand::seq::SliceRandom::shuffle(values.as_mut_slice(), &mut ChaCha8Rng::seed_from_u64(5));
    ratings.iter_mut().zip(values).for_each(|(rating, value)| rating.rating = value);
    let answer = made.clients().rate_all(ratings).await?;
    made.clients().user("nobody", &answer.positions).await?;
    // Both fleets sign with one key, so that the other one accepts the package.
    let made = made
        .restart_after(|own| {
            for name in ["signing.pem", "verifying.pem"] {
                std::fs::copy(folder.join("keys").join(name), own.join("keys").join(name)).context("copy the keys")?;
            }
            Ok(())
        })
        .await?;
    for _ in 0..3 {
        made.clients().train(Algorithm::Map, Parameters::default()).await?;
    }
    let version = Path::new("models/objects/models/ratings/3");
    let (from, to) = (made.folder().join(version), folder.join(version));
    std::fs::create_dir_all(&to)?;
    let mut files: Vec<_> = std::fs::read_dir(&from)?.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
    // A version exists once it has its manifest.
    files.sort_by_key(|name| name == "manifest.json");
    for name in files {
        std::fs::copy(from.join(&name), to.join(&name)).context("copy the package")?;
    }
    made.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_better_version_is_promoted_by_evidence() -> Result<()> {
    let fleet = trained(&World::new(60, 20, 41)).await?;
    let clients = fleet.clients();
    // Version 1 knows biases only, version 2 tastes.
    clients.train(Algorithm::Map, Parameters::default()).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let ratings = tokio::spawn(rate(clients.clone(), 1_000, Arc::clone(&stop)));
    start(clients, &by_duel(2)).await?;
    let ended = until_phase(clients, "Completed").await?;
    stop.store(true, Ordering::Relaxed);
    let given = ratings.await??;
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
    publish_shuffled(&world, fleet.folder()).await?;
    let request = LoadModelRequest { model: String::new(), version: 3 };
    clients.models.clone().load_model(request).await.context("the package is accepted")?;
    let stop = Arc::new(AtomicBool::new(false));
    let most = Arc::new(AtomicU32::new(0));
    let ratings = tokio::spawn(rate(clients.clone(), 2_000, Arc::clone(&stop)));
    let (watched, seen, end) = (clients.clone(), Arc::clone(&most), Arc::clone(&stop));
    let watch = tokio::spawn(async move {
        let mut look = interval(Duration::from_millis(10));
        while !end.load(Ordering::Relaxed) {
            let users: u32 = watched.routed().await?.candidates.iter().map(|candidate| candidate.weight).sum();
            seen.fetch_max(users, Ordering::Relaxed);
            look.tick().await;
        }
        anyhow::Ok(())
    });
    let mut spec = by_duel(3);
    spec["metrics"][0]["duel"]["margin"] = json!(0.0);
    start(clients, &spec).await?;
    let ended = until_phase(clients, "Degraded").await?;
    stop.store(true, Ordering::Relaxed);
    ratings.await??;
    watch.await??;
    assert_eq!((&ended["reason"], most.load(Ordering::Relaxed)), (&json!("AnalysisFailed"), 0), "{ended:#}");
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
        csv.push_str(&format!("other-{},{},{},{seconds}\n", rating.user_id, rating.movie_id, rating.rating));
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
