//! `marquee import`: sends a data set's movies and ratings to the fleet over ingest's streaming API.
//!
//! What must stay true: a row counts as sent only once the fleet acknowledged it; an import that was interrupted goes on where the last
//! acknowledgement was, and sending a row twice changes nothing; memory does not grow with the file.

mod checkpoint;
mod error;
mod progress;
mod reader;
mod sender;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use marquee_datasets::{Dataset, Format};
use marquee_domain::Movie;
use marquee_kit::Kind;
use marquee_proto::convert;
use marquee_proto::ratings::v1::{self as pb, ListMoviesRequest, UpsertMoviesRequest};
use serde::Serialize;

pub use error::Error;
pub use progress::{Bar, Progress};

use crate::output::{Human, Show, thousands};
use crate::{Client, Output};
use checkpoint::Checkpoint;
use sender::{Resume, Sender};

/// Movies in one request.
const MOVIES: usize = 1_000;

/// Rejections that are kept to be shown.
const SHOWN: usize = 5;

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// A MovieLens folder or zip as GroupLens ships it, or a file of ratings: CSV, TSV, NDJSON, `::`-separated or Parquet.
    path: PathBuf,
    /// Format of the rating file, where its name does not say.
    #[arg(long, value_enum)]
    format: Option<FileFormat>,
    /// The list of movies, where it does not lie beside the ratings.
    #[arg(long, value_name = "FILE")]
    movies: Option<PathBuf>,
    /// Ratings in one message of the stream.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "N")]
    batch: u32,
    /// Begin with the first row even if an earlier import of this file was interrupted.
    #[arg(long)]
    restart: bool,
}

/// Formats of rating files, as they are typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    /// Tabs, no header (u.data).
    Tabs,
    /// `::` between values, no header (ratings.dat).
    Dat,
    /// Values between commas, semicolons or tabs below a header.
    Csv,
    /// A JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

impl From<FileFormat> for Format {
    fn from(format: FileFormat) -> Self {
        match format {
            FileFormat::Tabs => Self::Tabs,
            FileFormat::Dat => Self::DoubleColons,
            FileFormat::Csv => Self::Csv,
            FileFormat::Ndjson => Self::Ndjson,
            FileFormat::Parquet => Self::Parquet,
        }
    }
}

/// How an import is done.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Ratings in one message of the stream.
    pub batch: usize,
    /// Keep track on disk, and go on where an interrupted import of the same file stopped.
    pub resume: bool,
}

/// A row that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// Line of the file, or row of a Parquet file, from 1.
    pub line: u64,
    /// Stable upper-case reason.
    pub reason: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// What an import did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Imported {
    /// Name of the data set.
    pub dataset: String,
    /// Movies added to the catalogue or replaced in it.
    pub movies: u64,
    /// Ratings acknowledged: they are in the log.
    pub accepted: u64,
    /// Rows that the fleet refused or that could not be read.
    pub rejected: u64,
    /// How many of each reason.
    pub reasons: BTreeMap<String, u64>,
    /// The first rows that were rejected.
    pub rejections: Vec<Rejection>,
    /// Rows that an earlier import had sent already.
    pub resumed_at: u64,
    /// Times that the connection was lost and made again.
    pub reconnects: u64,
    /// Wall time of sending the ratings.
    pub seconds: f64,
    /// Ratings acknowledged a second.
    pub per_second: f64,
    /// The last offset written, by partition: where a reader must be to have seen everything.
    pub positions: BTreeMap<u32, u64>,
}

impl Imported {
    fn reject(&mut self, line: u64, reason: &str, message: String) {
        self.rejected += 1;
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
        if self.rejections.len() < SHOWN {
            self.rejections.push(Rejection { line, reason: reason.to_owned(), message });
        }
    }
}

pub(crate) async fn run(args: ImportArgs, client: &Client, output: Output) -> Result<(), crate::Error> {
    let options = marquee_datasets::Options { format: args.format.map(Format::from), movies: args.movies };
    let path = args.path.clone();
    let dataset = tokio::task::spawn_blocking(move || marquee_datasets::open(&path, options)).await;
    let dataset = dataset.map_err(Error::Lost)??;
    let plan = Plan { batch: args.batch as usize, resume: !args.restart };
    let mut bar = Bar::new(output, &dataset);
    let imported = import(dataset, client, plan, &mut bar).await;
    bar.end();
    let imported = imported?;
    output.show(&imported)?;
    if imported.accepted == 0 && imported.resumed_at == 0 && imported.rejected > 0 {
        return Err(Error::NothingAccepted(imported.rejected).into());
    }
    Ok(())
}

