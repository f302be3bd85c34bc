//! Runs the fleet in a child process, which ends with the demonstration at the latest.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use marquee_kit::settings::Layers;
use tokio::process::{Child, Command};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::fleet::Addresses;
use marquee_cli::Client;

/// The longest time for a start or a stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// The time between two looks at a start.
const LOOK: Duration = Duration::from_millis(5);

/// A fleet in a child process.
#[derive(Debug)]
pub(crate) struct Process {
    folder: PathBuf,
    layers: Layers,
    child: Child,
    addresses: Addresses,
}

impl Process {
    /// Starts `marquee up` on a folder and free ports. Returns when every role serves.
    pub(crate) async fn start(folder: &Path, layers: Layers) -> Result<Self> {
        let child = spawn(folder, &layers)?;
        let mut process = Self {
            folder: folder.to_owned(),
            layers,
            child,
            addresses: Addresses { grpc: String::new(), http: String::new(), admin: None, pid: 0 },
        };
        process.ready().await?;
        Ok(process)
    }

    /// Returns the data folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the addresses that it listens on.
    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Sends SIGKILL and waits until the process has ended.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context("kill the fleet")
    }

    /// Starts the fleet again on the same folder.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        self.child = spawn(&self.folder, &self.layers)?;
        self.ready().await
    }

    /// Sends SIGTERM and waits until the process has ended.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            #[allow(
                unsafe_code,
                reason = "kill(2) of our own child, which has not been waited for, so its pid is still its own"
            )]
            // SAFETY: kill takes no pointers.
            unsafe {
                libc::kill(pid, libc::SIGTERM);
            }
        }
        match tokio::time::timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => bail!("the fleet ended with {status}"),
            Ok(Err(error)) => Err(error).context("wait for the fleet to end"),
            Err(_) => bail!("the fleet did not end within {} s", PATIENCE.as_secs()),
        }
    }

    /// Waits until the process ends by itself.
    pub(crate) async fn ended(&mut self) -> String {
        self.child.wait().await.map_or_else(|error| error.to_string(), |status: ExitStatus| status.to_string())
    }

    async fn ready(&mut self) -> Result<()> {
        let started = Instant::now();
        let pid = self.child.id();
        loop {
            if let Some(status) = self.child.try_wait().context("check the state of the fleet")? {
                bail!("the fleet ended during its start with {status}: see its messages above");
            }
            // An earlier process may have left its addresses.
            if let Some(addresses) = Addresses::read(&self.folder).filter(|addresses| Some(addresses.pid) == pid) {
                self.addresses = addresses;
                break;
            }
            self.pause(started).await?;
        }
        let client = Client::connect(&self.addresses.grpc)?;
        loop {
            let mut health = HealthClient::new(client.transport());
            let answer = health.check(HealthCheckRequest { service: String::new() }).await;
            if answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().context("check the state of the fleet")? {
                bail!("the fleet ended during its start with {status}: see its messages above");
            }
            self.pause(started).await?;
        }
    }

    async fn pause(&self, started: Instant) -> Result<()> {
        if started.elapsed() > PATIENCE {
            bail!("the fleet did not start within {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(LOOK).await;
        Ok(())
    }
}

fn spawn(folder: &Path, layers: &Layers) -> Result<Child> {
    let program = std::env::current_exe().context("find this program")?;
    let mut command = Command::new(program);
    command.arg("up").arg("--data-dir").arg(folder);
    if let Some(file) = &layers.file {
        command.arg("--config").arg(file);
    }
    for (key, value) in &layers.flags {
        command.arg("--set").arg(format!("{key}={value}"));
    }
    command.args(["--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]);
    // MovieLens 100K has whole stars.
    command.args(["--set", "scale.min=1", "--set", "scale.step=1"]);
    // Ratings of months arrive within seconds.
    command.args(["--set", "rollouts.interval=200ms"]);
    if std::env::var_os("MARQUEE__TELEMETRY__LOG").is_none() {
        // The demonstration shows what the controller of rollouts would warn about.
        command.args(["--set", "telemetry.log=warn,marquee_controller=error"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    command.spawn().context("start the fleet")
}
