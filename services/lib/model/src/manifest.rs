//! The manifest: what a package is, what it was made from, and the digest of every file in it.
//!
//! Its exact bytes are what is signed and what a version's digest names, so they are written once and kept.

use std::collections::BTreeMap;

use marquee_domain::{ModelName, Scale, Version};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::GraphSignature;

/// The schema that this code reads and writes.
pub const SCHEMA: u32 = 1;

/// What a package says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this format.
    pub schema: u32,
    /// Model.
    pub name: ModelName,
    /// Version, from 1.
    pub version: Version,
    /// `bias`, `map`, `bayes`, or what another trainer calls its own.
    pub algorithm: String,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// The scale of the ratings.
    pub scale: Scale,
    /// Tensors of the encoder.
    pub encoder: GraphSignature,
    /// Tensors of the scorer.
    pub scorer: GraphSignature,
    /// Every file but the manifest and its signature, by name.
    pub files: BTreeMap<String, FileEntry>,
    /// What it learned from.
    pub dataset: Dataset,
    /// How it was fitted.
    pub parameters: BTreeMap<String, u64>,
    /// What was measured on held-out ratings.
    pub metrics: BTreeMap<String, f64>,
    /// What it had to pass, and did.
    pub gates: Vec<Gate>,
    /// Revision of the code that trained it.
    pub git_revision: Option<String>,
    /// Seconds of fitting.
    pub train_seconds: f64,
    /// Fingerprint of the key that signed it.
    pub key: Option<String>,
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// The ratings that a model learned from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// SHA-256 over all of them, in hex.
    pub digest: String,
    /// How many.
    pub ratings: u64,
    /// Users with a rating.
    pub users: u64,
    /// Movies with a rating.
    pub movies: u64,
    /// Time of the oldest, RFC 3339.
    pub first_rated_at: String,
    /// Time of the newest, RFC 3339.
    pub last_rated_at: String,
}

/// A bound that a model kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// What was held against a bound.
    pub name: String,
    /// What it was.
    pub value: f64,
    /// What it may be at most.
    pub bound: f64,
}

/// The bytes are no manifest that this code reads.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// Not JSON, or JSON of another shape.
    #[error("manifest.json is not the JSON of a manifest")]
    Json(#[source] serde_json::Error),
    /// Made by another version of this code.
    #[error("manifest.json has schema {0}, this program reads schema {SCHEMA}")]
    Schema(u32),
}

impl Manifest {
    /// Reads a manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(ManifestError::Json)?;
        if manifest.schema != SCHEMA {
            return Err(ManifestError::Schema(manifest.schema));
        }
        Ok(manifest)
    }

    /// Its bytes: indented JSON, fields in declared order, maps sorted, a newline at the end.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a manifest has only string keys");
        bytes.push(b'\n');
        bytes
    }
}
