//! The tracker over MLflow 3: experiments, runs, models and aliases on a tracking server.
//!
//! - `settings.rs`: where the server is, and who calls it.
//! - `transport.rs`: one HTTP call, with its deadline, retries and credentials.
//! - `client.rs`: the calls of MLflow's REST API.
//! - `batch.rs`, `names.rs`: what the API accepts in one call, and as a name.
//! - `package.rs`: the files that make a package a model which `mlflow.pyfunc` loads.
//! - `recorder.rs`: from an event of the port to calls.
//! - `delivery.rs`: the queue between the port and the recorder.
//!
//! **Invariant:** a tracking server that is down, slow or wrong never makes a caller of the port
//! wait, and what is lost is counted (`a_server_that_never_answers_makes_no_caller_wait`,
//! `what_finds_the_queue_full_is_counted`).

mod batch;
mod client;
mod delivery;
mod error;
mod names;
mod package;
mod recorder;
mod routes;
mod settings;
mod sink;
#[cfg(test)]
mod testing;
mod transport;

pub use batch::{Batch, Metric};
pub use client::{Client, Dataset, LoggedModel, ModelVersion, NewModel, NewRun, RegisteredModel, RunInfo, RunStatus};
pub use delivery::{Counts, Delivery, Queue, Reason};
pub use error::{Error, StartError};
pub use package::ModelFiles;
pub use recorder::Recorder;
pub use settings::Settings;
