//! Ports in memory, for unit tests of the roles: fast, deterministic, and with scripted [`Faults`].
//!
//! A memory port is a handle: clones share one state, and dropping the last clone drops the data.
//! Waits use tokio's clock, so a test with paused time runs in milliseconds.

pub mod fault;
mod log;
mod objects;
mod store;

pub use fault::{Call, Fault, Faults, Step};
pub use log::MemoryLog;
pub use objects::MemoryObjects;
pub use store::MemoryStore;

/// Runs a call of a method as the script says.
async fn run<T>(
    faults: &Faults,
    method: &'static str,
    effect: impl Future<Output = Result<T, crate::Error>>,
) -> Result<T, crate::Error> {
    let call = faults.begin(method).await?;
    call.finish(effect.await?).await
}
