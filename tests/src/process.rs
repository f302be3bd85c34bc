//! A fleet, or one role of it, in a process of its own, for what only a process can: be killed.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use marquee::Addresses;
use tokio::process::{Child, Command};

use crate::servers::free_ports;
use crate::{Clients, DEADLINE, Http};

/// Runs the `marquee` command line to its end.
pub async fn marquee<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.env_remove("MARQUEE_GRPC").env_remove("MARQUEE_ADDRESSES").env("NO_COLOR", "1");
    let output = tokio::time::timeout(DEADLINE, command.output()).await;
    output.context("the command did not end")?.context("run the command")
}

/// Reads the CPU time of a process or a thread from its file `stat` in `/proc`, in steps of 10 ms.
pub fn cpu_time(stat: &Path) -> Option<Duration> {
    let stat = std::fs::read_to_string(stat).ok()?;
    // The name of the program, in parentheses, may hold blanks. The 14th and 15th fields count
    // clock ticks, of which Linux has 100 a second.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().ok());
    Some(Duration::from_millis(10 * ticks.sum::<Option<u64>>()?))
}

/// Pause between two looks at a fleet that starts.
const LOOK: Duration = Duration::from_millis(5);

/// Sends a signal to a process, for example `-INT`.
pub(crate) async fn signal(pid: u32, signal: &str) -> Result<()> {
    let sent = Command::new("kill").arg(signal).arg(pid.to_string()).status().await.context("run kill")?;
    ensure!(sent.success(), "{signal} was not sent to process {pid}");
    Ok(())
}

/// SIGSTOP. Returns when all of a process has stopped.
pub(crate) async fn pause(pid: u32) -> Result<()> {
    signal(pid, "-STOP").await?;
    until_stopped(pid).await
}

