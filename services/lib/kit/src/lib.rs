//! What every Marquee process needs, whatever its roles are: settings, telemetry, metrics, health,
//! servers, transports, tasks and shutdown.
//!
//! This crate contains nothing about movies or ratings. It keeps no process-wide state, except for
//! the tracing subscriber, which only binaries set.

mod admin;
mod compute;
mod context;
mod failure;
mod health;
mod low_priority;
mod metrics;
mod pages;
mod process;
mod refusal;
mod server;
pub mod signals;
mod tasks;
pub mod telemetry;
mod transport;

pub use admin::admin_routes;
pub use compute::Compute;
pub use context::Context;
pub use failure::{Failure, FailureMessage, Kind, chain};
pub use health::{Check, CheckState, Health};
pub use low_priority::LowPriority;
pub use marquee_domain::{Reason, Violation};
pub use marquee_settings as settings;
pub use metrics::{Metrics, latency_buckets};
pub use pages::{page_size, unknown_page_token};
pub use refusal::unreadable;
#[cfg(any(fuzzing, test))]
pub use server::fuzzing;
pub use server::{
    Bodies, BodyParser, ClientSettings, Closing, Error as ServerError, LISTENER_END, Served, Server, ServerSettings,
    Services, SetupError, TlsError, TlsSettings, TokenError, bind, parse_json, serve, time_limit,
};
pub use tasks::{TaskError, Tasks};
pub use tokio_util::sync::CancellationToken as Stop;
pub use transport::{ConnectError, Transport, is_http_address, is_server_name};
