//! `make bench`: what the embedded fleet does on this machine, measured by a client over loopback.
//! It prints numbers and judges none.
//!
//! The data set is MovieLens 1M where it lies beside the checkout or is named with `--data`, else
//! the cached MovieLens 100K. The fleet is this program itself, started again as `marquee up` in a
//! process of its own, so that its memory can be told from the client's.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use marquee_cli::import::{self, Plan};
use marquee_cli::{Client, Format, Output};
use marquee_datasets::{Dataset, Options};
use marquee_e2e::{Clients, Process, cache, option, quantile};
use marquee_kit::Transport;
use marquee_proto::prediction::v1::evaluations_client::EvaluationsClient;
use marquee_proto::prediction::v1::{Entry, EvaluateRequest, Sequence, Step};
use marquee_proto::ratings::v1::Position;
use marquee_proto::training::v1::{Algorithm, Parameters};
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

/// Movies of one prediction.
const MOVIES: usize = 100;

/// Predictions that are timed, one after the other and many at once.
const ALONE: usize = 2_000;
const TOGETHER: usize = 20_000;
const AT_ONCE: usize = 32;

/// Ratings that are timed from acknowledgement to changed prediction.
const LESSONS: usize = 500;

/// Users whose ratings both versions evaluate, and the ratings of each: one alone, and as many as
/// people give at a time.
const EVALUATED: [(usize, usize); 3] = [(1_000, 1), (200, 5), (50, 20)];

/// The ratings that such a user has given before.
const HISTORY: usize = 100;

#[derive(Debug, Default, Serialize)]
struct Report {
    dataset: String,
    cores: usize,
    import: Rate,
    /// From the last acknowledgement until features had caught up.
    features_caught_up_seconds: f64,
    models: Vec<Fit>,
    /// One user × 100 movies, one request at a time.
    predict_alone: Latency,
    /// The same with 32 requests in flight.
    predict_together: Latency,
    /// From the acknowledgement of a rating to an answer that rests on it.
    learning: Latency,
    /// Known ratings that two versions predicted, by the number of ratings of a user at a time.
    evaluation: Vec<Evaluated>,
    /// Most memory that the fleet held at once.
    peak_memory_mib: u64,
}

#[derive(Debug, Default, Serialize)]
struct Rate {
    ratings: u64,
    seconds: f64,
    per_second: f64,
}

#[derive(Debug, Serialize)]
struct Fit {
    algorithm: &'static str,
    /// The whole run: snapshot, judging, fitting, export, checks.
    run_seconds: f64,
    fit_seconds: f64,
    rmse: f64,
    bias_rmse: f64,
}

#[derive(Debug, Serialize)]
struct Evaluated {
    /// Ratings of one user in a row.
    steps: usize,
    per_second: f64,
    per_core_second: f64,
}

#[derive(Debug, Default, Serialize)]
struct Latency {
    samples: usize,
    p50_ms: f64,
    p99_ms: f64,
    per_second: f64,
}

