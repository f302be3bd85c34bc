//! `make bench-duel`: what the duel of two versions costs. It prints numbers and judges none.
//!
//! Two versions are trained on the older half of MovieLens 100K. The newer half then arrives, and
//! both versions predict each rating before it is learned. There are two orders: as people gave the
//! ratings, and one rating of each user in turn, so that no two ratings of a user come together.
//! The last part serves predictions while ratings arrive, with the monitor and without it.
//!
//! `--algorithm map` trains smaller versions than the default `bayes`, `--rounds N` says how often
//! serving is measured with and without the duel (4), `--seconds N` how long each time (10),
//! `--json PATH` writes the figures.

#[path = "duel_bench/catch_up.rs"]
mod catch_up;
#[path = "duel_bench/data.rs"]
mod data;
#[path = "duel_bench/host.rs"]
mod host;
#[path = "duel_bench/serving.rs"]
mod serving;

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use marquee_e2e::{copy_folder, option};
use marquee_proto::rollout::v1::{Route, SetRouteRequest};
use marquee_proto::training::v1::{Algorithm, Parameters};
use serde::Serialize;
use tempfile::TempDir;

use catch_up::CatchUp;
use data::{Data, Order};
use host::{EVERY_ROLE, Host};
use serving::Serving;

#[derive(Debug, Serialize)]
struct Report {
    cores: usize,
    algorithm: &'static str,
    catch_up: Vec<CatchUp>,
    serving: Serving,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(Box::pin(bench(&arguments))));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the number of an option.
fn number<T: FromStr<Err: Display>>(arguments: &[String], name: &str, default: T) -> Result<T> {
    let Some(text) = option(arguments, name) else { return Ok(default) };
    text.parse().map_err(|error| anyhow::anyhow!("{name} takes a number, not '{text}': {error}"))
}

async fn bench(arguments: &[String]) -> Result<()> {
    let (algorithm, name) = match option(arguments, "--algorithm") {
        None | Some("bayes") => (Algorithm::Bayes, "bayes"),
        Some("map") => (Algorithm::Map, "map"),
        Some(other) => bail!("--algorithm takes bayes or map, not '{other}'"),
    };
    let (rounds, seconds) = (number(arguments, "--rounds", 4_usize)?, number(arguments, "--seconds", 10_u64)?);
    let data = Data::read()?;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("MovieLens 100K, {cores} cores; training two versions by {name} on the older half");
    let trained = tempfile::tempdir()?;
    prepare(trained.path(), &data, algorithm).await?;

    println!("\nThe duel catches up with the newer half, which is in the log, while nothing else happens.");
    println!("Counted is the processor time of the whole process, which is the fleet: log, rows, inference, graphs,");
    println!("tallies. The first tenth is left out, in which the versions are loaded.");
    let mut catch_ups = Vec::new();
    for order in Order::ALL {
        let copy = copy(trained.path())?;
        let measured = catch_up::measure(copy.path(), &data, order).await?;
        measured.print();
        catch_ups.push(measured);
    }

    println!(
        "\n{} predictions/s of one movie over loopback, while {} ratings/s arrive in the order of time;",
        serving::PREDICTIONS,
        serving::RATINGS
    );
    println!("the client is a part of the process. {rounds} times {seconds} s with the duel and without it, by turns.");
    let copy = copy(trained.path())?;
    let serving = serving::measure(copy.path(), &data, (rounds, seconds)).await?;
    serving.print();
    if let Some(path) = option(arguments, "--json") {
        let report = Report { cores, algorithm: name, catch_up: catch_ups, serving };
        std::fs::write(path, serde_json::to_vec_pretty(&report)?).with_context(|| format!("write {path}"))?;
    }
    Ok(())
}

/// Fills a folder with the older half and two versions, of which one is in shadow.
async fn prepare(folder: &Path, data: &Data, algorithm: Algorithm) -> Result<()> {
    let host = Host::start(folder, EVERY_ROLE).await?;
    let clients = &host.clients;
    clients.add_movies(data.movies.clone()).await?;
    host.rate(&data.older).await?;
    for seed in [1, 2] {
        clients.train(algorithm, Parameters { seed, ..Parameters::default() }).await?;
    }
    let route = Route { model: "ratings".to_owned(), stable: 1, shadow: vec![2], ..Route::default() };
    clients.routing.clone().set_route(SetRouteRequest { route: Some(route), expected_revision: 0 }).await?;
    host.both_warm().await?;
    host.learned().await?;
    host.stop().await;
    Ok(())
}

/// Copies a data folder.
fn copy(from: &Path) -> Result<TempDir> {
    let to = tempfile::tempdir()?;
    copy_folder(from, to.path()).with_context(|| format!("copy {}", from.display()))?;
    Ok(to)
}
