//! The monitor role: measures how good the versions of a model are on the ratings that arrive.
//!
//! - `stream` consumes the rating topic: every rating is predicted by every warm version from the
//!   history before it, then learned. The errors are added to tallies.
//! - `join` joins predictions that users were shown with the ratings that they gave later.
//! - `reader` reads the tallies of all partitions, and `report` shows them as metrics.
//! - `api` serves them over gRPC and HTTP, and calls inference. It is the only place that knows the
//!   wire messages.
//!
//! What a duel is, and how its tallies are added up, is defined in `marquee_eval::duel`.

mod api;
mod inference;
mod join;
mod metrics;
mod outcome;
mod reader;
mod report;
mod role;
mod rows;
mod service;
mod settings;
mod stream;
#[cfg(test)]
mod testing;

pub use role::Monitor;
pub use settings::Settings;
