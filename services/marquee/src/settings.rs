//! The settings of a process: where it listens, where its data is, and a section for each role.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use marquee_domain::Scale;
use marquee_embedded::LogSettings;
use marquee_kit::settings::{Error, Invalid, Layers, Loaded, Source, Validate};
use marquee_kit::telemetry;
use marquee_role::{Entry, Role, Sections};
use serde::{Deserialize, Serialize};

use crate::backends::Backends;
use crate::roles::ROLES;

/// Every setting. `marquee config` prints the effective values with their origins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The folder of all data that this process keeps. One process owns it at a time. Default
    /// `.marquee`.
    pub data_dir: PathBuf,
    /// The address of the gRPC listener. With port 0 the system picks one. Default
    /// `127.0.0.1:7070`.
    pub grpc_listen: SocketAddr,
    /// The address of the HTTP listener. With port 0 the system picks one. Default
    /// `127.0.0.1:7080`.
    pub http_listen: SocketAddr,
    /// The ratings that are accepted. Default 0.5 to 5 in steps of 0.5.
    pub scale: Scale,
    /// The shared library of ONNX Runtime. Empty, the default: where `make onnxruntime` puts it.
    pub onnxruntime: PathBuf,
    /// The Ed25519 public key (SPKI PEM) that model packages must be signed with. Every host that
    /// runs inference needs the public key of the trainer: copy `keys/verifying.pem` from the
    /// trainer's data folder, or make a pair with `marquee keys generate`. Empty, the default: the
    /// key of the trainer in this process, else `keys/verifying.pem` in the data folder.
    pub verifying_key: PathBuf,
    /// The addresses of feature stores in other processes, separated by commas. The first one that
    /// answers is used. Empty, the default: the feature store in this process.
    pub features_address: String,
    /// How long the process reports that it is not ready before it closes its listeners. Default
    /// `100ms`. On Kubernetes, set it above the period of the readiness probe, for example `10s`,
    /// so that no request is sent to a listener that is already closed.
    #[serde(with = "humantime_serde")]
    pub drain_delay: Duration,
    /// The longest time that each of two steps of shutting down may take after `drain_delay`:
    /// requests in flight, then background work. Default `10s`. On Kubernetes, set
    /// `terminationGracePeriodSeconds` above `drain_delay` plus twice this time.
    #[serde(with = "humantime_serde")]
    pub shutdown: Duration,
    /// Which back-ends hold the data.
    pub backends: Backends,
    /// Kafka, used if `backends.log` is `kafka`.
    pub kafka: marquee_kafka::Settings,
    /// Redis, used if `backends.store` is `redis`.
    pub redis: marquee_redis::Settings,
    /// S3, used if `backends.objects` is `s3`.
    pub s3: marquee_objects::Settings,
    /// Logs and traces.
    pub telemetry: telemetry::Settings,
    /// The embedded rating log.
    pub log: LogSettings,
    /// The sections of the roles, for example `ingest` and `feature_store`.
    #[serde(skip)]
    pub roles: Sections,
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(ROLES)
    }
}

