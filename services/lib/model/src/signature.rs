//! What goes into a graph and what comes out: names, element types and dimensions, as the manifest records them.

use serde::{Deserialize, Serialize};

/// Element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// IEEE 754 single precision.
    Float32,
    /// Two's complement, 64 bits.
    Int64,
}

/// One dimension of a tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dim {
    /// Always this length.
    Fixed(u64),
    /// The caller chooses; equal names are equal lengths within one call.
    Named(String),
}

impl Dim {
    /// A dimension whose length the caller chooses.
    pub fn named(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

/// One input or output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorSpec {
    /// Its name in the graph.
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
}

/// Inputs and outputs of a graph, in the graph's order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphSignature {
    /// What a caller gives.
    pub inputs: Vec<TensorSpec>,
    /// What a caller gets.
    pub outputs: Vec<TensorSpec>,
}
