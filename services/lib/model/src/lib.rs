//! The model package: its ONNX graphs, manifest and signature, and the store of packages.
//!
//! A package never changes after it is written, and it is verified before it is used. It has two
//! graphs so that the result of the first can be cached. The encoder runs once for each new rating
//! of a user. The scorer runs once for each request. A third graph, which a package may lack, is
//! the learner: it makes an evaluation of many ratings of one user cheap. A model holds no row for
//! a user: the state of a user is computed from the user's history.

mod catalogue;
mod files;
mod golden;
mod manifest;
mod onnx;
mod package;
pub mod profile;
mod signature;
mod signing;
mod store;
pub mod tensors;

pub use catalogue::{Catalogue, CatalogueError};
pub use files::{MANIFEST, RANKER, SIGNATURE};
pub use golden::{GOLDEN, Golden, GoldenCase, GoldenError, GoldenMismatch, GoldenPrediction};
pub use manifest::{Dataset, FileEntry, Gate, Manifest, ManifestError, Prior, SCHEMA, VersionComparison};
pub use onnx::{
    BATCH, GraphError, HISTORY, MOVIES, OnnxGraph, write_encoder, write_learner, write_ranker, write_scorer,
};
pub use package::{Package, PackageError};
pub use signature::{Dim, Dtype, GraphSignature, TensorSpec};
pub use signing::{KeyError, SigningKey, VerifyingKey};
pub use store::{ModelStore, Stamp};
