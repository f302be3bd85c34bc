//! The ingest role: the only way for ratings and movies into the log.
//!
//! - **Invariant:** a rating is acknowledged only after the log has made it durable
//!   (`intake::tests::a_rating_that_the_log_refuses_is_not_acknowledged`).
//! - **Invariant:** what cannot be accepted is answered with every wrong field by name, and is
//!   copied to the rejected topic with its reasons
//!   (`intake::tests::a_rejected_rating_is_kept_with_its_reasons_and_original`).
//!
//! The role keeps no state but a view of the movie catalog and what is left of each client's quota,
//! so any number of instances can run side by side.

mod api;
mod client;
mod intake;
mod metrics;
mod quota;
mod rejected;
mod role;
mod service;
mod settings;

pub use client::{ClientName, ClientNameError};
pub use intake::Dependencies;
pub use role::Ingest;
pub use service::{Error, Service};
pub use settings::{Quota, Settings, UnknownMovies};
