//! The listeners of a process, and the services that every process has.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use axum::Router;
use marquee_kit::{Closing, Compute, Server, ServerSettings, Services, bind, serve_grpc, serve_http};
use tokio::net::TcpListener;
use tonic::service::{Routes, RoutesBuilder};
use tonic_reflection::server::Builder;

use super::lifecycle::Lifecycle;

/// The first words of the methods that only read, of this project, of Feast, and of the services
/// that every process has. All others write or administer.
const READS: [&str; 10] =
    ["Get", "List", "Watch", "Predict", "Recommend", "Explain", "Join", "Backfill", "Check", "ServerReflectionInfo"];

/// The services that every process has, besides those of its roles.
const STANDARD: [&str; 3] =
    ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// The open listeners of a process that does not serve yet.
#[derive(Debug)]
pub(super) struct Listeners {
    grpc: TcpListener,
    http: TcpListener,
    pub(super) grpc_address: SocketAddr,
    pub(super) http_address: SocketAddr,
}

impl Listeners {
    /// Opens both listeners.
    pub(super) async fn bind(grpc: SocketAddr, http: SocketAddr) -> Result<Self> {
        let (grpc, http) = (bind(grpc).await?, bind(http).await?);
        let (grpc_address, http_address) = (grpc.local_addr()?, http.local_addr()?);
        Ok(Self { grpc, http, grpc_address, http_address })
    }

    /// Serves until the lifecycle closes the listeners.
    pub(super) fn serve(self, (grpc_routes, http_routes): (Routes, Router), server: Server, lifecycle: &Lifecycle) {
        let Self { grpc, http, .. } = self;
        let drain = lifecycle.request_patience();
        let (metrics, shared) = (lifecycle.context().metrics.clone(), server.clone());
        lifecycle.spawn_server("grpc", |stop| async move {
            serve_grpc(grpc, grpc_routes, shared, &metrics, Closing { stop, drain }).await
        });
        let metrics = lifecycle.context().metrics.clone();
        lifecycle.spawn_server("http", |stop| async move {
            serve_http(http, http_routes, server, &metrics, Closing { stop, drain }).await
        });
    }
}

/// Reads what both listeners share.
pub(super) fn server(settings: &ServerSettings, compute: Compute) -> Result<Server> {
    let services = Services { descriptors: marquee_proto::DESCRIPTORS, reads: &READS };
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
