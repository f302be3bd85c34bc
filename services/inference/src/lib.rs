//! The inference role: predicts, recommends and explains with the model versions that routing chooses.
//!
//! A prediction is: assign the user a version, read the user's history (or learn that it is unchanged), encode it into a user state (or take the
//! cached one), score. What must stay true: a rating counts in the next prediction after it is applied; a user keeps its version while weights only
//! grow; only verified packages are loaded; versions come and go without a failed request; every answer says what it rests on.

mod cache;
mod explain;
mod histories;
mod http;
mod library;
mod loaded;
mod metrics;
mod predict;
mod role;
mod routes;
mod service;
mod settings;

pub use role::Inference;
pub use service::{Dependencies, Error, Service};
pub use settings::Settings;
