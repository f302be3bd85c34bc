//! `marquee import`: sends a data set's movies and ratings over ingest's streaming API.
//!
//! **Invariant:** a row counts as sent only when the fleet has acknowledged it, so an interrupted
//! import loses nothing. Sending a row twice changes nothing, and memory does not grow with the
//! file.

mod attempt;
mod checkpoint;
mod dry_run;
pub(crate) mod error;
mod options;
mod progress;
mod ranges;
mod reader;
mod retry;
mod sender;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Args;
use marquee_datasets::Dataset;
use marquee_domain::{Movie, Scale};
use marquee_proto::convert;
use marquee_proto::ratings::v1::{self as pb, GetScaleRequest, ListMoviesRequest, UpsertMoviesRequest};
use serde::Serialize;

#[cfg(any(fuzzing, test))]
pub use checkpoint::fuzzing;
pub use error::Error;
pub use options::ReadingArgs;
pub use progress::{Bar, Progress};

use crate::addresses::INGEST;
use crate::output::{Human, Show, counted, thousands};
use crate::{Client, Output};
use checkpoint::{Checkpoint, Start};
use retry::Retry;
use sender::Sender;

/// The default of `--timeout`: a fleet may restart or catch up in the meantime.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Movies in one request.
const MOVIES: usize = 1_000;

/// Rejections that the report shows in full.
const SHOWN: usize = 5;

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Ratings: a file, several parts of one set, a folder or an archive. Formats, separators,
    /// encodings and columns are recognized by the content.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print what was understood, with the first rows as they would be stored, and send nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Ratings in one message of the stream.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "N")]
    batch: u32,
    /// Start at the first row even if an earlier import of this file was interrupted. Without it,
    /// the import continues there and sends refused rows again.
    #[arg(long)]
    restart: bool,
    /// Import the rows that are on the fleet's scale, even if many others are not.
    #[arg(long)]
    allow_loss: bool,
    /// Give up after this many seconds in which the fleet accepted nothing.
    #[arg(long, default_value_t = TIMEOUT.as_secs(), value_parser = clap::value_parser!(u64).range(1..), value_name = "SECONDS")]
    timeout: u64,
}

/// How an import is done.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Ratings in one message of the stream.
    pub batch: usize,
    /// Keep a checkpoint on disk, and continue where an interrupted import of the same file
    /// stopped.
    pub resume: bool,
    /// Read the whole file first, and send nothing if it is of another scale than that of the
    /// fleet.
    pub judge: bool,
    /// Fail after this time in which the fleet accepted nothing.
    pub timeout: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self { batch: 2_000, resume: false, judge: false, timeout: TIMEOUT }
    }
}

/// A row that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The file, in a set of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line of the file, or row of a Parquet file, from 1.
    pub line: u64,
    /// Stable upper-case reason.
    pub reason: String,
    /// What is wrong and how to fix it.
    pub message: String,
}

/// The result of an import.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Imported {
    /// Name of the data set.
    pub dataset: String,
    /// Movies added to the catalog or replaced in it.
    pub movies: u64,
    /// Movies that were left out, because they are not valid.
    pub movies_left_out: u64,
    /// Why the first of them were left out.
    pub movie_faults: Vec<String>,
    /// Acknowledged ratings: they are in the log.
    pub accepted: u64,
    /// Rows that the fleet rejected or that could not be read.
    pub rejected: u64,
    /// The number of rejected rows for each reason.
    pub reasons: BTreeMap<String, u64>,
    /// The first rows that were rejected.
    pub rejections: Vec<Rejection>,
    /// Rows that an earlier import had sent.
    pub resumed_at: u64,
    /// Ratings without a time. They have the times of their places in the file.
    pub without_time: u64,
    /// Rows that say that there is no rating. They are left out.
    pub unrated: u64,
    /// How often the stream broke and was opened again.
    pub reconnects: u64,
    /// Wall time of sending the ratings.
    pub seconds: f64,
    /// Acknowledged ratings per second.
    pub per_second: f64,
    /// The last offset of each partition. A reader that is past them has seen every rating.
    pub positions: BTreeMap<u32, u64>,
}

impl Imported {
    fn reject(&mut self, (file, line): (Option<String>, u64), reason: &str, message: String) {
        self.rejected += 1;
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
        if self.rejections.len() < SHOWN {
            self.rejections.push(Rejection { file, line, reason: reason.to_owned(), message });
        }
    }
}

