//! The composition root: opens back-ends, starts roles over them, serves them, and takes everything down in order.
//!
//! It is the only place where roles and adapters meet. Everything is a value: two fleets run in one process.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use axum::Router;
use marquee_domain::{Clock, SystemClock};
use marquee_embedded::{EmbeddedLog, EmbeddedObjects, EmbeddedStore};
use marquee_kafka::KafkaLog;
use marquee_kit::{Context, GrpcLimits, Stop, Tasks, Transport, admin_routes, bind, serve_grpc, serve_http};
use marquee_model::{SigningKey, VerifyingKey};
use marquee_objects::S3Objects;
use marquee_onnx::Runtime;
use marquee_ports::{ObjectStore, OnlineStore, RatingLog};
use marquee_redis::RedisStore;
use serde::{Deserialize, Serialize};
use tonic::service::{Routes, RoutesBuilder};

use crate::keys;
use crate::settings::{LogBackend, ObjectsBackend, Settings, StoreBackend};

/// The roles that a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Accepts ratings.
    Ingest,
    /// Computes and serves features.
    FeatureStore,
    /// Trains models.
    Trainer,
    /// Predicts.
    Inference,
}

impl Role {
    /// All of them: the whole fleet.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::FeatureStore, Self::Trainer, Self::Inference];
}

/// File in the data folder that says where a running fleet listens.
pub(crate) const ADDRESSES: &str = "addresses.json";

/// Where a running fleet listens, for programs that start one on ports that the system picks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// gRPC, as `http://HOST:PORT`.
    pub grpc: String,
    /// HTTP, as `http://HOST:PORT`.
    pub http: String,
    /// The process.
    pub pid: u32,
}

impl Addresses {
    /// What a fleet on this data folder announced; none while there is none.
    pub fn read(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(data_dir.join(ADDRESSES)).ok()?).ok()
    }
}

/// A running fleet, or a part of one.
#[derive(Debug)]
pub struct Fleet {
    /// Longest time that each part of shutting down may take.
    patience: Duration,
    within: Transport,
    context: Context,
    servers: Tasks,
    serving: Stop,
    grpc_address: SocketAddr,
    http_address: SocketAddr,
}

/// Roles that use the rating log.
const LOG: &[Role] = &[Role::Ingest, Role::FeatureStore, Role::Trainer];

/// Roles that use the online store.
const STORE: &[Role] = &[Role::FeatureStore];

/// Roles that use the object store.
const OBJECTS: &[Role] = &[Role::Trainer, Role::Inference];

/// Some of the roles are among those that use a back-end.
fn needs(roles: &[Role], of: &[Role]) -> bool {
    roles.iter().any(|role| of.contains(role))
}

/// Back-ends, each opened only if a role needs it.
struct Backends {
    log: Option<Arc<dyn RatingLog>>,
    store: Option<Arc<dyn OnlineStore>>,
    objects: Option<Arc<dyn ObjectStore>>,
    runtime: Option<Runtime>,
    signing_key: Option<SigningKey>,
    verifying_key: Option<VerifyingKey>,
}

impl Backends {
    fn open(settings: &Settings, roles: &[Role]) -> Result<Self> {
        let folder = &settings.data_dir;
        let mut backends =
            Self { log: None, store: None, objects: None, runtime: None, signing_key: None, verifying_key: None };
        if needs(roles, LOG) && settings.backends.log == LogBackend::Embedded {
            backends.log = Some(Arc::new(EmbeddedLog::open(&folder.join("log"), &settings.log)?));
        }
        if needs(roles, STORE) && settings.backends.store == StoreBackend::Embedded {
            backends.store = Some(Arc::new(EmbeddedStore::open(&folder.join("store"))?));
        }
        if needs(roles, OBJECTS) {
            if settings.backends.objects == ObjectsBackend::Embedded {
                backends.objects = Some(Arc::new(EmbeddedObjects::open(&folder.join("models"))?));
            }
            backends.runtime = Some(Runtime::load(given(&settings.onnxruntime))?);
            (backends.signing_key, backends.verifying_key) = keys::for_fleet(settings)?;
        }
        Ok(backends)
    }
}

