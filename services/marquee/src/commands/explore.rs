//! `marquee explore`: shows what is in a set of ratings, before anything is trained on it. It runs
//! in this process and calls no fleet.

mod shown;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use clap::Args;
use marquee_cli::import::ReadingArgs;
use marquee_cli::{Error, Output};
use marquee_domain::Timestamp;
use marquee_kit::signals;

use super::progress::Progress;
use shown::Explored;

/// The longest time from a signal to the end: the figures of a large set.
const LONGEST_STOP: Duration = Duration::from_secs(60);

/// Arguments of `explore`.
#[derive(Debug, Args)]
pub(crate) struct ExploreArgs {
    /// Ratings: a file, several parts of one set, a folder or an archive, as `import` reads them.
    /// [default: MovieLens 100K, where `make movielens` puts it]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write a page with pictures to this file.
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// Runs the command.
pub(crate) async fn run(args: ExploreArgs, output: Output) -> Result<()> {
    let paths = match &args.paths[..] {
        [] => vec![crate::movielens::cached().filter(|path| path.exists()).ok_or_else(no_set)?],
        paths => paths.to_vec(),
    };
    if args.reading.map_scale().is_some() {
        let why = "--map-scale: ratings are explored as they are in the files; leave it out";
        return Err(Error::Usage(why.to_owned()).into());
    }
    let options = args.reading.options(None);
    let stop = signals::watch(LONGEST_STOP).context("watch for signals")?;
    let progress = Progress::new(output, stop.clone(), "reading");
    let page = args.page.clone();
    let exploring = tokio::task::spawn_blocking(move || -> Result<Explored> {
        let dataset = marquee_datasets::open_all(&paths, options)?;
        let explored = marquee_explore::explore(&dataset, Timestamp::from(SystemTime::now()), &progress);
        progress.end();
        let explored = explored.map_err(|error| match error {
            error @ marquee_explore::Error::NoRatings { .. } => Error::Usage(format!("PATH: {error}")).into(),
            error => anyhow::Error::new(error),
        })?;
        if let Some(file) = &page {
            let written = std::fs::write(file, marquee_explore::html(&explored));
            written.map_err(|source| Error::File { doing: "write the page to", path: file.clone(), source })?;
        }
        Ok(Explored { page, explored })
    });
    let explored = exploring.await.context("wait for the exploration")?;
    // A signal from here on ends the process at once.
    stop.cancel();
    Ok(output.show(&explored?)?)
}

fn no_set() -> Error {
    Error::Usage("PATH: give the path of a data set, or run `make movielens` for MovieLens 100K".to_owned())
}
