//! `make bench-predict`: what predictions and recommendations cost, from socket to socket. It
//! prints figures beside what should be reached, and judges none.
//!
//! The fleet is a process of its own with its default settings, on embedded back-ends. The client
//! is this process. Both share the cores, and the figures are those of both together.
//!
//! `--data PATH` trains on another data set than MovieLens 100K, for example on MovieLens 1M.
//! `--keep FOLDER` keeps the trained fleets there for the next run. `--seconds N` says how long
//! each load lasts (5), `--catalog N` how many movies the large catalog has (62,000; 0 leaves it
//! out), `--only predict,mixed,recommend,counts,catalog` runs some parts alone, `--program PATH`
//! names the program of the fleet, `--json PATH` writes the figures.

#[path = "predict_bench/allocations.rs"]
mod allocations;
#[path = "predict_bench/calls.rs"]
mod calls;
#[path = "predict_bench/data.rs"]
mod data;
#[path = "predict_bench/host.rs"]
mod host;
#[path = "predict_bench/load.rs"]
mod load;
#[path = "predict_bench/report.rs"]
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use marquee_e2e::option;
use marquee_proto::prediction::v1::{PredictResponse, RecommendResponse};
use prost::Message;

use calls::{Connection, LIMIT, MOVIES, Requests};
use data::Data;
use host::Host;
use report::Report;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

const PARTS: [&str; 5] = ["predict", "mixed", "recommend", "counts", "catalog"];

/// Movies of the large catalog unless told otherwise, as many as MovieLens 25M has.
const CATALOG: usize = 62_000;

/// Requests whose allocations are counted.
const COUNTED: u64 = 5_000;

/// What the parts need.
struct Bench {
    program: PathBuf,
    parts: Vec<String>,
    time: Duration,
    folder: PathBuf,
    report: Report,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "up") {
        if let Some(socket) = std::env::var_os(allocations::SOCKET)
            && let Err(error) = allocations::tell(Path::new(&socket))
        {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
        return marquee::main();
    }
    // One thread: the client must leave to the fleet what it can.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
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
fn number(arguments: &[String], name: &str, default: usize) -> Result<usize> {
    let Some(text) = option(arguments, name) else { return Ok(default) };
    text.parse().map_err(|error| anyhow::anyhow!("{name} takes a number, not '{text}': {error}"))
}

async fn bench(arguments: &[String]) -> Result<()> {
    let own = std::env::current_exe()?;
    let program = option(arguments, "--program").map_or_else(|| own.with_file_name("marquee"), PathBuf::from);
    ensure!(program.is_file(), "there is no {}: build it, or name another with --program", program.display());
    let only = option(arguments, "--only").map(|only| only.split(',').map(str::to_owned).collect::<Vec<_>>());
    let parts = only.unwrap_or_else(|| PARTS.map(str::to_owned).into());
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        bail!("there is no part '{unknown}': --only takes some of {}", PARTS.join(","));
    }
    let temporary = tempfile::tempdir()?;
    let folder = option(arguments, "--keep").map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let time = Duration::from_secs(number(arguments, "--seconds", 5)? as u64);
    let catalog = number(arguments, "--catalog", CATALOG)?;
    let data = Data::read(option(arguments, "--data"))?;
    let report = Report::new(&data.name);
    let mut bench = Bench { program, parts, time, folder, report };
    println!(
        "{}: {} ratings, {} users, {} movies; {} cores, which fleet and client share",
        data.name,
        data.ratings.len(),
        data.users.len(),
        data.movies.len(),
        bench.report.cores()
    );
    bench.run(&data, &own).await?;
    if catalog > 0 && bench.has("catalog") {
        bench.large(&Data::made(catalog)).await?;
    }
    if let Some(path) = option(arguments, "--json") {
        std::fs::write(path, serde_json::to_vec_pretty(&bench.report)?).with_context(|| format!("write {path}"))?;
    }
    Ok(())
}

impl Bench {
    fn has(&self, part: &str) -> bool {
        self.parts.iter().any(|one| one == part)
    }

    /// Trains on a data set, unless it was done before, and returns the folder of the fleet.
    async fn trained(&self, data: &Data) -> Result<PathBuf> {
        let folder = self.folder.join(&data.name);
        std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        println!("training on {}, unless it was done before", data.name);
        host::train(&self.program, &folder, data).await?;
        Ok(folder)
    }

