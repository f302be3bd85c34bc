//! What Marquee needs of the world behind it: a rating log, an online store and an object store.
//!
//! Each is a trait that names a capability; adapters implement it over a mechanism, roles use it without knowing which. What a trait promises is
//! written at its methods and proved by its suite in [`conformance`], which every adapter runs.

pub mod conformance;
mod error;
mod log;
pub mod memory;
mod objects;
mod partition;
mod store;
mod topic;

pub use error::{Error, ErrorKind};
pub use log::{Bounds, Delivery, Header, NewRecord, RatingLog, Record, Subscription};
pub use objects::{KeyError, Object, ObjectEntry, ObjectKey, ObjectStore, Precondition, Tag};
pub use partition::partition_for;
pub use store::{OnlineStore, Row, RowKey, Write};
pub use topic::{Cleanup, Partitions, Retention, Topic, TopicSpec};
