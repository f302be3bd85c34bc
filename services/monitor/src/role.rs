//! The monitor as an entry in the table of roles.

use std::sync::Arc;

use async_trait::async_trait;
use marquee_kit::{Context, Transport};
use marquee_role::{Cause, Endpoints, Granted, Needs, Role};

use crate::api::{InferenceClient, decode_shown, routes};
use crate::service::{Dependencies, HEALTH, start};
use crate::settings::Settings;

/// The monitor role.
#[derive(Debug)]
pub struct Monitor;

#[async_trait]
impl Role for Monitor {
    const NAME: &'static str = "monitor";
    const SECTION: &'static str = "monitor";
    const HEALTH: &'static str = HEALTH;
    const ABOUT: &'static str = "Run only the monitor";
    const IS_LOW_PRIORITY: bool = true;

    type Settings = Settings;

    fn needs(_: &Settings) -> Needs {
        Needs { log: true, monitor_store: true, optional_objects: true, inference: true, ..Needs::default() }
    }

    async fn start(settings: Settings, granted: Granted, context: &Context) -> Result<Endpoints, Cause> {
        let dependencies = Dependencies {
            log: granted.log()?,
            store: granted.monitor_store()?,
            objects: granted.optional_objects(),
            inference: Arc::new(InferenceClient::new(granted.inference()?, settings.deadline)),
            decode_shown,
            clock: granted.clock(),
            scale: granted.scale(),
        };
        let handler = start(settings, dependencies, context).await?;
        Ok(Endpoints::default()
            .monitor(Transport::in_process(handler.clone().into_server()))
            .grpc(handler.clone().into_server())
            .http(routes(handler)))
    }
}
