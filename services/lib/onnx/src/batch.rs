//! Eager batching: requests that wait while the graph's thread is busy are run together when it
//! becomes free.
//!
//! No request is delayed to make a batch larger. An idle graph runs a single request at once. Under
//! load, batches grow without delay, up to [`BatchSettings::max_rows`].
//!
//! **Invariant:** a request receives the same outputs in a batch as alone (held by
//! `joining_and_cutting_gives_each_request_its_own`). Requests are joined along axis 0. Their other
//! axes must be equal, or the settings must allow padding for them. If a batch fails, its requests
//! are run one by one, so that one bad index fails only one caller.

mod plan;
mod queue;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::oneshot;

use crate::error::RunError;
use crate::graph::Graph;
use crate::session::{Port, Session};
use crate::tensor::Tensor;
use plan::Plan;
use queue::{Queue, Request};

/// When requests may share a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchSettings {
    /// The largest number of rows (length of axis 0) in one run. A single larger request still
    /// runs, but alone.
    pub max_rows: usize,
    /// The largest number of waiting requests. A further request fails with
    /// [`RunError::Overloaded`] at once.
    pub queue: usize,
    /// Names of dynamic axes that may be padded with zeros to the longest request of a batch. This
    /// is allowed if the graph ignores the padding, or if the padding affects only the same axis of
    /// the outputs, which is cut back.
    pub padded: Vec<String>,
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self { max_rows: 64, queue: 1_024, padded: Vec::new() }
    }
}

/// Counters of a batcher since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Requests accepted.
    pub requests: u64,
    /// Requests refused because the queue was full.
    pub overloaded: u64,
    /// Requests dropped before their run because their caller had dropped the future.
    pub abandoned: u64,
    /// Runs of the graph.
    pub batches: u64,
    /// Rows in those runs.
    pub rows: u64,
    /// Time that requests waited for the thread, in nanoseconds, summed over the requests.
    pub queue_nanos: u64,
    /// Time in ONNX Runtime and in joining and cutting tensors, in nanoseconds, summed over the
    /// runs.
    pub run_nanos: u64,
}

/// The counters behind [`Stats`]. Each is read and written independently, so relaxed order is
/// enough.
#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    overloaded: AtomicU64,
    abandoned: AtomicU64,
    batches: AtomicU64,
    rows: AtomicU64,
    queue_nanos: AtomicU64,
    run_nanos: AtomicU64,
}

/// A graph whose concurrent requests share runs. Dropping it answers the waiting requests and then
/// joins the graph's thread.
pub struct Batcher {
    graph: Graph,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
}

impl Batcher {
    /// Creates a batcher for a graph. If not all inputs and outputs begin with a dynamic axis, each
    /// request runs alone.
    pub fn new(graph: Graph, settings: &BatchSettings) -> Self {
        let plan = Plan::new(graph.inputs(), graph.outputs(), settings);
        let counters = Arc::<Counters>::default();
        let queue = Arc::new(Queue::new(plan, settings.queue.max(1), Arc::clone(&counters)));
        Self { graph, queue, counters }
    }

    /// Returns the inputs of the graph, in its order.
    pub fn inputs(&self) -> &[Port] {
        self.graph.inputs()
    }

    /// Returns the outputs of the graph, in its order.
    pub fn outputs(&self) -> &[Port] {
        self.graph.outputs()
    }

    /// Runs the graph on named inputs, together with other waiting requests. Returns the outputs in
    /// the graph's order. Dropping the future cancels the request unless its run has begun.
    ///
    /// # Errors
    /// The queue is full; an input is missing, unknown or has the wrong type or shape; or ONNX
    /// Runtime refuses the values.
    pub async fn run(&self, inputs: Vec<(String, Tensor)>) -> Result<Vec<(String, Tensor)>, RunError> {
        let inputs = Session::arrange(self.graph.inputs(), inputs)?;
        let (reply, answer) = oneshot::channel();
        if self.queue.push(Request::new(inputs, reply))? {
            let queue = Arc::clone(&self.queue);
            // The queue asks for one drain at a time, so there is always room for it unless the
            // graph is closed.
            self.graph.offer(Box::new(move |session| queue.drain(session))).inspect_err(|_| self.queue.abandon())?;
        }
        answer.await.map_err(|_| RunError::Closed)?.map(|outputs| self.graph.named(outputs))
    }

    /// Runs the same inputs several times, so that the first real request finds memory and code
    /// ready.
    ///
    /// # Errors
    /// The first run that fails, as [`Batcher::run`].
    pub async fn warm(&self, inputs: &[(String, Tensor)], times: usize) -> Result<(), RunError> {
        for _ in 0..times {
            self.run(inputs.to_vec()).await?;
        }
        Ok(())
    }

    /// Returns the counters since this batcher was made. They are read one after the other while
    /// requests run, so they may differ by requests in progress.
    pub fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            requests: read(&self.counters.requests),
            overloaded: read(&self.counters.overloaded),
            abandoned: read(&self.counters.abandoned),
            batches: read(&self.counters.batches),
            rows: read(&self.counters.rows),
            queue_nanos: read(&self.counters.queue_nanos),
            run_nanos: read(&self.counters.run_nanos),
        }
    }
}

impl fmt::Debug for Batcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher").field("graph", &self.graph).field("stats", &self.stats()).finish_non_exhaustive()
    }
}
