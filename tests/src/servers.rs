//! Kafka, Redis, S3 and a Kubernetes API server as they are in production, for what only they can
//! show: each handle owns processes, folders and ports of its own.
//!
//! `make servers` puts the programs into the user's cache folder. What must stay true: nothing that
//! a handle started outlives it; any number run side by side; a server counts as started once it
//! has answered *as itself*, since another test's may have been faster on a port; every wait has a
//! deadline. A log stands beside each server's data, and its last lines stand in every error. A
//! test that panics keeps the folder.

mod certificates;
mod chromium;
mod kafka;
mod kubernetes;
mod redis;
mod s3;
mod stack;

pub use certificates::Certificates;
pub use chromium::{Chromium, Seen};
pub use kafka::{Encrypted, Kafka};
pub use kubernetes::Kubernetes;
pub use redis::{Redis, Sentinel};
pub use s3::S3;
pub use stack::Stack;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::{DEADLINE, process};

/// Longer than a healthy server takes for an answer.
const ANSWER: Duration = Duration::from_secs(2);

/// Pause between two looks at a server that starts. It waits for the process to end meanwhile:
/// spinning would take the core that it starts on.
const LOOK: Duration = Duration::from_millis(20);

/// How often ports are picked until no other process takes one before the server does.
const ATTEMPTS: usize = 8;

/// First port that a server may get, and how many there are.
///
/// Why not port 0? It picks among the ports that the system gives to outgoing connections, and one
/// of those may hold the port while a killed server is to return to it. What is here lies below
/// them, also after adding [`REDIS_BUS`].
const PORTS: (u16, u16) = (10_000, 12_000);

/// What Redis Cluster adds to a node's port to get that of its bus.
const REDIS_BUS: u16 = 10_000;

/// A server, or what it runs on, that is not on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What was looked for, and where.
    pub what: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} is missing: run `make servers`", self.what)
    }
}

impl std::error::Error for Missing {}

/// Returns a started server. If it is [`Missing`], prints a line and returns `None`; with `CI=true`
/// that is an error. Every other failure is an error.
pub fn or_skip<T>(started: Result<T>) -> Result<Option<T>> {
    let forgiving = std::env::var("CI").as_deref() != Ok("true");
    match started {
        Err(error) if forgiving && error.is::<Missing>() => {
            println!("skipped: {error:#}");
            Ok(None)
        }
        started => started.map(Some),
    }
}

/// A folder of what `make servers` prepared; `tests/servers/prepare.py` knows it by the same name.
fn prepared(folder: &str, file: &str) -> Result<PathBuf> {
    let cache = crate::cache().context("neither HOME nor XDG_CACHE_HOME is set")?;
    let place = cache.join("servers").join(folder);
    let file = place.join(file);
    ensure!(file.exists(), Missing { what: file.display().to_string() });
    Ok(place)
}

/// Settings as variables of the environment.
fn variables(pairs: Vec<(&'static str, String)>) -> Vec<(String, String)> {
    let name = |key: &str| format!("{}{}", marquee_kit::settings::ENV_PREFIX, key.replace('.', "__").to_uppercase());
    pairs.into_iter().map(|(key, value)| (name(key), value)).collect()
}

/// Letters and digits that nobody else has.
fn token(length: usize) -> Result<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = vec![0; length];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("read random bytes")?;
    Ok(bytes.into_iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}

/// The ports that this process has given to servers. None is given twice: a killed server that
/// returns must find its port free.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// Returns distinct free ports of the loopback interface whose Redis bus ports are free too.
pub(crate) fn free_ports(count: usize) -> Result<Vec<u16>> {
    let mut held = Vec::new();
    let mut ports = Vec::new();
    let started = Instant::now();
    while ports.len() < count {
        ensure!(started.elapsed() < DEADLINE, "no free port");
        let mut random = [0; 2];
        File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random)).context("read random bytes")?;
        let port = PORTS.0 + u16::from_ne_bytes(random) % PORTS.1;
        let listen = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        if given.contains(&port) || given.contains(&(port + REDIS_BUS)) {
            continue;
        }
        if let (Ok(listener), Ok(bus)) = (listen(port), listen(port + REDIS_BUS)) {
            given.extend([port, port + REDIS_BUS]);
            held.push((listener, bus));
            ports.push(port);
        }
    }
    Ok(ports)
}

