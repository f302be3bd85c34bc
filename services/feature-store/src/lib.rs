//! The feature-store role: turns the rating log into features, and serves them with their
//! freshness.
//!
//! - `stream` consumes the rating topic and applies each event to the rows of the online store.
//! - `online` reads features from those rows.
//! - `offline` computes features from the log: point-in-time joins, backfills, and the check of
//!   served values.
//! - `api` serves all three over gRPC. It is the only place that knows the wire messages.
//!
//! What a feature is, and how it is computed from a row, is defined in `marquee_features`.

mod api;
mod entity;
mod metrics;
mod offline;
mod online;
mod role;
mod rows;
mod service;
mod settings;
mod stream;
#[cfg(test)]
mod testing;

pub use role::FeatureStore;
pub use settings::Settings;
