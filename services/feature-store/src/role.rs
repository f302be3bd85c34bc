//! The feature store as an entry in the table of roles.

use async_trait::async_trait;
use marquee_kit::{Context, Transport};
use marquee_role::{Cause, Endpoints, Granted, Needs, Role};

use crate::service::{Dependencies, HEALTH, Service};
use crate::settings::Settings;

/// The feature-store role.
#[derive(Debug)]
pub struct FeatureStore;

#[async_trait]
impl Role for FeatureStore {
    const NAME: &'static str = "feature-store";
    const SECTION: &'static str = "feature_store";
    const HEALTH: &'static str = HEALTH;
    const ABOUT: &'static str = "Run only the feature store";

    type Settings = Settings;

    fn needs(_: &Settings) -> Needs {
        Needs { log: true, store: true, optional_objects: true, ..Needs::default() }
    }

    async fn start(settings: Settings, granted: Granted, context: &Context) -> Result<Endpoints, Cause> {
        let dependencies = Dependencies {
            log: granted.log()?,
            store: granted.store()?,
            objects: granted.optional_objects(),
            clock: granted.clock(),
            scale: granted.scale(),
        };
        let service = Service::start(settings, dependencies, context).await?;
        Ok(Endpoints::default()
            .features(Transport::in_process(service.features().into_server()))
            .grpc(service.features().into_server())
            .grpc(service.history().into_server())
            .grpc(service.feast().into_server()))
    }
}
