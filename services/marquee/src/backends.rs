//! The back-ends that hold the data, and how a process opens those that its roles need.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use marquee_domain::SystemClock;
use marquee_embedded::{EmbeddedLog, EmbeddedObjects, EmbeddedStore};
use marquee_kafka::KafkaLog;
use marquee_kit::Transport;
use marquee_kit::settings::Invalid;
use marquee_objects::S3Objects;
use marquee_onnx::Runtime;
use marquee_redis::RedisStore;
use marquee_role::{Needs, Resources};
use serde::{Deserialize, Serialize};

use crate::keys::{self, not_empty};
use crate::settings::Settings;

/// Which back-ends hold the data. Embedded ones keep it in the data folder of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backends {
    /// Holds ratings, rejected ratings and movies: `embedded`, the default, or `kafka`.
    pub log: LogBackend,
    /// Holds features: `embedded`, the default, or `redis`.
    pub store: StoreBackend,
    /// Holds models, the routing table, training runs and the archive: `embedded`, the default, or
    /// `s3`.
    pub objects: ObjectsBackend,
    /// Lets a process that runs only some of the roles use embedded back-ends, although no other
    /// process can read them. For tests, and for work on a copy of a data folder. Default false.
    pub isolated: bool,
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
    /// A bucket of S3, or of a server with the same API.
    S3,
}

impl Backends {
    /// Checks that other processes can reach what a process with only some of the roles needs.
    ///
    /// # Errors
    /// A back-end that is needed is embedded, and `backends.isolated` is not set.
    pub(crate) fn check_shared(&self, needs: &Needs) -> Result<(), Invalid> {
        let embedded = [
            ("backends.log", needs.log && self.log == LogBackend::Embedded, "kafka"),
            ("backends.store", needs.store && self.store == StoreBackend::Embedded, "redis"),
            ("backends.objects", needs.objects && self.objects == ObjectsBackend::Embedded, "s3"),
        ];
        let Some((key, ..)) = embedded.iter().find(|(_, embedded, _)| *embedded) else { return Ok(()) };
        if self.isolated {
            return Ok(());
        }
        let fixes: Vec<_> = embedded.iter().filter(|one| one.1).map(|(key, _, to)| format!("{key}={to}")).collect();
        Err(Invalid::new(
            *key,
            format!(
                "is embedded, so the roles in other processes cannot read what this role writes; set {}, or run the \
                 whole fleet in one process with `marquee up`",
                fixes.join(" and ")
            ),
        ))
    }
}

/// Opens what the roles of a process need, and nothing else.
pub(crate) async fn open(settings: &Settings, needs: &Needs) -> Result<Resources> {
    let addresses = settings.features_address.split(',').map(str::trim).filter(|address| !address.is_empty());
    let features = addresses.map(Transport::connect).collect::<Result<Vec<_>, _>>();
    let features = if needs.features { features.context("features_address")? } else { Vec::new() };
    let mut resources = Resources {
        clock: Arc::new(SystemClock),
        scale: settings.scale,
        instance: instance(settings)?,
        data_dir: settings.data_dir.clone(),
        log: None,
        store: None,
        objects: None,
        onnx: None,
        signing_key: None,
        verifying_key: None,
        features,
    };
    resources = {
        let (settings, needs) = (settings.clone(), needs.clone());
        tokio::task::spawn_blocking(move || open_local(&settings, &needs, resources)).await??
    };
    connect(settings, needs, &mut resources).await?;
    Ok(resources)
}

/// Opens what is on this machine.
fn open_local(settings: &Settings, needs: &Needs, mut resources: Resources) -> Result<Resources> {
    let folder = &settings.data_dir;
    if needs.log && settings.backends.log == LogBackend::Embedded {
        resources.log = Some(Arc::new(EmbeddedLog::open(&folder.join("log"), &settings.log)?));
    }
    if needs.store && settings.backends.store == StoreBackend::Embedded {
        resources.store = Some(Arc::new(EmbeddedStore::open(&folder.join("store"))?));
    }
    if needs.objects && settings.backends.objects == ObjectsBackend::Embedded {
        resources.objects = Some(Arc::new(EmbeddedObjects::open(&folder.join("models"))?));
    }
    if needs.onnx {
        resources.onnx = Some(Runtime::load(not_empty(&settings.onnxruntime))?);
    }
    let keys = keys::read(&settings.data_dir, &settings.verifying_key, needs)?;
    (resources.signing_key, resources.verifying_key) = (keys.signing, keys.verifying);
    Ok(resources)
}

/// Connects to what is on other machines.
async fn connect(settings: &Settings, needs: &Needs, resources: &mut Resources) -> Result<()> {
    if needs.log && settings.backends.log == LogBackend::Kafka {
        let archive = settings.roles.get::<marquee_trainer::Trainer>().map(|trainer| &trainer.archive);
        let interval = archive.and_then(|archive| archive.enabled.then_some(archive.every));
        resources.log = Some(Arc::new(KafkaLog::connect_archived(&settings.kafka, interval).await?));
    }
    if needs.store && settings.backends.store == StoreBackend::Redis {
        resources.store = Some(Arc::new(RedisStore::connect(&settings.redis).await?));
    }
    if needs.objects && settings.backends.objects == ObjectsBackend::S3 {
        resources.objects = Some(Arc::new(S3Objects::connect(&settings.s3).await?));
    }
    Ok(())
}

/// Names this process among those that share its object store. A data folder has one owner at a
/// time, which may take its lease back at once after a crash. In a shared store the name must be
/// unique, now and later.
fn instance(settings: &Settings) -> Result<String> {
    match settings.backends.objects {
        ObjectsBackend::Embedded => Ok("embedded".to_owned()),
        ObjectsBackend::S3 => {
            let mut random = [0; 16];
            getrandom::fill(&mut random).map_err(|error| anyhow!("could not name this process: {error}"))?;
            Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_alone_is_refused_on_embedded_back_ends_that_it_needs() {
        let needs = Needs { log: true, objects: true, ..Needs::default() };
        let error = Backends::default().check_shared(&needs).expect_err("embedded").to_string();
        assert!(error.starts_with("backends.log: is embedded"), "{error}");
        assert!(error.contains("backends.log=kafka and backends.objects=s3") && !error.contains("store"), "{error}");

        let shared = Backends { log: LogBackend::Kafka, objects: ObjectsBackend::S3, ..Backends::default() };
        assert_eq!(shared.check_shared(&needs), Ok(()));
        assert_eq!(Backends { isolated: true, ..Backends::default() }.check_shared(&needs), Ok(()));
        assert_eq!(Backends::default().check_shared(&Needs::default()), Ok(()));
    }
}
