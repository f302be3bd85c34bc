//! What Marquee needs of its back-ends: a log, an online store and an object store.
//!
//! Each is a trait that names a capability. Adapters implement it with a mechanism such as Kafka or
//! Redis. Roles use the trait and do not know which adapter they have. What a trait promises is
//! written at its methods and tested by its suite in [`conformance`], which every adapter runs.
//! [`memory`] has implementations for unit tests.
//!
//! [`Tracker`] is a port without a suite: it promises its callers only that they never wait.

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod error;
mod log;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
mod objects;
mod partition;
mod store;
mod topic;
mod tracking;

pub use error::{Error, ErrorKind};
pub use log::{Bounds, Delivery, Header, MAX_GROUP, NewRecord, RatingLog, Record, Subscription, check_group};
pub use objects::{KeyError, Object, ObjectEntry, ObjectKey, ObjectStore, Precondition, Tag};
pub use partition::partition_for;
pub use store::{Lease, OnlineStore, Row, RowKey, Write};
pub use topic::{Cleanup, Partitions, Retention, Topic, TopicSpec};
pub use tracking::{NoTracker, PublishedModel, TrackedDataset, TrackedRoute, TrackedRun, Tracker, TrackingEvent};