impl Settings {
    /// Returns the default settings for a table of roles.
    pub fn of(roles: &[Entry]) -> Self {
        let mut sections = Sections::default();
        for role in roles {
            sections.insert(role.section, role.defaults());
        }
        Self {
            data_dir: PathBuf::from(".marquee"),
            grpc_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7070)),
            http_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7080)),
            scale: Scale::try_new(0.5, 5.0, 0.5).expect("half stars from a half to five are a scale"),
            onnxruntime: PathBuf::new(),
            verifying_key: PathBuf::new(),
            features_address: String::new(),
            drain_delay: Duration::from_millis(100),
            shutdown: Duration::from_secs(10),
            backends: Backends::default(),
            kafka: marquee_kafka::Settings::default(),
            redis: marquee_redis::Settings::default(),
            s3: marquee_objects::Settings::default(),
            telemetry: telemetry::Settings::default(),
            log: LogSettings::default(),
            roles: sections,
        }
    }

    /// Reads the settings of a table of roles from their layers, and validates them.
    ///
    /// # Errors
    /// The file is missing, a key is unknown, or a value does not parse or makes no sense.
    pub fn load(layers: &Layers, roles: &[Entry]) -> Result<Loaded<Self>, Error> {
        let source = Source::read(layers, &Self::of(roles).to_json()?)?;
        let mut settings: Self = source.root()?;
        settings.roles = Sections::default();
        for role in roles {
            settings.roles.insert(role.section, role.read(&source)?);
        }
        let values = source.effective(&settings.to_json()?);
        source.validate(&settings, &values)?;
        Ok(Loaded { settings, values })
    }

    /// Returns the settings of a role for a change.
    pub fn role<R: Role>(&mut self) -> &mut R::Settings {
        self.roles.get_mut::<R>()
    }

    /// Returns every value as JSON, with secrets hidden.
    fn to_json(&self) -> Result<serde_json::Value, Error> {
        let unreadable = |error: serde_json::Error| Error::Unreadable(error.to_string());
        let mut values = serde_json::to_value(self).map_err(unreadable)?;
        if let serde_json::Value::Object(fields) = &mut values {
            for (name, section) in self.roles.iter() {
                fields.insert(name.to_owned(), section.to_json().map_err(unreadable)?);
            }
        }
        Ok(values)
    }
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        Invalid::unless(
            !self.data_dir.as_os_str().is_empty(),
            "data_dir",
            "is empty; give a folder, for example .marquee",
        )?;
        Invalid::unless(!self.shutdown.is_zero(), "shutdown", "is 0s; give a time that requests may take to end")?;
        let sections: [(&str, &dyn Validate); 5] = [
            ("kafka", &self.kafka),
            ("redis", &self.redis),
            ("s3", &self.s3),
            ("telemetry", &self.telemetry),
            ("log", &self.log),
        ];
        for (name, section) in sections {
            section.validate().map_err(|invalid| invalid.within(name))?;
        }
        self.roles.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(flags: &[(&str, &str)]) -> Result<Loaded<Settings>, Error> {
        let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Settings::load(&Layers { file: None, flags }, ROLES)
    }

    #[test]
    fn defaults_are_valid_and_every_role_has_its_section() {
        let loaded = load(&[]).expect("the defaults are valid");
        for role in ROLES {
            let prefix = format!("{}.", role.section);
            assert!(loaded.values.iter().any(|value| value.key.starts_with(&prefix)), "{prefix}");
        }
    }

    #[test]
    fn a_section_of_a_role_is_read_from_its_layers() {
        let mut loaded = load(&[("ingest.max_batch", "11"), ("shutdown", "3s")]).expect("valid");
        assert_eq!(loaded.settings.role::<marquee_ingest::Ingest>().max_batch, 11);
        assert_eq!(loaded.settings.shutdown, Duration::from_secs(3));
        let batch = loaded.values.iter().find(|value| value.key == "ingest.max_batch").expect("listed");
        assert_eq!((batch.value.as_str(), batch.origin.as_str()), ("11", "flag"));
    }

    #[test]
    fn a_setting_that_makes_a_role_useless_is_refused_by_its_dotted_key() {
        for (key, value) in [
            ("ingest.max_in_flight", "0"),
            ("ingest.max_batch", "0"),
            ("ingest.stream_in_flight", "0"),
            ("inference.refresh", "0s"),
            ("inference.default_model", "A/B"),
            ("trainer.holdout", "0.9"),
            ("trainer.archive.rows", "0"),
            ("feature_store.history", "0"),
            ("kafka.bootstrap", ""),
            ("redis.urls", "[]"),
            ("s3.part_size", "0"),
            ("telemetry.log", "very=loud"),
            ("log.partitions", "0"),
            ("shutdown", "0s"),
            ("data_dir", ""),
        ] {
            let error = load(&[(key, value)]).expect_err(key).to_string();
            assert!(error.starts_with(&format!("{key}: ")) && error.ends_with("(from flag)"), "{key}: {error}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_at_every_level() {
        for (key, part) in [("ingest.maxbatch", "max_batch"), ("nope.deep", "data_dir"), ("kafka.nope", "bootstrap")] {
            let error = load(&[(key, "1")]).expect_err(key).to_string();
            assert!(error.contains(part) && error.contains("flag"), "{key}: {error}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let address = "http://me:hunter2@features:7070";
        let loaded = load(&[("features_address", address), ("redis.password", "hunter2")]).expect("valid");
        assert!(loaded.values.iter().all(|value| !value.value.contains("hunter2")), "{:?}", loaded.values);
        let shown = loaded.values.iter().find(|value| value.key == "features_address").expect("listed");
        assert_eq!(shown.value, r#""http://me:***@features:7070""#);
        // Nor by a refusal.
        if let Err(error) = load(&[("redis.urls", r#"["redis://me:hunter2@127.0.0.1:6379"]"#)]) {
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_settings_files_of_this_project_are_valid() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/kafka-redis-s3.toml");
        let layers = Layers { file: Some(PathBuf::from(file)), flags: Vec::new() };
        Settings::load(&layers, ROLES).expect("valid");
    }
}
