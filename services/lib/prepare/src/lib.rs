//! Prepares a set of ratings for training by a declared plan: duplicates, missing values, outliers,
//! rare users and movies, scales, derived features and splits.
//!
//! [`Plan::parse`] reads a plan, a TOML file of named steps; [`EXAMPLE`] shows all of them.
//! [`prepare`] reads a data set and carries the steps out in their order. [`Prepared::write`]
//! writes the ratings in parts of bounded size, the movies, and a [`Report`] of what each step
//! dropped and why.
//!
//! Memory: about 40 bytes for each rating of the input, the ids, and one part of the output.
//!
//! **Invariant:** the same ratings, movies and plan give the same bytes, whatever the time, the
//! machine or the folder (`the_same_input_and_plan_give_the_same_bytes`).
//!
//! **Invariant:** a rating that is read is either in the output or counted by one step with a
//! reason (`every_rating_is_kept_or_counted`).

mod apply;
mod error;
mod feature;
mod fields;
mod groups;
mod plan;
mod rating;
mod report;
mod set;
mod statistics;
mod steps;
mod write;

pub use error::{Error, PlanError};
pub use plan::{EXAMPLE, Plan};
pub use report::{Applied, Count, File, Problem, Read, Reason, Report, VERSION};
pub use steps::{KINDS, KindInfo};
pub use write::check_folder;

use marquee_datasets::Dataset;

use crate::set::Set;

/// Follows the work, and may end it.
pub trait Watch {
    /// The share of the work that is done, from 0 to 1.
    fn advanced(&self, share: f64) {
        let _ = share;
    }

    /// Returns whether to stop.
    fn canceled(&self) -> bool {
        false
    }
}

/// Follows nothing.
impl Watch for () {}

/// The share of the work that reading is, about. Writing is the rest.
const READING: f64 = 0.6;

/// A set after all steps, ready to be written.
#[derive(Debug)]
pub struct Prepared {
    set: Set,
    plan: Plan,
    report: Report,
}

/// Reads a data set and carries out the steps of a plan. Blocks.
///
/// # Errors
/// The set cannot be read to its end, it has no rating, a step leaves none, or the watch ended it.
pub fn prepare(dataset: &Dataset, plan: Plan, watch: &dyn Watch) -> Result<Prepared, Error> {
    let (mut set, read) = set::read(dataset, watch)?;
    let mut report = Report::new(plan.name(), plan.sha256(), read);
    for step in plan.steps() {
        if watch.canceled() {
            return Err(Error::Canceled);
        }
        report.steps.push(apply::apply(step, &mut set)?);
    }
    Ok(Prepared { set, plan, report })
}

impl Prepared {
    /// Returns what the steps did. The files are known only after [`Self::write`].
    pub fn report(&self) -> &Report {
        &self.report
    }
}
