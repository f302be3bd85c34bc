//! The composition root: opens back-ends, starts roles over them, serves them, and shuts everything
//! down in order.
//!
//! It is the only place where roles and adapters meet. Everything is a value: two fleets run in one
//! process.

mod addresses;
mod lifecycle;
mod listeners;
mod memory;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use axum::Router;
use futures_util::FutureExt;
use marquee_kit::settings::Invalid;
use marquee_kit::{ClientSettings, Server, Transport, admin_routes};
use marquee_role::{Entry, Needs, Resources};
use tonic::service::{Routes, RoutesBuilder};

use crate::resources;
use crate::settings::{Settings, check_histories};
use lifecycle::Lifecycle;
use listeners::{Bound, Listeners};

pub use addresses::Addresses;

/// A running fleet, or some roles of it.
#[derive(Debug)]
pub struct Fleet {
    lifecycle: Lifecycle,
    in_process: Transport,
    data_dir: PathBuf,
    scheme: &'static str,
    client: ClientSettings,
    bound: Bound,
}

impl Fleet {
    /// Starts roles of a table. The listeners are opened first, so that a taken port is known
    /// before any work is done. Returns while roles may still be catching up; [`Self::ready`] waits
    /// for them.
    ///
    /// # Errors
    /// A listener, a back-end or a role cannot be started. Roles that have started are stopped.
    pub async fn start(settings: Settings, roles: &[Entry]) -> Result<Self> {
        let started = Self::start_unless(settings, roles, std::future::pending()).await?;
        started.ok_or_else(|| anyhow!("the start was interrupted"))
    }

    /// Starts roles like [`Self::start`], unless `interrupted` is ready first. Then it stops what
    /// has started and returns `None`.
    ///
    /// **Invariant:** a start that fails after it was interrupted counts as interrupted: a process
    /// that was told to stop ends well (`a_start_that_fails_as_it_is_interrupted_ends_well`).
    ///
    /// # Errors
    /// See [`Self::start`].
    pub async fn start_unless(
        settings: Settings,
        roles: &[Entry],
        interrupted: impl Future<Output = ()>,
    ) -> Result<Option<Self>> {
        let lifecycle = Lifecycle::new(settings.drain_delay, settings.shutdown);
        let mut interrupted = pin!(interrupted);
        let started = tokio::select! {
            biased;
            () = interrupted.as_mut() => Ok(None),
            started = Box::pin(start(&settings, roles, &lifecycle)) => started.map(Some),
        };
        match started {
            Ok(Some(Started { listeners, server, grpc, http })) => {
                let in_process = Transport::in_process(grpc.clone());
                let bound = listeners.bound;
                listeners.serve((grpc, http), server, &lifecycle);
                let scheme = if settings.server.tls.is_enabled() { "https" } else { "http" };
                let Settings { data_dir, client, .. } = settings;
                let admin = bound.admin.map(tracing::field::display);
                tracing::info!(grpc = %bound.grpc, http = %bound.http, admin, data_dir = %data_dir.display(), "listening");
                Ok(Some(Self { lifecycle, in_process, data_dir, scheme, client, bound }))
            }
            Ok(None) => {
                lifecycle.stop_tasks().await;
                Ok(None)
            }
            Err(error) => {
                lifecycle.stop_tasks().await;
                // The signal may have come first: the thread that watches for it tells later.
                match interrupted.now_or_never() {
                    Some(()) => {
                        tracing::warn!(error = format!("{error:#}"), "the start failed while it was told to stop");
                        Ok(None)
                    }
                    None => Err(error),
                }
            }
        }
    }

    /// Returns the time after which a process that was told to stop is ended by force.
    /// [`Self::shutdown`] with these settings takes less.
    pub(crate) fn longest_shutdown(settings: &Settings) -> Duration {
        Lifecycle::longest_shutdown(settings.drain_delay, settings.shutdown)
    }

    /// Returns the address of the gRPC listener.
    pub fn grpc_address(&self) -> SocketAddr {
        self.bound.grpc
    }

    /// Returns the address of the HTTP listener.
    pub fn http_address(&self) -> SocketAddr {
        self.bound.http
    }