/// Waits until every thread of a process has stopped: the signal takes effect a moment after it was
/// sent.
async fn until_stopped(pid: u32) -> Result<()> {
    let has_stopped = || -> Result<bool> {
        for task in std::fs::read_dir(format!("/proc/{pid}/task")).context("look at the threads")? {
            // A thread that ends meanwhile has no state any more. The name in brackets may hold
            // anything; the state stands behind it.
            let Ok(stat) = std::fs::read_to_string(task?.path().join("stat")) else { continue };
            if stat.rsplit(')').next().is_none_or(|behind| !behind.trim_start().starts_with('T')) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    let mut look = tokio::time::interval(Duration::from_millis(1));
    let stopping = async {
        while !has_stopped()? {
            look.tick().await;
        }
        Ok(())
    };
    tokio::time::timeout(DEADLINE, stopping).await.context("it did not stop")?
}

/// What to run: a program, what it is told, and where it keeps its data.
#[derive(Debug, Clone)]
pub struct Launch {
    program: PathBuf,
    command: String,
    folder: PathBuf,
    config: Option<PathBuf>,
    settings: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Launch {
    /// `program up` on a folder with whole stars.
    pub fn new(program: impl Into<PathBuf>, folder: &Path) -> Self {
        Self {
            program: program.into(),
            command: "up".to_owned(),
            folder: folder.to_owned(),
            config: None,
            settings: ["scale.min=1", "scale.step=1", "telemetry.log=warn"].map(str::to_owned).into(),
            variables: Vec::new(),
        }
    }

    /// Another command: one role.
    pub fn role(mut self, role: &str) -> Self {
        role.clone_into(&mut self.command);
        self
    }

    /// A file of settings.
    pub fn config(mut self, file: &Path) -> Self {
        self.config = Some(file.to_owned());
        self
    }

    /// A setting, as `key=value`.
    pub fn set(mut self, setting: impl Into<String>) -> Self {
        self.settings.push(setting.into());
        self
    }

    /// Variables of the environment.
    pub fn variables(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.variables.extend(variables);
        self
    }

    /// Starts it on free ports, and waits until it serves.
    pub async fn start(self) -> Result<Process> {
        let mut process = self.spawned()?;
        process.ready().await?;
        Ok(process)
    }

    /// Starts it, and waits only until it listens: it may have much to catch up with.
    pub async fn spawn_only(self) -> Result<Process> {
        let mut process = self.spawned()?;
        process.until(async |_| true).await?;
        Ok(process)
    }

    /// Starts it, and waits for nothing.
    pub fn spawned(self) -> Result<Process> {
        // The system would pick ports that it also gives to outgoing connections, even to those
        // that try to reach this process while it is away. A restart would not find them free.
        let ports = free_ports(2)?.into_iter().map(|port| format!("{}:{port}", Ipv4Addr::LOCALHOST));
        let ports: Vec<String> = ports.collect();
        let child = self.spawn([&ports[0], &ports[1]])?;
        let addresses = Addresses { grpc: String::new(), http: String::new(), admin: None, pid: 0 };
        Ok(Process { launch: self, child, addresses })
    }

    fn spawn(&self, ports: [&str; 2]) -> Result<Child> {
        let mut command = Command::new(&self.program);
        command.arg(&self.command).args(self.config.iter().flat_map(|file| [OsStr::new("--config"), file.as_os_str()]));
        let fixed = [
            format!("data_dir={:?}", self.folder),
            format!("grpc_listen={:?}", ports[0]),
            format!("http_listen={:?}", ports[1]),
        ];
        let onnxruntime = std::env::var("ORT_DYLIB_PATH").map(|path| format!("onnxruntime={path:?}")).ok();
        for setting in self.settings.iter().chain(&fixed).chain(&onnxruntime) {
            command.arg("--set").arg(setting);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        command.spawn().context("start the fleet")
    }
}

/// What a [`Launch`] started; killed when dropped.
#[derive(Debug)]
pub struct Process {
    launch: Launch,
    child: Child,
    addresses: Addresses,
}

impl Process {
    /// Starts `program up` on a folder with whole stars and free ports, and waits until every role
    /// serves. `settings` are further `key=value` pairs.
    pub async fn start(program: &str, folder: &Path, settings: &[&str]) -> Result<Self> {
        let launch = Launch::new(program, folder).set("inference.refresh=100ms");
        settings.iter().fold(launch, |launch, setting| launch.set(*setting)).start().await
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

    /// CPU time that it has used, in steps of 10 ms.
    pub fn cpu_time(&self) -> Option<Duration> {
        cpu_time(Path::new(&format!("/proc/{}/stat", self.child.id()?)))
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
        self.child = self.launch.spawn([&ports[0], &ports[1]])?;
        self.ready().await
    }

    /// SIGSTOP: it holds its connections and answers nothing. Returns when all of it has stopped.
    pub async fn pause(&self) -> Result<()> {
        pause(self.pid()?).await
    }

    /// SIGCONT.
    pub async fn resume(&self) -> Result<()> {
        self.signal("-CONT").await
    }

    /// Sends a signal, for example `-INT`.
    pub async fn signal(&self, signal: &str) -> Result<()> {
        self::signal(self.pid()?, signal).await
    }

    fn pid(&self) -> Result<u32> {
        self.child.id().context("the fleet has ended")
    }

    /// SIGTERM, and the exit code that it ended with.
    pub async fn stop(mut self) -> Result<Option<i32>> {
        self.terminate().await
    }

    /// The same of what may be started again.
    pub async fn terminate(&mut self) -> Result<Option<i32>> {
        Ok(self.ended_by("-TERM").await?.0)
    }

    /// Sends a signal, and gives the exit code and the time that the end took.
    pub async fn ended_by(&mut self, signal: &str) -> Result<(Option<i32>, Duration)> {
        let sent = Instant::now();
        self.signal(signal).await?;
        let status = tokio::time::timeout(DEADLINE, self.child.wait()).await.context("the fleet did not end")??;
        Ok((status.code(), sent.elapsed()))
    }

    async fn ready(&mut self) -> Result<()> {
        self.until(async |process| process.http().get("/readyz").await.is_ok_and(|answer| answer.status == 200)).await
    }

    /// Waits until it has said where it listens, and then is as asked.
    async fn until(&mut self, is_so: impl AsyncFn(&Self) -> bool) -> Result<()> {
        let started = Instant::now();
        let pid = self.child.id();
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the fleet ended while it started: {status}");
            }
            if started.elapsed() > DEADLINE {
                bail!("the fleet did not start");
            }
            let announced = Addresses::read(&self.launch.folder).filter(|addresses| Some(addresses.pid) == pid);
            if let Some(addresses) = announced {
                self.addresses = addresses;
                if is_so(self).await {
                    return Ok(());
                }
            }
            // It ends the wait early where it dies; spinning would take the core that it starts on.
            let _ = tokio::time::timeout(LOOK, self.child.wait()).await;
        }
    }
}
