//! How much processor time the duel of a rating takes.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::data::{Data, Order};
use crate::host::{Host, States, Used};

/// Everything except the monitor, so that ratings wait for it.
const WITHOUT_MONITOR: &[&str] = &["ingest", "feature-store", "inference"];

/// What the duel needs.
const DUEL: &[&str] = &["feature-store", "inference", "monitor"];

/// How often the progress is read.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug, Serialize)]
pub(crate) struct CatchUp {
    order: &'static str,
    ratings: u64,
    seconds: f64,
    processor_seconds: f64,
    ratings_per_core_second: f64,
    micros_per_rating: f64,
    /// The part of the processor time that ONNX Runtime takes.
    graphs_share: f64,
    /// The share of sequences whose state was cached.
    hit_share: f64,
}

impl CatchUp {
    pub(crate) fn print(&self) {
        println!(
            "{:<26} {:>6.0} ratings/s of a core: {:.0} us a rating, {:.0} % of it in the graphs; {:.1} % of the states \
             were cached ({} ratings in {:.1} s, {:.1} s of processor time)",
            self.order,
            self.ratings_per_core_second,
            self.micros_per_rating,
            100.0 * self.graphs_share,
            100.0 * self.hit_share,
            self.ratings,
            self.seconds,
            self.processor_seconds,
        );
    }
}

/// How far it is at one moment.
struct Mark {
    at: Instant,
    next: u64,
    used: Used,
    states: States,
}

impl Mark {
    async fn now(host: &Host, next: u64) -> Result<Self> {
        Ok(Self { at: Instant::now(), next, used: Used::now()?, states: host.states().await? })
    }
}

/// Gives the newer half while there is no monitor, and measures how the monitor catches up.
pub(crate) async fn measure(folder: &Path, data: &Data, order: Order) -> Result<CatchUp> {
    let host = Host::start(folder, WITHOUT_MONITOR).await?;
    let ratings = data.newer(order);
    host.rate(&ratings).await?;
    host.stop().await;
    let host = Host::start(folder, DUEL).await?;
    let tenth = ratings.len() as u64 / 10;
    let mut look = tokio::time::interval(LOOK);
    let mut begin = None;
    let (begin, end) = loop {
        look.tick().await;
        let (next, end) = host.progress().await?;
        if begin.is_none() && next + ratings.len() as u64 >= end + tenth {
            begin = Some(Mark::now(&host, next).await?);
        }
        if let Some(begin) = begin.take_if(|_| next >= end) {
            break (begin, Mark::now(&host, next).await?);
        }
    };
    host.stop().await;
    let (ratings, used) = (end.next - begin.next, end.used.since(begin.used));
    let (hit, missed) = (end.states.hit - begin.states.hit, end.states.missed - begin.states.missed);
    let processor_seconds = used.all.as_secs_f64();
    Ok(CatchUp {
        order: order.name(),
        ratings,
        seconds: end.at.duration_since(begin.at).as_secs_f64(),
        processor_seconds,
        ratings_per_core_second: ratings as f64 / processor_seconds,
        micros_per_rating: 1e6 * processor_seconds / ratings as f64,
        graphs_share: used.graphs.as_secs_f64() / processor_seconds,
        hit_share: hit / (hit + missed),
    })
}
