//! Ingest as a line in the table of roles.

use async_trait::async_trait;
use marquee_kit::Context;
use marquee_role::{Cause, Endpoints, Granted, Needs, Role};

use crate::{Dependencies, Service, Settings};

/// The ingest role.
#[derive(Debug)]
pub struct Ingest;

#[async_trait]
impl Role for Ingest {
    const NAME: &'static str = "ingest";
    const SECTION: &'static str = "ingest";
    const HEALTH: &'static str = "marquee.ratings.v1.Ratings";
    const ABOUT: &'static str = "Run only the ingest role";

    type Settings = Settings;

    fn needs(_: &Settings) -> Needs {
        Needs { log: true, ..Needs::default() }
    }

    async fn start(settings: Settings, granted: Granted, context: &Context) -> Result<Endpoints, Cause> {
        let dependencies = Dependencies { log: granted.log()?, clock: granted.clock(), scale: granted.scale() };
        let service = Service::start(settings, dependencies, context).await?;
        Ok(Endpoints::default().grpc(service.server()).http(service.routes()))
    }
}
