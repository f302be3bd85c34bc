//! Why values are not a tensor.

use thiserror::Error;

use super::Kind;

/// A shape or a type that does not fit the values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TensorError {
    /// The shape holds another number of values.
    #[error("shape {shape:?} does not hold {found} values")]
    Count {
        /// The shape.
        shape: Vec<usize>,
        /// The number of values.
        found: usize,
    },
    /// The shape holds another number of bytes.
    #[error("shape {shape:?} of {kind} does not hold {found} bytes")]
    Bytes {
        /// The type of the values.
        kind: Kind,
        /// The shape.
        shape: Vec<usize>,
        /// The number of bytes.
        found: usize,
    },
    /// Texts have no fixed size.
    #[error("texts cannot be read as packed values")]
    Texts,
    /// A byte of a boolean has another value.
    #[error("a boolean is neither 0 nor 1")]
    NotBool,
}
