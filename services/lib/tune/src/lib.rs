//! Searches for the values of parameters with which an objective is smallest (or largest).
//!
//! A [`Space`] says which values are allowed. A [`Study`] asks its [`Sampler`] for values, receives
//! what the objective was with them, and keeps every trial in a file, so that it can be resumed. A
//! [`Pruner`] ends trials early whose intermediate values are poor. [`importances`] says which
//! parameters mattered. [`nested`] judges chosen values on data that they were not chosen on.
//!
//! This crate knows nothing of rating models: `marquee-tuning` applies it to them.
//!
//! **Invariant:** with one worker, the trials of a study are a function of the space, the settings
//! and the objective, also when the study was interrupted between two trials and resumed
//! (`a_resumed_study_goes_on_as_if_it_had_not_been_interrupted`).
//!
//! [`Study::optimize`] blocks for as long as the objective takes. Callers run it off the async
//! threads.

mod importance;
mod nested;
mod normal;
mod pruner;
mod record;
mod sampler;
mod space;
mod study;
mod value;

pub use importance::{Importance, importances};
pub use nested::{Judged, Nested, Split, nested};
pub use pruner::{Hyperband, Median, Pruner};
pub use record::{Direction, Record, State};
pub use sampler::{Sampler, Tpe};
pub use space::{Condition, Domain, Parameter, Space, SpaceError};
pub use study::{Settings, Stop, Study, StudyError, Trial, VERSION};
pub use value::{Value, Values};
