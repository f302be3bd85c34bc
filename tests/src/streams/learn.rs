//! From the acknowledgement of a rating to a prediction that rests on it, through Kafka and Redis,
//! while others rate.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use marquee_e2e::servers::Stack;
use marquee_e2e::{Launch, World};
use marquee_proto::training::v1::{Algorithm, Parameters};
use tokio::time::MissedTickBehavior;

use super::figures::Figures;

/// Ratings of others, a second.
const LOAD: u64 = 500;

const LESSONS: usize = 2_000;

pub(crate) async fn measure(figures: &mut Figures) -> Result<()> {
    let stack = Stack::start().await?;
    let folder = tempfile::tempdir()?;
    let program = std::env::current_exe()?;
    let fleet = Launch::new(program, folder.path()).variables(stack.variables()).start().await?;
    let clients = fleet.clients()?;
    let world = World::new(400, 200, 1);
    clients.add_movies(world.catalogue()).await?;
    let mut positions = Vec::new();
    for ratings in world.ratings().chunks(10_000) {
        positions.extend(clients.rate_all(ratings.to_vec()).await?.positions);
    }
    clients.user("nobody", &positions).await?;
    clients.train(Algorithm::Map, Parameters::default()).await?;

    let others = clients.clone();
    let load = tokio::spawn(async move {
        let mut pace = tokio::time::interval(Duration::from_micros(1_000_000 / LOAD));
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut given = tokio::task::JoinSet::new();
        for number in 0_u64.. {
            pace.tick().await;
            let clients = others.clone();
            given.spawn(async move {
                let (user, movie) = (format!("other-{}", number % 5_000), format!("movie-{}", number * 7 % 200));
                clients.rate(&user, &movie, (number % 5 + 1) as f64).await
            });
            while given.try_join_next().is_some() {}
        }
    });
    let started = Instant::now();
    let (mut whole, mut after, mut changed) = (Vec::new(), Vec::new(), 0);
    for number in 0..LESSONS {
        let user = format!("learner-{}", number % 100);
        let movie = format!("movie-{}", number / 100 * 2 % 200);
        let before = clients.predict(&user, &["movie-199"], &[]).await?;
        let asked = Instant::now();
        let position = clients.rate(&user, &movie, (number % 5 + 1) as f64).await?;
        let acknowledged = Instant::now();
        let answer = clients.predict(&user, &["movie-199"], &[position]).await?;
        after.push(acknowledged.elapsed());
        whole.push(asked.elapsed());
        changed += usize::from(answer.predictions != before.predictions);
    }
    let seconds = started.elapsed().as_secs_f64();
    ensure!(!load.is_finished(), "the load ended early");
    load.abort();
    figures.say("learn", "others' ratings meanwhile", LOAD as f64, "ratings/s");
    figures.say("learn", "lessons", LESSONS as f64 / seconds, "a second");
    figures.say("learn", "predictions that a rating changed", changed as f64 / LESSONS as f64 * 100.0, "%");
    figures.latencies("learn", "acknowledgement to changed prediction, by Kafka and Redis", after);
    figures.latencies("learn", "the same with the acknowledgement itself", whole);
    fleet.stop().await?;
    Ok(())
}
