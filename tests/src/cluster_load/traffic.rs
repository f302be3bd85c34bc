//! Sends requests when they are due, whether or not earlier ones were answered.

use std::future::Future;
use std::sync::Arc;

use anyhow::{Context, Result};
use marquee_kit::Stop;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::schedule::Schedule;
use super::summary::Book;
use super::tally::{Call, Outcome};

/// Requests of one kind.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) call: Call,
    pub(crate) per_second: f64,
    /// The places of requests in flight. All kinds share them.
    pub(crate) in_flight: Arc<Semaphore>,
    pub(crate) stop: Stop,
}

impl Traffic {
    /// Sends requests until it is told to stop, and waits for the answers. A request that is due
    /// while too many are in flight is not sent, and counts as a failure.
    ///
    /// # Errors
    /// A request panicked.
    pub(crate) async fn run<F>(self, book: &Arc<Book>, send: impl Fn(u64) -> F) -> Result<()>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        const PANICKED: &str = "a request panicked";
        let mut schedule = Schedule::start(self.per_second);
        let mut requests = JoinSet::new();
        loop {
            let due = tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                due = schedule.next() => due,
            };
            while let Some(ended) = requests.try_join_next() {
                ended.context(PANICKED)?;
            }
            let Ok(place) = Arc::clone(&self.in_flight).try_acquire_owned() else {
                book.phases().overran(self.call);
                continue;
            };
            let sent = book.phases().sent(self.call);
            let (request, book) = (send(due.number), Arc::clone(book));
            requests.spawn(async move {
                let done = request.await;
                book.phases().ended(sent, due.at.elapsed(), &done);
                drop(place);
            });
        }
        while let Some(ended) = requests.join_next().await {
            ended.context(PANICKED)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::super::plan::small;
    use super::*;

    /// Sends 300 requests a second for 10 seconds, each of which takes 5 seconds.
    async fn sent(places: usize) -> (Arc<Book>, Duration) {
        let book = Arc::new(Book::begin(small()));
        let stop = Stop::new();
        let in_flight = Arc::new(Semaphore::new(places));
        let traffic = Traffic { call: Call::Prediction, per_second: 300.0, in_flight, stop: stop.clone() };
        let started = Instant::now();
        let slow = |_| async {
            sleep(Duration::from_secs(5)).await;
            Outcome { attempts: 1, ..Outcome::default() }
        };
        let stopping = async {
            sleep(Duration::from_secs(10)).await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(traffic.run(&book, slow), stopping);
        ended.expect("no request panicked");
        (book, started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_sent_at_their_rate_however_long_answers_take() {
        let (book, took) = sent(2_000).await;
        let (predictions, ratings) = book.phases().totals();
        assert!((3_000..=3_001).contains(&predictions.sent), "{predictions:?}");
        assert_eq!((predictions.answered, predictions.failed, ratings.sent), (predictions.sent, 0, 0));
        assert!((14_990..15_010).contains(&took.as_millis()), "the last answers are awaited: {took:?}");
        let latency = predictions.latency_ms.expect("there are answers");
        assert!(latency.p50 >= 5_000.0 && latency.max <= 5_010.0, "{latency:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_beyond_the_bound_are_failures_and_are_not_sent() {
        let (book, _) = sent(100).await;
        let (predictions, _) = book.phases().totals();
        assert!((200..=301).contains(&predictions.sent), "{predictions:?}");
        assert!((3_000..=3_001).contains(&(predictions.sent + predictions.overruns)), "{predictions:?}");
        assert_eq!((predictions.failed, predictions.in_flight), (predictions.overruns, 0));
        assert_eq!(book.phases().failures()[0].first.code, "OVERRUN");
    }
}
