//! A fleet in a process of its own, for what only a process can: be killed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use marquee::Addresses;
use tokio::process::{Child, Command};

use crate::{Clients, DEADLINE, Http};

/// Runs the `marquee` command line to its end.
pub async fn marquee<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.env_remove("MARQUEE_GRPC").env("NO_COLOR", "1");
    let output = tokio::time::timeout(DEADLINE, command.output()).await;
    output.context("the command did not end")?.context("run the command")
}

/// A fleet in a child process; killed when dropped.
#[derive(Debug)]
pub struct Process {
    program: PathBuf,
    folder: PathBuf,
    settings: Vec<String>,
    child: Child,
    addresses: Addresses,
}

impl Process {
    /// Starts `program up` on a folder with whole stars and ports that the system picks, and waits until every role serves. `settings` are
    /// further `key=value` pairs.
    pub async fn start(program: &str, folder: &Path, settings: &[&str]) -> Result<Self> {
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let ports = ["127.0.0.1:0", "127.0.0.1:0"];
        let child = spawn(Path::new(program), folder, &settings, ports)?;
        let addresses = Addresses { grpc: String::new(), http: String::new(), pid: 0 };
        let mut process =
            Self { program: PathBuf::from(program), folder: folder.to_owned(), settings, child, addresses };
        process.ready().await?;
        Ok(process)
    }

    /// Its clients.
    pub fn clients(&self) -> Result<Clients> {
        Clients::connect(&self.addresses.grpc)
    }

    /// Its HTTP API.
    pub fn http(&self) -> Http {
        Http::new(&self.addresses.http)
    }

    /// Where it listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Most memory that it has held at once, in bytes.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1_024)
    }

    /// SIGKILL; returns when it is gone.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context("kill the fleet")
    }

    /// Starts again on the same folder and the same ports, and waits until every role serves.
    pub async fn restart(&mut self) -> Result<()> {
        let (grpc, http) = (self.addresses.grpc.clone(), self.addresses.http.clone());
        let port = |address: &str| address.trim_start_matches("http://").to_owned();
        let ports = [port(&grpc), port(&http)];
        self.child = spawn(&self.program, &self.folder, &self.settings, [&ports[0], &ports[1]])?;
        self.ready().await
    }

    /// SIGTERM, and the exit code that it ended with.
    pub async fn stop(mut self) -> Result<Option<i32>> {
        let pid = self.child.id().context("the fleet has ended")?;
        let sent = Command::new("kill").arg("-TERM").arg(pid.to_string()).status().await.context("run kill")?;
        if !sent.success() {
            bail!("SIGTERM was not sent");
        }
        let status = tokio::time::timeout(DEADLINE, self.child.wait()).await.context("the fleet did not end")??;
        Ok(status.code())
    }

    async fn ready(&mut self) -> Result<()> {
        let started = Instant::now();
        let pid = self.child.id();
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the fleet ended while it started: {status}");
            }
            if started.elapsed() > DEADLINE {
                bail!("the fleet did not start");
            }
            let announced = Addresses::read(&self.folder).filter(|addresses| Some(addresses.pid) == pid);
            if let Some(addresses) = announced {
                self.addresses = addresses;
                if self.http().get("/readyz").await.is_ok_and(|answer| answer.status == 200) {
                    return Ok(());
                }
            }
            tokio::task::yield_now().await;
        }
    }
}

fn spawn(program: &Path, folder: &Path, settings: &[String], ports: [&str; 2]) -> Result<Child> {
    let mut command = Command::new(program);
    command
        .arg("up")
        .arg("--data-dir")
        .arg(folder)
        .arg("--grpc-listen")
        .arg(ports[0])
        .arg("--http-listen")
        .arg(ports[1]);
    let onnxruntime = std::env::var("ORT_DYLIB_PATH").map(|path| format!("onnxruntime={path:?}")).ok();
    let fixed = ["scale.min=1", "scale.step=1", "telemetry.log=warn", "inference.refresh=100ms"].map(str::to_owned);
    for setting in fixed.iter().chain(settings).chain(&onnxruntime) {
        command.arg("--set").arg(setting);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    command.spawn().context("start the fleet")
}