pub(crate) async fn run(args: ImportArgs, client: &Client, output: Output) -> Result<(), crate::Error> {
    let timeout = Duration::from_secs(args.timeout);
    let map = match args.reading.map_scale() {
        None => None,
        Some(from) => {
            let mut retry = Retry::new(timeout);
            Some(marquee_datasets::ScaleMap { from, to: scale_of(client, &mut retry, &mut ()).await? })
        }
    };
    let options = args.reading.options(map);
    let paths = args.paths.clone();
    let dataset = tokio::task::spawn_blocking(move || marquee_datasets::open_all(&paths, options)).await;
    let dataset = dataset.map_err(Error::Lost)??;
    if args.dry_run {
        let scale =
            client.call(client.ratings().get_scale(GetScaleRequest {})).await.ok().and_then(|scale| known(&scale));
        let shown = tokio::task::spawn_blocking(move || dry_run::DryRun::of(&dataset, scale.as_ref())).await;
        return output.show(&shown.map_err(Error::Lost)??);
    }
    let plan = Plan { batch: args.batch as usize, resume: !args.restart, judge: !args.allow_loss, timeout };
    let mut bar = Bar::new(output, &dataset);
    let imported = import(dataset, client, plan, &mut bar).await;
    bar.end();
    let imported = imported?;
    output.show(&imported)?;
    match imported.rejected {
        0 if imported.accepted + imported.resumed_at + imported.unrated == 0 => Err(Error::NoRows.into()),
        0 => Ok(()),
        rejected if imported.accepted == 0 && imported.resumed_at == 0 => Err(Error::NothingAccepted(rejected).into()),
        rejected => Err(Error::SomeRejected(rejected).into()),
    }
}

/// Returns the scale of the fleet, once it answers.
async fn scale_of(client: &Client, retry: &mut Retry, progress: &mut dyn Progress) -> Result<Scale, crate::Error> {
    let call = || async { client.call(client.ratings().get_scale(GetScaleRequest {})).await };
    let scale = retry.call(progress, call).await?;
    known(&scale).ok_or_else(|| crate::Error::Outcome("the fleet has a rating scale of an unknown form".to_owned()))
}

fn known(scale: &pb::GetScaleResponse) -> Option<Scale> {
    Scale::try_new(scale.min, scale.max, scale.step).ok()
}

/// Sends a data set to the fleet: movies first, then ratings.
///
/// # Errors
/// The rest of the file cannot be read, the fleet refuses the movies or a whole message, or it
/// accepts nothing until the plan's timeout. Acknowledged rows are in the log. A later call
/// continues after them if the plan says so.
pub async fn import(
    dataset: Dataset,
    client: &Client,
    plan: Plan,
    progress: &mut dyn Progress,
) -> Result<Imported, crate::Error> {
    let checkpoint = if plan.resume { Some(Checkpoint::of(client.address_of(INGEST), &dataset)?) } else { None };
    Import { dataset: Arc::new(dataset), client, plan, checkpoint }.run(progress).await
}

/// One import.
struct Import<'a> {
    dataset: Arc<Dataset>,
    client: &'a Client,
    plan: Plan,
    /// Where the progress is kept on disk, if it is kept.
    checkpoint: Option<Checkpoint>,
}

impl Import<'_> {
    async fn run(mut self, progress: &mut dyn Progress) -> Result<Imported, crate::Error> {
        let mut imported = Imported { dataset: self.dataset.name.clone(), ..Imported::default() };
        let mut retry = Retry::new(self.plan.timeout);
        if self.plan.judge {
            self.judge(&mut retry, progress).await?;
        }
        let dataset = Arc::clone(&self.dataset);
        let catalog = tokio::task::spawn_blocking(move || dataset.catalog()).await.map_err(Error::Lost)??;
        imported.movies_left_out = catalog.left_out;
        imported.movie_faults = catalog.faults.iter().take(SHOWN).map(ToString::to_string).collect();
        let movies = catalog.movies;
        // Without a list of movies, each missing movie is added by its id. Entries that exist are
        // kept.
        let is_bare = movies.is_empty() && catalog.left_out == 0;
        let bare = if is_bare { Some(known_movies(self.client, &mut retry, progress).await?) } else { None };
        let movies: Vec<pb::Movie> = movies.iter().map(convert::movie).collect();
        imported.movies = upsert(self.client, &movies, &mut retry, progress).await?;
        if !movies.is_empty() {
            progress.movies(imported.movies, movies.len() as u64);
        }

        let start = self.start(progress).await;
        imported.resumed_at = start.rows;
        let started = Instant::now();
        let read = reader::Plan { batch: self.plan.batch, skip: start.rows, again: start.again, bare };
        let (rows, unrated) = reader::start(&self.dataset, read)?;
        let sent = Sender::new(self.client, self.checkpoint.as_mut(), retry).send(rows, &mut imported, progress).await;
        if let Some(checkpoint) = &mut self.checkpoint {
            match &sent {
                Ok(()) => checkpoint.forget(),
                Err(_) => checkpoint.save(),
            }
        }
        sent?;
        imported.unrated = unrated.load(Ordering::Relaxed);
        imported.seconds = started.elapsed().as_secs_f64();
        imported.per_second = imported.accepted as f64 / imported.seconds.max(1e-9);
        Ok(imported)
    }

    /// Compares the whole file with the scale of the fleet, before a row is lost. A file whose
    /// publisher is known to use the same scale is not read twice.
    async fn judge(&self, retry: &mut Retry, progress: &mut dyn Progress) -> Result<(), crate::Error> {
        // A fleet that does not tell its scale refuses what is off it, row by row.
        let Ok(scale) = scale_of(self.client, retry, progress).await else { return Ok(()) };
        let is_within = |known: Scale| {
            let steps = (1..known.levels()).map(|level| known.min() + level as f64 * known.step());
            known.step() > 0.0 && std::iter::once(known.min()).chain(steps).all(|value| scale.check(value).is_ok())
        };
        if self.dataset.scale.is_some_and(is_within) {
            return Ok(());
        }
        let dataset = Arc::clone(&self.dataset);
        let survey = tokio::task::spawn_blocking(move || dataset.survey(&scale)).await.map_err(Error::Lost)??;
        if survey.is_of_another_scale() { Err(Error::AnotherScale(survey.to_string()).into()) } else { Ok(()) }
    }

    /// Returns where to start, and says so.
    async fn start(&mut self, progress: &mut dyn Progress) -> Start {
        let start = match &mut self.checkpoint {
            Some(checkpoint) => checkpoint.load(self.client).await,
            None => Start::default(),
        };
        if let Some(why) = start.restarts {
            progress.restarting(why);
        }
        progress.ratings(start.rows);
        if start.again.rows() > 0 {
            progress.retrying(start.again.rows());
        }
        start
    }
}