impl Backends {
    /// Opens what is on other machines.
    async fn connect(&mut self, settings: &Settings, roles: &[Role]) -> Result<()> {
        if needs(roles, LOG) && settings.backends.log == LogBackend::Kafka {
            let archive = &settings.trainer.archive;
            let archive = archive.enabled.then_some(archive.every);
            self.log = Some(Arc::new(KafkaLog::connect_archived(&settings.kafka, archive).await?));
        }
        if needs(roles, STORE) && settings.backends.store == StoreBackend::Redis {
            self.store = Some(Arc::new(RedisStore::connect(&settings.redis).await?));
        }
        if needs(roles, OBJECTS) && settings.backends.objects == ObjectsBackend::S3 {
            self.objects = Some(Arc::new(S3Objects::connect(&settings.s3).await?));
        }
        Ok(())
    }
}

/// A path setting, unless it is empty.
pub(crate) fn given(path: &Path) -> Option<&Path> {
    (!path.as_os_str().is_empty()).then_some(path)
}

impl Fleet {
    /// Starts roles. Listeners are opened first, so that a taken port is known before any work is done. Returns while roles may still be catching
    /// up; [`Self::ready`] waits for them.
    pub async fn start(mut settings: Settings, roles: &[Role]) -> Result<Self> {
        let grpc = bind(settings.grpc_listen).await?;
        let http = bind(settings.http_listen).await?;
        let (grpc_address, http_address) = (grpc.local_addr()?, http.local_addr()?);
        if settings.inference.state_dir.as_os_str().is_empty() {
            settings.inference.state_dir = settings.data_dir.join("inference");
        }
        let mut backends = {
            let (settings, roles) = (settings.clone(), roles.to_vec());
            tokio::task::spawn_blocking(move || Backends::open(&settings, &roles)).await??
        };
        backends.connect(&settings, roles).await?;
        let context = Context::default();
        let serving = Stop::new();
        let (grpc_routes, http_routes) = roles_routes(&settings, roles, backends, &context).await?;

        let within = Transport::in_process(grpc_routes.clone());
        let servers = Tasks::default();
        let limits = GrpcLimits { drain: settings.shutdown / 2, ..GrpcLimits::default() };
        let (metrics, stop) = (context.metrics.clone(), serving.clone());
        servers.spawn("grpc", async move { serve_grpc(grpc, grpc_routes, limits, &metrics, stop).await });
        let (metrics, stop, drain) = (context.metrics.clone(), serving.clone(), settings.shutdown / 2);
        servers.spawn("http", async move { serve_http(http, http_routes, drain, &metrics, stop).await });
        tracing::info!(grpc = %grpc_address, http = %http_address, data_dir = %settings.data_dir.display(), "listening");
        Ok(Self { patience: settings.shutdown, within, context, servers, serving, grpc_address, http_address })
    }

    /// Where gRPC is served.
    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc_address
    }

    /// Where HTTP is served.
    pub fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// Writes where this fleet listens into the data folder.
    pub fn announce(&self, data_dir: &Path) -> Result<()> {
        let addresses = Addresses {
            grpc: format!("http://{}", self.grpc_address),
            http: format!("http://{}", self.http_address),
            pid: std::process::id(),
        };
        let beside = data_dir.join(format!("{ADDRESSES}.tmp"));
        // A role whose back-ends are elsewhere has made no data folder yet.
        std::fs::create_dir_all(data_dir)
            .and_then(|()| std::fs::write(&beside, serde_json::to_vec_pretty(&addresses)?))
            .and_then(|()| std::fs::rename(beside, data_dir.join(ADDRESSES)))
            .with_context(|| format!("announce the addresses in {}", data_dir.display()))
    }

    /// A client transport to this fleet over loopback.
    pub fn transport(&self) -> Result<Transport> {
        Ok(Transport::connect(&format!("http://{}", self.grpc_address))?)
    }

    /// A client transport straight into this fleet's services, without a network.
    pub fn within(&self) -> Transport {
        self.within.clone()
    }

    /// Waits until every role can serve, or one has failed.
    pub async fn ready(&self) -> Result<()> {
        tokio::select! {
            () = self.context.health.ready() => Ok(()),
            error = self.failed() => Err(error),
        }
    }

    /// Waits until a task has died.
    pub async fn failed(&self) -> anyhow::Error {
        tokio::select! {
            error = self.context.tasks.failed() => anyhow!(error),
            error = self.servers.failed() => anyhow!(error),
        }
    }

    /// Takes everything down: first out of rotation, then no new requests, then those in flight, then background work, then the back-ends.
    pub async fn shutdown(self) {
        tracing::info!("shutting down");
        self.context.health.drain();
        self.serving.cancel();
        self.servers.join(self.patience).await;
        self.context.stop.cancel();
        self.context.tasks.join(self.patience).await;
        tracing::info!("stopped");
    }
}

