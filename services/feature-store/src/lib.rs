//! The feature-store role: turns the rating log into features, and serves them with their freshness.
//!
//! Every event is applied exactly once in effect, whatever crashes between two writes. A partition of the log has one consumer at a time, so every
//! row has one writer: a user's row belongs to the user's partition, and what that partition's users gave a movie stands in a row of its own
//! (`m/<movie>` of the partition), merged with the others' when it is read. Moments are integers, so merging is exact.
//!
//! The order of writes makes a crash harmless without transactions: of a partition's writes a store keeps a beginning, in their order. One batch writes the
//! movie rows first, then the user rows, then the marker.
//! A movie row changes by the difference that an event makes to its user's ledger, so replaying an event needs the ledger as it was. As long as a
//! user's row is not written, the ledger is the old one and the same differences come out; movie rows that have them already are known by their
//! offset and skipped. Once the user's row is written, every movie row of the batch is too, and the event is skipped altogether.

mod apply;
mod check;
mod consume;
mod feast;
mod history;
mod join;
mod metrics;
mod named;
mod role;
mod scan;
mod service;
mod settings;

pub use role::FeatureStore;
pub use service::{Dependencies, Error, Service};
pub use settings::Settings;
