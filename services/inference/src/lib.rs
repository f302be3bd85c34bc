//! The inference role: predicts, recommends and explains with the model versions that routing
//! chooses.
//!
//! A prediction takes four steps: assign the user to a version, read the user's history, encode the
//! history into a user state, score movies from the state. History and state are cached.
//!
//! | module | contents |
//! |---|---|
//! | `api` | gRPC and HTTP handlers, client of the feature store; the only place with protobuf |
//! | `rating` | predict, recommend, explain: the core, in domain types |
//! | `evaluation` | what versions would have predicted for known ratings |
//! | `served` | the log of served predictions |
//! | `tally` | what each version was asked: requests, errors, latencies |
//! | `routing` | the wanted table, the effective table, the mirror on disk, the report |
//! | `repository` | model versions: fetch, verify, load, retry, unload |
//! | `model` | one loaded version |
//! | `models` | packages and ONNX files by name, for the Open Inference Protocol |
//!
//! **Invariant:** a route only answers with versions that are loaded and warm on this instance
//! (`routing::tests::a_route_answers_only_once_all_its_versions_are_warm`).

mod api;
mod background;
mod evaluation;
mod genres;
mod metrics;
mod model;
mod models;
mod pressure;
mod rating;
mod repository;
mod role;
mod routing;
mod served;
mod settings;
mod start;
mod tally;
#[cfg(test)]
mod testing;

pub use api::Service;
pub use role::Inference;
#[cfg(any(fuzzing, test))]
pub use routing::fuzzing;
pub use settings::{EvaluationSettings, PredictionSettings, RepositorySettings, Settings};
pub use start::{Dependencies, Error};