/// Returns a port on which nobody listens.
pub fn closed_port() -> Result<u16> {
    free_ports(1)?.pop().context("no free port")
}

/// Starts something on free ports, and on others if another process took one of them meanwhile.
async fn on_free_ports<T>(count: usize, start: impl AsyncFn(Vec<u16>) -> Result<T>) -> Result<T> {
    let mut attempt = 1;
    loop {
        match start(free_ports(count)?).await {
            Err(error) if error.is::<Clash>() && attempt < ATTEMPTS => attempt += 1,
            started => return started,
        }
    }
}

/// A server that ended because its port was taken.
#[derive(Debug)]
struct Clash(String);

impl fmt::Display for Clash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Clash {}

/// A server's temporary folder. Declare it after the processes that write into it: fields are
/// dropped in order.
#[derive(Debug)]
struct Folder(TempDir);

impl Folder {
    fn new(server: &str) -> Result<Self> {
        Ok(Self(tempfile::Builder::new().prefix(&format!("marquee-{server}-")).tempdir().context("make a folder")?))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.disable_cleanup(true);
            eprintln!("kept: {}", self.0.path().display());
        }
    }
}

/// A server's process: what to run, and the one that runs.
#[derive(Debug)]
struct Node {
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
    log: PathBuf,
    child: Option<Child>,
}

impl Node {
    fn new(name: String, program: &Path, arguments: Vec<String>, log: PathBuf) -> Self {
        Self { name, program: program.to_owned(), arguments, variables: Vec::new(), log, child: None }
    }

    fn with(mut self, variable: &'static str, value: &str) -> Self {
        self.variables.push((variable, value.to_owned()));
        self
    }

    /// Runs the program; its log goes on where it was.
    fn spawn(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(&self.log).context("open the log")?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        self.child = Some(command.spawn().with_context(|| format!("run {}", self.program.display()))?);
        Ok(())
    }

    /// Process id, while it runs.
    fn pid(&self) -> Result<u32> {
        self.child.as_ref().and_then(Child::id).with_context(|| format!("{} does not run", self.name))
    }

    /// Waits until the server answers as asked; an error is no answer yet.
    async fn until(&mut self, ready: impl AsyncFn(u32) -> Result<bool>) -> Result<()> {
        let started = Instant::now();
        let pid = self.pid()?;
        while !matches!(timeout(ANSWER, ready(pid)).await, Ok(Ok(true))) {
            let child = self.child.as_mut().context("it has a process id")?;
            if let Ok(status) = timeout(LOOK, child.wait()).await {
                let ended = format!("{} ended while it started ({}):\n{}", self.name, status?, self.last_lines());
                self.child = None;
                ensure!(!self.found_port_taken(), Clash(ended));
                bail!(ended);
            }
            ensure!(started.elapsed() < DEADLINE, "{} does not answer:\n{}", self.name, self.last_lines());
        }
        Ok(())
    }

    fn read_log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn found_port_taken(&self) -> bool {
        self.read_log().to_lowercase().contains("address already in use")
    }

    fn last_lines(&self) -> String {
        let log = self.read_log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// SIGKILL; returns when it is gone.
    async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            timeout(DEADLINE, child.kill()).await.with_context(|| format!("{} did not end", self.name))??;
        }
        Ok(())
    }

    /// SIGSTOP: it holds its connections and answers nothing. Returns when all of it has stopped.
    async fn pause(&self) -> Result<()> {
        process::pause(self.pid()?).await.with_context(|| format!("pause {}", self.name))
    }

    /// SIGCONT.
    async fn resume(&self) -> Result<()> {
        process::signal(self.pid()?, "-CONT").await.with_context(|| format!("resume {}", self.name))
    }
}

impl Drop for Node {
    /// Waits for the end, which SIGKILL makes a matter of milliseconds: the folder goes next, and
    /// the port may be wanted.
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        let started = Instant::now();
        if child.start_kill().is_ok() {
            while matches!(child.try_wait(), Ok(None)) && started.elapsed() < DEADLINE {
                std::thread::yield_now();
            }
        }
    }
}

/// The node of a number, for callers that count themselves.
fn node(nodes: &mut [Node], number: usize) -> Result<&mut Node> {
    let count = nodes.len();
    nodes.get_mut(number).with_context(|| format!("there is no node {number}: they are 0 to {}", count - 1))
}
