//! The trainer role: fits, judges, packages and publishes models, and writes the archive.
//!
//! - `queue/`: the runs as stored objects, and their cancellation. A lease (`marquee-lease`) lets
//!   one trainer of many work.
//! - `worker.rs`: works on the queue while it holds the lease.
//! - `pipeline/`: one run, from a snapshot of the log to a signed package.
//! - `tracking.rs`: what people see of a run in a tracking system.
//! - `api/`: `marquee.training.v1` over gRPC, the only place with wire messages.
//!
//! **Invariant:** the same ratings and the same seed give the same model. See `marquee-fit`.

mod api;
mod dependencies;
mod pipeline;
mod plan;
mod queue;
mod role;
mod service;
mod settings;
mod tracking;
mod worker;

pub use api::Server;
pub use dependencies::Dependencies;
pub use marquee_archive::Settings as ArchiveSettings;
#[cfg(any(fuzzing, test))]
pub use queue::fuzzing;
pub use role::Trainer;
pub use service::{Error, Service};
pub use settings::{Gates, Settings};
