//! The model package: posterior, ONNX graphs, manifest, signatures and the store that packages live in.
//!
//! A package is immutable once written and verified before it is used. Its two graphs are cut where caching pays: the encoder runs once per new rating of
//! a user, the scorer once per request. A user has no row in a model; a state is a function of the history.

mod catalogue;
mod manifest;
mod onnx;
mod package;
mod posterior;
pub mod profile;
mod signature;
mod signing;
mod store;

pub use catalogue::{Catalogue, CatalogueError};
pub use manifest::{Dataset, FileEntry, Gate, Manifest, ManifestError, SCHEMA};
pub use onnx::{BATCH, GraphError, HISTORY, MOVIES, OnnxGraph, write_encoder, write_scorer};
pub use package::{Package, PackageError, SIGNATURE};
pub use posterior::{Cholesky, Estimate, Posterior, Sample, UserState};
pub use signature::{Dim, Dtype, GraphSignature, TensorSpec};
pub use signing::{KeyError, SigningKey, VerifyingKey};
pub use store::{MANIFEST, ModelStore, Stamp};
