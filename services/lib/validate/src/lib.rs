//! Validates tables with expectation suites of Great Expectations 1.x: the same verdicts and the
//! same results as the Python package (compared with version 1.24.1 on pandas 3), without Python
//! and within a limit of memory.
//!
//! [`Suite`] reads a suite as the package saves it. [`validate`] runs it on a table of
//! `marquee-tables`, and [`sets`] reads ratings and movies into such tables. [`Report`] is the
//! result, in the JSON of the package, and [`page`] shows it to people.
//!
//! An expectation or an argument that is not supported is an error that names it. A check that a
//! table cannot be judged by, for example because a column does not exist, is not met, and its
//! verdict says why.
//!
//! **Invariant:** verdicts and results equal those of the package
//! (`verdicts_and_results_equal_those_of_great_expectations`).

mod arguments;
mod check;
mod condition;
mod counts;
mod divergence;
mod error;
mod fold;
mod outcome;
pub mod page;
mod report;
mod rows;
mod run;
pub mod sets;
mod structure;
mod suite;
mod value;

pub use error::Error;
pub use marquee_tables as tables;
pub use report::{Report, ResultFormat, Verdict};
pub use run::validate;
pub use suite::{Severity, Suite};
