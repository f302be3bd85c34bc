//! `marquee collect`: takes what is new from the sources of a file, once or again and again, and
//! sends it to a fleet.

mod fleet;
mod shown;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use marquee_cli::{ClientArgs, Error, Output, one_line};
use marquee_collect::{Collected, Collector, Config, Destination as _, Setup, SourceConfig};
use marquee_domain::SystemClock;
use marquee_embedded::EmbeddedObjects;
use marquee_kit::settings::Validate as _;
use marquee_kit::{chain, signals, telemetry};
use marquee_objects::S3Objects;
use marquee_ports::ObjectStore;

use fleet::FleetDestination;
use shown::{Looks, Metrics, Round};

/// The folder of states and raw records, if the file names no other place.
const FOLDER: &str = "collected";

/// The longest time from a signal to the end. A batch that is cut off is collected again.
const LONGEST_STOP: Duration = Duration::from_secs(10);

/// How much the pauses between rounds differ.
const JITTER: f64 = 0.1;

/// Arguments of `collect`.
#[derive(Debug, Args)]
pub(crate) struct CollectArgs {
    /// The file (TOML) with a table for each source, such as `[sources.shop]`.
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// Collect from this source of the file only; may be repeated.
    #[arg(long = "source", value_name = "NAME")]
    sources: Vec<String>,
    /// Collect once and end. This is the default.
    #[arg(long, conflicts_with = "every")]
    once: bool,
    /// Collect again after this time, for example 5m, until a signal comes.
    #[arg(long, value_name = "TIME", value_parser = time)]
    every: Option<Duration>,
    /// Show what would be collected first, and store and send nothing.
    #[arg(long, conflicts_with_all = ["once", "every"])]
    dry_run: bool,
    /// Write counters in the format of Prometheus to this file after each round.
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,
    /// How long a source or a fleet that does not answer is asked again in a round.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "1m")]
    patience: Duration,
}

fn time(text: &str) -> Result<Duration, String> {
    let time = humantime_serde::re::humantime::parse_duration(text);
    let time = time.map_err(|error| format!("{error}; give a time like 5m"))?;
    if time < Duration::from_secs(1) { Err("is shorter than a second".to_owned()) } else { Ok(time) }
}

/// Runs the command, with its log on standard error.
pub(crate) async fn run(args: CollectArgs, client: &ClientArgs, output: Output) -> Result<()> {
    let telemetry = telemetry::start(&telemetry::Settings::default(), "marquee-collect")?;
    let ended = collect(args, client, output).await;
    telemetry.shutdown();
    ended
}

async fn collect(args: CollectArgs, client: &ClientArgs, output: Output) -> Result<()> {
    let fleet = Arc::new(FleetDestination::new(client.client()?, args.patience));
    let (sources, objects) = read(&args)?;
    let setup = Setup {
        objects: open(objects, &args.config).await?,
        destination: fleet.clone(),
        clock: Arc::new(SystemClock),
        patience: args.patience,
    };
    let collector = |source: SourceConfig| Collector::new(source, setup.clone());
    let collectors: Result<Vec<Collector>, _> = sources.into_iter().map(collector).collect();
    let mut collectors = collectors.map_err(|error| usage(&args.config, &error))?;
    let stop = signals::watch(LONGEST_STOP).context("watch for signals")?;
    if args.dry_run {
        return look(&mut collectors, &fleet, output).await;
    }
    let mut metrics = Metrics::default();
    let ended = loop {
        let round = tokio::select! {
            round = round(&mut collectors) => round,
            // Whatever was cut off is collected again by the next start.
            () = stop.cancelled() => break Ok(()),
        };
        metrics.add(&round);
        if let Some(path) = &args.metrics_file {
            metrics.write(path)?;
        }
        let failed = round.failed.len();
        output.show(&round)?;
        let Some(every) = args.every else {
            break if failed == 0 { Ok(()) } else { Err(Error::Outcome(format!("{failed} of the sources failed"))) };
        };
        tokio::select! {
            () = tokio::time::sleep(marquee_backoff::jittered(every, JITTER)) => {}
            () = stop.cancelled() => break Ok(()),
        }
    };
    stop.cancel();
    ended.map_err(anyhow::Error::new)
}

