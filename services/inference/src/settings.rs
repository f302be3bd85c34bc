//! The settings of the inference role.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use marquee_domain::ModelName;
use marquee_ports::{KeyError, ObjectKey};
use marquee_settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

const HOUR: Duration = Duration::from_secs(3_600);

/// The interval at which the object store is read. A longer one would keep a rollback from users.
const REFRESH: RangeInclusive<Duration> = Duration::from_millis(10)..=HOUR;

/// Settings of evaluations, in which the monitor compares versions on known ratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationSettings {
    /// How many evaluations run at the same time. Further ones are answered `RESOURCE_EXHAUSTED`.
    /// Default 2.
    pub at_once: usize,
    /// Evaluations are refused or wait while so many requests of users are being answered. Default
    /// 16.
    pub busy: usize,
    /// Most bytes that user states take which are kept for the next ratings of their users. A user
    /// has up to two for each version. 0: none are kept. Default 67,108,864.
    pub cache_bytes: usize,
}

/// Settings of the log of served predictions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PredictionSettings {
    /// Writes served predictions to the topic `marquee.predictions.v1`, if the process has a log.
    /// Default true.
    pub enabled: bool,
    /// The share of the users whose predictions are written, from 0 to 1. A user is in the sample
    /// always or never. Default 1.
    pub sample: f64,
    /// How many predictions may wait for the log. Further ones are not written. Default 20,000.
    pub queue: usize,
}

impl Default for EvaluationSettings {
    fn default() -> Self {
        Self { at_once: 2, busy: 16, cache_bytes: 64 << 20 }
    }
}

impl Default for PredictionSettings {
    fn default() -> Self {
        Self { enabled: true, sample: 1.0, queue: 20_000 }
    }
}

/// Settings of the model repository: ONNX files that clients of the Open Inference Protocol run.
/// Each model has a folder: `NAME/VERSION/model.onnx`, and a configuration in `NAME/config.pbtxt`
/// or `NAME/config.json` if the defaults do not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepositorySettings {
    /// The folder of this machine with the models. Empty: none. Default empty.
    pub folder: PathBuf,
    /// The folder of the object store with the models, in place of `folder`. Empty: none. Default
    /// empty.
    pub prefix: String,
    /// How often the files are compared with those that were loaded. `0s`: models are loaded at the
    /// start and when a client asks for it. Default `0s`.
    #[serde(with = "humantime_serde")]
    pub poll: Duration,
    /// How many of the newest versions of a model are served whose configuration has no version
    /// policy. 0: all. Default 1.
    pub latest: usize,
    /// How many instances a model has whose configuration does not say it. Default 1.
    pub instances: usize,
    /// How many threads share one operator of a model. Default 1.
    pub threads: usize,
    /// The largest file of a model, in bytes. Default 2,147,483,648.
    pub max_model_bytes: u64,
    /// The most bytes of memory that all models of the repository take, estimated from the size of
    /// their files and the number of their instances. A model that does not fit takes the place of
    /// idle models, of which those that were not used for the longest time are unloaded first. The
    /// next request loads such a model again. 0: no limit. Default 8,589,934,592.
    pub memory_bytes: u64,
}

impl Default for RepositorySettings {
    fn default() -> Self {
        Self {
            folder: PathBuf::new(),
            prefix: String::new(),
            poll: Duration::ZERO,
            latest: 1,
            instances: 1,
            threads: 1,
            max_model_bytes: 2 << 30,
            memory_bytes: 8 << 30,
        }
    }
}

