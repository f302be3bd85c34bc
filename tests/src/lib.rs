//! The harness of the end-to-end tests and benchmarks: fleets in this process or in one of their
//! own, and ratings to feed them.
//!
//! It meets Marquee as its users do: over gRPC, HTTP and the command line. What must stay true:
//! every fleet has its own temporary folder and ports that the system picks, so that any number run
//! side by side; every wait has a deadline; no fleet outlives the value that owns it.

mod clients;
mod data;
mod fleet;
mod gate;
mod http;
pub mod operator;
mod process;
mod relay;
pub mod servers;
pub mod wire;
mod world;

pub use clients::Clients;
pub use data::{cache, copy_folder, dataset, movielens};
pub use fleet::{Fleet, settings};
pub use gate::{Calls, Gate, Proxy};
pub use http::{Answer, Http};
pub use process::{Launch, Process, cpu_time, marquee};
pub use relay::Relay;
pub use world::World;

use std::time::Duration;

use anyhow::Context;
use marquee_domain::Position;
use marquee_ports::{RatingLog, Record, Topic};

/// Longer than anything that works takes, also where debug builds share two cores.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(10);

/// Asks again and again until there is something to give, or it takes too long.
///
/// # Errors
/// It took too long.
pub async fn until<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> anyhow::Result<T> {
    until_within((DEADLINE, LOOK), what, ask).await
}

/// The same with another deadline, and another pause between two looks.
///
/// # Errors
/// The condition did not hold in time.
pub async fn until_within<T>(
    (longest, pause): (Duration, Duration),
    what: &str,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let asked = async {
        let mut look = tokio::time::interval(pause);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            if let Some(found) = ask().await {
                return found;
            }
        }
    };
    tokio::time::timeout(longest, asked).await.with_context(|| format!("waited in vain until {what}"))
}

/// Reads a topic from its beginning. Offsets at the end of a partition may have no record.
///
/// # Errors
/// The log does not answer.
pub async fn read_topic(log: &impl RatingLog, topic: Topic) -> anyhow::Result<Vec<Record>> {
    let mut all = Vec::new();
    for bounds in log.bounds(topic).await? {
        let mut next = bounds.begin;
        while next < bounds.end {
            let from = Position { partition: bounds.partition, offset: next };
            let records = log.read(topic, from, 10_000).await?;
            next = records.last().map_or(bounds.end, |last| last.position.offset.next());
            all.extend(records);
        }
    }
    Ok(all)
}

/// Returns the value below or at which a share of sorted values lies, or `None` without values.
pub fn quantile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// Returns the value of an option of a benchmark: the argument after its name.
pub fn option<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).map(String::as_str)
}