    async fn run(&mut self, data: &Data, counting: &Path) -> Result<()> {
        if self.parts.iter().all(|part| part == "catalog") {
            return Ok(());
        }
        let folder = self.trained(data).await?;
        let host = Host::start(&self.program, &folder).await?;
        let (predict, recommend) = (Arc::new(Requests::predict(data)?), Arc::new(Requests::recommend(data)?));
        check(&host, (&predict, &recommend)).await?;
        if self.has("predict") {
            let before = host.counters().await?;
            let what = format!("predict, 1 user × {MOVIES} movies");
            for (in_flight, reach) in [(1, ""), (2, ""), (8, ""), (32, ">= 6000 /s")] {
                let measured = load::closed(&host, &predict, in_flight, self.time).await?;
                self.report.add(&what, Some(in_flight), measured, reach);
            }
            let after = host.counters().await?;
            let (hit, missed) = (after.states_hit - before.states_hit, after.states_missed - before.states_missed);
            self.report.say("share of user states that were cached", 100.0 * hit / (hit + missed), "%");
            if let Some((states, bytes)) = after.states {
                self.report.say("bytes that a cached user state takes", bytes / states, "bytes");
            }
        }
        if self.has("mixed") {
            let rate = Arc::new(Requests::rate(data)?);
            let measured = load::open(&host, (&predict, 1_000), (&rate, 200), self.time).await?;
            self.report.add("predict beside 200 ratings/s", None, measured, "p99 <= 3 ms at 1000 /s");
        }
        if self.has("recommend") {
            let what = format!("recommend {LIMIT} of {} movies", data.movies.len());
            for (in_flight, reach) in [(1, ""), (8, ""), (32, ">= 2000 /s")] {
                let measured = load::closed(&host, &recommend, in_flight, self.time).await?;
                self.report.add(&what, Some(in_flight), measured, reach);
            }
        }
        host.stop().await?;
        if self.has("counts") {
            let host = Host::start(counting, &folder).await?;
            for (name, requests) in [("predict", &predict), ("recommend", &recommend)] {
                self.count(&host, name, requests).await?;
            }
            host.stop().await?;
        }
        Ok(())
    }

    /// Counts the allocations of requests to a fleet that does nothing else.
    async fn count(&mut self, host: &Host, name: &str, requests: &Arc<Requests>) -> Result<()> {
        let mut connection = Connection::open(host.address()).await?;
        for _ in 0..COUNTED {
            connection.call(requests).await?;
        }
        let before = host.allocations().await?;
        for _ in 0..COUNTED {
            connection.call(requests).await?;
        }
        let after = host.allocations().await?;
        let each = |after: u64, before: u64| (after - before) as f64 / COUNTED as f64;
        self.report.say(&format!("allocations for a {name} request"), each(after.count, before.count), "");
        self.report.say(&format!("bytes allocated for a {name} request"), each(after.bytes, before.bytes), "bytes");
        Ok(())
    }

    /// Measures recommendations from a large catalog.
    async fn large(&mut self, data: &Data) -> Result<()> {
        let folder = self.trained(data).await?;
        let host = Host::start(&self.program, &folder).await?;
        let recommend = Arc::new(Requests::recommend(data)?);
        let what = format!("recommend {LIMIT} of {} movies", data.movies.len());
        for (in_flight, reach) in [(1, "p99 <= 15 ms"), (2, ""), (8, "")] {
            let measured = load::closed(&host, &recommend, in_flight, self.time).await?;
            self.report.add(&what, Some(in_flight), measured, reach);
        }
        host.stop().await
    }
}

/// Checks that the answers to the first requests are what they should be.
async fn check(host: &Host, (predict, recommend): (&Requests, &Requests)) -> Result<()> {
    let mut connection = Connection::open(host.address()).await?;
    let predicted = PredictResponse::decode(connection.call(predict).await?)?.predictions;
    let are_ratings = predicted.iter().all(|one| (1.0..=5.0).contains(&one.rating) && one.spread > 0.0);
    ensure!(predicted.len() == MOVIES && are_ratings, "predicted {predicted:?}");
    let recommended = RecommendResponse::decode(connection.call(recommend).await?)?.recommendations;
    ensure!(recommended.len() == LIMIT as usize, "recommended {recommended:?}");
    Ok(())
}