impl Validate for RepositorySettings {
    fn validate(&self) -> Result<(), Invalid> {
        let is_one = self.folder.as_os_str().is_empty() || self.prefix.is_empty();
        Invalid::unless(is_one, "prefix", "is set, and folder too; set one of them")?;
        let problem = |error: KeyError| Invalid::new("prefix", error.to_string());
        if !self.prefix.is_empty() {
            ObjectKey::try_new(&self.prefix).map_err(problem)?;
        }
        Invalid::unless_time_in(Duration::ZERO..=24 * HOUR, "poll", self.poll)?;
        Invalid::unless_in(0..=1_000_000, "latest", self.latest as u64)?;
        Invalid::unless_in(1..=64, "instances", self.instances as u64)?;
        Invalid::unless_in(1..=64, "threads", self.threads as u64)?;
        Invalid::unless_in(0..=1 << 50, "memory_bytes", self.memory_bytes)?;
        Invalid::unless_in(1..=1 << 40, "max_model_bytes", self.max_model_bytes)
    }
}

/// Settings of the inference role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The model that requests without a model name use. Default `ratings`.
    pub default_model: String,
    /// How often the model store and the routing table are read, from `10ms` to `1h`. Default `1s`.
    #[serde(with = "humantime_serde")]
    pub refresh: Duration,
    /// How many of the newest versions of a model are kept loaded, besides those that a route
    /// names. Default 3.
    pub keep: usize,
    /// The most bytes that the files of the loaded versions have together. Versions that a route
    /// names are loaded beyond it. Of the others, those that were asked for longest ago and the
    /// older ones are not loaded. 0: no limit. Default 8,589,934,592.
    pub package_bytes: u64,
    /// Routes all users to the first version of a model as soon as it is warm. Default true.
    pub route_first: bool,
    /// How many versions are loaded at the same time. Default 2.
    pub loads: usize,
    /// Longest time that loading one version may take before it counts as failed and is tried
    /// again. Default `5m`.
    #[serde(with = "humantime_serde")]
    pub load_deadline: Duration,
    /// How many user states are cached, over all versions. Default 20,000.
    pub states: usize,
    /// How many user histories are cached. Default 20,000.
    pub histories: usize,
    /// Most bytes that cached states and histories take: three quarters for states, one quarter for
    /// histories. Default 536,870,912.
    pub cache_bytes: usize,
    /// Longest wait for features, over all feature stores. Default `1s`.
    #[serde(with = "humantime_serde")]
    pub feature_deadline: Duration,
    /// The folder that keeps the last effective routing table on the local disk, for a start while
    /// the object store is away. Empty: the table is not kept. Default empty.
    pub state_dir: PathBuf,
    /// How many requests may wait for one graph. Further requests are answered
    /// `RESOURCE_EXHAUSTED`. Default 1,024.
    pub queue: usize,
    /// The largest number of rows that one run of a graph takes. Default 64.
    pub max_batch: usize,
    /// The ONNX files that are served besides model packages.
    pub repository: RepositorySettings,
    /// Evaluations of versions on known ratings.
    pub evaluation: EvaluationSettings,
    /// The log of served predictions.
    pub predictions: PredictionSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_model: "ratings".to_owned(),
            refresh: Duration::from_secs(1),
            keep: 3,
            package_bytes: 8 << 30,
            route_first: true,
            loads: 2,
            load_deadline: Duration::from_secs(300),
            states: 20_000,
            histories: 20_000,
            cache_bytes: 512 << 20,
            feature_deadline: Duration::from_secs(1),
            state_dir: PathBuf::new(),
            queue: 1_024,
            max_batch: 64,
            repository: RepositorySettings::default(),
            evaluation: EvaluationSettings::default(),
            predictions: PredictionSettings::default(),
        }
    }
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        ModelName::try_new(&self.default_model).map_err(|error| Invalid::new("default_model", error.to_string()))?;
        Invalid::unless_time_in(REFRESH, "refresh", self.refresh)?;
        Invalid::unless_time_in(Duration::from_secs(1)..=24 * HOUR, "load_deadline", self.load_deadline)?;
        Invalid::unless_time_in(Duration::from_millis(1)..=HOUR, "feature_deadline", self.feature_deadline)?;
        let counts = [
            ("keep", self.keep, 1_000),
            ("loads", self.loads, 64),
            ("states", self.states, 100_000_000),
            ("histories", self.histories, 100_000_000),
            ("cache_bytes", self.cache_bytes, 1 << 40),
            ("queue", self.queue, 1_000_000),
            ("max_batch", self.max_batch, 65_536),
            ("evaluation.at_once", self.evaluation.at_once, 64),
            ("evaluation.busy", self.evaluation.busy, 1_000_000),
            ("predictions.queue", self.predictions.queue, 10_000_000),
        ];
        counts.into_iter().try_for_each(|(key, count, most)| Invalid::unless_in(1..=most, key, count as u64))?;
        Invalid::unless_in(0..=1 << 40, "evaluation.cache_bytes", self.evaluation.cache_bytes as u64)?;
        Invalid::unless_in(0..=1 << 50, "package_bytes", self.package_bytes)?;
        self.repository.validate().map_err(|invalid| invalid.within("repository"))?;
        let sample = self.predictions.sample;
        let is_share = (0.0..=1.0).contains(&sample);
        Invalid::unless(is_share, "predictions.sample", format!("is {sample}; give a number from 0 to 1"))?;
        Invalid::unless(
            !self.state_dir.exists() || self.state_dir.is_dir(),
            "state_dir",
            format!("{} is a file; give a folder", self.state_dir.display()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_work_are_refused_by_key() {
        type Change = fn(&mut Settings);
        let cases: [(Change, &str); 24] = [
            (|settings| settings.refresh = Duration::ZERO, "refresh: is 0s; give a time from 10ms to 1h"),
            (|settings| settings.refresh = Duration::MAX, "refresh: is "),
            (|settings| settings.max_batch = usize::MAX, "max_batch: is "),
            (|settings| settings.queue = usize::MAX, "queue: is "),
            (|settings| settings.state_dir = "/dev/null".into(), "state_dir: /dev/null is a file; give a folder"),
            (|settings| settings.default_model = "No Model".to_owned(), "default_model: "),
            (|settings| settings.load_deadline = Duration::ZERO, "load_deadline: is 0s; give a time from 1s to 1day"),
            (
                |settings| settings.feature_deadline = Duration::ZERO,
                "feature_deadline: is 0s; give a time from 1ms to 1h",
            ),
            (|settings| settings.repository.instances = 0, "repository.instances: is 0; give a number from 1 to 64"),
            (|settings| settings.repository.memory_bytes = u64::MAX, "repository.memory_bytes: is "),
            (|settings| settings.repository.poll = Duration::MAX, "repository.poll: is "),
            (
                |settings| settings.repository.prefix = "../a".to_owned(),
                "repository.prefix: object path '../a': not valid",
            ),
            (
                |settings| {
                    settings.repository.prefix = "a".to_owned();
                    settings.repository.folder = "b".into();
                },
                "repository.prefix: is set, and folder too; set one of them",
            ),
            (|settings| settings.package_bytes = u64::MAX, "package_bytes: is "),
            (|settings| settings.keep = 0, "keep: is 0; give a number from 1 to 1,000"),
            (|settings| settings.loads = 0, "loads: is 0"),
            (|settings| settings.queue = 0, "queue: is 0"),
            (|settings| settings.states = 0, "states: is 0"),
            (|settings| settings.evaluation.at_once = 0, "evaluation.at_once: is 0; give a number from 1 to 64"),
            (|settings| settings.evaluation.busy = 0, "evaluation.busy: is 0"),
            (|settings| settings.evaluation.cache_bytes = usize::MAX, "evaluation.cache_bytes: is "),
            (|settings| settings.predictions.queue = 0, "predictions.queue: is 0"),
            (|settings| settings.predictions.sample = 1.1, "predictions.sample: is 1.1; give a number from 0 to 1"),
            (|settings| settings.predictions.sample = f64::NAN, "predictions.sample: is NaN"),
        ];
        for (change, message) in cases {
            let mut settings = Settings::default();
            change(&mut settings);
            let refused = settings.validate().expect_err(message).to_string();
            assert!(refused.starts_with(message), "{refused:?} is not {message:?}");
        }
        assert_eq!(Settings::default().validate(), Ok(()));
    }
}
