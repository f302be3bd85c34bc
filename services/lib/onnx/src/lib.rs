//! ONNX Runtime: sessions on threads of their own, with eager batching. The only crate that knows `ort`.
//!
//! [`Runtime`] loads the shared library, [`Graph`] runs one model on one thread, [`Batcher`] lets concurrent requests share a run. Tensors go in
//! and out by name as plain vectors ([`Tensor`]); what they mean is the caller's business.

mod batch;
mod graph;
mod runtime;
mod session;
mod tensor;

pub use batch::{BatchSettings, Batcher, Stats};
pub use graph::{Graph, Threads};
pub use runtime::{Runtime, RuntimeError};
pub use session::{EngineError, GraphError, Port, RunError};
pub use tensor::{Axis, Data, Kind, Tensor, TensorError};
