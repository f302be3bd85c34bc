//! The trainer as a line in the table of roles.

use async_trait::async_trait;
use marquee_kit::Context;
use marquee_role::{Cause, Endpoints, Granted, Needs, Role};

use crate::{Dependencies, Service, Settings};

/// The trainer role.
#[derive(Debug)]
pub struct Trainer;

#[async_trait]
impl Role for Trainer {
    const NAME: &'static str = "trainer";
    const SECTION: &'static str = "trainer";
    const HEALTH: &'static str = "marquee.training.v1.Trainer";
    const ABOUT: &'static str = "Run only the trainer";
    const IS_LOW_PRIORITY: bool = true;

    type Settings = Settings;

    fn needs(settings: &Settings) -> Needs {
        let sign = Some(settings.signing_key.clone());
        Needs { log: true, objects: true, onnx: true, sign, tracker: true, ..Needs::default() }
    }

    async fn start(settings: Settings, granted: Granted, context: &Context) -> Result<Endpoints, Cause> {
        let dependencies = Dependencies {
            log: granted.log()?,
            objects: granted.objects()?,
            clock: granted.clock(),
            scale: granted.scale(),
            signing_key: Some(granted.signing_key()?),
            runtime: granted.onnx()?,
            instance: granted.instance(),
            tracker: granted.tracker(),
        };
        let service = Service::start(settings, dependencies, context).await?;
        Ok(Endpoints::default().grpc(service.server()))
    }
}
