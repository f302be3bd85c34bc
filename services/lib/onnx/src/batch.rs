//! Eager batching: requests that wait while all instances of a graph are busy are run together when
//! one becomes free.
//!
//! Unless the settings say so, no request is delayed to make a batch larger. An idle instance runs
//! a single request at once. Under load, batches grow without delay, up to
//! [`BatchSettings::max_rows`].
//!
//! Each batcher has its own queue and its own threads, so the requests that wait for one graph
//! delay those of another only as far as both share the processors.
//!
//! **Invariant:** a request receives the same outputs in a batch as alone (held by
//! `joining_and_cutting_gives_each_request_its_own`). Requests are joined along axis 0. Their other
//! axes must be equal, or the settings must allow padding for them. If a batch fails, its requests
//! are run one by one, so that one bad index fails only one caller.

mod choice;
mod plan;
mod queue;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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
    /// The largest number of rows, times the largest length of a padded axis, in a run of several
    /// requests. Larger runs of some graphs leave the caches of a core, and take longer than their
    /// requests alone.
    pub max_area: usize,
    /// How long a request may wait for others to join it while an instance is idle. Zero: it never
    /// waits.
    pub delay: Duration,
    /// Numbers of rows that a run should have. As soon as waiting requests have such a number
    /// together, they run without the others. Empty: any number.
    pub preferred: Vec<usize>,
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self {
            max_rows: 64,
            queue: 1_024,
            padded: Vec::new(),
            max_area: usize::MAX,
            delay: Duration::ZERO,
            preferred: Vec::new(),
        }
    }
}

/// How urgent a request is: 0 before 1, and so on. Requests of one priority run in order of
/// arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Priority(pub u32);

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
    /// Time that requests waited for their inputs to be joined, in nanoseconds, summed over the
    /// requests.
    pub join_nanos: u64,
    /// Time that requests were in ONNX Runtime, in nanoseconds, summed over the requests.
    pub infer_nanos: u64,
    /// Time that requests waited for their outputs to be cut, in nanoseconds, summed over the
    /// requests.
    pub split_nanos: u64,
    /// Requests that wait now.
    pub waiting: u64,
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
    join_nanos: AtomicU64,
    infer_nanos: AtomicU64,
    split_nanos: AtomicU64,
}

/// A graph whose concurrent requests share runs. It may have several instances, each with a thread.
/// Dropping it answers the waiting requests and then joins the threads.
pub struct Batcher {
    first: Graph,
    others: Vec<Graph>,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
}

impl Batcher {
    /// Creates a batcher for a graph. If not all inputs and outputs begin with the same dynamic
    /// axis, each request runs alone.
    pub fn new(graph: Graph, settings: &BatchSettings) -> Self {
        Self::with_instances(graph, Vec::new(), settings)
    }

    /// Creates a batcher for several instances of one graph.
    pub fn with_instances(first: Graph, others: Vec<Graph>, settings: &BatchSettings) -> Self {
        let plan = Plan::new(first.inputs(), first.outputs(), settings);
        let counters = Arc::<Counters>::default();
        let queue = Arc::new(Queue::new(plan, settings, 1 + others.len(), Arc::clone(&counters)));
        Self { first, others, queue, counters }
    }

    /// Returns the inputs of the graph, in its order.
    pub fn inputs(&self) -> &[Port] {
        self.first.inputs()
    }

    /// Returns the outputs of the graph, in its order.
    pub fn outputs(&self) -> &[Port] {
        self.first.outputs()
    }

    /// Returns whether requests can share a run: all inputs and outputs begin with one dimension
    /// of any length.
    pub fn is_batchable(&self) -> bool {
        self.queue.is_batchable()
    }

    /// Runs the graph on named inputs, together with other waiting requests. Returns the outputs in
    /// the graph's order. Dropping the future cancels the request unless its run has begun.
    ///
    /// # Errors
    /// The queue is full; an input is missing, unknown or has the wrong type or shape; or ONNX
    /// Runtime refuses the values.
    pub async fn run(&self, inputs: Vec<(String, Tensor)>) -> Result<Vec<(String, Tensor)>, RunError> {
        self.run_by(inputs, Priority::default()).await
    }

    /// Runs the graph like [`Self::run`], before waiting requests that are less urgent.
    ///
    /// # Errors
    /// See [`Self::run`].
    pub async fn run_by(
        &self,
        inputs: Vec<(String, Tensor)>,
        priority: Priority,
    ) -> Result<Vec<(String, Tensor)>, RunError> {
        let inputs = Session::arrange(self.first.inputs(), inputs)?;
        let (reply, answer) = oneshot::channel();
        if let Some(instance) = self.queue.push(Request::new(inputs, priority, reply))? {
            let queue = Arc::clone(&self.queue);
            let graph = if instance == 0 { &self.first } else { &self.others[instance - 1] };
            // The queue asks for one drain of an instance at a time, so there is always room for it
            // unless the graph is closed.
            let drain = Box::new(move |session: &mut Session| queue.drain(instance, session));
            graph.offer(drain).inspect_err(|_| self.queue.abandon())?;
        }
        answer.await.map_err(|_| RunError::Closed)?.map(|outputs| self.first.named(outputs))
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
            join_nanos: read(&self.counters.join_nanos),
            infer_nanos: read(&self.counters.infer_nanos),
            split_nanos: read(&self.counters.split_nanos),
            waiting: self.queue.len() as u64,
        }
    }
}

impl fmt::Debug for Batcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher").field("graph", &self.first).field("stats", &self.stats()).finish_non_exhaustive()
    }
}
