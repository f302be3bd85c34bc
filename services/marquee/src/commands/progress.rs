//! The progress of a command as a bar on a terminal. A signal cancels the work.

use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use marquee_cli::Output;
use marquee_kit::Stop;

/// Steps of a bar whose work is told as a share.
const STEPS: f64 = 1_000.0;

/// Shows the progress, and passes on a signal as a cancellation.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    output: Output,
    stop: Stop,
    /// What stands before the bar.
    doing: &'static str,
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Progress {
    pub(super) fn new(output: Output, stop: Stop, doing: &'static str) -> Self {
        Self { output, stop, doing, bar: Arc::default() }
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }

    fn show(&self, done: u64, total: u64) {
        if !self.output.is_live() {
            return;
        }
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{prefix} {bar:30} {percent:>3} %  {elapsed}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(total).with_style(style).with_prefix(self.doing)
        });
        bar.set_length(total);
        bar.set_position(done);
    }
}

impl marquee_versions::Watch for Progress {
    fn advanced(&self, done: u64, total: u64) {
        self.show(done, total);
    }

    fn canceled(&self) -> bool {
        self.stop.is_cancelled()
    }
}

impl marquee_explore::Watch for Progress {
    fn read(&self, share: f64) {
        self.show((share * STEPS) as u64, STEPS as u64);
    }

    fn canceled(&self) -> bool {
        self.stop.is_cancelled()
    }
}

impl marquee_prepare::Watch for Progress {
    fn advanced(&self, share: f64) {
        self.show((share * STEPS) as u64, STEPS as u64);
    }

    fn canceled(&self) -> bool {
        self.stop.is_cancelled()
    }
}
