//! Two of each role on real Kafka, Redis and S3, under load, while processes, the broker and Redis
//! are killed, stopped and started again at random. Versions are promoted and rolled back
//! meanwhile, served features are checked against the log, and producers of another project write
//! to the rating topic what they like: every codec, transactions, odd times, and junk.
//!
//! Afterwards the log is read from its beginning and compared with what clients were told and with
//! what is served. Then the log forgets, and a feature store with an empty online store rebuilds it
//! from the archive while it is killed again and again.
//!
//! `make chaos` goes on for ten minutes (`MARQUEE_CHAOS_SECONDS`). Every run prints its seed, and
//! `MARQUEE_CHAOS_SEED` repeats its faults.

#[path = "chaos/faults.rs"]
mod faults;
#[path = "chaos/hostile.rs"]
mod hostile;
#[path = "chaos/load.rs"]
mod load;
#[path = "chaos/operators.rs"]
mod operators;
#[path = "chaos/rebuild.rs"]
mod rebuild;
#[path = "chaos/rollouts.rs"]
mod rollouts;
#[path = "chaos/verdict.rs"]
mod verdict;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use marquee_e2e::servers::{Stack, or_skip};
use marquee_e2e::{Clients, Launch, Process, World, until};
use marquee_proto::training::v1::{Algorithm, Parameters, State};
use tokio::sync::watch;

/// The product's own `main`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_marquee-under-test");

/// Users and movies that the load is about: few enough that most ratings replace an earlier one.
const SIZE: (usize, usize) = (400, 120);

/// Users whose first ratings the model is made of.
const FIRST: usize = 60;

/// Versions that the route names in turn: more than an instance keeps warm.
const VERSIONS: u64 = 5;

/// How it is run.
struct Plan {
    seed: u64,
    length: Duration,
}

impl Plan {
    fn from_environment() -> Result<Self> {
        let (seed, seconds) = (number("MARQUEE_CHAOS_SEED")?, number("MARQUEE_CHAOS_SECONDS")?);
        Ok(Self { seed: seed.unwrap_or_else(rand::random), length: Duration::from_secs(seconds.unwrap_or(60)) })
    }
}

/// Returns the number in a variable of the environment, or `None` if it is absent.
fn number(variable: &str) -> Result<Option<u64>> {
    let number = std::env::var(variable).ok().map(|text| text.parse::<u64>()).transpose();
    number.with_context(|| format!("{variable} is no number"))
}

/// The processes, by role.
struct Fleet {
    ingest: [Process; 2],
    features: [Process; 2],
    inference: [Process; 2],
}

/// Parameters of a model that takes moments to train.
fn small() -> Parameters {
    Parameters { factors: 4, sweeps: 8, ..Parameters::default() }
}

/// A process of a role, with a folder of its own. A folder that exists is used again.
fn prepare(stack: &Stack, folder: &Path, role: &str, name: &str) -> Launch {
    // Deadlines short enough that a fault of some seconds is over for everybody soon after.
    let settings = ["kafka.session_timeout=6s", "kafka.request_timeout=3s", "kafka.delivery_timeout=8s"];
    let launch = Launch::new(PROGRAM, &folder.join(name)).role(role).variables(stack.variables());
    let launch = launch.set("redis.deadline=1s").set("redis.response_timeout=500ms").set("telemetry.log=error");
    settings.into_iter().fold(launch, Launch::set)
}

async fn launch(stack: &Stack, folder: &Path, world: &World) -> Result<Fleet> {
    let launch = |role: &str, name: &str| prepare(stack, folder, role, name);
    let (one, two, three, four, trainer) = tokio::try_join!(
        launch("ingest", "ingest-1").start(),
        launch("ingest", "ingest-2").start(),
        launch("feature-store", "features-1").start(),
        launch("feature-store", "features-2").start(),
        launch("trainer", "trainer").set("trainer.archive.every=1s").start(),
    )?;
    let (ingest, features) = ([one, two], [three, four]);

    // A model to predict with, from what some of the users gave.
    let clients = ingest[0].clients()?;
    clients.add_movies(world.catalogue()).await?;
    let positions = clients.rate_all(World::new(FIRST, world.movies, 1).ratings()).await?.positions;
    features[0].clients()?.user("nobody", &positions).await?;
    for version in 1..=VERSIONS {
        let training = trainer.clients()?.run(Algorithm::Map, Parameters { seed: version, ..small() }).await?;
        assert_eq!(training.state(), State::Succeeded, "{}", training.message);
        assert_eq!(training.version, version);
    }
    let keys = folder.join("trainer/keys/verifying.pem");
    assert_eq!(trainer.stop().await?, Some(0));

    let inference = |name: &str, first: &Process, second: &Process| {
        let addresses = format!("{},{}", first.addresses().grpc, second.addresses().grpc);
        let launch = launch("inference", name).set(format!("features_address={addresses:?}"));
        launch.set(format!("verifying_key={keys:?}")).start()
    };
    let (five, six) = tokio::try_join!(
        inference("inference-1", &features[0], &features[1]),
        inference("inference-2", &features[1], &features[0]),
    )?;
    let fleet = Fleet { ingest, features, inference: [five, six] };
    for process in &fleet.inference {
        let clients = process.clients()?;
        until("it predicts", async || clients.predict("user-1", &["movie-1"], &[]).await.ok()).await?;
    }
    Ok(fleet)
}

