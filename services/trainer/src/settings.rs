//! What a deployment decides about training.

use std::path::PathBuf;
use std::time::Duration;

use marquee_archive::Settings as ArchiveSettings;
use serde::{Deserialize, Serialize};

/// Settings of the trainer role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Model that runs without a name train. Default `ratings`.
    pub default_model: String,
    /// Runs that may wait; more are answered RESOURCE_EXHAUSTED. Default 16.
    pub queue: usize,
    /// Share of the newest ratings held out to judge a model, above 0 and at most 0.5. Default 0.1.
    pub holdout: f64,
    /// Ed25519 private key (PKCS#8 PEM) that signs packages. Empty: packages are not signed. Default empty.
    pub signing_key: PathBuf,
    /// How long a trainer that is gone keeps the others from working. Clocks of trainers must agree better than to a third of it. Default `15s`.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// Revision of the code that trains, for the manifest. Default empty.
    pub git_revision: String,
    /// What a model must reach to be published.
    pub gates: Gates,
    /// The rating topic as Parquet files.
    pub archive: ArchiveSettings,
}

/// What a model must reach to be published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gates {
    /// Largest error against the bias-only model's, judged on the same held-out ratings. Default 1.02.
    pub rmse_over_bias: f64,
    /// Largest difference in stars between the graphs and the trainer's own prediction. Default 0.001.
    pub parity: f64,
}

impl Default for Gates {
    fn default() -> Self {
        Self { rmse_over_bias: 1.02, parity: 1e-3 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_model: "ratings".to_owned(),
            queue: 16,
            holdout: 0.1,
            signing_key: PathBuf::new(),
            lease: Duration::from_secs(15),
            git_revision: String::new(),
            gates: Gates::default(),
            archive: ArchiveSettings::default(),
        }
    }
}
