//! Eager batching: requests that wait while the graph's thread is busy are run together as soon as it is free.
//!
//! Nothing is ever delayed to make a batch larger. An idle graph runs a lone request at once; under load batches grow by themselves, up to
//! [`BatchSettings::max_rows`]. Requests run together only where that cannot change what any of them gets: along axis 0, with other axes equal or
//! padded where the settings say that the graph allows it. If a batch fails, its requests are run one by one, so that one bad index
//! fails one caller.

mod plan;
mod queue;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::oneshot;

use crate::graph::Graph;
use crate::session::{Port, RunError, Session};
use crate::tensor::Tensor;
use plan::Plan;
use queue::{Queue, Request};

/// How requests may share a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchSettings {
    /// Rows (length of axis 0) that one run takes at most; a single larger request still runs, alone.
    pub max_rows: usize,
    /// Requests that may wait; one more is answered [`RunError::Overloaded`] at once.
    pub queue: usize,
    /// Names of dynamic axes that may be padded with zeros to the longest in a batch, because the graph ignores the padding or its effect is
    /// confined to the same axis of the outputs, which is cut back.
    pub padded: Vec<String>,
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self { max_rows: 64, queue: 1_024, padded: Vec::new() }
    }
}

/// What a batcher did since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Requests taken in.
    pub requests: u64,
    /// Requests refused because the queue was full.
    pub overloaded: u64,
    /// Requests dropped unrun because their caller had left.
    pub abandoned: u64,
    /// Runs of the graph.
    pub batches: u64,
    /// Rows in those runs.
    pub rows: u64,
    /// Time that requests waited for the thread, nanoseconds, summed over requests.
    pub queue_nanos: u64,
    /// Time in ONNX Runtime and in joining and cutting tensors, nanoseconds, summed over runs.
    pub run_nanos: u64,
}

/// Counters behind [`Stats`]; each is read and written alone, so relaxed order suffices.
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

/// A graph whose concurrent requests share runs. Dropping it answers what waits, then joins the graph's thread.
pub struct Batcher {
    graph: Graph,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
}

impl Batcher {
    /// Takes a graph over. A graph whose inputs and outputs do not all begin with a dynamic axis runs each request alone.
    pub fn new(graph: Graph, settings: &BatchSettings) -> Self {
        let plan = Plan::new(graph.inputs(), graph.outputs(), settings);
        let counters = Arc::<Counters>::default();
        let queue = Arc::new(Queue::new(plan, settings.queue.max(1), Arc::clone(&counters)));
        Self { graph, queue, counters }
    }

    /// What the graph takes, in its order.
    pub fn inputs(&self) -> &[Port] {
        self.graph.inputs()
    }

    /// What the graph gives, in its order.
    pub fn outputs(&self) -> &[Port] {
        self.graph.outputs()
    }

    /// Runs the graph on named inputs, with whatever else is waiting; returns its outputs in its order. Dropping the future withdraws the request
    /// unless its run has begun.
    ///
    /// # Errors
    /// The queue is full, an input is missing, unknown, of another type or shape, or ONNX Runtime refuses the values.
    pub async fn run(&self, inputs: Vec<(String, Tensor)>) -> Result<Vec<(String, Tensor)>, RunError> {
        let inputs = Session::arrange(self.graph.inputs(), inputs)?;
        let (reply, answer) = oneshot::channel();
        if self.queue.push(Request::new(inputs, reply))? {
            let queue = Arc::clone(&self.queue);
            // The queue asks for one visit at a time, so there is always room for it unless the graph is closed.
            self.graph.offer(Box::new(move |session| queue.drain(session))).inspect_err(|_| self.queue.abandon())?;
        }
        answer.await.map_err(|_| RunError::Closed)?.map(|outputs| self.graph.named(outputs))
    }

    /// Runs the same inputs a number of times, so that the first real request finds memory and code warm.
    ///
    /// # Errors
    /// The first run that fails, as [`Batcher::run`].
    pub async fn warm(&self, inputs: &[(String, Tensor)], times: usize) -> Result<(), RunError> {
        for _ in 0..times {
            self.run(inputs.to_vec()).await?;
        }
        Ok(())
    }

    /// What happened since this batcher was made. The numbers are read one after the other while work goes on.
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
