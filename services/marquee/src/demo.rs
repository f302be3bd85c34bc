//! `marquee demo`: runs every step of the fleet on MovieLens 100K, as a client of a fleet in a
//! child process.
//!
//! Every figure is what the client measured over gRPC and HTTP on loopback. There are two other
//! ways to the fleet: SIGKILL, and the object store, where a version appears that was trained
//! elsewhere. A check that fails is marked where it is printed, and the whole demonstration fails.

mod arrivals;
mod audience;
mod fleet;
mod importing;
mod learning;
mod mistakes;
mod models;
mod package;
mod picture;
mod predictions;
mod rollouts;
mod routing;
mod screen;
mod shuffled;
mod summary;
mod watching;

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use marquee_datasets::Dataset;
use marquee_domain::Movie;

use crate::arguments::DemoArgs;
use crate::backends::{LogBackend, ObjectsBackend, StoreBackend};
use crate::movielens;
use crate::settings::Settings;
use arrivals::Arrivals;
use fleet::Process;
use marquee_cli::{Client, Format, Output};
use marquee_kit::settings::Layers;
use marquee_kit::{Stop, signals};
use screen::Screen;
use summary::Summary;

/// The longest time that the demonstration takes to end after a signal.
const LONGEST_STOP: Duration = Duration::from_secs(90);

/// The state that the steps share.
struct Demo {
    screen: Screen,
    output: Output,
    client: Client,
    fleet: Process,
    /// The settings of the fleet.
    settings: Settings,
    movies: Vec<Movie>,
    titles: HashMap<String, String>,
    /// The user and movie of each rating that was imported at the start.
    ratings: Vec<(String, String)>,
    arrivals: Arrivals,
    seed: u64,
    summary: Summary,
}

impl Demo {
    fn title(&self, movie: &str) -> String {
        self.titles.get(movie).filter(|title| !title.is_empty()).cloned().unwrap_or_else(|| format!("movie {movie}"))
    }

    /// Returns the movies that a user had rated at the start.
    fn rated_by<'a>(&'a self, user: &str) -> Vec<&'a str> {
        self.ratings.iter().filter(|(who, _)| who == user).map(|(_, movie)| movie.as_str()).collect()
    }
}

/// Runs the demonstration.
pub(crate) async fn run(args: DemoArgs, output: Output) -> Result<()> {
    let machine = output.format() == Format::Json && args.summary.is_none();
    let screen = Screen::new(machine);
    let data = data(args.data.as_deref())?;
    let folder = tempfile::Builder::new().prefix("marquee-demo-").tempdir().context("create a data folder")?;
    let started = Instant::now();

    let (layers, place) = prepare_place(&args, folder.path())?;
    let settings = crate::commands::load(&layers)?.settings;
    screen.heading(1, &format!("start the whole fleet, on {place} and free ports"));
    let stop = signals::watch(LONGEST_STOP).context("watch for signals")?;
    let fleet = tokio::select! {
        fleet = Process::start(folder.path(), layers) => fleet?,
        () = stop.cancelled() => bail!("interrupted"),
    };
    let client = Client::connect(&fleet.addresses().grpc)?;
    screen.line(&format!(
        "gRPC {} · HTTP {} · {}",
        fleet.addresses().grpc,
        fleet.addresses().http,
        folder.path().display()
    ));

    let mut demo = Demo {
        screen,
        output: Output::detect(Format::Human),
        client,
        fleet,
        settings,
        movies: Vec::new(),
        titles: HashMap::new(),
        ratings: Vec::new(),
        arrivals: Arrivals::default(),
        seed: args.seed,
        summary: Summary::default(),
    };
    let ended = tokio::select! {
        ended = demo.steps(data) => ended,
        () = stop.cancelled() => Err(anyhow!("interrupted")),
    };
    if let Err(error) = ended {
        // The fleet must not outlive this process, nor write into a folder that is being removed.
        demo.fleet.kill().await?;
        return Err(error);
    }

    demo.summary.seconds = started.elapsed().as_secs_f64();
    demo.summary.ok = demo.screen.failures() == 0;
    demo.conclude(&args, machine)?;
    if args.keep {
        demo.stay(folder.path(), &stop).await?;
    }
    demo.fleet.stop().await?;
    match demo.screen.failures() {
        0 => Ok(()),
        failures => bail!("{failures} of the demonstration's checks failed: see the lines marked ✗"),
    }
}

