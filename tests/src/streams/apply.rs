//! Features applied from Kafka to Redis: as fast as it goes, with the memory that it takes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use marquee_e2e::servers::Stack;
use marquee_e2e::{Clients, Launch};
use marquee_proto::features::v1::GetProgressRequest;

use super::figures::{Figures, Used};
use super::ingest;

/// Ratings that are sent before anybody waits for their acknowledgement.
const LEG: u64 = 1_000_000;

/// Events applied, and all there are.
pub(crate) async fn progress(clients: &Clients) -> Result<(u64, u64)> {
    let answer = clients.features.clone().get_progress(GetProgressRequest {}).await?.into_inner();
    let sum = |of: fn(&marquee_proto::features::v1::PartitionProgress) -> u64| answer.partitions.iter().map(of).sum();
    Ok((sum(|partition| partition.next_offset), sum(|partition| partition.end_offset)))
}

/// Makes so many ratings, then starts a feature store on them.
pub(crate) async fn measure(figures: &mut Figures, part: &str, ratings: u64) -> Result<()> {
    let stack = Stack::start().await?;
    let folder = tempfile::tempdir()?;
    let ingest = ingest::start(&stack, &folder.path().join("ingest")).await?;
    let clients = ingest.clients()?;
    let started = Instant::now();
    for first in (0..ratings).step_by(LEG as usize) {
        ingest::send(&clients, first..(first + LEG).min(ratings)).await?;
        if ratings > LEG {
            eprintln!("{part}: {} of {ratings} ratings made", (first + LEG).min(ratings));
        }
    }
    figures.say(
        part,
        "ratings made, acknowledged by Kafka",
        ratings as f64 / started.elapsed().as_secs_f64(),
        "ratings/s",
    );
    drop(ingest);

    let program = std::env::current_exe()?;
    let launch = Launch::new(program, &folder.path().join("features")).role("feature-store");
    let started = Instant::now();
    let store = launch.variables(stack.variables()).spawn_only().await?;
    let (pid, clients) = (store.addresses().pid, store.clients()?);
    let mut look = tokio::time::interval(Duration::from_millis(200));
    let (mut middle, mut told) = (0.0_f64, 0);
    loop {
        look.tick().await;
        let Ok((applied, end)) = progress(&clients).await else { continue };
        if middle == 0.0 && applied * 10 >= ratings {
            middle = Used::by(pid)?.resident_mib;
        }
        if ratings > LEG && applied / LEG > told {
            told = applied / LEG;
            eprintln!("{part}: {applied} of {end} events applied, {:.0} MiB", Used::by(pid)?.resident_mib);
        }
        if end > 0 && applied >= end {
            break;
        }
    }
    let (seconds, used) = (started.elapsed().as_secs_f64(), Used::by(pid)?);
    figures.say(part, "events applied from Kafka to Redis", ratings as f64 / seconds, "events/s");
    let core = used.cpu.as_secs_f64();
    figures.say(part, "events applied a second of processor time", ratings as f64 / core, "events/s a core");
    figures.say(part, "memory of the feature store after a tenth of them", middle, "MiB");
    figures.say(part, "memory of the feature store at the end", used.resident_mib, "MiB");
    figures.say(part, "memory of the feature store, at most", used.peak_mib, "MiB");
    store.stop().await.context("stop the feature store")?;
    Ok(())
}
