//! The fleet under test: a process of its own, trained once, and what it says about itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use marquee_e2e::{Launch, Process, until};
use marquee_proto::training::v1::{Algorithm, Parameters, State};

use crate::allocations;
use crate::data::Data;

/// The largest number of ratings in a request.
const REQUEST: usize = 10_000;

/// The longest time that training may take.
const TRAINING: Duration = Duration::from_secs(3_600);

/// The file in a trained folder that says that training has ended well.
const DONE: &str = "bench-trained";

/// A fleet with a trained version, in another process.
#[derive(Debug)]
pub(crate) struct Host {
    process: Process,
    counter: PathBuf,
}

/// Counters of the fleet at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counters {
    pub(crate) states_hit: f64,
    pub(crate) states_missed: f64,
    /// Cached user states, and the bytes that they take.
    pub(crate) states: Option<(f64, f64)>,
}

/// Fills a folder with a data set and a version that is trained on it, unless it was done before.
pub(crate) async fn train(program: &Path, folder: &Path, data: &Data) -> Result<()> {
    let done = folder.join(DONE);
    if done.is_file() {
        return Ok(());
    }
    let process = Launch::new(program, folder).start().await?;
    let clients = process.clients()?;
    for movies in data.movies.chunks(REQUEST) {
        clients.add_movies(movies.to_vec()).await?;
    }
    let mut positions = Vec::new();
    for ratings in data.ratings.chunks(REQUEST) {
        positions = clients.rate_all(ratings.to_vec()).await?.positions;
    }
    until("the feature store has the ratings", async || clients.user("nobody", &positions).await.ok()).await?;
    let run = clients.run_within(Algorithm::Bayes, Parameters::default(), TRAINING).await?;
    if run.state() != State::Succeeded {
        bail!("training ended {:?}: {}", run.state(), run.message);
    }
    clients.load(&run).await?;
    process.stop().await?;
    std::fs::write(&done, &data.name).with_context(|| format!("write {}", done.display()))
}

impl Host {
    /// Starts a fleet with its default settings on a trained folder.
    pub(crate) async fn start(program: &Path, folder: &Path) -> Result<Self> {
        let counter = folder.join("bench-allocations");
        // It is left from a fleet that was started before.
        let _ = std::fs::remove_file(&counter);
        let variable = (allocations::SOCKET.to_owned(), counter.to_string_lossy().into_owned());
        let process = Launch::new(program, folder).variables([variable]).start().await?;
        let clients = process.clients()?;
        until("a version answers", async || clients.predict("nobody", &["nothing"], &[]).await.ok()).await?;
        Ok(Self { process, counter })
    }

    /// Returns where gRPC is served, as `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.process.addresses().grpc.trim_start_matches("http://")
    }

    /// Returns the processor time that the fleet has used.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        self.process.cpu_time().context("no processor time")
    }

    /// Returns what the fleet has allocated, if it counts that.
    pub(crate) async fn allocations(&self) -> Result<allocations::Allocations> {
        allocations::ask(&self.counter).await
    }

    /// Reads the counters of the fleet.
    pub(crate) async fn counters(&self) -> Result<Counters> {
        let text = self.process.http().get("/metrics").await?.text();
        let metric = |name: &str| {
            let name = format!("marquee_inference_{name} ");
            let line = text.lines().find_map(|line| line.strip_prefix(name.as_str()));
            line.and_then(|value| value.trim().parse::<f64>().ok())
        };
        let counter = |name: &str| metric(name).with_context(|| format!("there is no metric {name}"));
        Ok(Counters {
            states_hit: counter("states_hit_total")?,
            states_missed: counter("states_missed_total")?,
            states: metric("states_cached").zip(metric("states_bytes")),
        })
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.process.stop().await.map(drop)
    }
}
