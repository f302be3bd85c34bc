//! Collects ratings and movies from where others keep them: databases, APIs, files, logs and
//! topics of Kafka. One TOML table describes a source ([`Config`]), and a [`Collector`] takes what
//! is new in it.
//!
//! A [`Source`] returns records in batches, each with the position after it. Of a batch, first the
//! raw bytes are stored as Parquet with their lineage (`raw.rs`), then the mapped ratings and
//! movies are sent to the [`Destination`], and then the position is stored (`state.rs`).
//!
//! **Invariant:** a collector that stops at any point goes on without loss, and what it sends again
//! changes nothing, because it has the same user, movie and time
//! (`a_collector_that_stops_at_any_call_loses_and_doubles_nothing`).
//!
//! **Invariant:** what changes in the columns of a source is reported and stored
//! (`columns_that_come_go_or_change_are_reported_once`).

mod collector;
mod config;
mod destination;
mod error;
mod files;
mod http;
mod invalid;
mod kafka;
mod look;
mod mapping;
mod mysql;
mod postgres;
mod raw;
mod report;
mod schema;
mod secret;
mod setup;
mod source;
mod sql;
mod state;
mod tls;

#[cfg(test)]
mod testing;

pub use collector::Collector;
pub use config::{Config, Content, SourceConfig};
pub use destination::{Answer, Destination, DestinationError, NewRating, Refusal};
pub use error::Error;
pub use invalid::ConfigError;
pub use look::{Look, LookedRow};
pub use report::{Collected, Rejection};
pub use schema::{Change, Drift};
pub use setup::Setup;
pub use source::{Batch, Record, Source, SourceError};