    /// Returns the address of the admin listener, if there is one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.bound.admin
    }

    /// Writes the addresses of this fleet into the data folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn announce(&self) -> Result<()> {
        Addresses::of_this_process(self.scheme, self.bound).write(&self.data_dir)
    }

    /// Returns a client transport to this fleet over loopback.
    ///
    /// # Errors
    /// A file of the settings `client` cannot be used.
    pub fn transport(&self) -> Result<Transport> {
        Ok(Transport::connect_with(&format!("{}://{}", self.scheme, self.bound.grpc), &self.client)?)
    }

    /// Returns a client transport straight into this fleet's services, without a network.
    pub fn in_process(&self) -> Transport {
        self.in_process.clone()
    }

    /// Waits until every role can serve.
    ///
    /// # Errors
    /// A task of a role or a listener has failed.
    pub async fn ready(&self) -> Result<()> {
        tokio::select! {
            () = self.lifecycle.context().health.ready() => Ok(()),
            error = self.failed() => Err(error),
        }
    }

    /// Waits until a task has failed, and returns its error.
    pub async fn failed(&self) -> anyhow::Error {
        anyhow!(self.lifecycle.failed().await)
    }

    /// Shuts everything down: reports not ready, waits for `drain_delay`, closes the listeners,
    /// lets the requests in flight end, then the background work, then closes the back-ends.
    pub async fn shutdown(self) {
        let Self { lifecycle, in_process, .. } = self;
        // It holds roles, and these the back-ends, which the lifecycle closes at the end.
        drop(in_process);
        lifecycle.shutdown().await;
    }
}

/// What has started and does not serve yet.
struct Started {
    listeners: Listeners,
    server: Server,
    grpc: Routes,
    http: Router,
}

/// Opens the listeners and the back-ends, and starts the roles over them.
async fn start(settings: &Settings, roles: &[Entry], lifecycle: &Lifecycle) -> Result<Started> {
    check_histories(settings, roles)?;
    let listeners = Listeners::bind(settings).await?;
    let server = listeners::server(&settings.server, lifecycle.context().compute.clone())?;
    memory::report(settings, roles);
    let hold = |resources: &Resources| lifecycle.hold(resources.clone());
    let resources = resources::open(settings, &needs(settings, roles), lifecycle.context(), hold).await?;
    let (grpc, http) = start_roles(settings, roles, resources, lifecycle).await?;
    Ok(Started { listeners, server, grpc, http })
}

/// Returns what must be opened for some roles.
pub(crate) fn needs(settings: &Settings, roles: &[Entry]) -> Needs {
    roles.iter().map(|role| role.needs(&settings.roles)).fold(Needs::default(), Needs::union)
}

/// Starts roles, and returns the routes of the process for gRPC and HTTP.
async fn start_roles(
    settings: &Settings,
    roles: &[Entry],
    mut resources: Resources,
    lifecycle: &Lifecycle,
) -> Result<(Routes, Router)> {
    let context = lifecycle.context();
    let low_priority = lifecycle.low_priority(roles).context("start threads of a low priority")?;
    let (mut grpc, mut http, mut services) = (RoutesBuilder::default(), admin_routes(context), Vec::new());
    for role in roles {
        check_addresses(role, &role.needs(&settings.roles), &resources)?;
        let endpoints = match &low_priority {
            Some(low) if role.is_low_priority => {
                low.runtime.within(role.start(&settings.roles, &resources, &low.context)).await?
            }
            _ => role.start(&settings.roles, &resources, context).await?,
        };
        let offers = [
            (&mut resources.features, endpoints.offered_features()),
            (&mut resources.inference, endpoints.offered_inference()),
            (&mut resources.monitor, endpoints.offered_monitor()),
        ];
        for (known, offered) in offers.into_iter().filter(|(known, _)| known.is_empty()) {
            known.extend(offered);
        }
        services.extend(endpoints.add_to(&mut grpc, &mut http));
    }
    Ok((listeners::with_health_and_reflection(grpc, &services, lifecycle)?, http))
}

/// Checks that the services which a role calls are in this process or have an address.
fn check_addresses(role: &Entry, needs: &Needs, resources: &Resources) -> Result<(), Invalid> {
    let called = [
        ("features_address", needs.features && resources.features.is_empty(), "feature store"),
        ("inference_address", needs.inference && resources.inference.is_empty(), "inference instance"),
        ("monitor_address", needs.monitor && resources.monitor.is_empty(), "monitor"),
    ];
    let Some((key, _, what)) = called.into_iter().find(|(_, is_missing, _)| *is_missing) else { return Ok(()) };
    let message =
        format!("is empty, and role {} has no {what} in this process; set {key} to the address of one", role.name);
    Err(Invalid::new(key, message))
}

#[cfg(test)]
mod tests;