/// Returns the settings of the fleet, and a description of where it keeps its data. On every
/// back-end it uses a prefix of its own, which is not removed afterwards.
fn prepare_place(args: &DemoArgs, folder: &Path) -> Result<(Layers, String)> {
    let mut layers = Layers { file: args.layers.config.clone(), flags: args.layers.set.clone() };
    let settings = crate::commands::load(&layers)?.settings;
    let name = folder.file_name().map(|name| name.to_string_lossy().trim_start_matches('.').to_owned());
    let name = name.context("the data folder has no name")?;
    let mut places = Vec::new();
    let mut own = |key: &str, value: String| layers.flags.push((key.to_owned(), format!("{value:?}")));
    if settings.backends.log == LogBackend::Kafka {
        own("kafka.prefix", format!("{name}."));
        places.push(format!("topics {name}.* of Kafka"));
    }
    if settings.backends.store == StoreBackend::Redis {
        own("redis.prefix", format!("{name}:"));
        places.push(format!("keys {name}:* of Redis"));
    }
    if settings.backends.objects == ObjectsBackend::S3 {
        let url = format!("{}/{name}", settings.s3.url.trim_end_matches('/'));
        places.push(url.clone());
        own("s3.url", url);
    }
    if places.len() < 3 {
        places.push("an empty folder".to_owned());
    }
    Ok((layers, places.join(", ")))
}

/// Opens MovieLens 100K: the path that the user gave, or the one where `make movielens` puts it.
fn data(given: Option<&Path>) -> Result<Dataset> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => movielens::cached()
            .context("neither XDG_CACHE_HOME nor HOME is set: give the path of the data set with --data")?,
    };
    if !path.exists() {
        bail!(
            "MovieLens 100K is not at {}: run `make movielens`, or give the path of a copy with --data",
            path.display()
        );
    }
    Ok(marquee_datasets::open(&path, marquee_datasets::Options::default())?)
}

impl Demo {
    /// Runs every step up to the summary.
    async fn steps(&mut self, data: Dataset) -> Result<()> {
        self.import(data).await?;
        self.train().await?;
        self.predict().await?;
        self.learn().await?;
        self.share().await?;
        self.mistakes().await?;
        self.stop_a_bad_version().await?;
        self.promote_a_good_version().await?;
        self.kill().await
    }

    /// Kills the fleet and checks that predictions are the same afterwards.
    async fn kill(&mut self) -> Result<()> {
        self.screen.heading(10, "kill the fleet with SIGKILL and start it again on the same folder");
        let before = self.census().await?;
        self.fleet.kill().await?;
        let started = Instant::now();
        self.fleet.restart().await?;
        let seconds = started.elapsed().as_secs_f64();
        self.client = Client::connect(&self.fleet.addresses().grpc)?;
        let after = self.census().await?;
        let same = before.iter().zip(&after).filter(|(before, after)| before == after).count();
        let identical = same == before.len() && before.len() == after.len();
        self.screen.check(&format!("{same} of {} predictions are identical, bit for bit", before.len()), identical);
        self.screen.line(&format!("serving again after {seconds:.2} s"));
        self.summary.restart =
            summary::Restart { kill: "SIGKILL", identical, predictions: before.len() as u64, seconds };
        Ok(())
    }

    fn conclude(&self, args: &DemoArgs, machine: bool) -> Result<()> {
        self.screen.heading(11, "summary");
        self.screen.text(&self.summary.human());
        if machine {
            self.output.text(&format!("{}\n", serde_json::to_string_pretty(&self.summary)?))?;
        }
        if let Some(path) = &args.summary {
            let json = serde_json::to_vec_pretty(&self.summary)?;
            std::fs::write(path, json).with_context(|| format!("write the summary to {}", path.display()))?;
            self.screen.line(&format!("as JSON: {}", path.display()));
        }
        Ok(())
    }

    /// Keeps the fleet running until it is interrupted.
    async fn stay(&mut self, folder: &Path, stop: &Stop) -> Result<()> {
        let marquee = std::env::current_exe().map_or_else(|_| "marquee".to_owned(), |path| path.display().to_string());
        let grpc = &self.fleet.addresses().grpc;
        let user = &self.summary.prediction.user;
        self.screen.text(&format!(
            "\nthe fleet keeps running on {}; Ctrl-C stops it. Try in another terminal:\n\n  export MARQUEE_GRPC={grpc}\n  \
             {marquee} status\n  {marquee} recommend {user} -n 5\n  {marquee} rate {user} 50 5\n  {marquee} explain {user} 181\n  \
             {marquee} train --algorithm map\n  {marquee} rollout history\n  {marquee} duel\n  curl {}/metrics\n",
            folder.display(),
            self.fleet.addresses().http,
        ));
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            ended = self.fleet.ended() => bail!("the fleet ended: {ended}"),
        }
    }
}
