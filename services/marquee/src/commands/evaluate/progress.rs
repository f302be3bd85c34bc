//! The progress of an evaluation: a bar on a terminal, and a line for each fit elsewhere. With JSON
//! output it shows only what was left out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use marquee_cli::{Output, counted};
use marquee_domain::RunState;
use marquee_kit::Stop;
use marquee_tuning::{Data, Part, Side, Watch};

use super::super::tracked::Teller;

/// The time between two changes of a bar's text.
const EVERY: Duration = Duration::from_millis(100);

/// Shows the progress, tells a tracking system, and passes on a signal as a cancellation.
#[derive(Debug)]
pub(super) struct Shown {
    output: Output,
    stop: Stop,
    teller: Teller,
    state: Mutex<Display>,
}

#[derive(Debug)]
struct Display {
    bar: Option<ProgressBar>,
    what: String,
    changed: Instant,
}

impl Shown {
    pub(super) fn new(output: Output, stop: Stop, teller: Teller) -> Self {
        let state = Display { bar: None, what: String::new(), changed: Instant::now() };
        Self { output, stop, teller, state: Mutex::new(state) }
    }

    /// Says what was read.
    pub(super) fn read(&self, data: &Data, side: &Side) {
        self.teller.dataset(&data.name, &data.snapshot);
        if let Some(problem) = data.first_problem.as_ref().filter(|_| data.left_out > 0) {
            self.output.note(&format!("left out   {}, the first: {problem}", counted(data.left_out, "row")));
        }
        if self.output.is_human() {
            let ratings = counted(data.snapshot.ratings().len() as u64, "rating");
            let folds = if side.folds.is_some() { "folds of its own" } else { "no folds of its own" };
            self.output.note(&format!("data       {}: {ratings}; {folds}", data.name));
        }
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        if let Some(bar) = self.state().bar.take() {
            bar.finish_and_clear();
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Display> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Shown {
    fn fitting(&self, number: usize, of: usize, what: &str) {
        if !self.output.is_human() {
            return;
        }
        if !self.output.is_live() {
            return self.output.note(&format!("fit        {number} of {of}: {what}"));
        }
        let mut state = self.state();
        state.what = what.to_owned();
        let bar = state.bar.get_or_insert_with(|| {
            let template = "evaluating {bar:30} {pos:>4}/{len}  {elapsed}  {wide_msg}";
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(of as u64).with_style(style)
        });
        bar.set_position(number.saturating_sub(1) as u64);
        bar.set_message(what.to_owned());
    }

    fn advanced(&self, share: f64) {
        let mut state = self.state();
        if state.changed.elapsed() < EVERY {
            return;
        }
        state.changed = Instant::now();
        let Display { bar: Some(bar), what, .. } = &*state else { return };
        bar.set_message(format!("{what} {:.0} %", share * 100.0));
    }

    fn measured(&self, part: &Part) {
        let name = match part.fold {
            Some(fold) => format!("{}-s{}-f{fold}", part.arm, part.seed),
            None => format!("{}-s{}", part.arm, part.seed),
        };
        let mut params = vec![("arm".to_owned(), part.arm.to_string()), ("seed".to_owned(), part.seed.to_string())];
        params.extend(part.fold.map(|fold| ("fold".to_owned(), fold.to_string())));
        let figures = part.figures.iter().map(|(name, value)| (name.clone(), *value)).collect();
        self.teller.part(&name, params.into_iter().collect(), figures, RunState::Succeeded);
    }

    fn canceled(&self) -> bool {
        self.stop.is_cancelled()
    }
}
