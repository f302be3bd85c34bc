//! A graph on a thread of its own. Inference never runs on the threads that serve requests, and the
//! CPU time of a graph is visible under the name of its thread.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use crate::error::{GraphError, RunError};
use crate::runtime::Runtime;
use crate::session::{ModelFile, Port, Session, Threads};
use crate::tensor::Tensor;

/// Number of [`Graph::run`] jobs that can wait in the channel of the thread. Further calls wait
/// until there is room.
const WAITING: usize = 64;

/// Work for the graph's thread.
pub(crate) type Job = Box<dyn FnOnce(&mut Session) + Send>;

/// A loaded graph and its thread. Dropping it finishes the waiting runs and joins the thread.
pub struct Graph {
    inputs: Arc<[Port]>,
    outputs: Arc<[Port]>,
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Graph {
    /// Loads a serialized ONNX model. Blocks while ONNX Runtime optimizes it, which takes
    /// milliseconds to seconds. Async callers use `spawn_blocking`.
    ///
    /// # Errors
    /// ONNX Runtime cannot load the bytes, an input or output is not a tensor of a type that
    /// [`crate::Kind`] has, or the weights are in other files.
    pub fn load(runtime: &Runtime, bytes: &[u8], threads: Threads) -> Result<Self, GraphError> {
        Self::load_model(runtime, &ModelFile::alone(bytes), threads)
    }

    /// Loads a model like [`Self::load`], with weights that are in files beside it.
    ///
    /// # Errors
    /// See [`Self::load`]. A file outside of the model's folder is refused.
    pub fn load_model(runtime: &Runtime, model: &ModelFile<'_>, threads: Threads) -> Result<Self, GraphError> {
        Self::start(Session::load(runtime, model, threads)?, "onnx-graph", || {})
    }

    /// Loads a model like [`Self::load`], for work that must not slow down other graphs: its thread
    /// has the lowest priority, so it runs while no other thread wants the core.
    ///
    /// # Errors
    /// See [`Self::load`].
    pub fn load_in_background(runtime: &Runtime, bytes: &[u8]) -> Result<Self, GraphError> {
        // One thread: the threads that share an operator would have the usual priority.
        Self::start(Session::load(runtime, &ModelFile::alone(bytes), Threads(1))?, "onnx-background", lower_priority)
    }

    fn start(mut session: Session, name: &str, prepare: fn()) -> Result<Self, GraphError> {
        let (inputs, outputs) = (session.inputs.clone().into(), session.outputs.clone().into());
        let (jobs, mut queue) = mpsc::channel::<Job>(WAITING);
        let work = move || {
            prepare();
            while let Some(job) = queue.blocking_recv() {
                job(&mut session);
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work).map_err(GraphError::Thread)?;
        Ok(Self { inputs, outputs, jobs: Some(jobs), thread: Some(thread) })
    }

    /// Returns the inputs of the graph, in its order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// Returns the outputs of the graph, in its order.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// Runs the graph once on named inputs. Returns the outputs in the graph's order. Waits for the
    /// thread. A run whose caller dropped the future is skipped.
    ///
    /// # Errors
    /// An input is missing, unknown or has the wrong type or shape; or ONNX Runtime refuses the
    /// values.
    pub async fn run(&self, inputs: Vec<(String, Tensor)>) -> Result<Vec<(String, Tensor)>, RunError> {
        let inputs = Session::arrange(&self.inputs, inputs)?;
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |session| {
            if !reply.is_closed() {
                // The caller may have dropped its future. Then it needs no answer.
                drop(reply.send(session.run(&inputs)));
            }
        });
        self.sender()?.send(job).await.map_err(|_| RunError::Closed)?;
        answer.await.map_err(|_| RunError::Closed)?.map(|outputs| self.named(outputs))
    }

    /// Sends work to the thread if its channel has room.
    pub(crate) fn offer(&self, job: Job) -> Result<(), RunError> {
        self.sender()?.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RunError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => RunError::Closed,
        })
    }

    /// Adds the graph's names to outputs in its order.
    pub(crate) fn named(&self, outputs: Vec<Tensor>) -> Vec<(String, Tensor)> {
        self.outputs.iter().map(|port| port.name.clone()).zip(outputs).collect()
    }

    fn sender(&self) -> Result<&mpsc::Sender<Job>, RunError> {
        self.jobs.as_ref().ok_or(RunError::Closed)
    }
}

/// Gives the calling thread the lowest priority. Elsewhere than on Linux it would be that of the
/// whole process.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 19) {
        tracing::warn!(%error, "the priority of a background thread could not be lowered");
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        drop(self.jobs.take());
        // The thread ends when its channel is closed. If it panicked, its callers have already
        // received `Closed`.
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
