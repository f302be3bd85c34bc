//! What became of requests, as counts and latencies.

use std::time::Duration;

use serde::Serialize;
use tonic::{Code, Status};

use super::latency::{Latencies, Percentiles};

/// What a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Call {
    Prediction,
    Rating,
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// A code of gRPC, `OVERRUN` or `WRONG_ANSWER`.
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A request that has ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) attempts: u32,
    /// `None` if it was answered.
    pub(crate) failure: Option<Failure>,
    /// The answer is based on an older history, because the feature store was away.
    pub(crate) degraded: bool,
    /// Movies of the answer that the model does not know.
    pub(crate) unknown_movies: u64,
}

/// The counts of one kind of request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    sent: u64,
    answered: u64,
    failed: u64,
    overruns: u64,
    retried: u64,
    degraded: u64,
    unknown_movies: u64,
    latencies: Latencies,
}

/// The same as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    /// Including `overruns`, which were not sent.
    pub(crate) failed: u64,
    /// Requests that were due while too many were in flight.
    pub(crate) overruns: u64,
    pub(crate) in_flight: u64,
    /// Attempts after the first one of each request.
    pub(crate) retried_attempts: u64,
    pub(crate) degraded: u64,
    pub(crate) unknown_movies: u64,
    /// From the time at which a request was due to its answer, over all attempts. Failed requests
    /// have none.
    pub(crate) latency_ms: Option<Percentiles>,
}

impl Tally {
    /// Counts a request that is sent.
    pub(crate) fn send(&mut self) {
        self.sent += 1;
    }

    /// Counts a request that was due while too many were in flight.
    pub(crate) fn overrun(&mut self) {
        self.overruns += 1;
        self.failed += 1;
    }

    /// Counts the end of a request.
    pub(crate) fn end(&mut self, latency: Duration, done: &Outcome) {
        self.retried += u64::from(done.attempts.saturating_sub(1));
        self.degraded += u64::from(done.degraded);
        self.unknown_movies += done.unknown_movies;
        match done.failure {
            Some(_) => self.failed += 1,
            None => {
                self.answered += 1;
                self.latencies.record(latency);
            }
        }
    }

    /// Adds what another tally has.
    pub(crate) fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.answered += other.answered;
        self.failed += other.failed;
        self.overruns += other.overruns;
        self.retried += other.retried;
        self.degraded += other.degraded;
        self.unknown_movies += other.unknown_movies;
        self.latencies.add(&other.latencies);
    }

    /// Returns the counts.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            sent: self.sent,
            answered: self.answered,
            failed: self.failed,
            overruns: self.overruns,
            in_flight: (self.sent + self.overruns).saturating_sub(self.answered + self.failed),
            retried_attempts: self.retried,
            degraded: self.degraded,
            unknown_movies: self.unknown_movies,
            latency_ms: self.latencies.percentiles(),
        }
    }
}

impl Failure {
    /// Names the failure by the code of its status.
    pub(crate) fn of(status: &Status) -> Self {
        Self { code: name(status.code()), message: status.message().to_owned() }
    }
}

/// Returns the upper-case name of a code.
fn name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_names_of_grpc() {
        for (code, expected) in [
            (Code::Unavailable, "UNAVAILABLE"),
            (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
            (Code::InvalidArgument, "INVALID_ARGUMENT"),
        ] {
            let failure = Failure::of(&Status::new(code, "why"));
            assert_eq!((failure.code.as_str(), failure.message.as_str()), (expected, "why"));
        }
    }

    #[test]
    fn only_answered_requests_have_a_latency() {
        let failure = Failure { code: "INTERNAL".to_owned(), message: String::new() };
        let mut tally = Tally::default();
        tally.send();
        tally.end(Duration::from_secs(9), &Outcome { attempts: 1, failure: Some(failure), ..Outcome::default() });
        assert_eq!(tally.counts().latency_ms, None);
        tally.send();
        tally.end(
            Duration::from_secs(1),
            &Outcome { attempts: 2, degraded: true, unknown_movies: 3, ..Outcome::default() },
        );
        tally.overrun();
        let counts = tally.counts();
        assert!(counts.latency_ms.is_some_and(|latency| (latency.max - 1_000.0).abs() < 1e-9));
        assert_eq!((counts.sent, counts.answered, counts.failed, counts.in_flight), (2, 1, 2, 0));
        assert_eq!((counts.retried_attempts, counts.degraded, counts.unknown_movies), (1, 1, 3));
    }
}
