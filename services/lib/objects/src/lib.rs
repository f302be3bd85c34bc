//! The object store over S3 and S3-compatible servers.
//!
//! [`S3Objects`] implements [`marquee_ports::ObjectStore`], mostly with one request for each call.
//! A condition is sent as `If-None-Match` or `If-Match`, and a tag is the `ETag`. Nothing is
//! cached, and no bucket is created.
//!
//! **Invariant:** every call ends in bounded time (held by
//! `a_server_that_never_answers_is_given_up`).
//!
//! **Invariant:** a conditional write that succeeded is reported as a success even if its first
//! answer was lost (held by `a_write_whose_answer_was_lost_is_known_again`).

mod address;
mod connect;
mod environment;
mod error;
mod failure;
mod profile;
mod retry;
mod settings;
mod store;
mod upload;

pub use error::ConnectError;
#[cfg(any(fuzzing, test))]
pub use profile::fuzzing;
pub use settings::Settings;
pub use store::S3Objects;
