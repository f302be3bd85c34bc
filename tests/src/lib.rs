//! The harness of the end-to-end tests and benchmarks: fleets in this process or in one of their
//! own, and ratings to feed them.
//!
//! It meets Marquee as its users do: over gRPC, HTTP and the command line. What must stay true:
//! every fleet has its own temporary folder and ports that the system picks, so that any number run
//! side by side; every wait has a deadline; no fleet outlives the value that owns it.

mod clients;
mod data;
mod fleet;
mod http;
pub mod operator;
mod process;
mod relay;
pub mod servers;
pub mod wire;
mod world;

pub use clients::Clients;
pub use data::dataset;
pub use fleet::{Fleet, settings};
pub use http::{Answer, Http};
pub use process::{Launch, Process, marquee};
pub use relay::Relay;
pub use world::World;

use std::time::Duration;

use anyhow::Context;

/// Longer than anything that works takes, also where debug builds share two cores.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Asks again and again until there is something to give, or it takes too long.
///
/// # Errors
/// It took too long.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> anyhow::Result<T> {
    let asked = async {
        let mut look = tokio::time::interval(Duration::from_millis(10));
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            if let Some(found) = ask().await {
                return found;
            }
        }
    };
    tokio::time::timeout(DEADLINE, asked).await.with_context(|| format!("waited in vain until {what}"))
}
