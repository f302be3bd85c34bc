//! Quotas: how many ratings a second one client may write. A call over its quota is refused and
//! told how long to wait; a stream is slowed down.

mod bucket;
mod buckets;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use marquee_domain::Reason;
use marquee_kit::{Failure, Kind, Metrics};
use tokio::time::sleep;

use bucket::{Bucket, Limit};
use buckets::Buckets;

use crate::client::ClientName;
use crate::metrics::{OfReason, QuotaMeters};
use crate::settings::Quota;

/// The quotas of all clients.
#[derive(Debug)]
pub(crate) struct Quotas {
    /// `None` if no client has a quota.
    buckets: Option<Mutex<Buckets>>,
    meters: QuotaMeters,
}

/// Why a call is over its quota.
enum Excess {
    /// The call fits after this time.
    Wait(Limit, Duration),
    /// The call is larger than the bucket and never fits.
    TooLarge(Limit),
}

impl Quotas {
    pub(crate) fn new(settings: &Quota, metrics: &Metrics) -> Self {
        let buckets = Buckets::new(settings, Instant::now());
        let buckets = (!buckets.unlimited()).then(|| Mutex::new(buckets));
        Self { buckets, meters: QuotaMeters::register(metrics) }
    }

    /// Runs a function on the bucket of a client. Returns `None` for a client without a quota.
    fn with<T>(&self, client: &ClientName, act: impl FnOnce(&mut Bucket, Instant) -> T) -> Option<T> {
        let mut buckets = self.buckets.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        buckets.with(client, now, |bucket| act(bucket, now))
    }

    /// Counts a call against the quota of its client, or refuses it. `field` is the field that
    /// holds the counted entries.
    pub(crate) fn take(&self, client: &ClientName, field: &str, cost: usize) -> Result<(), Failure> {
        let cost = cost as u64;
        let taken = self.with(client, |bucket, now| {
            let limit = bucket.limit();
            if cost > limit.burst {
                return Err(Excess::TooLarge(limit));
            }
            bucket.take(cost, now).map_err(|wait| Excess::Wait(limit, wait))
        });
        let (reason, failure) = match taken {
            None | Some(Ok(())) => return Ok(()),
            Some(Err(Excess::Wait(limit, wait))) => ("QUOTA", over_quota(client, limit, wait)),
            Some(Err(Excess::TooLarge(limit))) => {
                let most = limit.burst;
                let fix = format!(
                    "has {cost} entries, and the quota of client '{client}' never lets in more than {most} at once: send at most {most} a request"
                );
                ("BURST", Failure::field(field, Reason::TooMany, fix))
            }
        };
        tracing::debug!(%client, cost, reason, %failure, "a request over its quota was refused");
        self.meters.requests.get_or_create(&OfReason { reason }).inc();
        self.meters.ratings.inc_by(cost);
        Err(failure)
    }

    /// Waits until a batch of a stream is within the quota of its client. A batch that is larger
    /// than the burst waits for a full bucket, and the next batch waits longer for it.
    ///
    /// Calls of the same client do not wait and may go first meanwhile. The stream then reserves
    /// what is still missing, so that neither keeps the other out for ever.
    pub(crate) async fn wait(&self, client: &ClientName, cost: usize) {
        let cost = cost as u64;
        let Some(Err(wait)) = self.with(client, |bucket, now| bucket.take(cost, now)) else { return };
        tracing::debug!(%client, cost, ?wait, "a stream over its quota waits");
        let _waiting = self.meters.waiting();
        sleep(wait).await;
        let Some(wait) = self.with(client, |bucket, now| bucket.queue(cost, now)) else { return };
        if wait > Duration::ZERO {
            let mut reservation = Reservation { quotas: self, client, cost };
            sleep(wait).await;
            reservation.cost = 0;
        }
    }
}

/// Returns the refusal of a call that fits later.
fn over_quota(client: &ClientName, limit: Limit, wait: Duration) -> Failure {
    let (rate, burst) = (limit.rate, limit.burst);
    let ratings = if rate.get() == 1 { "rating" } else { "ratings" };
    // Rounded up, so that a client that comes back after this time is admitted.
    let millis = wait.as_nanos().div_ceil(1_000_000);
    let message = format!(
        "client '{client}' is over its quota of {rate} {ratings} a second, {burst} at once: come back in {millis} ms, \
         or send less"
    );
    Failure::new(Kind::ResourceExhausted, message).quota_of(format!("client:{client}")).retry_after(wait)
}

