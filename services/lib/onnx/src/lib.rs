//! ONNX Runtime: graphs on threads of their own, with eager batching. This is the only crate that
//! uses `ort`.
//!
//! [`Runtime`] loads the shared library, [`Graph`] runs one model on one thread, and [`Batcher`]
//! lets concurrent requests share a run. Tensors are passed by name ([`Tensor`]).
//! The crate does not know their meaning.

mod batch;
mod error;
mod external;
mod graph;
mod runtime;
mod session;
mod tensor;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use batch::{BatchSettings, Batcher, Priority, Stats};
pub use error::{EngineError, GraphError, RunError};
pub use graph::Graph;
pub use runtime::{Runtime, RuntimeError};
pub use session::{ModelFile, Port, Threads};
pub use tensor::{Axis, Element, Kind, Tensor, TensorError};
