//! The listeners of a process, and the services that every process has.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use axum::Router;
use marquee_kit::{Context, GrpcLimits, bind, serve_grpc, serve_http};
use tokio::net::TcpListener;
use tonic::service::{Routes, RoutesBuilder};

use super::lifecycle::Lifecycle;

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
    pub(super) fn serve(self, grpc_routes: Routes, http_routes: Router, lifecycle: &Lifecycle) {
        let Self { grpc, http, .. } = self;
        let drain = lifecycle.request_patience();
        let limits = GrpcLimits { drain, ..GrpcLimits::default() };
        let metrics = lifecycle.context().metrics.clone();
        lifecycle
            .spawn_server("grpc", |stop| async move { serve_grpc(grpc, grpc_routes, limits, &metrics, stop).await });
        let metrics = lifecycle.context().metrics.clone();
        lifecycle
            .spawn_server("http", |stop| async move { serve_http(http, http_routes, drain, &metrics, stop).await });
    }
}

/// Adds the health service, and reflection over the services that this process has.
pub(super) fn with_health_and_reflection(
    mut routes: RoutesBuilder,
    services: &[&'static str],
    context: &Context,
) -> Result<Routes> {
    let (health, report) = context.health.grpc(context.stop.clone());
    context.tasks.spawn("health", async move {
        report.await;
        Ok::<_, Infallible>(())
    });
    routes.add_service(health);
    let mut reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(marquee_proto::DESCRIPTORS)
        .with_service_name("grpc.reflection.v1.ServerReflection");
    for service in services {
        reflection = reflection.with_service_name(*service);
    }
    routes.add_service(reflection.build_v1().context("read the descriptors for reflection")?);
    Ok(routes.routes())
}