/// What a stream has reserved. It is given back if the stream ends while it waits.
struct Reservation<'a> {
    quotas: &'a Quotas,
    client: &'a ClientName,
    cost: u64,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.cost > 0 {
            self.quotas.with(self.client, |bucket, now| bucket.give_back(self.cost, now));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::poll;
    use tokio::time::{interval, timeout};

    use super::*;

    fn quotas(rate: u32, burst: u32) -> (Quotas, Metrics, ClientName) {
        let metrics = Metrics::default();
        let settings = Quota { ratings_per_second: rate, burst, ..Quota::default() };
        (Quotas::new(&settings, &metrics), metrics, "ann".parse().expect("a name"))
    }

    /// Returns how long it takes until the bucket of the client is full.
    fn debt(quotas: &Quotas, client: &ClientName) -> Duration {
        let debt = quotas.with(client, |bucket, now| bucket.full_at().saturating_duration_since(now));
        debt.expect("a quota")
    }

    #[test]
    fn a_refusal_names_quota_and_client_and_is_counted_without_names() {
        let (quotas, metrics, ann) = quotas(1, 100);
        quotas.take(&ann, "ratings", 100).expect("a burst");
        let refused = quotas.take(&ann, "ratings", 50).expect_err("over the quota");
        assert_eq!((refused.kind(), refused.quota()), (Kind::ResourceExhausted, Some("client:ann")));
        let message = refused.message();
        assert!(message.contains("'ann'") && message.contains("of 1 rating a second, 100 at once"), "{refused}");
        assert!(refused.delay().is_some_and(|delay| delay <= Duration::from_secs(50)), "{refused:?}");
        let refused = quotas.take(&ann, "ratings", 101).expect_err("larger than a burst");
        assert_eq!((refused.kind(), refused.delay()), (Kind::InvalidArgument, None));
        assert!(
            refused.message().starts_with("ratings has 101") && refused.message().contains("at most 100"),
            "{refused}"
        );
        let page = metrics.text();
        for line in [
            "marquee_ingest_requests_refused_total{reason=\"QUOTA\"} 1",
            "marquee_ingest_requests_refused_total{reason=\"BURST\"} 1",
            "marquee_ingest_quota_ratings_refused_total 151",
        ] {
            assert!(page.contains(line), "{line} is not in {page}");
        }
        assert!(!page.contains("ann"), "{page}");
    }

    #[test]
    fn a_refusal_names_the_quota_in_the_plural() {
        let (quotas, _, ann) = quotas(2, 2);
        quotas.take(&ann, "ratings", 2).expect("a burst");
        let refused = quotas.take(&ann, "ratings", 2).expect_err("over the quota");
        assert!(refused.message().contains("of 2 ratings a second, 2 at once"), "{refused}");
    }

    #[test]
    fn without_settings_no_client_has_a_quota() {
        let (quotas, _, ann) = quotas(0, 0);
        assert!((0..100).all(|_| quotas.take(&ann, "ratings", usize::MAX).is_ok()));
    }

    #[tokio::test]
    async fn a_call_goes_first_while_a_stream_waits_and_the_stream_goes_on_after_it() {
        let (quotas, _, ann) = quotas(100, 10);
        quotas.take(&ann, "ratings", 10).expect("a burst");
        let mut stream = pin!(quotas.wait(&ann, 10));
        let call = async {
            let mut look = interval(Duration::from_millis(1));
            while quotas.take(&ann, "ratings", 1).is_err() {
                look.tick().await;
            }
        };
        tokio::select! {
            biased;
            () = call => {}
            () = &mut stream => panic!("the call was kept out"),
        }
        stream.await;
    }

    #[tokio::test]
    async fn a_stream_that_ends_while_it_waits_takes_nothing() {
        let (quotas, metrics, ann) = quotas(100, 10);
        let waiting =
            |streams: u32| metrics.text().contains(&format!("marquee_ingest_quota_streams_waiting {streams}"));
        quotas.take(&ann, "ratings", 10).expect("a burst");
        let before;
        {
            let mut stream = pin!(quotas.wait(&ann, 5_000));
            assert!(poll!(&mut stream).is_pending());
            assert!(waiting(1));
            // Another stream reserves first, so that this one has to wait for it.
            quotas.with(&ann, |bucket, now| bucket.queue(100_000, now));
            before = debt(&quotas, &ann);
            timeout(Duration::from_millis(300), &mut stream).await.expect_err("a thousand seconds of debt");
            assert!(debt(&quotas, &ann) > before, "it has reserved");
        }
        assert!(waiting(0));
        assert!(debt(&quotas, &ann) <= before, "its reservation is given back");
    }
}
