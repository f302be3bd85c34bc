//! Imports the older ratings of the data set. The newest ones are kept back: they arrive while
//! rollouts run.

use std::time::Instant;

use anyhow::{Context, Result};
use marquee_cli::import::{self, Bar, Imported};
use marquee_cli::{Client, Format, Output, thousands};
use marquee_datasets::{Dataset, Row};
use marquee_domain::Movie;
use marquee_proto::convert;
use marquee_proto::ratings::v1::UpsertMoviesRequest;

use super::Demo;
use super::arrivals::{Arrivals, dataset};
use super::summary::ImportSummary;

/// Movies in one request.
const MOVIES: usize = 1_000;

/// The part of the ratings that is imported at the start, of ten. It is the older part.
const OLDER: usize = 8;

impl Demo {
    pub(super) async fn import(&mut self, data: Dataset) -> Result<()> {
        self.screen.heading(2, "import the older ratings over the streaming API");
        self.movies = data.movies()?;
        self.titles = self.movies.iter().map(|movie| (movie.id.as_str().to_owned(), movie.title.clone())).collect();
        self.arrivals = Arrivals::new(data.ratings()?.filter_map(Result::ok).collect());
        let end = self.arrivals.len() * OLDER / 10;
        let older: Vec<Row> = self.arrivals.take(end).to_vec();
        self.ratings = older.iter().map(|row| (row.user.clone(), row.movie.clone())).collect();
        let added = add_movies(&self.client, &self.movies).await?;
        let imported = import_rows(&older, &self.client, self.output).await?;
        self.screen.check(
            &format!(
                "{added} movies and {} of {} ratings accepted, {} rejected",
                imported.accepted,
                self.arrivals.len(),
                imported.rejected
            ),
            imported.accepted == end as u64 && added == self.movies.len() as u64 && imported.rejected == 0,
        );
        self.screen.line(&format!(
            "{:.2} s, {:.0} ratings/s; every rating was on disk before it was acknowledged",
            imported.seconds, imported.per_second
        ));
        // Features follow the log. The next steps measure without this delay.
        let waited = Instant::now();
        self.applied(&imported.positions).await?;
        self.screen.line(&format!(
            "the features were up to date {:.2} s after the last acknowledgement",
            waited.elapsed().as_secs_f64()
        ));
        self.summary.imported = ImportSummary {
            movies: added,
            accepted: imported.accepted,
            rejected: imported.rejected,
            seconds: imported.seconds,
            per_second: imported.per_second,
        };
        Ok(())
    }

    /// Lets all ratings up to a place in the order of time arrive at once, and waits until the
    /// features have them.
    pub(super) async fn catch_up(&mut self, end: usize) -> Result<()> {
        let rows = self.arrivals.take(end).to_vec();
        let count = rows.len() as u64;
        if count > 0 {
            let imported = import_rows(&rows, &self.client, Output::detect(Format::Json)).await?;
            let what = format!("{} more ratings arrived, {} were rejected", thousands(count), imported.rejected);
            self.screen.check(&what, imported.accepted == count);
            self.applied(&imported.positions).await?;
        }
        self.applied(self.arrivals.positions()).await
    }
}

/// Adds movies to the catalog. Returns how many were accepted.
pub(super) async fn add_movies(client: &Client, movies: &[Movie]) -> Result<u64> {
    let mut added = 0;
    for page in movies.chunks(MOVIES) {
        let request = UpsertMoviesRequest { movies: page.iter().map(convert::movie).collect() };
        added += client.call(client.ratings().upsert_movies(request)).await?.accepted;
    }
    Ok(added)
}

/// Sends ratings over the streaming API.
pub(super) async fn import_rows(rows: &[Row], client: &Client, output: Output) -> Result<Imported> {
    let data = dataset(rows)?;
    let mut bar = Bar::new(output, &data);
    let imported = import::import(data, client, import::Plan::default(), &mut bar).await;
    bar.end();
    imported.context("import ratings")
}
