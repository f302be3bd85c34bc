//! `marquee-operator run`: a client of the API server, leader election, the controller, and the
//! pages for platforms.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, Config};
use marquee_kit::{
    Closing, Context, Served, Server, ServerSettings, Services, Stop, admin_routes, bind, serve, signals, telemetry,
};

use crate::controller::{Controller, Scope};
use crate::leader::{Elector, Times};
use crate::metrics::OperatorMetrics;
use crate::settings::RunArgs;

/// The longest time that reconciliations in flight and the listener may take to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest time that the whole shutdown may take.
const LONGEST: Duration = Duration::from_secs(10);

/// How long a connection to the API server may take to open.
const CONNECT: Duration = Duration::from_secs(5);

/// Runs the operator until a signal ends it.
///
/// # Errors
/// The arguments do not fit, the API server cannot be found, or a task failed.
pub(crate) async fn run(args: &RunArgs) -> Result<()> {
    let guard = telemetry::start(&args.telemetry.settings(), "marquee-operator")?;
    let ended = operate(args).await;
    // Sending the last spans may block.
    let _ = tokio::task::spawn_blocking(|| guard.shutdown()).await;
    ended
}

async fn operate(args: &RunArgs) -> Result<()> {
    let context = Context::default();
    let told = signals::watch(LONGEST).context("watch for signals")?;
    let mut config = Config::infer().await.context("find the API server: no kubeconfig, and not inside a cluster")?;
    config.connect_timeout = Some(CONNECT);
    let home = config.default_namespace.clone();
    let client = Client::try_from(config).context("make a client of the API server")?;
    let address = listen(args.listen, &context).await?;
    if let Some(file) = &args.address_file {
        write(file, address)?;
    }
    let scope = Scope::new(args.all_namespaces, args.namespace.clone().unwrap_or_else(|| home.clone()));
    tracing::info!(%scope, http = %address, "operator started");
    let metrics = OperatorMetrics::new(&context.metrics);
    let identity = args.election.identity.clone().unwrap_or_else(own_name);
    let lease_namespace = args.election.lease_namespace.clone().or_else(|| args.namespace.clone()).unwrap_or(home);
    let leases: Api<Lease> = Api::namespaced(client.clone(), &lease_namespace);
    let check = context.health.check("operator");
    let times = Times::of(args.election.lease_duration);
    let elector = Elector::new(leases, (&args.election.lease, &identity), times, check);
    let controller = Controller::new(client, scope, args, (metrics.clone(), identity))?;
    let stop = context.stop.clone();
    context.tasks.spawn("operator", async move {
        lead(elector, controller, metrics, stop).await;
        Ok::<_, Infallible>(())
    });
    let failed = tokio::select! {
        () = told.cancelled() => Ok(()),
        error = context.tasks.failed() => Err(anyhow!(error)),
    };
    told.cancel();
    context.health.drain();
    context.stop.cancel();
    context.tasks.join(PATIENCE * 2).await;
    tracing::info!("operator stopped");
    failed
}

/// Reconciles while this operator leads, and waits for the lease otherwise.
async fn lead(mut elector: Elector, controller: Arc<Controller>, metrics: OperatorMetrics, stop: Stop) {
    loop {
        tokio::select! {
            () = elector.acquire() => {}
            () = stop.cancelled() => return,
        }
        metrics.leads(true);
        let led = stop.child_token();
        let mut work = Box::pin(Arc::clone(&controller).run(led.clone()));
        let is_lost = tokio::select! {
            () = elector.hold(&stop) => true,
            () = &mut work => false,
        };
        metrics.leads(false);
        led.cancel();
        if is_lost {
            // What is still reconciled after this time is dropped.
            let _ = tokio::time::timeout(PATIENCE, work).await;
        } else if !stop.is_cancelled() {
            tracing::error!("the controller ended by itself");
        }
        elector.release().await;
        if stop.is_cancelled() {
            return;
        }
    }
}

/// Serves the pages for platforms, and returns their address.
async fn listen(address: SocketAddr, context: &Context) -> Result<SocketAddr> {
    let listener = bind(address).await?;
    let address = listener.local_addr()?;
    let services = Services { descriptors: &[], reads: &[], writes: &[], collections: &[] };
    let server = Server::new(ServerSettings::default(), services, context.compute.clone())?;
    let served = Served::http(admin_routes(context), &server, &context.metrics);
    let closing = Closing { stop: context.stop.clone(), drain: PATIENCE / 2 };
    context.tasks.spawn("http", serve(listener, served, server, closing));
    Ok(address)
}

fn write(file: &Path, address: SocketAddr) -> Result<()> {
    // A reader sees the whole address or nothing.
    let part = file.with_extension("part");
    std::fs::write(&part, format!("http://{address}"))
        .and_then(|()| std::fs::rename(&part, file))
        .with_context(|| format!("write {}", file.display()))
}

/// The name of this process among those that share a Lease: the host and the process id.
fn own_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{}", host.trim(), std::process::id())
}
