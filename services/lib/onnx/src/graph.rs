//! One graph on one thread of its own: inference never runs on the threads that serve requests, and what a graph costs shows under its thread's name.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use crate::runtime::Runtime;
use crate::session::{GraphError, Port, RunError, Session};
use crate::tensor::Tensor;

/// Calls of [`Graph::run`] that wait for the thread before more have to wait for a place.
const WAITING: usize = 64;

/// How many threads share one operator. 1 is right for small graphs that serve many requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads(pub usize);

impl Default for Threads {
    fn default() -> Self {
        Self(1)
    }
}

/// Work for the graph's thread.
pub(crate) type Job = Box<dyn FnOnce(&mut Session) + Send>;

/// A loaded graph and its thread. Dropping it finishes the run in progress and joins the thread.
pub struct Graph {
    inputs: Arc<[Port]>,
    outputs: Arc<[Port]>,
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Graph {
    /// Loads a serialised ONNX model. Blocks for as long as ONNX Runtime takes to optimise it (milliseconds to seconds): async callers go through
    /// `spawn_blocking`.
    ///
    /// # Errors
    /// The bytes are no model that ONNX Runtime runs, or it takes or gives something else than float32, float64 and int64 tensors.
    pub fn load(runtime: &Runtime, bytes: &[u8], threads: Threads) -> Result<Self, GraphError> {
        let mut session = Session::load(runtime, bytes, threads)?;
        let (inputs, outputs) = (session.inputs.clone().into(), session.outputs.clone().into());
        let (jobs, mut queue) = mpsc::channel::<Job>(WAITING);
        let work = move || {
            while let Some(job) = queue.blocking_recv() {
                job(&mut session);
            }
        };
        let thread = thread::Builder::new().name("onnx-graph".to_owned()).spawn(work).map_err(GraphError::Thread)?;
        Ok(Self { inputs, outputs, jobs: Some(jobs), thread: Some(thread) })
    }

    /// What the graph takes, in its order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// What the graph gives, in its order.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// Runs the graph once on named inputs and returns its outputs in its order. Waits for the thread; a caller that goes away is skipped.
    ///
    /// # Errors
    /// An input is missing, unknown, of another type or shape, or ONNX Runtime refuses the values.
    pub async fn run(&self, inputs: Vec<(String, Tensor)>) -> Result<Vec<(String, Tensor)>, RunError> {
        let inputs = Session::arrange(&self.inputs, inputs)?;
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |session| {
            if !reply.is_closed() {
                // A caller that left meanwhile needs no answer.
                drop(reply.send(session.run(&inputs)));
            }
        });
        self.sender()?.send(job).await.map_err(|_| RunError::Closed)?;
        answer.await.map_err(|_| RunError::Closed)?.map(|outputs| self.named(outputs))
    }

    /// Hands work to the thread if it has room for more.
    pub(crate) fn offer(&self, job: Job) -> Result<(), RunError> {
        self.sender()?.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RunError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => RunError::Closed,
        })
    }

    /// Puts the graph's names to outputs in its order.
    pub(crate) fn named(&self, outputs: Vec<Tensor>) -> Vec<(String, Tensor)> {
        self.outputs.iter().map(|port| port.name.clone()).zip(outputs).collect()
    }

    fn sender(&self) -> Result<&mpsc::Sender<Job>, RunError> {
        self.jobs.as_ref().ok_or(RunError::Closed)
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        drop(self.jobs.take());
        // The thread only ends by itself once the queue is closed; a panic in it has already reached its callers as `Closed`.
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph").field("inputs", &self.inputs).field("outputs", &self.outputs).finish_non_exhaustive()
    }
}
