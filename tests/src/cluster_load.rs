//! The load of the cluster test: predictions and ratings at a fixed rate, from a pod.
//!
//! Requests are sent when they are due, whether or not earlier ones were answered. Only UNAVAILABLE
//! is attempted again. At the end, each acknowledged rating must count once in the feature store.
//! The summary is printed as JSON. The exit code is 0 if nothing failed, 1 if something did, and 2
//! if the load could not begin. `control.rs` has its HTTP API.
//!
//! This program does not use the library of this package, which contains a whole fleet: the image
//! stays small.

#[path = "cluster_load/arguments.rs"]
mod arguments;
#[path = "cluster_load/calls.rs"]
mod calls;
#[path = "cluster_load/control.rs"]
mod control;
#[path = "cluster_load/latency.rs"]
mod latency;
#[path = "cluster_load/ledger.rs"]
mod ledger;
#[path = "cluster_load/phases.rs"]
mod phases;
#[path = "cluster_load/plan.rs"]
mod plan;
#[path = "cluster_load/requests.rs"]
mod requests;
#[path = "cluster_load/schedule.rs"]
mod schedule;
#[path = "cluster_load/servers.rs"]
mod servers;
#[path = "cluster_load/settle.rs"]
mod settle;
#[path = "cluster_load/summary.rs"]
mod summary;
#[path = "cluster_load/tally.rs"]
mod tally;
#[path = "cluster_load/traffic.rs"]
mod traffic;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arguments::Arguments;
use clap::Parser;
use control::Control;
use marquee_kit::{ClientSettings, Stop, signals};
use requests::Requests;
use servers::Servers;
use summary::{Book, Summary};
use tally::Call;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use traffic::Traffic;

/// How often a line about the progress is printed.
const PROGRESS: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    match start(&Arguments::parse()) {
        Ok(summary) if summary.ok => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn start(arguments: &Arguments) -> Result<Summary> {
    let stop = signals::watch(arguments.longest_end()).context("watch for signals")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let summary = runtime.block_on(Box::pin(load(arguments, &stop)))?;
    println!("{}", serde_json::to_string(&summary)?);
    Ok(summary)
}

/// Sends the load until it is told to stop, and then checks the ratings.
async fn load(arguments: &Arguments, stop: &Stop) -> Result<Summary> {
    let listener = TcpListener::bind(arguments.listen).await;
    let listener = listener.with_context(|| format!("listen at {}", arguments.listen))?;
    let requests = Arc::new(connect(arguments).await?);
    let book = &requests.book;
    let rates = [(Call::Prediction, arguments.predictions_per_second), (Call::Rating, arguments.ratings_per_second)];
    let calls = rates.iter().filter(|(_, rate)| *rate > 0.0).map(|&(call, _)| call).collect();
    let routes = control::routes(Arc::new(Control { book: Arc::clone(book), calls, stop: stop.clone() }));

    // They end with the load.
    let mut background = JoinSet::new();
    background.spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            eprintln!("the HTTP listener ended: {error}");
        }
    });
    background.spawn(progress(Arc::clone(book)));
    background.spawn(follow(Arc::clone(&requests)));
    background.spawn(time_out(arguments.seconds, stop.clone()));

    let in_flight = Arc::new(Semaphore::new(arguments.in_flight));
    let [predictions, ratings] = rates.map(|(call, per_second)| {
        let (in_flight, stop) = (Arc::clone(&in_flight), stop.clone());
        Traffic { call, per_second, in_flight, stop }
    });
    let predictions = predictions.run(book, |number| Arc::clone(&requests).predict(number));
    let ratings = ratings.run(book, |number| Arc::clone(&requests).rate(number));
    let sending = async { tokio::try_join!(predictions, ratings) };
    tokio::select! {
        sent = sending => sent?,
        Some(_) = background.join_next() => bail!("a background task ended"),
    };

    eprintln!("the load has ended; waiting until the feature store has its ratings");
    let ledger = book.ledger().clone();
    let checked = settle::settle(&ledger, arguments.settle, |names| requests.users(names)).await;
    book.check(checked);
    Ok(book.summary())
}

/// Finds all servers.
async fn connect(arguments: &Arguments) -> Result<Requests> {
    let plan = arguments.plan()?;
    let ca_file = arguments.ca_file.clone().unwrap_or_default();
    let reading = ClientSettings { ca_file, ..ClientSettings::default() };
    let token_file = arguments.token_file.clone().unwrap_or_default();
    let writing = ClientSettings { token_file, ..reading.clone() };
    let connections = arguments.connections;
    let ingest = Servers::connect(&arguments.ingest, connections, writing).await.context("find ingest")?;
    let inference = Servers::connect(&arguments.inference, connections, reading.clone()).await;
    let features = Servers::connect(&arguments.feature_store, connections, reading).await;
    Ok(Requests {
        limits: arguments.limits(),
        model: arguments.model.clone(),
        ingest,
        inference: inference.context("find inference")?,
        features: features.context("find the feature store")?,
        book: Arc::new(Book::begin(plan.clone())),
        plan,
    })
}

async fn progress(book: Arc<Book>) {
    let mut lines = tokio::time::interval(PROGRESS);
    loop {
        lines.tick().await;
        eprintln!("{}", book.progress());
    }
}

/// Follows the addresses of all servers, and never returns.
async fn follow(requests: Arc<Requests>) {
    tokio::join!(requests.ingest.follow(), requests.inference.follow(), requests.features.follow());
}

/// Ends the load after its time, if it has one, and never returns.
async fn time_out(after: Option<Duration>, stop: Stop) {
    if let Some(after) = after {
        let _ = tokio::time::timeout(after, std::future::pending::<()>()).await;
        stop.cancel();
    }
    std::future::pending().await
}