/// Clients of two processes of a role.
fn both(processes: &[Process; 2]) -> Result<[Clients; 2]> {
    Ok([processes[0].clients()?, processes[1].clients()?])
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_dies_no_rating_is_lost_or_counted_twice_and_predictions_go_on() -> Result<()> {
    let plan = Plan::from_environment()?;
    let Some(stack) = or_skip(Stack::start().await)? else { return Ok(()) };
    println!("chaos: MARQUEE_CHAOS_SEED={} for {} s", plan.seed, plan.length.as_secs());
    let folder = tempfile::tempdir()?;
    let world = World::new(SIZE.0, SIZE.1, plan.seed);
    let fleet = launch(&stack, folder.path(), &world).await?;
    let (ingest, features, inference) = (both(&fleet.ingest)?, both(&fleet.features)?, both(&fleet.inference)?);

    let mut tick = tokio::time::interval(Duration::from_millis(100));
    let over = watch::Sender::new(false);
    let world = Arc::new(world);
    let writing = tokio::spawn(load::write(Arc::clone(&world), ingest, plan.seed, over.subscribe()));
    let probing = tokio::spawn(load::probe(Arc::clone(&world), inference.clone(), plan.seed, over.subscribe()));
    let routing = tokio::spawn(operators::route(inference.clone(), plan.seed, over.subscribe()));
    let storming = tokio::spawn(hostile::write(stack.kafka.bootstrap(), over.subscribe()));
    let checkers = [operators::checker(&fleet.features[0])?, operators::checker(&fleet.features[1])?];
    let checking = tokio::spawn(operators::check(checkers, over.subscribe()));
    let mut inflicting = Box::pin(faults::inflict(stack, fleet, plan.seed, over.subscribe()));
    let loaded = async {
        let is_over = || writing.is_finished() || probing.is_finished() || routing.is_finished();
        while !(is_over() || checking.is_finished() || storming.is_finished()) {
            tick.tick().await;
        }
    };
    // Faults and load go on until they are told to end: if one of them ends before, it says why.
    let (early, inflicted) = tokio::select! {
        inflicted = &mut inflicting => (true, Some(inflicted)),
        loaded = tokio::time::timeout(plan.length, loaded) => (loaded.is_ok(), None),
    };
    over.send_replace(true);
    let (stack, fleet, faults) = match inflicted {
        Some(inflicted) => inflicted?,
        None => inflicting.await?,
    };
    let (probed, written) = (probing.await??, writing.await??);
    let (routed, checked, foreign) = (routing.await??, checking.await??, storming.await??);
    assert!(!early, "the load or the faults ended early");

    println!("faults: {faults}");
    println!("load: {written}");
    println!("predictions: {probed}");
    println!("routes: {routed}");
    println!("features: {checked}");
    routed.check();
    let (judged, evidence) = verdict::judge(&stack, &world, &written, &features).await?;
    println!("afterwards: {judged}");
    if let Some(foreign) = &foreign {
        println!("foreign records: {}", hostile::account(&evidence, foreign).await?);
        for clients in &features {
            hostile::serves(clients, &evidence.truth).await?;
        }
    }
    let rebuilt = rebuild::rebuild(&stack, folder.path(), plan.seed).await?;
    verdict::serves(&rebuilt.clients()?, &world, &evidence.truth).await?;
    hostile::serves(&rebuilt.clients()?, &evidence.truth).await?;
    println!("rebuilt from the archive: the same features, though the log has forgotten and the process was killed");
    probed.check();
    for clients in &inference {
        let fresh = async || {
            let answer = clients.predict("user-1", &["movie-1"], &[]).await.ok()?;
            answer.provenance.is_some_and(|provenance| !provenance.degraded).then_some(())
        };
        until("predictions rest on features again", fresh).await?;
    }
    drop(fleet);
    Ok(())
}
