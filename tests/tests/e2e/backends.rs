//! The whole fleet on real back-ends.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use marquee::StoreBackend;
use marquee_e2e::servers::{Redis, S3, Stack, or_skip};
use marquee_e2e::{Clients, DEADLINE, Fleet, Launch, World};
use marquee_proto::features::v1::User;
use marquee_proto::training::v1::{Algorithm, Parameters};

/// The product's own `main`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_marquee-under-test");

/// A fleet whose features stand in Redis, with ratings and a model.
async fn trained(redis: &Redis, world: &World) -> Result<Fleet> {
    let (urls, cluster) = (redis.urls(), redis.urls().len() > 1);
    let fleet = Fleet::start_with(|settings| {
        settings.backends.store = StoreBackend::Redis;
        settings.redis.urls = urls;
        settings.redis.cluster = cluster;
        settings.redis.deadline = Duration::from_secs(1);
        settings.redis.response_timeout = Duration::from_millis(500);
    })
    .await?;
    crate::spine::teach(fleet.clients(), world, Algorithm::Map).await?;
    Ok(fleet)
}

/// What is served of every user, without the version, which names the log's place.
async fn histories(clients: &Clients, world: &World) -> Result<Vec<User>> {
    let mut all = Vec::new();
    for number in 0..world.users {
        all.push(clients.user(&world.user(number), &[]).await?);
    }
    Ok(all)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_on_redis_learns_survives_its_loss_and_rebuilds_what_is_gone() -> Result<()> {
    let Some(mut redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    let world = World::new(20, 15, 51);
    let fleet = trained(&redis, &world).await?;
    let clients = fleet.clients();
    let before = clients.predict("stranger", &["movie-2", "movie-3"], &[]).await?;
    let rated = clients.rate("stranger", "movie-4", 5.0).await?;
    let after = clients.predict("stranger", &["movie-2", "movie-3"], &[rated]).await?;
    assert_ne!(before.predictions, after.predictions, "a rating counts");
    let served = histories(clients, &world).await?;

    // While Redis is away, who was seen is answered from what was seen, and is told so.
    redis.kill(0).await?;
    let degraded = clients.predict("stranger", &["movie-2", "movie-3"], &[]).await?;
    assert_eq!(degraded.predictions, after.predictions);
    assert!(degraded.provenance.expect("provenance").degraded);
    redis.restart(0).await?;
    let started = Instant::now();
    while clients.predict("stranger", &["movie-2"], &[]).await?.provenance.is_none_or(|provenance| provenance.degraded)
    {
        assert!(started.elapsed() < DEADLINE, "it never found Redis again");
    }

    // An empty replacement: the next rating shows the loss, and all rows are built again from the
    // log.
    assert_eq!(redis.ask(0, "FLUSHALL").await?, "OK");
    let next = clients.rate("stranger", "movie-6", 5.0).await?;
    let stranger = clients.user("stranger", &[next]).await?;
    let movies: Vec<&str> = stranger.history.iter().map(|entry| entry.movie_id.as_str()).collect();
    assert_eq!(movies, ["movie-4", "movie-6"]);
    let started = Instant::now();
    while histories(clients, &world).await? != served {
        assert!(started.elapsed() < DEADLINE, "features never came back");
    }
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_on_a_cluster_of_redis_serves_what_an_embedded_one_does() -> Result<()> {
    let Some(redis) = or_skip(Redis::cluster().await)? else { return Ok(()) };
    let world = World::new(20, 15, 52);
    let (clustered, embedded) = (trained(&redis, &world).await?, crate::spine::trained(&world, Algorithm::Map).await?);
    let (theirs, ours) = (histories(clustered.clients(), &world).await?, histories(embedded.clients(), &world).await?);
    for (theirs, ours) in theirs.iter().zip(&ours) {
        assert_eq!((&theirs.history, &theirs.statistics), (&ours.history, &ours.statistics));
    }
    let clustered = clustered.restart().await?;
    assert_eq!(histories(clustered.clients(), &world).await?, theirs, "a restart forgets nothing");
    clustered.stop().await;
    embedded.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_not_there_is_a_clear_error() -> Result<()> {
    let started = Fleet::start_with(|settings| {
        settings.backends.store = StoreBackend::Redis;
        settings.redis.urls = vec!["redis://127.0.0.1:1".to_owned()];
        settings.redis.deadline = Duration::from_millis(300);
    })
    .await;
    let error = format!("{:#}", started.expect_err("nobody is there"));
    assert!(error.contains("redis://127.0.0.1:1") && error.contains("redis.urls"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_on_s3_trains_archives_serves_through_an_outage_and_starts_again() -> Result<()> {
    let Some(mut s3) = or_skip(S3::start().await)? else { return Ok(()) };
    let fleet = Fleet::start_with(|settings| {
        s3.lead(settings);
        settings.s3.url = format!("s3://{}/fleet", s3.bucket());
        settings.s3.patience = Duration::from_secs(1);
        settings.s3.request_timeout = Duration::from_secs(1);
        settings.role::<marquee_trainer::Trainer>().archive.every = Duration::from_millis(50);
    })
    .await?;
    let clients = fleet.clients();
    let world = World::new(20, 15, 53);
    clients.add_movies(world.catalogue()).await?;
    let positions = clients.rate_all(world.ratings()).await?.positions;
    clients.user("nobody", &positions).await?;
    for version in [1, 2] {
        let (training, model) = clients.train(Algorithm::Map, Parameters::default()).await?;
        assert_eq!((training.version, model.verified), (version, true));
    }
    clients.route(1, &[(2, 5_000)]).await?;
    assert!(!fleet.folder().join("models").exists(), "nothing of it stands in the data folder");
    let before = clients.predict("user-1", &["movie-2", "movie-3"], &[]).await?;

    // While the bucket is away, what is loaded goes on serving, and changes are refused.
    s3.kill().await?;
    assert_eq!(clients.predict("user-1", &["movie-2", "movie-3"], &[]).await?, before);
    clients.route(2, &[]).await.expect_err("the table cannot be kept");
    s3.restart().await?;
    let fleet = fleet.restart().await?;
    assert_eq!(
        fleet.clients().predict("user-1", &["movie-2", "movie-3"], &[]).await?,
        before,
        "and starts again as it was"
    );
    let (training, _) = fleet.clients().train(Algorithm::Bias, Parameters::default()).await?;
    assert_eq!(training.version, 3);
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_by_the_example_file_stands_on_kafka_redis_and_s3_and_outlives_its_death() -> Result<()> {
    let Some(stack) = or_skip(Stack::start().await)? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/kafka-redis-s3.toml");
    let launch = Launch::new(PROGRAM, folder.path()).config(&file).variables(stack.variables());
    let mut fleet = launch.set("trainer.archive.every=50ms").start().await?;
    let clients = fleet.clients()?;
    let world = World::new(20, 15, 54);
    clients.add_movies(world.catalogue()).await?;
    let positions = clients.rate_all(world.ratings()).await?.positions;
    clients.user("nobody", &positions).await?;
    let (training, model) = clients.train(Algorithm::Map, Parameters::default()).await?;
    assert_eq!((training.version, model.verified), (1, true));
    let before = clients.predict("user-1", &["movie-2", "movie-3"], &[]).await?;
    let rated = clients.rate("user-1", "movie-4", 5.0).await?;
    let after = clients.predict("user-1", &["movie-2", "movie-3"], &[rated]).await?;
    assert_ne!(before.predictions, after.predictions, "a rating counts");
    let served = histories(&clients, &world).await?;
    for embedded in ["log", "store", "models"] {
        assert!(!folder.path().join(embedded).exists(), "{embedded} does not stand in the data folder");
    }

    fleet.kill().await?;
    fleet.restart().await?;
    let clients = fleet.clients()?;
    let again = clients.predict("user-1", &["movie-2", "movie-3"], &[]).await?;
    assert_eq!(again.predictions, after.predictions, "to the bit");
    assert_eq!(histories(&clients, &world).await?, served);
    // Its group goes on where the dead member's session ends.
    let rated = clients.rate("user-1", "movie-6", 1.0).await?;
    let user = clients.user("user-1", &[rated]).await?;
    assert!(user.history.iter().any(|entry| entry.movie_id == "movie-6"));
    assert_eq!(fleet.stop().await?, Some(0));
    Ok(())
}
