//! A new version is compared with the stable version of the route.

mod world;

use bytes::Bytes;
use marquee_ports::{ObjectKey, Precondition};
use marquee_proto::training::v1::{Algorithm, Parameters, State, Training};
use serde_json::{Value, json};

use world::World;

const SHORT: Parameters = Parameters { factors: 2, sweeps: 6, burn_in: 0, samples: 0, seed: 3, holdout: 0.2 };

fn key(text: &str) -> ObjectKey {
    ObjectKey::try_new(text).expect("a path")
}

/// Returns the manifest of the version that a run published.
async fn manifest(world: &World, run: &Training) -> Value {
    serde_json::from_slice(&world.file(run.version, "manifest.json").await).expect("JSON")
}

/// Returns the comparison in that manifest.
async fn comparison(world: &World, run: &Training) -> Value {
    manifest(world, run).await["comparison"].clone()
}

async fn route(world: &World, stable: u64) {
    let text = json!({"format": 2, "model": "ratings", "stable": stable, "salt": "ratings", "revision": stable});
    let bytes = Bytes::from(text.to_string());
    world.objects.put(&key("routing/ratings.json"), bytes, Precondition::None).await.expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_says_how_it_compares_with_the_stable_one() {
    let Some(world) = World::new().await else { return };
    let wide = |margin: f64| {
        move |settings: &mut marquee_trainer::Settings| {
            settings.gates.margin = margin;
            settings.gates.fewest_users = 2;
        }
    };
    let trainer = world.trainer_with("one", wide(10.0)).await;
    let first = trainer.until(&trainer.start((Algorithm::Bias, Parameters::default())).await, State::Succeeded).await;
    assert_eq!(comparison(&world, &first).await["verdict"], "no_current_version");
    let page = world.file(first.version, "report.html").await;
    assert!(String::from_utf8_lossy(&page).contains("There is no current version: passed."));

    route(&world, first.version).await;
    let second = trainer.until(&trainer.start((Algorithm::Map, SHORT)).await, State::Succeeded).await;
    let compared = comparison(&world, &second).await;
    assert_eq!((&compared["verdict"], &compared["version"]), (&json!("not_worse"), &json!(first.version)));
    assert!(compared["users"].as_u64() >= Some(2) && compared["upper"].is_number(), "{compared}");
    let gates = manifest(&world, &second).await["gates"].clone();
    let is_gate = |gate: &Value| gate["name"] == "non_inferiority" && gate["bound"] == 10.0;
    assert!(gates.as_array().is_some_and(|gates| gates.iter().any(is_gate)), "{gates}");
    let short = world.file(second.version, "report.md").await;
    let short = String::from_utf8_lossy(&short);
    assert!(short.contains("**Against version 1, the current one:** Not worse"), "{short}");
    assert!(short.contains("- the fit on the past: took all of its 6 sweeps; RMSE on held-out ratings"), "{short}");
    assert!(short.contains("- the fit on all ratings: took all of its 6 sweeps\n"), "{short}");
    let page = world.file(second.version, "report.html").await;
    let page = String::from_utf8_lossy(&page);
    for curve in ["By sweep, the fit on the past", "By sweep, the fit on all ratings", "held-out ratings (RMSE), 6: "] {
        assert!(page.contains(curve), "{curve} is not in the page");
    }

    route(&world, second.version).await;
    let third = trainer.until(&trainer.start((Algorithm::Map, SHORT)).await, State::Succeeded).await;
    let compared = comparison(&world, &third).await;
    assert_eq!(compared["verdict"], "same_method", "{compared}");
    assert_eq!(compared["difference"], json!(0.0), "the same fit of the same ratings");
    trainer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_may_be_worse_than_the_stable_one_is_not_published() {
    let Some(world) = World::empty().await else { return };
    // Users like the movies of their kind, which biases cannot say. The factor is a prime, so every
    // pair comes once.
    let pairs = (0..900).map(|at| (at * 7_919 % 900 % 30, at * 7_919 % 900 / 30));
    world.append(pairs.map(|(user, movie)| (user, movie, if (user + movie) % 2 == 0 { 5.0 } else { 1.0 }))).await;
    let strict = |settings: &mut marquee_trainer::Settings| {
        settings.gates.margin = 1e-9;
        settings.gates.confidence = 0.999;
        settings.gates.fewest_users = 2;
        // The other gates must not be what stops the run.
        settings.gates.rmse_over_bias = 100.0;
    };
    let trainer = world.trainer_with("one", strict).await;
    let good = Parameters { factors: 8, sweeps: 60, ..SHORT };
    let first = trainer.until(&trainer.start((Algorithm::Map, good)).await, State::Succeeded).await;
    route(&world, first.version).await;
    let run = trainer.start((Algorithm::Bias, Parameters::default())).await;
    let failed = trainer.until(&run, State::Failed).await;
    assert!(
        failed.message.contains("gate non_inferiority") && failed.message.contains("trainer.gates.margin"),
        "{failed:?}"
    );
    assert_eq!(failed.version, 0);
    trainer.stop().await;
}
