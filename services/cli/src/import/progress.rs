//! How an import shows that it goes on: a bar on a terminal, a line now and then elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use marquee_datasets::Dataset;

use super::Imported;
use crate::error::one_line;
use crate::output::thousands;
use crate::{Format, Output};

/// How often a line is written where no bar can move.
const EVERY: Duration = Duration::from_secs(2);

/// Told what an import does.
pub trait Progress: Send {
    /// So many movies of so many are in the catalogue.
    fn movies(&mut self, done: u64, total: u64);
    /// Ratings begin, after so many rows that were sent before.
    fn ratings(&mut self, resumed_at: u64);
    /// So many rows, and bytes of the file, are acknowledged.
    fn acknowledged(&mut self, imported: &Imported, rows: u64, bytes: u64);
    /// The fleet is away; it is tried again.
    fn away(&mut self, why: &str);
}

/// A bar on a terminal, lines elsewhere, nothing for machines but what went wrong.
#[derive(Debug)]
pub struct Bar {
    output: Output,
    total_bytes: u64,
    count: Option<u64>,
    bar: Option<ProgressBar>,
    started: Instant,
    told: Instant,
}

impl Bar {
    /// The progress of a data set's import.
    pub fn new(output: Output, dataset: &Dataset) -> Self {
        let now = Instant::now();
        Self {
            output,
            total_bytes: dataset.total_bytes(),
            count: dataset.rating_count,
            bar: None,
            started: now,
            told: now,
        }
    }

    /// Takes the bar away.
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
            self.output.note(&format!("movies   {}", thousands(done)));
        }
    }

    fn ratings(&mut self, resumed_at: u64) {
        self.started = Instant::now();
        self.told = self.started;
        if resumed_at > 0 {
            let row = thousands(resumed_at + 1);
            self.output.note(&format!("going on at row {row}: those before were acknowledged; --restart begins anew"));
        }
        if self.output.is_live() {
            let style = ProgressStyle::with_template("ratings  {bar:30} {percent:>3}%  {elapsed}  {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            self.bar = Some(ProgressBar::new(self.total_bytes.max(1)).with_style(style));
        }
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

    fn away(&mut self, why: &str) {
        let text = one_line(&format!("the fleet is away ({why}): trying again"));
        match &self.bar {
            Some(bar) => bar.println(text),
            None => self.output.note(&text),
        }
    }
}

/// For callers that show nothing.
impl Progress for () {
    fn movies(&mut self, _: u64, _: u64) {}
    fn ratings(&mut self, _: u64) {}
    fn acknowledged(&mut self, _: &Imported, _: u64, _: u64) {}
    fn away(&mut self, _: &str) {}
}
