//! Explores a set of ratings before anything is trained on it: distributions, activity with its
//! long tail, sparsity, rows that are missing or repeated, outliers, genres and years, and how the
//! ratings change over time. [`explore`] reads a set once and returns an [`Exploration`], which is
//! also its JSON form; [`html`] writes it as one page for people.
//!
//! Memory: about 40 bytes a rating while they are read, and the ids.
//!
//! **Invariant:** an odd row or id changes what is reported, and never ends the exploration
//! (`odd_rows_are_counted_and_the_rest_is_explored`).

mod activity;
mod catalog;
mod charts;
mod exploration;
mod finding;
mod findings;
mod outliers;
mod page;
mod periods;
mod table;
mod values;

use marquee_datasets::Dataset;
use marquee_domain::Timestamp;
use thiserror::Error;

pub use activity::Activity;
pub use catalog::{Catalog, Group};
pub use exploration::{Exploration, Repeated, Rows, VERSION};
pub use finding::{Finding, Severity};
pub use outliers::{Kind, Outlier};
pub use page::html;
pub use periods::{Change, Drift, Part, Period, Times};
pub use table::Problem;
pub use values::{Bin, Distribution};

use table::Table;

/// Follows an exploration, and may end it.
pub trait Watch {
    /// The share of the files that was read, from 0 to 1.
    fn read(&self, share: f64) {
        let _ = share;
    }

    /// Returns whether to stop.
    fn canceled(&self) -> bool {
        false
    }
}

/// Follows nothing.
impl Watch for () {}

/// Why a set could not be explored.
#[derive(Debug, Error)]
pub enum Error {
    /// The files cannot be read.
    #[error(transparent)]
    Dataset(#[from] marquee_datasets::Error),
    /// There is not one rating.
    #[error("{name} has no ratings{}; see `marquee import --dry-run`", .first.as_ref().map(|first| format!(", the first problem: {first}")).unwrap_or_default())]
    NoRatings {
        /// The name of the set.
        name: String,
        /// Why the first row is not one.
        first: Option<String>,
    },
    /// It was ended from outside.
    #[error("the exploration was canceled")]
    Canceled,
}

/// Explores a set. `now` is the time after which ratings are impossible. Blocks.
///
/// # Errors
/// The files cannot be opened, or have no ratings. Files that can be read only in part are explored
/// as far as they can be read, and a finding says so.
pub fn explore(dataset: &Dataset, now: Timestamp, watch: &dyn Watch) -> Result<Exploration, Error> {
    let table = Table::read(dataset, watch)?;
    let (movies, unreadable) = match dataset.catalog() {
        Ok(movies) => (movies, None),
        Err(error) => (marquee_datasets::Catalog::default(), Some(error)),
    };
    if watch.canceled() {
        return Err(Error::Canceled);
    }
    let mut explored = exploration::of(dataset, &table, &movies, now);
    explored.rows.catalog_cut = unreadable.map(|error| described(&error));
    explored.findings = findings::of(&explored);
    Ok(explored)
}

/// Returns an error with its causes.
fn described(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", described(source)),
        None => error.to_string(),
    }
}
