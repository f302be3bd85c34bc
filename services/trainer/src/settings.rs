//! The settings of the trainer role.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use marquee_archive::Settings as ArchiveSettings;
use marquee_domain::ModelName;
use marquee_settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

use crate::plan::is_holdout;

/// The length of a lease. A holder renews three times a lease, and each renewal takes two calls of
/// the object store. Nobody trains for a whole lease after its holder died.
const LEASE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

/// Settings of the trainer role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The model that runs without a name train. Default `ratings`.
    pub default_model: String,
    /// The number of runs that may wait, from 1 to 10,000. Further ones are answered
    /// RESOURCE_EXHAUSTED. Default 16.
    pub queue: usize,
    /// The share of the newest ratings that judge a model, above 0 and at most 0.5. Default 0.1.
    pub holdout: f64,
    /// The Ed25519 private key (PKCS#8 PEM) that signs packages. Only the trainer reads it, and no
    /// other user may be able to. Trainers on several hosts share one. Empty, the default: the pair
    /// `keys/signing.pem` and `keys/verifying.pem` of the data folder, which is made if it is
    /// missing.
    pub signing_key: PathBuf,
    /// How long the other trainers wait for one that died, from `1s` to `1h`. The clocks of
    /// trainers must differ by less than a third of it. Default `15s`.
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
    /// The fewest held-out ratings that a model may be judged on, at least 1. With fewer, nothing
    /// is published. Default 10.
    pub min_holdout: u64,
    /// The largest error, divided by that of the bias-only model on the same ratings. An error of
    /// up to 2 % of the scale's range always passes. Default 1.02.
    pub rmse_over_bias: f64,
    /// The largest difference in stars between the graphs and the trainer's own prediction. Default
    /// 0.001.
    pub parity: f64,
    /// How much larger the error may be than with the method of the current stable version, in
    /// stars, above 0. Both are fitted on the same past and compared in pairs by user. Default
    /// 0.01.
    pub margin: f64,
    /// The probability with which the difference must be within the margin, from 0.5 to 0.9999.
    /// Default 0.95.
    pub confidence: f64,
    /// The fewest users with held-out ratings whose comparison counts, from 2 to 1,000,000,000.
    /// With fewer, a model is not compared with the current version. Default 80.
    pub fewest_users: u64,
}

impl Default for Gates {
    fn default() -> Self {
        Self { min_holdout: 10, rmse_over_bias: 1.02, parity: 1e-3, margin: 0.01, confidence: 0.95, fewest_users: 80 }
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
        Invalid::unless_in(1..=10_000, "queue", self.queue as u64)?;
        let message = format!("is {}; give a share above 0 and at most 0.5", self.holdout);
        Invalid::unless(is_holdout(self.holdout), "holdout", message)?;
        Invalid::unless_time_in(LEASE, "lease", self.lease)?;
        let revision = "is not a revision; give at most 200 visible letters";
        let is_revision = self.git_revision.len() <= 200 && !self.git_revision.contains(char::is_control);
        Invalid::unless(is_revision, "git_revision", revision)?;
        self.gates.validate().map_err(|invalid| invalid.within("gates"))?;
        self.archive.validate().map_err(|invalid| invalid.within("archive"))
    }
}

impl Validate for Gates {
    fn validate(&self) -> Result<(), Invalid> {
        let message = "is 0; give at least 1, because a model that was not judged is not published";
        Invalid::unless(self.min_holdout > 0, "min_holdout", message)?;
        Invalid::unless_in(1..=1_000_000_000, "min_holdout", self.min_holdout)?;
        for (key, bound) in [("rmse_over_bias", self.rmse_over_bias), ("parity", self.parity), ("margin", self.margin)]
        {
            let message = format!("is {bound}; give a number above 0");
            Invalid::unless(bound.is_finite() && bound > 0.0, key, message)?;
        }
        let message = format!("is {}; give a probability from 0.5 to 0.9999", self.confidence);
        Invalid::unless((0.5..=0.9999).contains(&self.confidence), "confidence", message)?;
        Invalid::unless_in(2..=1_000_000_000, "fewest_users", self.fewest_users)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_every_wrong_value_is_named() {
        assert_eq!(Settings::default().validate(), Ok(()));
        type Change = fn(&mut Settings);
        let wrong: [(&str, Change); 16] = [
            ("default_model", |settings| settings.default_model = "No".to_owned()),
            ("queue", |settings| settings.queue = 0),
            ("holdout", |settings| settings.holdout = f64::NAN),
            ("lease", |settings| settings.lease = Duration::ZERO),
            ("lease", |settings| settings.lease = Duration::MAX),
            ("queue", |settings| settings.queue = usize::MAX),
            ("git_revision", |settings| settings.git_revision = "a\nb".to_owned()),
            ("gates.min_holdout", |settings| settings.gates.min_holdout = 0),
            ("gates.parity", |settings| settings.gates.parity = -1.0),
            ("gates.rmse_over_bias", |settings| settings.gates.rmse_over_bias = f64::INFINITY),
            ("gates.margin", |settings| settings.gates.margin = 0.0),
            ("gates.confidence", |settings| settings.gates.confidence = 1.0),
            ("gates.confidence", |settings| settings.gates.confidence = f64::NAN),
            ("gates.fewest_users", |settings| settings.gates.fewest_users = 1),
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
