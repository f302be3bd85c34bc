//! A whole fleet in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use marquee::{ROLES, Settings};
use marquee_domain::Scale;
use marquee_inference::Inference;
use tempfile::TempDir;

use crate::{Clients, DEADLINE, Http};

/// Returns the settings of a fleet for a test: its own folder, ports that the system picks, whole
/// stars, and a model store that is read often.
pub fn settings(folder: &Path) -> Settings {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut settings = Settings {
        data_dir: folder.to_owned(),
        grpc_listen: any,
        http_listen: any,
        scale: Scale::try_new(1.0, 5.0, 1.0).expect("whole stars are a scale"),
        onnxruntime: std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from).unwrap_or_default(),
        ..Settings::default()
    };
    settings.role::<Inference>().refresh = Duration::from_millis(100);
    settings
}

/// A fleet in this process, over a folder that may outlive it.
#[derive(Debug)]
pub struct Fleet {
    fleet: marquee::Fleet,
    settings: Box<Settings>,
    folder: Option<TempDir>,
    clients: Clients,
}

impl Fleet {
    /// Starts every role on an empty folder, and waits until all serve.
    pub async fn start() -> Result<Self> {
        Self::start_with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut settings = settings(folder.path());
        change(&mut settings);
        Self::over(Box::new(settings), Some(folder)).await
    }

    async fn over(settings: Box<Settings>, folder: Option<TempDir>) -> Result<Self> {
        let fleet = Box::pin(marquee::Fleet::start((*settings).clone(), ROLES)).await?;
        tokio::time::timeout(DEADLINE, fleet.ready()).await.context("the fleet did not become ready")??;
        let clients = Clients::new(&fleet.transport()?);
        Ok(Self { fleet, settings, folder, clients })
    }

    /// Its clients.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Its HTTP API.
    pub fn http(&self) -> Http {
        Http::new(&format!("http://{}", self.fleet.http_address()))
    }

    /// Where gRPC is served, as `http://HOST:PORT`.
    pub fn address(&self) -> String {
        format!("http://{}", self.fleet.grpc_address())
    }

    /// A transport straight into its services, without a network.
    pub fn in_process(&self) -> marquee_kit::Transport {
        self.fleet.in_process()
    }

    /// Folder of its data.
    pub fn folder(&self) -> &Path {
        &self.settings.data_dir
    }

    /// Takes it down in order and starts another one over the same folder.
    pub async fn restart(self) -> Result<Self> {
        self.restart_after(|_| Ok(())).await
    }

    /// The same, with something done to the folder in between.
    pub async fn restart_after(self, between: impl FnOnce(&Path) -> Result<()>) -> Result<Self> {
        let Self { fleet, settings, folder, clients } = self;
        drop(clients);
        fleet.shutdown().await;
        between(&settings.data_dir)?;
        Self::over(settings, folder).await
    }

    /// Takes it down in order; the folder stays as long as what is returned.
    pub async fn stop(self) -> Option<TempDir> {
        self.fleet.shutdown().await;
        self.folder
    }
}
