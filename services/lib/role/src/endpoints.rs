//! What a role serves.

use std::convert::Infallible;
use std::fmt;

use axum::Router;
use axum::response::IntoResponse;
use marquee_kit::Transport;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::RoutesBuilder;
use tower::Service;

type AddService = Box<dyn FnOnce(&mut RoutesBuilder) + Send>;

/// The services of a role. The default is empty, for roles that only work in the background.
#[derive(Default)]
pub struct Endpoints {
    names: Vec<&'static str>,
    grpc: Vec<AddService>,
    http: Router,
    features: Option<Transport>,
    inference: Option<Transport>,
    monitor: Option<Transport>,
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints").field("grpc", &self.names).finish_non_exhaustive()
    }
}

impl Endpoints {
    /// Adds a gRPC service.
    #[must_use]
    pub fn grpc<S>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Error = Infallible> + NamedService + Clone + Send + Sync + 'static,
        S::Response: IntoResponse,
        S::Future: Send + 'static,
    {
        self.names.push(S::NAME);
        self.grpc.push(Box::new(move |routes| {
            routes.add_service(service);
        }));
        self
    }

    /// Adds HTTP routes.
    #[must_use]
    pub fn http(mut self, routes: Router) -> Self {
        self.http = self.http.merge(routes);
        self
    }

    /// Offers features to the roles of this process, without a network.
    #[must_use]
    pub fn features(mut self, transport: Transport) -> Self {
        self.features = Some(transport);
        self
    }

    /// Returns the transport that [`Self::features`] offers.
    pub fn offered_features(&self) -> Option<Transport> {
        self.features.clone()
    }

    /// Offers inference to the roles of this process, without a network.
    #[must_use]
    pub fn inference(mut self, transport: Transport) -> Self {
        self.inference = Some(transport);
        self
    }

    /// Returns the transport that [`Self::inference`] offers.
    pub fn offered_inference(&self) -> Option<Transport> {
        self.inference.clone()
    }

    /// Offers the monitor to the roles of this process, without a network.
    #[must_use]
    pub fn monitor(mut self, transport: Transport) -> Self {
        self.monitor = Some(transport);
        self
    }

    /// Returns the transport that [`Self::monitor`] offers.
    pub fn offered_monitor(&self) -> Option<Transport> {
        self.monitor.clone()
    }

    /// Adds everything to the routes of a process. Returns the names of the gRPC services.
    pub fn add_to(self, grpc: &mut RoutesBuilder, http: &mut Router) -> Vec<&'static str> {
        for add in self.grpc {
            add(grpc);
        }
        *http = std::mem::take(http).merge(self.http);
        self.names
    }
}
