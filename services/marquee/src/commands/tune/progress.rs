//! The progress of a search: a bar on a terminal, and a line for each trial elsewhere. With JSON
//! output it shows only what was left out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use marquee_cli::{Output, counted};
use marquee_domain::RunState;
use marquee_kit::Stop;
use marquee_tuning::{Data, Order, Progress, Record, State, Values};

use super::super::tracked::Teller;
use super::written;

/// The time between two changes of a bar's text.
const EVERY: Duration = Duration::from_millis(100);

/// Shows the progress, and passes on a signal as a cancellation.
#[derive(Debug)]
pub(super) struct Shown {
    output: Output,
    /// Is told of every trial.
    teller: Teller,
    stop: Stop,
    folds: usize,
    trials: usize,
    state: Mutex<Display>,
}

#[derive(Debug)]
struct Display {
    bar: Option<ProgressBar>,
    fold: usize,
    best: String,
    changed: Instant,
}

impl Shown {
    pub(super) fn new((output, teller): (Output, Teller), stop: Stop, folds: usize, trials: usize) -> Self {
        let state = Display { bar: None, fold: 0, best: String::new(), changed: Instant::now() };
        Self { output, teller, stop, folds, trials, state: Mutex::new(state) }
    }

    /// Says what was read.
    pub(super) fn read(&self, data: &Data, order: Order) {
        self.teller.dataset(&data.name, &data.snapshot);
        let problem = data.first_problem.as_deref().unwrap_or_default();
        if data.left_out > 0 {
            self.output.note(&format!("left out   {}, the first: {problem}", counted(data.left_out, "row")));
        }
        if !self.output.is_human() {
            return;
        }
        let ratings = counted(data.snapshot.ratings().len() as u64, "rating");
        let held_out = match order {
            Order::Time => "the newest ratings judge",
            Order::Random => "random ratings judge",
        };
        self.output.note(&format!("data       {}: {ratings}; {held_out}", data.name));
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        if let Some(bar) = self.state().bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Tells of a trial as a run of its own.
    fn tell(&self, fold: usize, trial: &Record) {
        let state = match trial.state {
            State::Complete => RunState::Succeeded,
            State::Pruned => RunState::Canceled,
            State::Failed | State::Running => RunState::Failed,
        };
        if trial.interrupted {
            return;
        }
        let params = trial.values.iter().map(|(name, value)| (name.clone(), value.to_string()));
        let figures = trial.value.map(|value| ("rmse".to_owned(), value));
        let last = trial.last_step().map(|(step, value)| (format!("rmse_after_{step}"), value));
        let name = format!("f{fold}-t{}", trial.number);
        self.teller.part(&name, params.collect(), figures.into_iter().chain(last).collect(), state);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Display> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Shown {
    fn fold(&self, fold: usize, done: usize) {
        let mut state = self.state();
        state.fold = fold;
        state.best = "no trial is complete yet".to_owned();
        if done > 0 && self.output.is_human() {
            let text = format!("fold {}     continues after {}", fold + 1, counted(done as u64, "trial"));
            match &state.bar {
                Some(bar) => bar.println(text),
                None => self.output.note(&text),
            }
        }
        if !self.output.is_human() || !self.output.is_live() {
            return;
        }
        let bar = state.bar.get_or_insert_with(|| {
            let template = "tuning     {bar:30} {pos:>4}/{len}  {elapsed}  {wide_msg}";
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new((self.folds * self.trials) as u64).with_style(style)
        });
        bar.set_position((fold * self.trials + done) as u64);
    }

    fn advanced(&self, trial: u64, share: f64) {
        let mut state = self.state();
        if state.changed.elapsed() < EVERY {
            return;
        }
        state.changed = Instant::now();
        let Display { bar: Some(bar), best, .. } = &*state else { return };
        bar.set_message(format!("{best}; trial {trial} {:.0} %", share * 100.0));
    }

    fn ended(&self, trial: &Record, best: Option<&Record>) {
        let mut state = self.state();
        self.tell(state.fold + 1, trial);
        if let Some((value, best)) = best.and_then(|best| Some((best.value?, best))) {
            state.best = format!("best {value:.4} ({})", written(&best.values));
        }
        match &state.bar {
            Some(bar) if !trial.interrupted => bar.inc(1),
            Some(_) => {}
            None if self.output.is_human() => {
                let result = match (trial.state, trial.value, trial.reason.as_deref()) {
                    (_, Some(value), _) => format!("RMSE {value:.4}"),
                    (State::Pruned, ..) => "pruned".to_owned(),
                    (_, _, reason) => format!("failed: {}", reason.unwrap_or("no reason is known")),
                };
                let (fold, number, values) = (state.fold + 1, trial.number, written(&trial.values));
                self.output.note(&format!("fold {fold}     trial {number}: {values}: {result}; {}", state.best));
            }
            None => {}
        }
    }

    fn judging(&self, values: &Values) {
        let state = self.state();
        if let Some(bar) = &state.bar {
            bar.set_message(format!("judging {} on fold {}", written(values), state.fold + 1));
        }
    }

    fn canceled(&self) -> bool {
        self.stop.is_cancelled()
    }
}