/// Adds movies, some at a time. Waits while the server is busy or away.
async fn upsert(
    client: &Client,
    movies: &[pb::Movie],
    retry: &mut Retry,
    progress: &mut dyn Progress,
) -> Result<u64, crate::Error> {
    let mut added = 0;
    for page in movies.chunks(MOVIES) {
        let request = UpsertMoviesRequest { movies: page.to_vec() };
        let call = || async { client.call(client.ratings().upsert_movies(request.clone())).await };
        added += retry.call(progress, call).await?.accepted;
    }
    Ok(added)
}

/// Returns the ids of all movies in the catalog.
async fn known_movies(
    client: &Client,
    retry: &mut Retry,
    progress: &mut dyn Progress,
) -> Result<HashSet<String>, crate::Error> {
    let mut known = HashSet::new();
    let mut page_token = String::new();
    loop {
        let request = ListMoviesRequest { page_size: 10_000, page_token };
        let call = || async { client.call(client.ratings().list_movies(request.clone())).await };
        let page = retry.call(progress, call).await?;
        known.extend(page.movies.into_iter().map(|movie| movie.movie_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(known);
        }
    }
}

/// Returns a movie with an id and nothing else, or `None` if the id is not valid.
fn bare_movie(id: &str) -> Option<Movie> {
    let id = marquee_domain::MovieId::try_new(id).ok()?;
    Movie::try_new(id, "", None, Vec::new()).ok()
}

impl Show for Imported {
    fn human(&self) -> Human {
        let mut lines = vec![format!(
            "{}: {}, {} accepted, {} rejected, in {:.2} s ({} ratings/s)",
            self.dataset,
            counted(self.movies, "movie"),
            counted(self.accepted, "rating"),
            thousands(self.rejected),
            self.seconds,
            thousands(self.per_second as u64),
        )];
        if self.resumed_at > 0 {
            lines.push(format!(
                "continued at row {}: the rows before it were answered earlier, and refused ones were sent again",
                thousands(self.resumed_at + 1)
            ));
        }
        if self.without_time > 0 {
            let (ratings, first) = (counted(self.without_time, "rating"), marquee_datasets::ROW_ORDER_START);
            lines.push(format!("{ratings} without a time: they keep the order of the file, from {first} on"));
        }
        if self.unrated > 0 {
            lines.push(format!("{} without a rating: left out", counted(self.unrated, "row")));
        }
        if self.movies_left_out > 0 {
            lines.push(format!("{} not valid: left out", counted(self.movies_left_out, "movie")));
            lines.extend(self.movie_faults.iter().map(|fault| crate::error::one_line(&format!("  {fault}"))));
        }
        for (reason, count) in &self.reasons {
            lines.push(format!("rejected as {reason}: {}", thousands(*count)));
        }
        for rejection in &self.rejections {
            let file = rejection.file.as_ref().map(|file| format!("{file}, ")).unwrap_or_default();
            lines.push(crate::error::one_line(&format!("  {file}line {}: {}", rejection.line, rejection.message)));
        }
        Human::Text(lines.join("\n"))
    }
}
