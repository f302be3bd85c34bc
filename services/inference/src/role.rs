//! Inference as a line in the table of roles.

use async_trait::async_trait;
use marquee_kit::Context;
use marquee_role::{Cause, Endpoints, Granted, Needs, Role};

use crate::{Dependencies, Service, Settings};

/// The inference role.
#[derive(Debug)]
pub struct Inference;

#[async_trait]
impl Role for Inference {
    const NAME: &'static str = "inference";
    const SECTION: &'static str = "inference";
    const HEALTH: &'static str = "marquee.prediction.v1.Predictions";
    const ABOUT: &'static str = "Run only inference";

    type Settings = Settings;

    fn needs(_: &Settings) -> Needs {
        Needs { objects: true, onnx: true, verify: true, features: true, ..Needs::default() }
    }

    async fn start(mut settings: Settings, granted: Granted, context: &Context) -> Result<Endpoints, Cause> {
        if settings.state_dir.as_os_str().is_empty() {
            settings.state_dir = granted.state_dir();
        }
        let dependencies = Dependencies {
            objects: granted.objects()?,
            features: granted.features()?,
            runtime: granted.onnx()?,
            verifying_key: Some(granted.verifying_key()?),
        };
        let service = Service::start(settings, dependencies, context).await?;
        Ok(Endpoints::default()
            .grpc(service.predictions())
            .grpc(service.models())
            .grpc(service.routing())
            .http(service.http()))
    }
}