/// Collects what is new in each source, side by side.
async fn round(collectors: &mut [Collector]) -> Round {
    let each = collectors.iter_mut().map(|collector| async move {
        let mut report = Collected::default();
        let ended = collector.round(&mut report).await;
        let failure = ended.err().map(|error| {
            let why = one_line(&chain(&error));
            tracing::error!(source = collector.name(), why, "a source failed");
            (collector.name().to_owned(), why)
        });
        (report, failure)
    });
    let (sources, failures): (Vec<Collected>, Vec<_>) = futures_util::future::join_all(each).await.into_iter().unzip();
    Round { sources, failed: failures.into_iter().flatten().collect() }
}

/// Shows what would be collected.
async fn look(collectors: &mut [Collector], fleet: &FleetDestination, output: Output) -> Result<()> {
    // Without the fleet, values are shown as they are.
    let scale = fleet.scale().await.ok();
    let mut looks = Vec::new();
    for collector in collectors {
        let look = collector.look(scale.as_ref()).await;
        looks.push(look.map_err(|error| Error::Outcome(one_line(&chain(&error))))?);
    }
    Ok(output.show(&Looks(looks))?)
}

/// Where states and raw records are kept.
#[derive(Debug, PartialEq)]
enum Objects {
    Folder(PathBuf),
    S3(Box<marquee_objects::Settings>),
}

/// Reads the file. Returns the sources that were asked for.
fn read(args: &CollectArgs) -> Result<(Vec<SourceConfig>, Objects)> {
    let path = &args.config;
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| Error::Usage(format!("{}: cannot be read: {source}", path.display())))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut config = Config::parse(&text, folder).map_err(|error| usage(path, &error))?;
    let wrong = |key: &str, why: String| Error::Usage(format!("{}: {key}: {why}", path.display()));
    let objects = match config.rest.remove("objects") {
        None => Objects::Folder(folder.join(FOLDER)),
        Some(toml::Value::Table(mut table)) => match table.remove("folder") {
            Some(toml::Value::String(name)) if table.is_empty() => Objects::Folder(folder.join(name)),
            Some(_) => {
                return Err(wrong("objects.folder", "is a text, and nothing is beside it".to_owned()).into());
            }
            None => {
                let settings: Result<marquee_objects::Settings, toml::de::Error> = toml::Value::Table(table).try_into();
                let settings = settings.map_err(|error| wrong("objects", error.message().to_owned()))?;
                settings.validate().map_err(|invalid| wrong("objects", invalid.to_string()))?;
                Objects::S3(Box::new(settings))
            }
        },
        Some(_) => return Err(wrong("objects", "is no table; give [objects] with folder or url".to_owned()).into()),
    };
    if let Some(key) = config.rest.keys().next() {
        return Err(wrong(key, "is not known; there are [objects] and [sources.NAME]".to_owned()).into());
    }
    if !args.sources.is_empty() {
        let has: Vec<&str> = config.sources.iter().map(SourceConfig::name).collect();
        if let Some(name) = args.sources.iter().find(|name| !has.contains(&name.as_str())) {
            let why = format!("--source: {} has no source {name}; it has {}", path.display(), has.join(", "));
            return Err(Error::Usage(why).into());
        }
        config.sources.retain(|source| args.sources.iter().any(|name| name == source.name()));
    }
    Ok((config.sources, objects))
}

fn usage(path: &Path, error: &(dyn std::error::Error + 'static)) -> Error {
    Error::Usage(format!("{}: {}", path.display(), chain(error)))
}

async fn open(objects: Objects, config: &Path) -> Result<Arc<dyn ObjectStore>> {
    Ok(match objects {
        Objects::S3(settings) => Arc::new(S3Objects::connect(&settings).await?),
        Objects::Folder(folder) => {
            let opened = tokio::task::spawn_blocking(move || EmbeddedObjects::open(&folder)).await?;
            let hint = "another collector may use it; give this one a place of its own in [objects]";
            Arc::new(opened.with_context(|| format!("open the folder of {}: {hint}", config.display()))?)
        }
    })
}
