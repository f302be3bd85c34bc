//! The settings of a process: where it listens, where its data is, and a section for each role.

mod history;
mod retention;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use marquee_domain::Scale;
use marquee_embedded::LogSettings;
use marquee_kit::settings::{Error, Invalid, Layers, Loaded, Source, Validate, redact_value};
use marquee_kit::{ClientSettings, ServerSettings, telemetry};
use marquee_role::{Entry, Role, Sections};
use serde::{Deserialize, Serialize};

use crate::backends::Backends;
use crate::roles::ROLES;

pub(crate) use retention::archive_interval;

pub(crate) use history::check_equal as check_histories;

/// The longest time of one step of shutting down.
const LONGEST_END: Duration = Duration::from_secs(3_600);

/// Every setting. `marquee config` prints the effective values with their origins.
#[derive(Clone, Serialize, Deserialize)]
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
    /// The address of a listener for administrators, which answers gRPC and HTTP. If it is set, the
    /// other two refuse `/metrics` and the calls that administer, for example `SetRoute`,
    /// `LoadModel` and `StartTraining`. Health checks are answered at every address. Empty, the
    /// default: no such listener.
    #[serde(with = "optional_address")]
    pub admin_listen: Option<SocketAddr>,
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
    /// The addresses of inference instances in other processes, separated by commas. The monitor
    /// uses the first one that answers, rollouts observe all of them. Empty, the default: the
    /// inference instance in this process.
    pub inference_address: String,
    /// The addresses of monitors in other processes, separated by commas. The first one that
    /// answers is used. Empty, the default: the monitor in this process.
    pub monitor_address: String,
    /// How long the process reports that it is not ready before it closes its listeners, at most
    /// `1h`. Default `100ms`. On Kubernetes, set it above the period of the readiness probe, for
    /// example `10s`, so that no request is sent to a listener that is already closed.
    #[serde(with = "humantime_serde")]
    pub drain_delay: Duration,
    /// The longest time that requests in flight may take after `drain_delay`, from `1ms` to `1h`.
    /// Background work ends within two more seconds: it goes on at the next start. Default `10s`.
    /// On Kubernetes, set `terminationGracePeriodSeconds` above `drain_delay` plus this time plus
    /// `5s`.
    #[serde(with = "humantime_serde")]
    pub shutdown: Duration,
    /// Who may call the listeners, and with how much.
    pub server: ServerSettings,
    /// How this process calls what is at `features_address`, `inference_address` and
    /// `monitor_address`.
    pub client: ClientSettings,
    /// Which back-ends hold the data.
    pub backends: Backends,
    /// Kafka, used if `backends.log` is `kafka`.
    pub kafka: marquee_kafka::Settings,
    /// Redis, used if `backends.store` is `redis`.
    pub redis: marquee_redis::Settings,
    /// S3, used if `backends.objects` is `s3`.
    pub s3: marquee_objects::Settings,
    /// MLflow, which shows training runs and models to people, if `tracking.url` is set.
    pub tracking: marquee_mlflow::Settings,
    /// Logs and traces.
    pub telemetry: telemetry::Settings,
    /// The embedded rating log.
    pub log: LogSettings,
    /// The sections of the roles, for example `ingest` and `feature_store`.
    #[serde(skip)]
    pub roles: Sections,
}

