//! The suites that every implementation of a port must pass, embedded and real back-ends alike.
//!
//! A case is a sentence that the port promises. It takes a fixture, asks it for an empty back-end,
//! and panics where the promise is broken. `suite` runs all cases of a port.
//! `random_operations_follow_the_model` compares random sequences with a model of a few lines.
//! Nothing here may assume more than the trait says: offsets may have gaps where a topic is
//! compacted, times are whole milliseconds, waits are generous.

pub mod log;
pub mod objects;
pub mod store;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};

/// Longer than any call takes that works.
const DEADLINE: Duration = Duration::from_secs(30);

/// Opens the implementation under test; `P` is the port, as `dyn RatingLog`.
#[async_trait]
pub trait Fixture<P: ?Sized + Send + Sync>: Sync {
    /// Opens a new, empty back-end, which shows nothing of an earlier one.
    async fn empty(&self) -> Arc<P>;

    /// Closes the last handle of the back-end that [`Self::empty`] opened last, then opens it
    /// again.
    async fn reopen(&self, port: Arc<P>) -> Arc<P>;
}

/// Checks `cases` random sequences from a fixed seed. A failing sequence is shrunk.
fn check_sequences<S: Strategy<Value: Debug>>(cases: u32, strategy: &S, check: impl Fn(S::Value) -> TestCaseResult) {
    let config = Config { cases, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    if let Err(failure) = runner.run(strategy, check) {
        std::panic::resume_unwind(Box::new(failure.to_string()));
    }
}

/// Builds a runtime in which a plain test runs async checks.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}
