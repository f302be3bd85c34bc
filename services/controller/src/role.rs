//! The controller of rollouts as a line in the table of roles.

use async_trait::async_trait;
use marquee_kit::Context;
use marquee_role::{Cause, Endpoints, Granted, Needs, Role};

use crate::{Dependencies, Service, Settings};

/// The role rollouts.
#[derive(Debug)]
pub struct Controller;

#[async_trait]
impl Role for Controller {
    const NAME: &'static str = "rollouts";
    const SECTION: &'static str = "rollouts";
    const HEALTH: &'static str = "marquee.rollout.v1.Rollouts";
    const ABOUT: &'static str = "Run only the controller of rollouts";

    type Settings = Settings;

    fn needs(_: &Settings) -> Needs {
        Needs { objects: true, inference: true, monitor: true, ..Needs::default() }
    }

    async fn start(settings: Settings, granted: Granted, context: &Context) -> Result<Endpoints, Cause> {
        let dependencies = Dependencies {
            objects: granted.objects()?,
            clock: granted.clock(),
            inference: granted.inference()?,
            monitors: granted.monitor()?,
            instance: granted.instance(),
            state_dir: granted.state_dir(),
        };
        let service = Service::start(settings, dependencies, context);
        Ok(Endpoints::default().grpc(service.server()).http(service.http()))
    }
}
