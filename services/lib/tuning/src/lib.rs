//! Judges rating models and tunes their parameters: `marquee evaluate` and `marquee tune` without
//! their command lines.
//!
//! [`Data`] has the ratings of a data set. [`tune`] searches on each outer fold: it fits models on
//! inner folds of the training data, chooses the parameters with the smallest error there, and
//! judges them, and the default parameters beside them, on ratings that chose nothing. [`write()`]
//! writes the report and its pictures.
//!
//! [`tune`] blocks for minutes to hours. Callers run it off the async threads.

mod data;
mod evaluate;
mod figure;
mod folds;
mod outcome;
mod parameters;
mod pictures;
mod report;
mod search;

pub use marquee_tune::{Record, Sampler, Space, SpaceError, State, Value, Values};

pub use data::{Data, DataError};
pub use marquee_fit::Snapshot;

pub use evaluate::{
    Arm, ArmFigures, CurvePoint, EvaluateError, EvaluationPlan, Judged, Part, Side, SideError, Watch, evaluate,
};
pub use folds::{FoldError, Folds, Order};
pub use outcome::{Counts, FoldOutcome, Outcome};
pub use parameters::{ValueError, default_space, fit_parameters};
pub use report::{html, write};
pub use search::{Plan, Progress, Pruning, TuneError, tune};
