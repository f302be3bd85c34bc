//! The manifest of a package: what the package is, what it was made from, and the digest of each of
//! its files.
//!
//! The signature and the digest of a version cover the exact bytes of the manifest. So the bytes
//! are written once and kept as they are.

use std::collections::BTreeMap;

use marquee_domain::{ModelName, Scale, Version};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::GraphSignature;

/// The format version that this code reads and writes. It changes only when older code must not
/// read the new form. New fields alone do not change it.
pub const SCHEMA: u32 = 1;

/// The manifest of a package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub schema: u32,
    /// Name of the model.
    pub name: ModelName,
    /// Version of the model, from 1.
    pub version: Version,
    /// The algorithm: `bias`, `map`, `bayes`, or the name that another trainer uses.
    pub algorithm: String,
    /// Time of creation, RFC 3339 in UTC.
    pub created_at: String,
    /// The scale of the ratings.
    pub scale: Scale,
    /// Inputs and outputs of the encoder.
    pub encoder: GraphSignature,
    /// Inputs and outputs of the scorer.
    pub scorer: GraphSignature,
    /// Inputs and outputs of the learner. `None`: the package has no learner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learner: Option<GraphSignature>,
    /// Every file except the manifest and its signature, by name.
    pub files: BTreeMap<String, FileEntry>,
    /// The ratings that the model was trained on.
    pub dataset: Dataset,
    /// The training parameters, by name.
    pub parameters: BTreeMap<String, u64>,
    /// Measurements on the held-out ratings and statistics of the training ratings, by name.
    pub metrics: BTreeMap<String, f64>,
    /// The quality gates that the model passed.
    pub gates: Vec<Gate>,
    /// How the model compares with the version that was current when it was trained. `None` in a
    /// manifest of an older release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<VersionComparison>,
    /// The training run that made the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<String>,
    /// Revision of the code that trained the model.
    pub git_revision: Option<String>,
    /// Duration of the training, in seconds.
    pub train_seconds: f64,
    /// Fingerprint of the key that signed the manifest.
    pub key: Option<String>,
    /// Fields that this code does not know. They are kept when the manifest is written again.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The distribution of the training ratings. It answers for movies that the model does not have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Mean rating, in stars.
    pub mean: f64,
    /// Standard deviation of the ratings, in stars.
    pub spread: f64,
}

impl Prior {
    /// The metric of a manifest that holds the mean.
    pub const MEAN: &'static str = "rating_mean";
    /// The metric of a manifest that holds the spread.
    pub const SPREAD: &'static str = "rating_spread";
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// The ratings that a model was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// SHA-256 over all ratings, in hex.
    pub digest: String,
    /// Number of ratings.
    pub ratings: u64,
    /// Number of users with a rating.
    pub users: u64,
    /// Number of movies with a rating.
    pub movies: u64,
    /// Time of the oldest rating, RFC 3339.
    pub first_rated_at: String,
    /// Time of the newest rating, RFC 3339.
    pub last_rated_at: String,
}

/// A quality gate: a measured value and the last value that is allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Name of the measurement.
    pub name: String,
    /// The measured value.
    pub value: f64,
    /// The largest allowed value, or the smallest one if `at_least` is set.
    pub bound: f64,
    /// Whether the bound is the smallest allowed value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
}

/// How a model compares with the version that was current when it was trained. Both are fitted on
/// the same past and judged on the same held-out ratings. Errors are in stars.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct VersionComparison {
    /// What follows from it: `no_current_version`, `same_method`, `not_comparable`, `too_few_users`
    /// or `not_worse`.
    pub verdict: String,
    /// The version that was current. `None`: no route named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The root mean squared error of that version's method on the held-out ratings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// The error of the model minus that error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<f64>,
    /// The largest difference with the probability `confidence`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<f64>,
    /// The largest difference that is allowed.
    pub margin: f64,
    /// The probability of the bound.
    pub confidence: f64,
    /// The number of users whose ratings were compared.
    pub users: u64,
    /// The number of ratings that were compared.
    pub ratings: u64,
    /// The error that the manifest of that version has. It is of the ratings that were held out
    /// then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_rmse: Option<f64>,
}

/// Why a manifest cannot be read.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// The bytes are not JSON, or a field is missing or has the wrong type.
    #[error("manifest.json is not a valid manifest")]
    Json(#[source] serde_json::Error),
    /// The manifest has a format version that this code does not read.
    #[error("manifest.json has schema {0}; this program reads schema {SCHEMA}")]
    Schema(u32),
}

impl Manifest {
    /// Reads a manifest from its JSON bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(ManifestError::Json)?;
        if manifest.schema != SCHEMA {
            return Err(ManifestError::Schema(manifest.schema));
        }
        Ok(manifest)
    }

    /// Returns the distribution of the training ratings. A value that the manifest does not have is
    /// estimated from the scale: its middle and a quarter of its width.
    pub fn prior(&self) -> Prior {
        let (low, high) = (self.scale.min(), self.scale.max());
        let metric = |name: &str| self.metrics.get(name).copied();
        Prior {
            mean: metric(Prior::MEAN).unwrap_or(f64::midpoint(low, high)),
            spread: metric(Prior::SPREAD).unwrap_or((high - low) / 4.0),
        }
    }

    /// Returns the manifest as indented JSON: fields in declared order, maps sorted by key, and a
    /// newline at the end.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a manifest has only string keys");
        bytes.push(b'\n');
        bytes
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A manifest as the first release wrote it.
    pub(crate) const FIRST_RELEASE: &str = r#"{
        "schema": 1, "name": "ratings", "version": 3, "algorithm": "bias",
        "created_at": "2026-01-01T00:00:00Z", "scale": {"min": 1.0, "max": 5.0, "step": 1.0},
        "encoder": {"inputs": [], "outputs": []}, "scorer": {"inputs": [], "outputs": []},
        "files": {"scorer.onnx": {"size": 1, "sha256": "00"}},
        "dataset": {"digest": "00", "ratings": 1, "users": 1, "movies": 1,
            "first_rated_at": "1997-01-01T00:00:00Z", "last_rated_at": "1998-01-01T00:00:00Z"},
        "parameters": {"factors": 1}, "metrics": {"rating_mean": 3.5}, "gates": [],
        "git_revision": null, "train_seconds": 0.1, "key": null
    }"#;

    #[test]
    fn a_manifest_of_the_first_release_loads() {
        let manifest = Manifest::parse(FIRST_RELEASE.as_bytes()).expect("loads");
        assert_eq!(manifest.version, Version(3));
        assert!(manifest.extra.is_empty());
        assert_eq!(manifest.prior(), Prior { mean: 3.5, spread: 1.0 });
    }

    #[test]
    fn unknown_fields_are_kept() {
        let newer =
            FIRST_RELEASE.replacen('{', r#"{"license": "CC0","#, 1).replace("\"size\"", "\"kind\": 1, \"size\"");
        let manifest = Manifest::parse(newer.as_bytes()).expect("loads");
        let again = Manifest::parse(&manifest.to_bytes()).expect("loads");
        assert_eq!(again.extra.get("license"), Some(&Value::from("CC0")));
        assert_eq!(again, manifest);
    }
}
