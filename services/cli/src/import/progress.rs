//! The progress of an import: a bar on a terminal, a line every two seconds elsewhere.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use marquee_datasets::Dataset;

use super::Imported;
use crate::error::one_line;
use crate::output::{bar_style, counted, thousands};
use crate::{Format, Output};

/// The time between two lines where no bar can be shown.
const EVERY: Duration = Duration::from_secs(2);

/// Receives the progress of an import.
pub trait Progress: Send {
    /// `done` of `total` movies are in the catalog.
    fn movies(&mut self, done: u64, total: u64);
    /// The ratings begin. `resumed_at` rows were sent by an earlier import.
    fn ratings(&mut self, resumed_at: u64);
    /// The fleet acknowledged the file up to this row and byte.
    fn acknowledged(&mut self, imported: &Imported, rows: u64, bytes: u64);
    /// An earlier import is not continued, for this reason.
    fn restarting(&mut self, _why: &str) {}
    /// Rows that an earlier import had sent in vain are sent again.
    fn retrying(&mut self, _rows: u64) {}
    /// The import waits to try again, and gives up after `left`.
    fn waiting(&mut self, why: &str, left: Duration);
}

/// Shows a bar on a terminal and lines elsewhere. With JSON output it shows only problems.
#[derive(Debug)]
pub struct Bar {
    output: Output,
    total_bytes: u64,
    count: Option<u64>,
    movie_file: Option<String>,
    bar: Option<ProgressBar>,
    started: Instant,
    told: Instant,
    /// When the last wait was reported.
    waited: Option<Instant>,
}

impl Bar {
    /// Creates the progress display for a data set.
    pub fn new(output: Output, dataset: &Dataset) -> Self {
        let now = Instant::now();
        Self {
            output,
            total_bytes: dataset.total_bytes(),
            count: dataset.rating_count,
            movie_file: dataset.movie_file().map(str::to_owned),
            bar: None,
            started: now,
            told: now,
            waited: None,
        }
    }

    /// Removes the bar.
    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn quiet(&self) -> bool {
        self.output.format() == Format::Json
    }
}

impl Progress for Bar {
    fn movies(&mut self, done: u64, total: u64) {
        if !self.quiet() && !self.output.is_live() && done == total {
            let from = self.movie_file.as_deref().map(|name| format!(" from {name}")).unwrap_or_default();
            self.output.note(&format!("movies   {}{from}", thousands(done)));
        }
    }

    fn ratings(&mut self, resumed_at: u64) {
        self.started = Instant::now();
        self.told = self.started;
        if resumed_at > 0 {
            let row = thousands(resumed_at + 1);
            self.output.note(&format!(
                "continuing at row {row}: the rows before it were answered; --restart starts from the beginning"
            ));
        }
        if self.output.is_live() {
            let style = bar_style("ratings  {bar:30} {percent:>3}%  {elapsed}  {wide_msg}");
            self.bar = Some(ProgressBar::new(self.total_bytes.max(1)).with_style(style));
        }
    }

    fn restarting(&mut self, why: &str) {
        self.output.note(&format!("starting at the first row: {why}; no row counts twice"));
    }

    fn retrying(&mut self, rows: u64) {
        self.output.note(&format!("sending again what was refused, {}", counted(rows, "row")));
    }

    fn acknowledged(&mut self, imported: &Imported, rows: u64, bytes: u64) {
        let rate = imported.accepted as f64 / self.started.elapsed().as_secs_f64().max(1e-3);
        let of = self.count.map(|count| format!(" of about {}", thousands(count.max(rows)))).unwrap_or_default();
        let message = format!("{}{of}, {}/s", thousands(rows), thousands(rate as u64));
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
            bar.set_message(message);
        } else if !self.quiet() && self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            let share = 100.0 * bytes as f64 / self.total_bytes.max(1) as f64;
            self.output.note(&format!("ratings  {share:>3.0}%  {message}"));
        }
    }

    fn waiting(&mut self, why: &str, left: Duration) {
        // Attempts come more often than anybody wants to read.
        if self.waited.is_some_and(|waited| waited.elapsed() < EVERY) {
            return;
        }
        self.waited = Some(Instant::now());
        let text = format!("waiting for the fleet ({why}): trying again for up to {} s", left.as_secs().max(1));
        let text = one_line(&text);
        match &self.bar {
            Some(bar) => bar.println(text),
            None => self.output.note(&text),
        }
    }
}

/// Shows nothing.
impl Progress for () {
    fn movies(&mut self, _: u64, _: u64) {}
    fn ratings(&mut self, _: u64) {}
    fn acknowledged(&mut self, _: &Imported, _: u64, _: u64) {}
    fn waiting(&mut self, _: &str, _: Duration) {}
}
