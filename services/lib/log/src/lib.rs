//! How Marquee reads a topic. There is one way for each purpose.
//!
//! - [`scan`] reads a range of one partition once, page by page: joins, backfills, snapshots.
//! - [`Follower`] consumes a topic as a member of a group, for as long as the process runs.
//! - [`MovieCatalog`] is the newest state of the movies topic.
//! - [`check_follows`] checks that the log goes on where a store is.
//! - [`Decoder`] decodes the records of the rating topic, and [`arrival`] dates them.

mod catalog;
mod decoder;
mod follower;
mod follows;
mod progress;
mod scan;

pub use catalog::{MovieCatalog, Movies};
pub use decoder::{Decoder, arrival, content_type, event_anywhere, keyed};
pub use follower::{Batch, Follower, FollowerOptions, Handler, Offsets, ProgressReporter};
pub use follows::{check_follows, rating_bounds};
pub use progress::{PartitionProgress, Progress, Readiness};
pub use scan::{Scan, is_gap, scan};
