//! The ingest role: the one door through which ratings and movies enter the log.
//!
//! What must stay true: a rating is acknowledged only after it is durable; what cannot be accepted is answered with every wrong field by name and
//! stands on the rejected topic with its reasons; the role keeps no state but a view of the catalogue and what its clients have left of their quotas,
//! so that any number of instances can run.

mod caller;
mod http;
mod metrics;
mod quota;
mod rejected;
mod service;
mod settings;
mod validate;

pub use caller::{ClientName, ClientNameError};
pub use service::{Dependencies, Error, Service};
pub use settings::{Quota, Settings, UnknownMovies};
