//! The progress of work on data: a bar on a terminal. A signal cancels the work.

use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use marquee_cli::Output;
use marquee_kit::Stop;
use marquee_versions::Watch;

/// Shows the progress, and passes on a signal as a cancellation.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    output: Output,
    stop: Stop,
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Progress {
    pub(super) fn new(output: Output, stop: Stop) -> Self {
        Self { output, stop, bar: Arc::default() }
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}

impl Watch for Progress {
    fn advanced(&self, done: u64, total: u64) {
        if !self.output.is_live() {
            return;
        }
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("data {bar:30} {percent:>3} %  {elapsed}");
            ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_length(total);
        bar.set_position(done);
    }

    fn canceled(&self) -> bool {
        self.stop.is_cancelled()
    }
}
