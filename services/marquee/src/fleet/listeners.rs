//! The listeners of a process, and the services that every process has.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use axum::Router;
use marquee_kit::{Closing, Compute, Served, Server, ServerSettings, Services, bind, serve};
use tokio::net::TcpListener;
use tonic::service::{Routes, RoutesBuilder};
use tonic_reflection::server::Builder;

use super::lifecycle::Lifecycle;
use crate::settings::Settings;

/// The first words of the methods that only read, of this project, of Feast, and of the services
/// that every process has. All others write or administer.
const READS: [&str; 16] = [
    "Get",
    "List",
    "Watch",
    "Predict",
    "Recommend",
    "Explain",
    "Evaluate",
    "Join",
    "Backfill",
    "Check",
    "ServerReflectionInfo",
    // Of the Open Inference Protocol: `ServerReady`, `ModelInfer` and so on, over gRPC and HTTP.
    "Server",
    "Model",
    "RepositoryIndex",
    "infer",
    "index",
];

/// The services that every process has, besides those of its roles.
const STANDARD: [&str; 3] =
    ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// The first words of the methods that write data. Methods that neither read nor write data
/// administer: they set routes, load models and train.
const WRITES: [&str; 4] = ["Submit", "Stream", "Upsert", "Remove"];

/// The collections of the HTTP API in which clients write data.
const COLLECTIONS: [&str; 3] = ["ratings", "movies", "users"];

/// The addresses of the listeners.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub(super) grpc: SocketAddr,
    pub(super) http: SocketAddr,
    pub(super) admin: Option<SocketAddr>,
}

/// The open listeners of a process that does not serve yet.
#[derive(Debug)]
pub(super) struct Listeners {
    grpc: TcpListener,
    http: TcpListener,
    admin: Option<TcpListener>,
    pub(super) bound: Bound,
}

impl Listeners {
    /// Opens all listeners.
    pub(super) async fn bind(settings: &Settings) -> Result<Self> {
        let (grpc, http) = (bind(settings.grpc_listen).await?, bind(settings.http_listen).await?);
        let admin = match settings.admin_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let admin_address = admin.as_ref().map(TcpListener::local_addr).transpose()?;
        let bound = Bound { grpc: grpc.local_addr()?, http: http.local_addr()?, admin: admin_address };
        Ok(Self { grpc, http, admin, bound })
    }

    /// Serves until the lifecycle closes the listeners.
    pub(super) fn serve(self, (grpc, http): (Routes, Router), server: Server, lifecycle: &Lifecycle) {
        let metrics = &lifecycle.context().metrics;
        let (grpc, http) = (Served::grpc(grpc, &server, metrics), Served::http(http, &server, metrics));
        let (public, admin) = match self.admin {
            None => (server, None),
            Some(listener) => {
                let (public, admin) = server.with_admin_listener();
                (public, Some((listener, admin)))
            }
        };
        let all = grpc.clone().and(http.clone());
        let public = [("grpc", self.grpc, grpc, public.clone()), ("http", self.http, http, public)];
        let admin = admin.map(|(listener, server)| ("admin", listener, all, server));
        let drain = lifecycle.request_patience();
        for (name, listener, served, server) in public.into_iter().chain(admin) {
            lifecycle.spawn_server(name, |stop| serve(listener, served, server, Closing { stop, drain }));
        }
    }
}

/// Reads what the listeners share.
pub(super) fn server(settings: &ServerSettings, compute: Compute) -> Result<Server> {
    let descriptors = marquee_proto::DESCRIPTORS;
    let services = Services { descriptors, reads: &READS, writes: &WRITES, collections: &COLLECTIONS };
    Ok(Server::new(settings.clone(), services, compute)?)
}

/// Adds the health service, and reflection over the services that this process has.
pub(super) fn with_health_and_reflection(
    mut routes: RoutesBuilder,
    services: &[&'static str],
    lifecycle: &Lifecycle,
) -> Result<Routes> {
    let context = lifecycle.context();
    // Clients that watch the health of a service do not keep a listener open that closes.
    let (health, report) = context.health.grpc(lifecycle.close());
    context.tasks.spawn("health", async move {
        report.await;
        Ok::<_, Infallible>(())
    });
    routes.add_service(health);
    // Older tools speak the older version only.
    let refused = "read the descriptors for reflection";
    routes.add_service(reflection(services).build_v1().context(refused)?);
    routes.add_service(reflection(services).build_v1alpha().context(refused)?);
    Ok(routes.routes())
}

/// Returns the descriptors of the services that this process has. Other services are not listed.
fn reflection(services: &[&'static str]) -> Builder<'static> {
    let builder = Builder::configure()
        .register_encoded_file_descriptor_set(marquee_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
        .include_reflection_service(false);
    STANDARD.iter().chain(services).fold(builder, |builder, service| builder.with_service_name(*service))
}
