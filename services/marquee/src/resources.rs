//! Opens the back-ends and the other resources that the roles of a process need.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use marquee_domain::SystemClock;
use marquee_embedded::{EmbeddedLog, EmbeddedObjects, EmbeddedStore};
use marquee_kafka::KafkaLog;
use marquee_kit::settings::{Invalid, redact};
use marquee_kit::{ClientSettings, ConnectError, Context, Transport, chain};
use marquee_objects::S3Objects;
use marquee_onnx::Runtime;
use marquee_ports::NoTracker;
use marquee_redis::RedisStore;
use marquee_role::{Needs, Resources};

use crate::backends::{LogBackend, ObjectsBackend, StoreBackend};
use crate::keys::{self, not_empty};
use crate::late::LateLog;
use crate::settings::{Settings, addresses, archive_interval};
use crate::{storage, tracking};

/// The folder of the embedded object store in the data folder.
pub(crate) const OBJECTS_FOLDER: &str = "models";

/// Opens what the roles of a process need, and nothing else. `hold` gets what is open, also before
/// the rest is: a start that is interrupted while a server does not answer drops this future, and
/// embedded back-ends must not close on its thread.
pub(crate) async fn open(
    settings: &Settings,
    needs: &Needs,
    context: &Context,
    hold: impl Fn(&Resources),
) -> Result<Resources> {
    let listed = |is_needed: bool, key: &str, list: &str| match is_needed {
        true => transports(key, list, &settings.client),
        false => Ok(Vec::new()),
    };
    let features = listed(needs.features, "features_address", &settings.features_address)?;
    let inference = listed(needs.inference, "inference_address", &settings.inference_address)?;
    let monitor = listed(needs.monitor, "monitor_address", &settings.monitor_address)?;
    let mut resources = Resources {
        clock: Arc::new(SystemClock),
        scale: settings.scale,
        instance: instance(settings)?,
        data_dir: settings.data_dir.clone(),
        log: None,
        store: None,
        monitor_store: None,
        objects: None,
        onnx: None,
        signing_key: None,
        verifying_key: None,
        features,
        inference,
        monitor,
        tracker: Arc::new(NoTracker),
    };
    resources = {
        let (settings, needs, context) = (settings.clone(), needs.clone(), context.clone());
        tokio::task::spawn_blocking(move || open_local(&settings, &needs, (resources, &context))).await??
    };
    hold(&resources);
    connect(settings, needs, &mut resources, &hold).await?;
    if needs.tracker
        && let Some(objects) = &resources.objects
    {
        resources.tracker = tracking::start(&settings.tracking, objects, context)?;
    }
    Ok(resources)
}

/// Returns transports to the addresses of a setting. They connect at the first call.
fn transports(key: &str, list: &str, client: &ClientSettings) -> Result<Vec<Transport>, Invalid> {
    let invalid = |error: ConnectError| {
        let key = if matches!(error, ConnectError::Address { .. }) { key } else { "client" };
        Invalid::new(key, redact(&chain(&error)))
    };
    addresses(list).map(|address| Transport::connect_with(address, client).map_err(invalid)).collect()
}

/// Opens what is on this machine.
fn open_local(
    settings: &Settings,
    needs: &Needs,
    (mut resources, context): (Resources, &Context),
) -> Result<Resources> {
    let folder = &settings.data_dir;
    // What people rated is nobody else's business on a machine with several users.
    marquee_embedded::create_private_files();
    if needs.log && settings.backends.log == LogBackend::Embedded {
        let log = EmbeddedLog::open(&folder.join("log"), &settings.log)?;
        storage::report(context, storage::LOG, log.trouble());
        resources.log = Some(Arc::new(log));
    }
    if needs.store && settings.backends.store == StoreBackend::Embedded {
        let store = EmbeddedStore::open(&folder.join("store"))?;
        storage::report(context, storage::STORE, store.trouble());
        resources.store = Some(Arc::new(store));
    }
    if needs.monitor_store && settings.backends.store == StoreBackend::Embedded {
        let store = EmbeddedStore::open(&folder.join("monitor"))?;
        storage::report(context, storage::MONITOR, store.trouble());
        resources.monitor_store = Some(Arc::new(store));
    }
    // A role that runs alone has no use for an embedded store, which no other process writes. An
    // isolated one may run on a copy of a data folder.
    let is_wanted = needs.objects || needs.optional_objects && settings.backends.isolated;
    if is_wanted && settings.backends.objects == ObjectsBackend::Embedded {
        resources.objects = Some(Arc::new(EmbeddedObjects::open(&folder.join(OBJECTS_FOLDER))?));
    }
    if needs.onnx {
        resources.onnx = Some(Runtime::load(not_empty(&settings.onnxruntime))?);
    }
    let keys = keys::read(&settings.data_dir, &settings.verifying_key, needs)?;
    (resources.signing_key, resources.verifying_key) = (keys.signing, keys.verifying);
    Ok(resources)
}

/// Connects to what is on other machines.
async fn connect(
    settings: &Settings,
    needs: &Needs,
    resources: &mut Resources,
    hold: &impl Fn(&Resources),
) -> Result<()> {
    if (needs.log || needs.optional_log) && settings.backends.log == LogBackend::Kafka {
        let interval = archive_interval(settings);
        resources.log = Some(match needs.log {
            true => Arc::new(KafkaLog::connect_archived(&settings.kafka, interval).await?),
            false => Arc::new(LateLog::new(settings.kafka.clone(), interval)),
        });
        hold(resources);
    }
    if needs.store && settings.backends.store == StoreBackend::Redis {
        resources.store = Some(Arc::new(RedisStore::connect(&settings.redis).await?));
        hold(resources);
    }
    if needs.monitor_store && settings.backends.store == StoreBackend::Redis {
        let mut redis = settings.redis.clone();
        redis.prefix.push_str("monitor:");
        resources.monitor_store = Some(Arc::new(RedisStore::connect(&redis).await?));
        hold(resources);
    }
    if (needs.objects || needs.optional_objects) && settings.backends.objects == ObjectsBackend::S3 {
        resources.objects = Some(Arc::new(S3Objects::connect(&settings.s3).await?));
        hold(resources);
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
