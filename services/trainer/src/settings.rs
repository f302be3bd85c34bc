//! The settings of the trainer role.

use std::path::PathBuf;
use std::time::Duration;

use marquee_archive::Settings as ArchiveSettings;
use marquee_domain::ModelName;
use marquee_settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

use crate::plan::is_holdout;

/// The shortest lease. A holder renews three times a lease, and each renewal takes two calls of the
/// object store.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);

/// Settings of the trainer role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The model that runs without a name train. Default `ratings`.
    pub default_model: String,
    /// The number of runs that may wait. Further ones are answered RESOURCE_EXHAUSTED. Default 16.
    pub queue: usize,
    /// The share of the newest ratings that judge a model, above 0 and at most 0.5. Default 0.1.
    pub holdout: f64,
    /// The Ed25519 private key (PKCS#8 PEM) that signs packages. Only the trainer reads it, and no
    /// other user may be able to. Trainers on several hosts share one. Empty, the default: the pair
    /// `keys/signing.pem` and `keys/verifying.pem` of the data folder, which is made if it is
    /// missing.
    pub signing_key: PathBuf,
    /// How long the other trainers wait for one that died, at least 1s. The clocks of trainers must
    /// differ by less than a third of it. Default `15s`.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// The revision of the code that trains, for the manifest. Default empty.
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
    /// The largest error, divided by that of the bias-only model on the same ratings. Default 1.02.
    pub rmse_over_bias: f64,
    /// The largest difference in stars between the graphs and the trainer's own prediction. Default
    /// 0.001.
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

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        if let Err(error) = ModelName::try_new(&self.default_model) {
            return Err(Invalid::new("default_model", error.to_string()));
        }
        Invalid::unless(self.queue > 0, "queue", "is 0; give at least 1")?;
        let message = format!("is {}; give a share above 0 and at most 0.5", self.holdout);
        Invalid::unless(is_holdout(self.holdout), "holdout", message)?;
        Invalid::unless(self.lease >= SHORTEST_LEASE, "lease", "is too short; give at least 1s")?;
        self.gates.validate().map_err(|invalid| invalid.within("gates"))?;
        self.archive.validate().map_err(|invalid| invalid.within("archive"))
    }
}

impl Validate for Gates {
    fn validate(&self) -> Result<(), Invalid> {
        for (key, bound) in [("rmse_over_bias", self.rmse_over_bias), ("parity", self.parity)] {
            let message = format!("is {bound}; give a number above 0");
            Invalid::unless(bound.is_finite() && bound > 0.0, key, message)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_every_wrong_value_is_named() {
        assert_eq!(Settings::default().validate(), Ok(()));
        type Change = fn(&mut Settings);
        let wrong: [(&str, Change); 8] = [
            ("default_model", |settings| settings.default_model = "No".to_owned()),
            ("queue", |settings| settings.queue = 0),
            ("holdout", |settings| settings.holdout = f64::NAN),
            ("lease", |settings| settings.lease = Duration::ZERO),
            ("gates.parity", |settings| settings.gates.parity = -1.0),
            ("gates.rmse_over_bias", |settings| settings.gates.rmse_over_bias = f64::INFINITY),
            ("archive.compact", |settings| settings.archive.compact = 1),
            ("archive.every", |settings| settings.archive.every = Duration::ZERO),
        ];
        for (key, change) in wrong {
            let mut settings = Settings::default();
            change(&mut settings);
            assert_eq!(settings.validate().expect_err("wrong").key(), key);
        }
    }
}
