//! Why a model did not answer, or was not loaded.

use marquee_onnx::{GraphError, RunError};
use thiserror::Error;

use crate::rating;

/// Why a request to a model failed.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("model '{0}' is unknown; the repository index lists the models of this server")]
    Unknown(String),
    #[error("model '{name}' has no version {version}; leave the version out, or take one of its metadata")]
    NoVersion { name: String, version: u64 },
    #[error("model '{name}' is loading; try again")]
    Loading { name: String },
    #[error("model '{name}' is not ready: {reason}")]
    NotReady { name: String, reason: String },
    #[error("model '{name}' is not loaded: {reason}")]
    Standby { name: String, reason: String },
    #[error("output '{0}' is unknown; take the outputs of the model's metadata")]
    UnknownOutput(String),
    #[error("{0}")]
    Invalid(String),
    #[error("too many requests wait for model '{0}': send fewer at once")]
    Overloaded(String),
    #[error("the request waited longer than its timeout")]
    TimedOut,
    #[error("run the model")]
    Run(#[source] RunError),
    #[error("predict")]
    Rating(#[source] Box<rating::Error>),
    #[error("load model '{name}'")]
    Load {
        name: String,
        #[source]
        source: LoadError,
    },
}

impl Error {
    /// Returns why a run of a model failed.
    pub(super) fn of_run(model: &str, error: RunError) -> Self {
        match error {
            RunError::Overloaded => Self::Overloaded(model.to_owned()),
            error => Self::Run(error),
        }
    }
}

impl LoadError {
    /// Returns whether the same files may load later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Read(_) | Self::Objects(_) | Self::NoRoom { .. } | Self::Canceled)
    }
}

/// Why a version of a model of the repository was not loaded.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error("there is no model repository; set inference.repository.folder or inference.repository.prefix")]
    NoRepository,
    #[error("'{0}' is not a name of a model; use 1 to 128 letters, digits, '.', '_' and '-', a letter or digit first")]
    Name(String),
    #[error("a model package has this name; choose another")]
    Taken,
    #[error("read the model repository")]
    Read(#[source] std::io::Error),
    #[error("read the model repository")]
    Objects(#[source] marquee_ports::Error),
    #[error("{0} is missing")]
    Missing(String),
    #[error("{path} has {size} bytes, more than inference.repository.max_model_bytes, which is {limit}")]
    TooLarge { path: String, size: u64, limit: u64 },
    #[error(
        "it takes about {need} bytes, more than inference.repository.memory_bytes, which is {limit}; raise the limit, or \
         configure fewer instances"
    )]
    LargerThanMemory { need: u64, limit: u64 },
    #[error(
        "memory is short: it takes about {need} bytes, and models that stay take {held} of the {limit} bytes of \
         inference.repository.memory_bytes; unload a model, or raise the limit"
    )]
    NoRoom { need: u64, held: u64, limit: u64 },
    #[error("the configuration is not valid: {0}")]
    Config(String),
    #[error("there is no version that the version policy chooses; put the model in NAME/1/model.onnx")]
    NoVersions,
    #[error("load the graph")]
    Graph(#[source] GraphError),
    #[error("the configuration does not fit the graph: {0}")]
    Mismatch(String),
    #[error("some versions were not loaded: {0}")]
    Versions(String),
    #[error("the server stopped before the model was loaded")]
    Canceled,
    #[error("{0}")]
    Package(String),
}