/// Sends a data set to the fleet: movies first, then ratings.
///
/// # Errors
/// The file cannot be read on, the fleet refuses the catalogue or a whole message, or it stays away for too long. What was acknowledged
/// until then is in the log; a later call goes on from there if the plan says so.
pub async fn import(
    dataset: Dataset,
    client: &Client,
    plan: Plan,
    progress: &mut dyn Progress,
) -> Result<Imported, crate::Error> {
    let mut imported = Imported { dataset: dataset.name.clone(), ..Imported::default() };
    let movies = dataset.movies()?;
    // Movies that nobody listed are added by their ids alone as they come, but never over an entry that says more.
    let bare = if movies.is_empty() { Some(catalogue(client).await?) } else { None };
    imported.movies = upsert(client, movies.iter().map(convert::movie).collect(), progress).await?;

    let mut checkpoint = Checkpoint::of(client.address(), &dataset.fingerprint()?);
    if plan.resume {
        imported.resumed_at = checkpoint.load(client).await;
    }
    let started = Instant::now();
    progress.ratings(imported.resumed_at);
    let rows = reader::start(&dataset, reader::Plan { batch: plan.batch, skip: imported.resumed_at, bare })?;
    let mut sender = Sender::new(client, Resume { checkpoint: plan.resume.then_some(&mut checkpoint) });
    sender.send(rows, &mut imported, progress).await?;
    if plan.resume {
        checkpoint.forget();
    }
    imported.seconds = started.elapsed().as_secs_f64();
    imported.per_second = imported.accepted as f64 / imported.seconds.max(1e-9);
    Ok(imported)
}

/// How long to wait where a server that has no room does not say.
const PAUSE: Duration = Duration::from_secs(1);

/// Adds movies, a page at a time.
pub(crate) async fn upsert(
    client: &Client,
    movies: Vec<pb::Movie>,
    progress: &mut dyn Progress,
) -> Result<u64, crate::Error> {
    let mut added = 0;
    for page in movies.chunks(MOVIES) {
        added += loop {
            let request = UpsertMoviesRequest { movies: page.to_vec() };
            match client.call(client.ratings().upsert_movies(request)).await {
                // Over quota, or too much at once: the server says when there is room again.
                Err(crate::Error::Refused(failure)) if failure.kind() == Kind::ResourceExhausted => {
                    tokio::time::sleep(failure.delay().unwrap_or(PAUSE)).await;
                }
                answer => break answer?.accepted,
            }
        };
        progress.movies(added, movies.len() as u64);
    }
    Ok(added)
}

/// The ids of every movie that the fleet knows.
async fn catalogue(client: &Client) -> Result<std::collections::HashSet<String>, crate::Error> {
    let mut known = std::collections::HashSet::new();
    let mut page_token = String::new();
    loop {
        let request = ListMoviesRequest { page_size: 10_000, page_token };
        let page = client.call(client.ratings().list_movies(request)).await?;
        known.extend(page.movies.into_iter().map(|movie| movie.movie_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(known);
        }
    }
}

/// A movie of which only the id is known.
fn bare_movie(id: &str) -> Option<Movie> {
    let id = marquee_domain::MovieId::try_new(id).ok()?;
    Movie::try_new(id, "", None, Vec::new()).ok()
}

impl Show for Imported {
    fn human(&self) -> Human {
        let mut lines = vec![format!(
            "{}: {} movies, {} ratings accepted, {} rejected, in {:.2} s ({} ratings/s)",
            self.dataset,
            thousands(self.movies),
            thousands(self.accepted),
            thousands(self.rejected),
            self.seconds,
            thousands(self.per_second as u64),
        )];
        if self.resumed_at > 0 {
            lines
                .push(format!("went on at row {}: those before had been acknowledged", thousands(self.resumed_at + 1)));
        }
        for (reason, count) in &self.reasons {
            lines.push(format!("rejected as {reason}: {}", thousands(*count)));
        }
        for rejection in &self.rejections {
            lines.push(crate::error::one_line(&format!("  line {}: {}", rejection.line, rejection.message)));
        }
        Human::Text(lines.join("\n"))
    }
}
