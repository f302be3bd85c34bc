//! Starts the role and offers its gRPC and HTTP endpoints.

use std::sync::Arc;

use marquee_kit::Context;
use thiserror::Error;

use crate::api;
use crate::intake::{Dependencies, Intake};
use crate::settings::Settings;

/// Why the role could not start.
#[derive(Debug, Error)]
pub enum Error {
    /// The movie catalog could not be read from the log.
    #[error("read the movie catalog")]
    Catalog(#[source] marquee_ports::Error),
}

/// The ingest role. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service(Arc<Intake>);

impl Service {
    /// Reads the movie catalog; the role is ready afterwards.
    ///
    /// # Errors
    /// The catalog cannot be read from the log.
    pub async fn start(settings: Settings, dependencies: Dependencies, context: &Context) -> Result<Self, Error> {
        let check = context.health.check("marquee.ratings.v1.Ratings");
        let intake = Intake::new(settings, dependencies, &context.metrics, context.compute.clone());
        intake.read_catalog().await.map_err(Error::Catalog)?;
        check.ready();
        Ok(Self(Arc::new(intake)))
    }

    /// Returns the gRPC server.
    pub fn server(&self) -> api::grpc::Server {
        api::grpc::server(Arc::clone(&self.0))
    }

    /// Returns the same API over HTTP, as JSON.
    pub fn routes(&self) -> axum::Router {
        api::http::routes(Arc::clone(&self.0))
    }
}