impl Latency {
    fn of(mut millis: Vec<f64>, seconds: f64) -> Self {
        millis.sort_by(f64::total_cmp);
        let at = |share: f64| quantile(&millis, share).unwrap_or_default();
        Self {
            samples: millis.len(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            per_second: millis.len() as f64 / seconds.max(1e-9),
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "up") {
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

/// Returns the path of `--data PATH` or `--json PATH`.
fn path(arguments: &[String], name: &str) -> Option<PathBuf> {
    option(arguments, name).map(PathBuf::from)
}

fn dataset(arguments: &[String]) -> Result<Dataset> {
    let given = path(arguments, "--data");
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/ml-1m");
    let cached = cache().map(|cache| cache.join("movielens-100k"));
    let Some(path) = given.or_else(|| [Some(beside), cached].into_iter().flatten().find(|path| path.exists())) else {
        bail!("there is no data set: run `make movielens`, or name one with --data");
    };
    marquee_datasets::open(&path, Options::default()).with_context(|| format!("open {}", path.display()))
}

async fn bench(arguments: &[String]) -> Result<()> {
    let data = dataset(arguments)?;
    let program = std::env::current_exe()?;
    let folder = tempfile::tempdir()?;
    let fleet = Process::start(&program.to_string_lossy(), folder.path(), &[]).await?;
    let clients = fleet.clients()?;
    let mut report = Report {
        dataset: data.name.clone(),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        ..Report::default()
    };
    let movies: Vec<String> = data.movies()?.into_iter().map(|movie| movie.id.as_str().to_owned()).collect();
    let users: Vec<String> = data.ratings()?.filter_map(Result::ok).step_by(97).map(|row| row.user).collect();

    println!("data set         {}, {} cores", report.dataset, report.cores);
    let client = Client::connect(&fleet.addresses().grpc)?;
    let mut bar = import::Bar::new(Output::detect(Format::Human), &data);
    let imported = import::import(data, &client, Plan::default(), &mut bar).await;
    import::Bar::end(&mut bar);
    let imported = imported?;
    report.import = Rate { ratings: imported.accepted, seconds: imported.seconds, per_second: imported.per_second };
    println!(
        "import           {} ratings in {:.2} s: {:.0} ratings/s",
        report.import.ratings, report.import.seconds, report.import.per_second
    );
    let waited = Instant::now();
    let after: Vec<Position> =
        imported.positions.iter().map(|(&partition, &offset)| Position { partition, offset }).collect();
    clients.user("nobody", &after).await?;
    report.features_caught_up_seconds = waited.elapsed().as_secs_f64();
    println!("features         caught up {:.2} s later", report.features_caught_up_seconds);

    for (name, algorithm) in [("map", Algorithm::Map), ("bayes", Algorithm::Bayes)] {
        let fit = fit(&clients, name, algorithm).await?;
        println!(
            "train {name:<10} {:.1} s, of which the last fit {:.1} s; RMSE {:.4} on the newest tenth, biases alone {:.4}",
            fit.run_seconds, fit.fit_seconds, fit.rmse, fit.bias_rmse
        );
        report.models.push(fit);
        println!("memory           {} MiB at most so far", fleet.peak_memory().unwrap_or_default() >> 20);
    }
    clients.route(2, &[]).await?;

    let asked: Vec<&str> = movies.iter().take(MOVIES).map(String::as_str).collect();
    report.predict_alone = predict(&clients, &users, &asked, ALONE, 1).await?;
    show("predict, alone", &report.predict_alone);
    report.predict_together = predict(&clients, &users, &asked, TOGETHER, AT_ONCE).await?;
    show("predict, 32", &report.predict_together);
    report.learning = learn(&clients, &users, &movies).await?;
    show("learning", &report.learning);
    for (users, steps) in EVALUATED {
        let evaluated = evaluate(&fleet, &movies, (users, steps)).await?;
        println!(
            "evaluate, {steps:<6} two versions, {HISTORY} ratings before: {:.0} ratings/s, {:.0} ratings/s of a core",
            evaluated.per_second, evaluated.per_core_second
        );
        report.evaluation.push(evaluated);
    }
    report.peak_memory_mib = fleet.peak_memory().unwrap_or_default() >> 20;
    println!("memory           {} MiB at most", report.peak_memory_mib);
    if let Some(path) = path(arguments, "--json") {
        write(&path, &report)?;
    }
    fleet.stop().await?;
    Ok(())
}

fn show(name: &str, latency: &Latency) {
    let Latency { samples, p50_ms, p99_ms, per_second } = latency;
    println!("{name:<16} median {p50_ms:.2} ms, p99 {p99_ms:.2} ms, {per_second:.0}/s ({samples} requests)");
}

fn write(path: &Path, report: &Report) -> Result<()> {
    std::fs::write(path, serde_json::to_vec_pretty(report)?).with_context(|| format!("write {}", path.display()))
}

async fn fit(clients: &Clients, name: &'static str, algorithm: Algorithm) -> Result<Fit> {
    let started = Instant::now();
    let run = clients.run_within(algorithm, Parameters::default(), std::time::Duration::from_secs(3_600)).await?;
    let run_seconds = started.elapsed().as_secs_f64();
    let metrics = run.metrics.with_context(|| format!("training failed: {}", run.message))?;
    clients.load(&run).await?;
    Ok(Fit {
        algorithm: name,
        run_seconds,
        fit_seconds: run.train_seconds,
        rmse: metrics.rmse,
        bias_rmse: metrics.bias_rmse,
    })
}

async fn predict(
    clients: &Clients,
    users: &[String],
    movies: &[&str],
    requests: usize,
    at_once: usize,
) -> Result<Latency> {
    let started = Instant::now();
    let asked = users.iter().cycle().take(requests).map(|user| async move {
        let started = Instant::now();
        clients.predict(user, movies, &[]).await?;
        anyhow::Ok(started.elapsed().as_secs_f64() * 1e3)
    });
    let mut answers = futures_util::stream::iter(asked).buffer_unordered(at_once);
    let mut millis = Vec::with_capacity(requests);
    while let Some(answer) = answers.next().await {
        millis.push(answer?);
    }
    Ok(Latency::of(millis, started.elapsed().as_secs_f64()))
}

async fn learn(clients: &Clients, users: &[String], movies: &[String]) -> Result<Latency> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let started = Instant::now();
    let mut millis = Vec::with_capacity(LESSONS);
    for _ in 0..LESSONS {
        let (user, movie) =
            (users.choose(&mut rng).context("no users")?, movies.choose(&mut rng).context("no movies")?);
        let position = clients.rate(user, movie, f64::from(rng.random_range(1_u8..=5))).await?;
        let acknowledged = Instant::now();
        loop {
            let answer = clients.predict(user, &[movie], &[]).await?;
            let elapsed = acknowledged.elapsed().as_secs_f64() * 1e3;
            let applied =
                answer.provenance.and_then(|provenance| provenance.features).and_then(|features| features.applied);
            if applied
                .is_some_and(|applied| applied.partition == position.partition && applied.offset >= position.offset)
            {
                millis.push(elapsed);
                break;
            }
        }
    }
    Ok(Latency::of(millis, started.elapsed().as_secs_f64()))
}

/// Has both versions predict ratings of users, each of whom gives `steps` in a row.
async fn evaluate(fleet: &Process, movies: &[String], (users, steps): (usize, usize)) -> Result<Evaluated> {
    let mut client = EvaluationsClient::new(Transport::connect(&fleet.addresses().grpc)?);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut sequence = || {
        let chosen = rand::seq::index::sample(&mut rng, movies.len(), HISTORY + steps).into_vec();
        let mut rated = chosen.into_iter().map(|index| (movies[index].clone(), f64::from(rng.random_range(1_u8..=5))));
        let history = rated.by_ref().take(HISTORY).map(|(movie_id, rating)| Entry { movie_id, rating }).collect();
        let steps = rated.map(|(movie_id, rating)| Step { movie_id, rating, learn: true }).collect();
        Sequence { history, steps, limit: 0 }
    };
    let request = |sequences| EvaluateRequest { versions: vec![1, 2], sequences, ..EvaluateRequest::default() };
    // The versions are loaded for evaluations at the first one.
    client.evaluate(request(vec![sequence()])).await?;
    let sequences: Vec<Sequence> = (0..users).map(|_| sequence()).collect();
    let (started, before) = (Instant::now(), fleet.cpu_time().context("no CPU time")?);
    for sequences in sequences.chunks(500 / steps) {
        let answer = client.evaluate(request(sequences.to_vec())).await?.into_inner();
        for version in answer.versions {
            anyhow::ensure!(version.failure.is_empty(), "version {}: {}", version.version, version.failure);
        }
    }
    let used = fleet.cpu_time().context("no CPU time")?.saturating_sub(before);
    let count = (users * steps) as f64;
    let per_second = count / started.elapsed().as_secs_f64();
    Ok(Evaluated { steps, per_second, per_core_second: count / used.as_secs_f64().max(1e-2) })
}
