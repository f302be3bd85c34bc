//! What goes on beside a test: ratings, requests, and a look at every route.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use marquee_e2e::{Clients, World, quantile, until};
use marquee_proto::ratings::v1::Rating;
use marquee_proto::rollout::v1::WatchRoutesRequest;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Ratings or requests without end.
#[derive(Debug)]
pub(super) struct Load {
    over: Arc<AtomicBool>,
    task: JoinHandle<Result<u64>>,
}

impl Load {
    /// Gives ratings of the same tastes by users that no version has seen: this many every 20 ms.
    pub(super) fn ratings(clients: &Clients, seed: u64, batch: usize) -> Self {
        let (clients, over) = (clients.clone(), Arc::new(AtomicBool::new(false)));
        let task = tokio::spawn(rate(clients, (seed, batch), Arc::clone(&over)));
        Self { over, task }
    }

    /// Asks for predictions of one movie for one user after the other, whatever is answered.
    pub(super) fn requests(clients: &Clients, user: impl Fn(u64) -> String + Send + 'static) -> Self {
        let (clients, over) = (clients.clone(), Arc::new(AtomicBool::new(false)));
        let end = Arc::clone(&over);
        let task = tokio::spawn(async move {
            let mut pace = paced(Duration::from_millis(10));
            for number in 0.. {
                if end.load(Ordering::Relaxed) {
                    return Ok(number);
                }
                let _ = clients.predict(&user(number), &["movie-1"], &[]).await;
                pace.tick().await;
            }
            Ok(0)
        });
        Self { over, task }
    }

    /// Ends it. Returns how many there were.
    pub(super) async fn end(mut self) -> Result<u64> {
        self.over.store(true, Ordering::Relaxed);
        (&mut self.task).await?
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns an interval with this time between its ticks. A late tick delays those after it.
pub(super) fn paced(time: Duration) -> Interval {
    let mut pace = interval(time);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

async fn rate(clients: Clients, (seed, batch): (u64, usize), over: Arc<AtomicBool>) -> Result<u64> {
    let (mut given, mut pace) = (0, paced(Duration::from_millis(20)));
    for round in 0.. {
        let world = World::new(40, 20, seed + round);
        let ratings = world.ratings().into_iter().map(|rating| Rating {
            user_id: format!("{}-{seed}-{round}", rating.user_id),
            rated_at: None,
            ..rating
        });
        for batch in ratings.collect::<Vec<_>>().chunks(batch) {
            if over.load(Ordering::Relaxed) {
                return Ok(given);
            }
            clients.rate_all(batch.to_vec()).await?;
            given += batch.len() as u64;
            pace.tick().await;
        }
    }
    Ok(given)
}

/// Describes latencies in milliseconds.
pub(super) fn latencies(mut millis: Vec<f64>) -> String {
    millis.sort_by(f64::total_cmp);
    let [median, p99, slowest] = [0.5, 0.99, 1.0].map(|share| quantile(&millis, share).unwrap_or_default());
    format!("median {median:.1} ms, p99 {p99:.1} ms, slowest {slowest:.0} ms")
}

/// Every route of the default model since it began to look.
#[derive(Debug)]
pub(super) struct Routes {
    seen: Arc<Mutex<Vec<(u64, u32)>>>,
    task: JoinHandle<Result<()>>,
}

impl Routes {
    /// Begins to look. The present route is the first one.
    pub(super) async fn watch(clients: &Clients) -> Result<Self> {
        let mut updates = clients.routing.clone().watch_routes(WatchRoutesRequest::default()).await?.into_inner();
        let seen = Arc::<Mutex<Vec<(u64, u32)>>>::default();
        let found = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Some(update) = updates.message().await? {
                let Some(route) = update.route else { continue };
                let weight = route.candidates.iter().map(|candidate| candidate.weight).sum();
                found.lock().unwrap_or_else(PoisonError::into_inner).push((route.stable, weight));
            }
            Ok(())
        });
        Ok(Self { seen, task })
    }

    /// Returns the stable version of each route, and the share of users of its candidates in basis
    /// points. Routes that are alike and follow each other are one.
    pub(super) fn seen(&self) -> Vec<(u64, u32)> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        seen.dedup();
        seen
    }

    /// Waits until a route is the last one. Returns every route until then.
    pub(super) async fn until(&self, route: (u64, u32)) -> Result<Vec<(u64, u32)>> {
        until("the route is the last one", async || Some(self.seen()).filter(|seen| seen.last() == Some(&route))).await
    }
}

impl Drop for Routes {
    fn drop(&mut self) {
        self.task.abort();
    }
}
