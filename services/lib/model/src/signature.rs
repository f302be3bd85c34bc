//! Inputs and outputs of a graph: their names, element types and dimensions, as the manifest
//! records them.

use serde::{Deserialize, Serialize};

/// Element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32-bit IEEE 754 floating point.
    Float32,
    /// 64-bit signed integer.
    Int64,
}

/// One dimension of a tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dim {
    /// The dimension always has this length.
    Fixed(u64),
    /// The caller chooses the length. Dimensions with the same name have the same length within one
    /// call.
    Named(String),
}

impl Dim {
    /// Returns a dimension whose length the caller chooses.
    pub fn named(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

/// One input or output of a graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorSpec {
    /// Name of the tensor in the graph.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Dimensions, outermost first.
    pub dims: Vec<Dim>,
}

impl TensorSpec {
    /// Describes a tensor.
    pub fn new(name: &str, dtype: Dtype, dims: Vec<Dim>) -> Self {
        Self { name: name.to_owned(), dtype, dims }
    }

    /// Returns the shape of the tensor where each dimension that the caller chooses is 1.
    pub fn smallest_shape(&self) -> Vec<usize> {
        let length = |dim: &Dim| match dim {
            // A length that this machine cannot address fits no tensor.
            Dim::Fixed(length) => usize::try_from(*length).unwrap_or(usize::MAX),
            Dim::Named(_) => 1,
        };
        self.dims.iter().map(length).collect()
    }
}

/// The inputs and outputs of a graph, in the order of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GraphSignature {
    /// The tensors that the caller passes.
    pub inputs: Vec<TensorSpec>,
    /// The tensors that the graph returns.
    pub outputs: Vec<TensorSpec>,
}
