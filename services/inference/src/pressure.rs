//! How busy serving is, so that evaluations stand back.

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;

/// Counts the requests of users that are being answered.
#[derive(Debug)]
pub(crate) struct Pressure {
    /// Their number, which is a metric too.
    running: Gauge,
    /// From this number on, serving is busy.
    busy: i64,
    calmed: Notify,
}

/// A request that is being answered. Dropping it ends the request.
#[derive(Debug)]
pub(crate) struct Running<'a>(&'a Pressure);

impl Pressure {
    /// Returns a counter that shows its number by a metric. Serving is busy from `busy` requests
    /// on.
    pub(crate) fn new(busy: usize, running: Gauge) -> Self {
        Self { running, busy: i64::try_from(busy).unwrap_or(i64::MAX), calmed: Notify::new() }
    }

    /// Counts a request until the result is dropped.
    pub(crate) fn enter(&self) -> Running<'_> {
        self.running.inc();
        Running(self)
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.running.get() >= self.busy
    }

    /// Waits until serving is not busy.
    pub(crate) async fn calm(&self) {
        loop {
            let calmed = self.calmed.notified();
            tokio::pin!(calmed);
            // Before the look, so that no notification falls in between.
            calmed.as_mut().enable();
            if !self.is_busy() {
                return;
            }
            calmed.await;
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.0.running.dec() == self.0.busy {
            self.0.calmed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn serving_is_busy_until_a_request_ends() {
        let metric = Gauge::default();
        let pressure = Pressure::new(2, metric.clone());
        let first = pressure.enter();
        assert!(!pressure.is_busy());
        let second = pressure.enter();
        assert!(pressure.is_busy());
        assert_eq!(metric.get(), 2);
        assert!(tokio::time::timeout(Duration::from_secs(60), pressure.calm()).await.is_err(), "nothing ended");
        let waits = pressure.calm();
        tokio::pin!(waits);
        assert!(futures_util::poll!(waits.as_mut()).is_pending());
        drop(second);
        waits.await;
        drop(first);
        pressure.calm().await;
        assert_eq!(metric.get(), 0);
    }
}
