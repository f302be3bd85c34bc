//! A fleet of several processes over one object store: a core with every role, and inference
//! instances beside it that read the same models and the same routes.
//!
//! The log and the features are on the disk of the core. The other processes ask it for features.

#[path = "shared/view.rs"]
mod view;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use marquee::Settings;
use marquee_domain::{ModelName, Version};
use marquee_e2e::servers::{S3, or_skip};
use marquee_e2e::{Launch, Process, World};
use marquee_model::{MANIFEST, Manifest, ModelStore, Package, SIGNATURE, SigningKey};
use marquee_objects::S3Objects;
use marquee_ports::{ObjectKey, ObjectStore, Precondition};
use marquee_proto::training::v1::Algorithm;

pub(crate) use view::{View, route, view};

use crate::spine::teach;

/// The product's own `main`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_marquee-under-test");

/// The model of the fleet.
pub(crate) const MODEL: &str = "ratings";

/// A fleet of several processes.
pub(crate) struct Shared {
    /// Every role in one process.
    pub(crate) core: Process,
    /// Inference in processes of its own.
    pub(crate) instances: [Process; 2],
    /// What all processes share.
    pub(crate) store: Store,
}

/// The object store of a fleet, and the key that packages are signed with.
pub(crate) struct Store {
    pub(crate) objects: Arc<dyn ObjectStore>,
    key: SigningKey,
    s3: S3,
    folder: tempfile::TempDir,
}

impl Shared {
    /// Starts a fleet that has learned a world, with version 1 for all users. Returns `None` if the
    /// object store is not on this machine.
    pub(crate) async fn start(world: &World) -> Result<Option<Self>> {
        let Some(s3) = or_skip(S3::start().await)? else { return Ok(None) };
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("core.toml");
        std::fs::write(&config, "")?;
        let mut core = launch(&s3, folder.path(), "core").config(&config).start().await?;
        teach(&core.clients()?, world, Algorithm::Bias).await?;
        let instance = |name| {
            let launch = launch(&s3, folder.path(), name).role("inference");
            let launch = launch.set(format!("features_address={:?}", core.addresses().grpc));
            launch.set(format!("verifying_key={:?}", folder.path().join("core/keys/verifying.pem"))).start()
        };
        let (one, two) = tokio::try_join!(instance("inference-1"), instance("inference-2"))?;
        let all = [&core, &one, &two].map(|process| process.addresses().grpc.clone()).join(",");
        // The addresses are known now, so the core can ask all instances.
        std::fs::write(&config, format!("inference_address = {all:?}\n"))?;
        core.terminate().await?;
        core.restart().await?;
        let key = SigningKey::from_pem(&std::fs::read_to_string(folder.path().join("core/keys/signing.pem"))?)?;
        let settings = {
            let mut settings = Settings::default();
            s3.lead(&mut settings);
            settings.s3
        };
        let objects = Arc::new(S3Objects::connect(&settings).await?);
        Ok(Some(Self { core, instances: [one, two], store: Store { objects, key, s3, folder } }))
    }

    /// Starts a process that drives rollouts, beside the core, which does the same.
    pub(crate) async fn controller(&self) -> Result<Process> {
        let [one, two] = &self.instances;
        let all = [&self.core, one, two].map(|process| process.addresses().grpc.clone()).join(",");
        let launch = launch(&self.store.s3, self.store.folder.path(), "rollouts").role("rollouts");
        let launch = launch.set(format!("inference_address={all:?}"));
        launch.set(format!("monitor_address={:?}", self.core.addresses().grpc)).start().await
    }

    /// Publishes a version; see [`Store::publish`].
    pub(crate) async fn publish(&self, change: impl Fn(&mut BTreeMap<String, Bytes>)) -> Result<u64> {
        self.store.publish(change).await
    }
}

impl Store {
    /// Publishes a copy of version 1 under the next number, after a change of its files. The copy
    /// is signed as the trainer signs.
    pub(crate) async fn publish(&self, change: impl Fn(&mut BTreeMap<String, Bytes>)) -> Result<u64> {
        let (store, model) = (ModelStore::new(Arc::clone(&self.objects)), ModelName::try_new(MODEL)?);
        let mut files = store.fetch(&model, Version(1)).await?.context("version 1 is not stored")?;
        let manifest = Manifest::parse(&files[MANIFEST])?;
        files.retain(|name, _| name != MANIFEST && name != SIGNATURE);
        change(&mut files);
        let build = |version| {
            let manifest = Manifest { version, ..manifest.clone() };
            Ok::<_, Infallible>(Package::build(manifest, files.clone(), Some(&self.key)).into_files())
        };
        let Ok(version) = store.publish(&model, build).await?;
        Ok(version.0)
    }

    /// Publishes a version whose encoder is no graph: it verifies, and no instance can load it.
    pub(crate) async fn publish_unloadable(&self) -> Result<u64> {
        self.publish(|files| drop(files.insert("encoder.onnx".to_owned(), Bytes::from_static(b"no graph")))).await
    }

    /// Publishes a version and then changes a file of it: it does not verify.
    pub(crate) async fn publish_altered(&self) -> Result<u64> {
        let version = self.publish(|_| {}).await?;
        let key = ObjectKey::try_new(&format!("models/{MODEL}/{version}/scorer.onnx"))?;
        let object = self.objects.get(&key).await?.context("a version without a scorer")?;
        let mut bytes = object.bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        self.objects.put(&key, bytes.into(), Precondition::None).await?;
        Ok(version)
    }
}

/// A process that reads the object store often.
fn launch(s3: &S3, folder: &Path, name: &str) -> Launch {
    let launch = Launch::new(PROGRAM, &folder.join(name)).variables(s3.variables());
    let settings = [
        "telemetry.log=\"error,marquee_inference=off\"",
        "inference.refresh=50ms",
        "inference.keep=1",
        "rollouts.interval=100ms",
        "rollouts.deadline=1s",
        "rollouts.lease=1s",
    ];
    settings.into_iter().fold(launch, Launch::set)
}
