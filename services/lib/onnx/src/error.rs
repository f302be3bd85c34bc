//! The errors of ONNX Runtime and of graphs.

use thiserror::Error;

use crate::tensor::{Axis, Kind, TensorError};

/// A message of ONNX Runtime.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct EngineError(String);

impl EngineError {
    pub(crate) fn new(message: &str) -> Self {
        Self(message.trim().to_owned())
    }
}

impl<R> From<ort::Error<R>> for EngineError {
    fn from(error: ort::Error<R>) -> Self {
        Self::new(error.message())
    }
}

impl From<TensorError> for EngineError {
    fn from(error: TensorError) -> Self {
        Self::new(&error.to_string())
    }
}

/// Why a graph cannot be loaded.
#[derive(Debug, Error)]
pub enum GraphError {
    /// The bytes are not ONNX, or this version of ONNX Runtime refuses them.
    #[error("ONNX Runtime does not load the graph")]
    Load(#[source] EngineError),
    /// An input or output has a type that cannot be passed.
    #[error("'{name}' is {found}; expected a tensor of booleans, integers, floating-point numbers or strings")]
    Unsupported {
        /// Name of the input or output.
        name: String,
        /// Its type.
        found: String,
    },
    /// The bytes end too early, or are no ONNX.
    #[error("the file is not an ONNX model, or it was cut off")]
    Malformed,
    /// Weights are in a file outside of the model's folder.
    #[error("the weights are in '{0}', which is not a file of the model's folder; keep them beside the model")]
    ExternalOutside(String),
    /// Weights are in a file that is missing.
    #[error("the weights are in '{0}', which is missing; put the file beside the model")]
    ExternalMissing(String),
    /// The thread could not be started.
    #[error("the thread of the graph cannot be started")]
    Thread(#[source] std::io::Error),
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RunError {
    /// The queue is full. The same call may succeed later.
    #[error("too many requests are waiting; try again later")]
    Overloaded,
    /// The graph is shut down.
    #[error("the graph is closed")]
    Closed,
    /// The graph has no such input, or the input was given twice.
    #[error("input '{0}' is unknown or given twice; give each input of the graph once")]
    UnknownInput(String),
    /// An input was not given.
    #[error("input '{0}' is missing")]
    MissingInput(String),
    /// An input has the wrong type.
    #[error("input '{name}' is {found}; expected {expected}")]
    WrongKind {
        /// Name of the input.
        name: String,
        /// Type of the given tensor.
        found: Kind,
        /// Type of the input.
        expected: Kind,
    },
    /// An input has the wrong shape, or no values.
    #[error("input '{name}' has shape {found:?}; expected {expected:?}, each at least 1")]
    WrongShape {
        /// Name of the input.
        name: String,
        /// Shape of the given tensor.
        found: Vec<usize>,
        /// Axes of the input.
        expected: Vec<Axis>,
    },
    /// Two inputs have different lengths on an axis that they share.
    #[error("axis '{axis}' is {first} long in one input and {second} in another; give inputs with equal lengths")]
    UnequalLengths {
        /// Name of the axis.
        axis: String,
        /// Its length in the earlier input.
        first: usize,
        /// Its length in the later input.
        second: usize,
    },
    /// ONNX Runtime refused the values, for example an index out of range.
    #[error("the graph did not run")]
    Engine(#[source] EngineError),
}

impl From<EngineError> for RunError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}
