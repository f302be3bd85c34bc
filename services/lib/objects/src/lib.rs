//! The object store over S3, and over servers that speak it.
//!
//! [`S3Objects`] keeps the promise of [`marquee_ports::ObjectStore`] with one request a call where S3 allows it: a condition is `If-None-Match` or
//! `If-Match`, a tag is the `ETag`. What must stay true: every wait is bounded, and a conditional write whose answer was lost is neither done
//! twice nor reported as lost to somebody else. It caches nothing and makes no bucket.

mod address;
mod connect;
mod failure;
mod patience;
mod settings;
mod store;
mod upload;

pub use connect::ConnectError;
pub use settings::Settings;
pub use store::S3Objects;