/// Names this process's trainer among those that share its object store. A data folder has one owner at a time, which may take its lease back at once
/// after a crash; in a shared store the name must be nobody else's, now or later.
fn instance(settings: &Settings) -> Result<String> {
    match settings.backends.objects {
        ObjectsBackend::Embedded => Ok("embedded".to_owned()),
        ObjectsBackend::S3 => {
            let mut random = [0; 16];
            getrandom::fill(&mut random).map_err(|error| anyhow!("name this trainer: {error}"))?;
            Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
        }
    }
}

async fn roles_routes(
    settings: &Settings,
    roles: &[Role],
    backends: Backends,
    context: &Context,
) -> Result<(Routes, Router)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut grpc = RoutesBuilder::default();
    let mut http = admin_routes(context);
    let missing = "a back-end was not opened for a role";
    let addresses = settings.features_address.split(',').map(str::trim).filter(|address| !address.is_empty());
    let mut features = addresses.map(Transport::connect).collect::<Result<Vec<_>, _>>()?;

    if roles.contains(&Role::Ingest) {
        let log = backends.log.clone().context(missing)?;
        let dependencies = marquee_ingest::Dependencies { log, clock: Arc::clone(&clock), scale: settings.scale };
        let ingest = marquee_ingest::Service::start(settings.ingest.clone(), dependencies, context).await?;
        grpc.add_service(ingest.server());
        http = http.merge(ingest.routes());
    }
    if roles.contains(&Role::FeatureStore) {
        let (log, store) = (backends.log.clone().context(missing)?, backends.store.clone().context(missing)?);
        let dependencies =
            marquee_feature_store::Dependencies { log, store, clock: Arc::clone(&clock), scale: settings.scale };
        let role = marquee_feature_store::Service::start(settings.feature_store.clone(), dependencies, context).await?;
        grpc.add_service(role.server());
        grpc.add_service(role.history());
        grpc.add_service(role.feast());
        if features.is_empty() {
            features.push(Transport::in_process(role.server()));
        }
    }
    if roles.contains(&Role::Trainer) {
        let dependencies = marquee_trainer::Dependencies {
            log: backends.log.clone().context(missing)?,
            objects: backends.objects.clone().context(missing)?,
            clock: Arc::clone(&clock),
            scale: settings.scale,
            signing_key: backends.signing_key.clone(),
            runtime: backends.runtime.clone().context(missing)?,
            instance: instance(settings)?,
        };
        let trainer = marquee_trainer::Service::start(settings.trainer.clone(), dependencies, context).await?;
        grpc.add_service(trainer.server());
    }
    if roles.contains(&Role::Inference) {
        ensure!(!features.is_empty(), "inference needs a feature store: set features_address to one");
        let dependencies = marquee_inference::Dependencies {
            objects: backends.objects.clone().context(missing)?,
            features,
            runtime: backends.runtime.clone().context(missing)?,
            verifying_key: backends.verifying_key.clone(),
        };
        let inference = marquee_inference::Service::start(settings.inference.clone(), dependencies, context).await?;
        grpc.add_service(inference.predictions());
        grpc.add_service(inference.models());
        grpc.add_service(inference.routing());
        http = http.merge(inference.http());
    }

    let (health, report) = context.health.grpc(context.stop.clone());
    context.tasks.spawn("health", async move {
        report.await;
        Ok::<_, std::convert::Infallible>(())
    });
    grpc.add_service(health);
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(marquee_proto::DESCRIPTORS)
        .build_v1()
        .context("read the descriptors for reflection")?;
    grpc.add_service(reflection);
    Ok((grpc.routes(), http))
}
