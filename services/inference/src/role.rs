//! Inference as a line in the table of roles.

use async_trait::async_trait;
use marquee_kit::{Context, Transport};
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

    fn needs(settings: &Settings) -> Needs {
        let optional_log = settings.predictions.enabled;
        Needs {
            optional_log,
            objects: true,
            onnx: true,
            verify: true,
            features: true,
            tracker: true,
            ..Needs::default()
        }
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
            log: granted.optional_log(),
            instance: granted.instance(),
            tracker: granted.tracker(),
        };
        let service = Service::start(settings, dependencies, context).await?;
        Ok(Endpoints::default()
            .inference(Transport::in_process(service.in_process()))
            .grpc(service.predictions())
            .grpc(service.evaluations())
            .grpc(service.models())
            .grpc(service.routing())
            .grpc(service.open_inference())
            .http(service.http()))
    }
}
