//! Training runs: what a caller asked for, how far the trainer got, and how the run ended.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::{ModelName, Timestamp, Version};

/// The longest id of a run, in bytes.
const LONGEST_ID: usize = 64;

/// The id of a training run: 1 to 64 lower-case letters, digits and dashes. It names an object, so
/// it holds nothing that a path could misread. Ids that the trainer makes sort by time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Arc<str>);

/// A text is not the id of a training run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not the id of a training run: give 1 to 64 lower-case letters, digits and dashes")]
pub struct RunIdError;

impl RunId {
    /// Checks an id.
    ///
    /// # Errors
    /// The text has the wrong length or a character that ids do not have.
    pub fn try_new(text: &str) -> Result<Self, RunIdError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(allowed);
        if fits { Ok(Self(Arc::from(text))) } else { Err(RunIdError) }
    }

    /// Returns the id with a number, which is the time of creation in microseconds.
    pub fn numbered(number: u64) -> Self {
        Self(Arc::from(format!("t{number:016}")))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a model is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// User and movie biases only. Every other model must be better than this one.
    Bias,
    /// The means of a variational posterior. Takes seconds.
    Map,
    /// Samples of the posterior by Gibbs sampling. The most accurate.
    Bayes,
}

impl Algorithm {
    /// Returns the name in manifests and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bias => "bias",
            Self::Map => "map",
            Self::Bayes => "bayes",
        }
    }
}

/// The parameters of a fit. An algorithm ignores the parameters that it does not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FitParameters {
    /// The length of a factor vector, 1 to 128. Used by `Map` and `Bayes`.
    pub factors: usize,
    /// The number of passes over the ratings, 1 to 10,000.
    pub sweeps: usize,
    /// The number of sweeps before the first kept sample, fewer than `sweeps`. Used by `Bayes`. The
    /// first three quarters of them update by expectation, which brings the chain near its mode.
    pub burn_in: usize,
    /// The number of samples to keep, 1 to 64. They are spread evenly over the sweeps after
    /// burn-in. Used by `Bayes`.
    pub samples: usize,
    /// The seed of every random number.
    pub seed: u64,
}

/// A parameter of a fit is out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{field} is out of range: {fix}")]
pub struct ParameterError {
    /// The parameter.
    pub field: &'static str,
    /// What to give instead.
    pub fix: &'static str,
}

impl FitParameters {
    /// Returns values that suit some 100,000 to some millions of ratings.
    pub fn default_of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Bias => Self { factors: 1, sweeps: 20, burn_in: 0, samples: 1, seed: 1 },
            Algorithm::Map => Self { factors: 16, sweeps: 40, burn_in: 0, samples: 1, seed: 1 },
            Algorithm::Bayes => Self { factors: 16, sweeps: 240, burn_in: 40, samples: 48, seed: 1 },
        }
    }

    /// Returns these with other numbers of sweeps, where they are given. Fewer sweeps than usual
    /// also shorten the burn-in and the samples that are not given.
    #[must_use]
    pub fn with_sweeps(self, sweeps: Option<usize>, burn_in: Option<usize>, samples: Option<usize>) -> Self {
        let sweeps = sweeps.unwrap_or(self.sweeps);
        let burn_in = burn_in.unwrap_or(self.burn_in.min(sweeps / 2));
        let samples = samples.unwrap_or(self.samples.min(sweeps.saturating_sub(burn_in).max(1)));
        Self { sweeps, burn_in, samples, ..self }
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`ParameterError`] names the first parameter that is out of range.
    pub fn check(&self) -> Result<(), ParameterError> {
        let wrong = |field, fix| Err(ParameterError { field, fix });
        if !(1..=128).contains(&self.factors) {
            return wrong("factors", "give 1 to 128");
        }
        if !(1..=10_000).contains(&self.sweeps) {
            return wrong("sweeps", "give 1 to 10,000");
        }
        if self.burn_in >= self.sweeps {
            return wrong("burn_in", "give less than sweeps");
        }
        if !(1..=64).contains(&self.samples) {
            return wrong("samples", "give 1 to 64");
        }
        if self.samples > self.sweeps - self.burn_in {
            return wrong("samples", "give at most sweeps less burn_in");
        }
        Ok(())
    }
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunState {
    /// The run waits for its turn.
    Queued,
    /// A trainer works on the run.
    Running,
    /// The run published a version.
    Succeeded,
    /// The run published nothing; its message says why.
    Failed,
    /// A caller canceled the run.
    Canceled,
}

impl RunState {
    /// Returns whether no other state follows.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }
}

/// What a trainer does for a run, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Reads the ratings up to the offsets at the start.
    Snapshot,
    /// Fits on the past and judges on the future.
    Evaluate,
    /// Fits on all ratings.
    Fit,
    /// Writes the graphs.
    Export,
    /// Compares the graphs with the trainer's own prediction and checks the gates.
    Validate,
    /// Signs and publishes.
    Publish,
}

