//! The settings of a process: where it listens, where its data is, and each role's own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use marquee_domain::Scale;
use marquee_embedded::LogSettings;
use marquee_kit::settings::{Invalid, Validate};
use marquee_kit::telemetry;
use serde::{Deserialize, Serialize};

/// Everything that can be set. `marquee config` prints the effective values with their origins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Folder of everything that is kept. One process owns it at a time. Default `.marquee`.
    pub data_dir: PathBuf,
    /// Where gRPC is served. Default `127.0.0.1:7070`; port 0 lets the system pick.
    pub grpc_listen: SocketAddr,
    /// Where HTTP is served. Default `127.0.0.1:7080`; port 0 lets the system pick.
    pub http_listen: SocketAddr,
    /// Ratings that are accepted. Default 0.5 to 5 in steps of 0.5.
    pub scale: Scale,
    /// ONNX Runtime's shared library. Empty, the default: where `make onnxruntime` puts it.
    pub onnxruntime: PathBuf,
    /// Ed25519 public key (SPKI PEM) that packages must be signed with. Empty, the default: the key that this data folder made for itself.
    pub verifying_key: PathBuf,
    /// Addresses of feature stores in other processes, with commas between, for an inference role that runs alone: one is asked as long as it
    /// answers, then the next. Empty, the default: this process's own.
    pub features_address: String,
    /// Longest time that shutting down may take. Default `10s`.
    #[serde(with = "humantime_serde")]
    pub shutdown: Duration,
    /// Which back-ends hold the data.
    pub backends: Backends,
    /// Kafka, where `backends.log` names it.
    pub kafka: marquee_kafka::Settings,
    /// Redis, where `backends.store` names it.
    pub redis: marquee_redis::Settings,
    /// S3, where `backends.objects` names it.
    pub s3: marquee_objects::Settings,
    /// Logs and traces.
    pub telemetry: telemetry::Settings,
    /// The embedded rating log.
    pub log: LogSettings,
    /// The ingest role.
    pub ingest: marquee_ingest::Settings,
    /// The feature-store role.
    pub feature_store: marquee_feature_store::Settings,
    /// The trainer role.
    pub trainer: marquee_trainer::Settings,
    /// The inference role.
    pub inference: marquee_inference::Settings,
}

/// Which back-ends hold the data. What is embedded stands in the data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backends {
    /// Ratings, rejected ratings and movies: `embedded`, the default, or `kafka`.
    pub log: LogBackend,
    /// Features: `embedded`, the default, or `redis`.
    pub store: StoreBackend,
    /// Models, the routing table, training runs and the archive: `embedded`, the default, or `s3`.
    pub objects: ObjectsBackend,
}

/// Back-ends of the rating log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogBackend {
    /// In the data folder.
    #[default]
    Embedded,
    /// Topics of Kafka.
    Kafka,
}

/// Back-ends of the online store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreBackend {
    /// In the data folder.
    #[default]
    Embedded,
    /// Redis 7, one server or a cluster.
    Redis,
}

/// Back-ends of the object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectsBackend {
    /// In the data folder.
    #[default]
    Embedded,
    /// A bucket of S3, or of a server that speaks like it.
    S3,
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        self.kafka.validate().map_err(|error| error.within("kafka"))?;
        self.log.validate().map_err(|error| error.within("log"))?;
        self.feature_store.validate().map_err(|error| error.within("feature_store"))?;
        self.trainer.validate().map_err(|error| error.within("trainer"))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from(".marquee"),
            grpc_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7070)),
            http_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7080)),
            scale: Scale::try_new(0.5, 5.0, 0.5).expect("half stars from a half to five are a scale"),
            onnxruntime: PathBuf::new(),
            verifying_key: PathBuf::new(),
            features_address: String::new(),
            shutdown: Duration::from_secs(10),
            backends: Backends::default(),
            kafka: marquee_kafka::Settings::default(),
            redis: marquee_redis::Settings::default(),
            s3: marquee_objects::Settings::default(),
            telemetry: telemetry::Settings::default(),
            log: LogSettings::default(),
            ingest: marquee_ingest::Settings::default(),
            feature_store: marquee_feature_store::Settings::default(),
            trainer: marquee_trainer::Settings::default(),
            inference: marquee_inference::Settings::default(),
        }
    }
}