/// Shows the values as `marquee config` does, without secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_json() {
            Ok(values) => write!(f, "Settings {}", redact_value("", &values)),
            Err(_) => f.debug_struct("Settings").finish_non_exhaustive(),
        }
    }
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
            admin_listen: None,
            scale: Scale::try_new(0.5, 5.0, 0.5).expect("half stars from a half to five are a scale"),
            onnxruntime: PathBuf::new(),
            verifying_key: PathBuf::new(),
            features_address: String::new(),
            inference_address: String::new(),
            monitor_address: String::new(),
            drain_delay: Duration::from_millis(100),
            shutdown: Duration::from_secs(10),
            server: ServerSettings::default(),
            client: ClientSettings::default(),
            backends: Backends::default(),
            kafka: marquee_kafka::Settings::default(),
            redis: marquee_redis::Settings::default(),
            s3: marquee_objects::Settings::default(),
            tracking: marquee_mlflow::Settings::default(),
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
        history::follow(&mut settings, &source)?;
        let values = source.effective(&settings.to_json()?);
        source.validate(&settings)?;
        Ok(Loaded { settings, values })
    }

    /// Returns the settings of a role for a change.
    pub fn role<R: Role>(&mut self) -> &mut R::Settings {
        self.roles.get_mut::<R>()
    }

    /// Returns the addresses of all listeners with their keys.
    fn listeners(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let admin = self.admin_listen.map(|address| ("admin_listen", address));
        [("grpc_listen", self.grpc_listen), ("http_listen", self.http_listen)].into_iter().chain(admin)
    }

    /// Checks that no two listeners have the same address.
    fn check_addresses_differ(&self) -> Result<(), Invalid> {
        let mut earlier: Vec<(&str, SocketAddr)> = Vec::new();
        for (key, address) in self.listeners().filter(|(_, address)| address.port() != 0) {
            if let Some((other, _)) = earlier.iter().find(|(_, taken)| *taken == address) {
                let message = format!("is {address}, as {other}; give each listener a port of its own");
                return Err(Invalid::new(key, message));
            }
            earlier.push((key, address));
        }
        Ok(())
    }

    /// Checks that a listener that other machines reach knows who writes.
    fn check_open_listeners(&self) -> Result<(), Invalid> {
        let is_checked = self.server.authenticates() || self.server.allow_unauthenticated;
        for (key, address) in self.listeners() {
            let message = format!(
                "{address} is not a loopback address, so other machines could write without proof of who they are; set \
                 server.token_file or server.tls.client_ca_file, or server.allow_unauthenticated=true if something in \
                 front of this process checks callers"
            );
            Invalid::unless(is_checked || address.ip().to_canonical().is_loopback(), key, message)?;
        }
        Ok(())
    }

    /// Checks what can be checked without a connection.
    fn check_addresses(&self) -> Result<(), Invalid> {
        let lists = [
            ("features_address", &self.features_address),
            ("inference_address", &self.inference_address),
            ("monitor_address", &self.monitor_address),
        ];
        for (key, list) in lists {
            for address in addresses(list) {
                let is_address = marquee_kit::is_http_address(address);
                let message = format!("'{address}' is not the address of a gRPC server; expected http://HOST:PORT");
                Invalid::unless(is_address, key, message)?;
            }
        }
        Ok(())
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

/// Splits a list of addresses.
pub(crate) fn addresses(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|address| !address.is_empty())
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        Invalid::unless(
            !self.data_dir.as_os_str().is_empty(),
            "data_dir",
            "is empty; give a folder, for example .marquee",
        )?;
        Invalid::unless(
            !self.data_dir.exists() || self.data_dir.is_dir(),
            "data_dir",
            format!("{} is a file; give a folder", self.data_dir.display()),
        )?;
        self.check_addresses_differ()?;
        self.check_addresses()?;
        Invalid::unless_time_in(Duration::ZERO..=LONGEST_END, "drain_delay", self.drain_delay)?;
        Invalid::unless_time_in(Duration::from_millis(1)..=LONGEST_END, "shutdown", self.shutdown)?;
        self.check_open_listeners()?;
        let sections: [(&str, &dyn Validate); 8] = [
            ("server", &self.server),
            ("client", &self.client),
            ("kafka", &self.kafka),
            ("redis", &self.redis),
            ("s3", &self.s3),
            ("tracking", &self.tracking),
            ("telemetry", &self.telemetry),
            ("log", &self.log),
        ];
        for (name, section) in sections {
            section.validate().map_err(|invalid| invalid.within(name))?;
        }
        self.roles.validate()?;
        retention::check(self)
    }
}

/// An address that may be empty.
mod optional_address {
    use std::net::SocketAddr;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(address: &Option<SocketAddr>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&address.map(|address| address.to_string()).unwrap_or_default())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
    }
}

#[cfg(test)]
mod tests;
