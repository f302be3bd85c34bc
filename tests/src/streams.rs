//! `make bench-streams`: ingest, features, learning and replay on Kafka and Redis of its own,
//! beside librdkafka's own producer, raw Redis and Feast. It prints numbers and judges none.
//!
//! Every part starts servers and roles of its own, the roles as processes, so that their processor
//! time and memory can be told from the client's. `--only ingest,read` runs some parts alone,
//! `--replay N` says how many ratings the last part generates (25,000,000), `--json PATH` writes
//! the figures.

#[path = "streams/apply.rs"]
mod apply;
#[path = "streams/figures.rs"]
mod figures;
#[path = "streams/ingest.rs"]
mod ingest;
#[path = "streams/learn.rs"]
mod learn;
#[path = "streams/made.rs"]
mod made;
#[path = "streams/read.rs"]
mod read;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use figures::Figures;
use marquee_e2e::option;

/// Commands of the product that this program is started again for.
const ROLES: [&str; 5] = ["up", "ingest", "feature-store", "trainer", "inference"];

const PARTS: [&str; 5] = ["ingest", "apply", "read", "learn", "replay"];

/// Ratings that the last part generates unless told otherwise.
const REPLAYED: u64 = 25_000_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| ROLES.contains(&first.as_str())) {
        return marquee::main();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(bench(&arguments)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn bench(arguments: &[String]) -> Result<()> {
    let only: Vec<&str> = option(arguments, "--only").map(|only| only.split(',').collect()).unwrap_or_default();
    if let Some(unknown) = only.iter().find(|part| !PARTS.contains(part)) {
        bail!("there is no part '{unknown}': --only takes some of {}", PARTS.join(","));
    }
    let parts = if only.is_empty() { PARTS.to_vec() } else { only };
    let replayed = option(arguments, "--replay").map(str::parse).transpose().context("--replay takes a number")?;
    let mut figures = Figures::default();
    figures.say("machine", "cores", std::thread::available_parallelism().map_or(0, usize::from) as f64, "");
    for part in parts {
        match part {
            "ingest" => ingest::measure(&mut figures).await?,
            "apply" => apply::measure(&mut figures, "apply", 1_000_000).await?,
            "read" => read::measure(&mut figures).await?,
            "learn" => learn::measure(&mut figures).await?,
            _ => apply::measure(&mut figures, "replay", replayed.unwrap_or(REPLAYED)).await?,
        }
    }
    if let Some(path) = option(arguments, "--json") {
        std::fs::write(path, figures.json()?).with_context(|| format!("write {path}"))?;
    }
    Ok(())
}
