//! The role rollouts: stores the rollouts of models and drives them by evidence.
//!
//! - `store.rs`: the rollouts as objects, changed by conditional writes.
//! - `rollouts.rs`: what the calls read and change.
//! - `files.rs`: starts the rollouts of the files of a folder.
//! - `worker.rs`: drives every rollout while this controller holds the lease.
//! - `api/`: `marquee.rollout.v1.Rollouts`, the only place with wire messages.
//!
//! The decisions themselves are in `marquee-rollout`, and what is observed and done in
//! `marquee-driver`.

mod api;
mod files;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod metrics;
mod role;
mod rollouts;
mod service;
mod settings;
mod spec;
mod store;
mod worker;

pub use api::Server;
pub use role::Controller;
pub use service::{Dependencies, Service};
pub use settings::Settings;
