//! One call with its attempts. Only UNAVAILABLE is attempted again, as gRPC clients do: every other
//! code may have an effect that a second attempt repeats, or fails again.

use std::future::Future;
use std::time::Duration;

use marquee_backoff::Backoff;
use tokio::time::{Instant, timeout};
use tonic::{Code, Request, Response, Status};

/// Delays between attempts.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));

/// How often and how long a call is attempted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The most attempts of a call.
    pub(crate) attempts: u32,
    /// The longest time of one attempt.
    pub(crate) deadline: Duration,
}

impl Limits {
    /// Returns a request that tells the server how long the client waits.
    pub(crate) fn request<T>(self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.deadline);
        request
    }

    /// Returns the longest time of a call with all its attempts.
    pub(crate) fn longest(self) -> Duration {
        (self.deadline + Duration::from_secs(2)).saturating_mul(self.attempts)
    }
}

/// A call that has ended.
#[derive(Debug)]
pub(crate) struct CallResult<T> {
    /// How often it was attempted.
    pub(crate) attempts: u32,
    /// The last answer.
    pub(crate) answer: Result<T, Status>,
}

/// Attempts a call until it is answered, until it fails with another code than UNAVAILABLE, or
/// until the attempts are used up.
pub(crate) async fn call<T, F>(limits: Limits, attempt: impl Fn() -> F) -> CallResult<T>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let mut delays = BACKOFF.start();
    let mut attempts = 1;
    loop {
        match attempt_within(limits.deadline, attempt()).await {
            Err(status) if status.code() == Code::Unavailable && attempts < limits.attempts => {
                attempts += 1;
                delays.wait().await;
            }
            answer => return CallResult { attempts, answer: answer.map(Response::into_inner) },
        }
    }
}

async fn attempt_within<T>(
    deadline: Duration,
    attempt: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<Response<T>, Status> {
    let started = Instant::now();
    let late = || Status::deadline_exceeded("no answer in time");
    match timeout(deadline, attempt).await {
        Err(_) => Err(late()),
        // tonic has a timer of its own for the same deadline, and calls its end CANCELLED.
        Ok(Err(status)) if status.code() == Code::Cancelled && started.elapsed() >= deadline => Err(late()),
        Ok(answer) => answer,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const LIMITS: Limits = Limits { attempts: 5, deadline: Duration::from_secs(2) };

    /// Calls what fails this often with a code, and then answers.
    async fn failing(times: u32, code: Code) -> CallResult<u32> {
        let made = AtomicU32::new(0);
        let attempt = || {
            let number = made.fetch_add(1, Ordering::Relaxed);
            async move { if number < times { Err(Status::new(code, "away")) } else { Ok(Response::new(number)) } }
        };
        let called = call(LIMITS, attempt).await;
        assert_eq!(called.attempts, made.load(Ordering::Relaxed));
        called
    }

    #[tokio::test(start_paused = true)]
    async fn unavailable_is_attempted_again_after_growing_delays_until_the_attempts_are_used_up() {
        let started = Instant::now();
        let called = failing(2, Code::Unavailable).await;
        assert!(matches!(called, CallResult { attempts: 3, answer: Ok(2) }), "{called:?}");
        let elapsed = started.elapsed().as_millis();
        assert!((150..310).contains(&elapsed), "{elapsed} ms");
        let called = failing(9, Code::Unavailable).await;
        assert!(called.attempts == 5 && called.answer.is_err_and(|status| status.code() == Code::Unavailable));
    }

    #[tokio::test(start_paused = true)]
    async fn every_other_code_is_a_failure_at_once() {
        for code in (1..=16).map(Code::from_i32).filter(|&code| code != Code::Unavailable) {
            let called = failing(9, code).await;
            assert!(called.attempts == 1 && called.answer.is_err_and(|status| status.code() == code), "{code:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_takes_too_long_is_a_failure_however_tonic_calls_it() {
        let started = Instant::now();
        let never = || std::future::pending::<Result<Response<()>, Status>>();
        let called = call(LIMITS, never).await;
        assert!(called.attempts == 1 && called.answer.is_err_and(|status| status.code() == Code::DeadlineExceeded));
        assert!((2_000..2_010).contains(&started.elapsed().as_millis()));
        let canceled = || async {
            tokio::time::sleep_until(Instant::now() + LIMITS.deadline).await;
            Err::<Response<()>, _>(Status::cancelled("Timeout expired"))
        };
        let called = call(LIMITS, canceled).await;
        assert!(called.answer.is_err_and(|status| status.code() == Code::DeadlineExceeded));
    }
}