/// What a caller asked for, with every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingPlan {
    /// The model that gets a new version.
    pub model: ModelName,
    /// How it is fitted.
    pub algorithm: Algorithm,
    /// The parameters of the fit.
    pub parameters: FitParameters,
    /// The share of the newest ratings that judge the model, above 0 and at most 0.5.
    pub holdout: f64,
}

/// What was measured on the held-out ratings.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RunMetrics {
    /// The root mean squared error in stars. Each rating is predicted, then learned.
    pub rmse: f64,
    /// The mean absolute error in stars.
    pub mae: f64,
    /// The root mean squared error when nothing is learned after the cut.
    pub frozen_rmse: f64,
    /// The root mean squared error of the bias-only model on the same ratings.
    pub bias_rmse: f64,
    /// The share of ratings inside the central 90 % interval.
    pub coverage_90: f64,
    /// The number of ratings that the metrics are computed from.
    pub holdout_ratings: u64,
    /// The number of ratings that the judged model was fitted on.
    pub training_ratings: u64,
}

/// The most warnings that a run keeps.
const MOST_WARNINGS: usize = 20;

/// Which values pass a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GateSide {
    /// Values up to the bound.
    #[default]
    AtMost,
    /// Values from the bound on.
    AtLeast,
}

/// A measured value and the bound that it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct GateResult {
    /// The name of the gate.
    pub name: String,
    /// The measured value.
    pub value: f64,
    /// The last value that passes.
    pub bound: f64,
    /// Which values pass.
    pub side: GateSide,
}

impl GateResult {
    /// Returns whether the value passes. A value or a bound that is not a number fails.
    pub fn passes(&self) -> bool {
        let within = match self.side {
            GateSide::AtMost => self.value <= self.bound,
            GateSide::AtLeast => self.value >= self.bound,
        };
        self.value.is_finite() && within
    }
}

/// A training run and its state.
///
/// **Invariant:** a run that has ended never changes again
/// (`a_run_that_has_ended_does_not_change`).
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingRun {
    /// Names the run.
    pub id: RunId,
    /// What the caller asked for.
    pub plan: TrainingPlan,
    /// The state.
    pub state: RunState,
    /// The stage of a run that a trainer works on, or the last stage of a run that has ended.
    pub stage: Option<Stage>,
    /// The progress within the stage, 0 to 1.
    pub progress: f64,
    /// What is being done, or why the run ended, for people.
    pub message: String,
    /// When the run was created.
    pub created_at: Timestamp,
    /// When the run ended.
    pub ended_at: Option<Timestamp>,
    /// The digest of the ratings that the run read (SHA-256 in hexadecimal).
    pub snapshot: Option<String>,
    /// The metrics, once measured.
    pub metrics: Option<RunMetrics>,
    /// The gates that were checked so far.
    pub gates: Vec<GateResult>,
    /// What the run left out because it could not be read, for people.
    pub warnings: Vec<String>,
    /// The seconds that the fit of the published model took.
    pub train_seconds: Option<f64>,
    /// The published version.
    pub version: Option<Version>,
    /// The digest of the published manifest (SHA-256 in hexadecimal).
    pub digest: Option<String>,
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A version was published.
    Published {
        /// The version.
        version: Version,
        /// The digest of its manifest.
        digest: String,
    },
    /// Nothing was published, for this reason.
    Failed(String),
    /// A caller canceled the run. The text says when that took effect.
    Canceled(String),
}

impl TrainingRun {
    /// Creates a run that waits for its turn.
    pub fn queued(id: RunId, plan: TrainingPlan, created_at: Timestamp) -> Self {
        Self {
            id,
            plan,
            state: RunState::Queued,
            stage: None,
            progress: 0.0,
            message: String::new(),
            created_at,
            ended_at: None,
            snapshot: None,
            metrics: None,
            gates: Vec::new(),
            warnings: Vec::new(),
            train_seconds: None,
            version: None,
            digest: None,
        }
    }

    /// Returns whether the run has ended.
    pub fn has_ended(&self) -> bool {
        self.state.is_final()
    }

    /// Begins a stage.
    pub fn enter(&mut self, stage: Stage, message: &str) {
        if self.has_ended() {
            return;
        }
        self.state = RunState::Running;
        self.stage = Some(stage);
        self.progress = 0.0;
        message.clone_into(&mut self.message);
    }

    /// Sets the progress within the stage, from 0 to 1.
    pub fn advance(&mut self, progress: f64) {
        if !self.has_ended() {
            self.progress = progress.clamp(0.0, 1.0);
        }
    }

    /// Records what the run left out. A repeated warning is kept once, and only the first
    /// 20 different ones are kept.
    pub fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        if !self.has_ended() && self.warnings.len() < MOST_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Ends the run. The message of a published version names the warnings.
    pub fn end(&mut self, outcome: Outcome, at: Timestamp) {
        if self.has_ended() {
            return;
        }
        self.ended_at = Some(at);
        match outcome {
            Outcome::Published { version, digest } => {
                self.state = RunState::Succeeded;
                self.progress = 1.0;
                self.message = format!("published version {version}");
                for warning in &self.warnings {
                    self.message.push_str("; ");
                    self.message.push_str(warning);
                }
                self.version = Some(version);
                self.digest = Some(digest);
            }
            Outcome::Failed(message) => {
                self.state = RunState::Failed;
                self.message = message;
            }
            Outcome::Canceled(message) => {
                self.state = RunState::Canceled;
                self.message = message;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> TrainingRun {
        let plan = TrainingPlan {
            model: ModelName::try_new("ratings").expect("valid"),
            algorithm: Algorithm::Map,
            parameters: FitParameters::default_of(Algorithm::Map),
            holdout: 0.1,
        };
        TrainingRun::queued(RunId::numbered(7), plan, Timestamp::EPOCH)
    }

    #[test]
    fn ids_are_safe_in_a_path_and_sort_by_time() {
        for bad in ["", "a/b", "..", "A", "t 1", &"t".repeat(65)] {
            assert_eq!(RunId::try_new(bad), Err(RunIdError), "{bad}");
        }
        assert!(RunId::numbered(9) < RunId::numbered(10));
        assert_eq!(RunId::try_new("t0000000000000007"), Ok(RunId::numbered(7)));
    }

    #[test]
    fn a_run_that_has_ended_does_not_change() {
        let outcomes = [
            Outcome::Published { version: Version(3), digest: "ab".to_owned() },
            Outcome::Failed("no ratings".to_owned()),
            Outcome::Canceled("canceled".to_owned()),
        ];
        for outcome in outcomes {
            let mut run = run();
            run.enter(Stage::Fit, "fitting");
            run.end(outcome, Timestamp::from_seconds(5));
            let ended = run.clone();
            run.enter(Stage::Publish, "publishing");
            run.advance(0.5);
            run.end(Outcome::Failed("late".to_owned()), Timestamp::from_seconds(6));
            assert_eq!(run, ended);
        }
    }

    #[test]
    fn a_value_that_is_not_a_number_does_not_pass_a_gate() {
        let gate = |value, side| GateResult { name: "rmse".to_owned(), value, bound: 1.0, side };
        assert!(gate(1.0, GateSide::AtMost).passes() && gate(1.0, GateSide::AtLeast).passes());
        assert!(!gate(1.1, GateSide::AtMost).passes() && !gate(0.9, GateSide::AtLeast).passes());
        for side in [GateSide::AtMost, GateSide::AtLeast] {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert!(!gate(value, side).passes(), "{value} {side:?}");
            }
            let without_bound = GateResult { bound: f64::NAN, ..gate(1.0, side) };
            assert!(!without_bound.passes(), "{side:?}");
        }
    }

    #[test]
    fn a_published_run_names_once_what_it_left_out_and_how_much_it_keeps_is_bounded() {
        let mut run = run();
        run.warn("3 records are unreadable");
        run.warn("3 records are unreadable");
        let mut many = run.clone();
        run.end(Outcome::Published { version: Version(3), digest: "ab".to_owned() }, Timestamp::EPOCH);
        assert_eq!(run.message, "published version 3; 3 records are unreadable");
        run.warn("late");
        assert_eq!(run.warnings.len(), 1);
        (0..1_000).for_each(|day| many.warn(format!("day {day} is unreadable")));
        assert_eq!(many.warnings.len(), MOST_WARNINGS);
    }

    #[test]
    fn a_parameter_out_of_range_is_named() {
        let good = FitParameters::default_of(Algorithm::Bayes);
        assert_eq!(good.check(), Ok(()));
        let bad = [
            ("factors", FitParameters { factors: 0, ..good }),
            ("factors", FitParameters { factors: 129, ..good }),
            ("sweeps", FitParameters { sweeps: 0, ..good }),
            ("sweeps", FitParameters { sweeps: usize::MAX, ..good }),
            ("burn_in", FitParameters { burn_in: good.sweeps, ..good }),
            ("samples", FitParameters { samples: 0, ..good }),
            ("samples", FitParameters { sweeps: 12, burn_in: 10, samples: 3, ..good }),
        ];
        for (name, parameters) in bad {
            let error = parameters.check().expect_err("out of range");
            assert_eq!(error.field, name, "{parameters:?}");
        }
    }
}
