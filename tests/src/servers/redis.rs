//! Redis, alone, with a replica, with TLS, or as a cluster of three masters, with an append-only
//! file that is synced every second.

mod kinds;

pub use kinds::Sentinel;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Folder, Node, node, on_free_ports, prepared};
use crate::DEADLINE;

/// Where `make servers` puts it, and a file that is there then.
const PREPARED: (&str, &str) = ("redis-7", "redis-server");

/// Masters of a cluster.
const MASTERS: usize = 3;

/// Longest answer in bytes.
const LONGEST: usize = 1 << 20;

/// One server, or the masters of a cluster. They are numbered from 0.
#[derive(Debug)]
pub struct Redis {
    nodes: Vec<Node>,
    addresses: Vec<String>,
    cluster: bool,
    folder: Folder,
}

impl Redis {
    /// Starts one server.
    pub async fn start() -> Result<Self> {
        let programs = prepared(PREPARED.0, PREPARED.1)?;
        on_free_ports(1, async |ports: Vec<u16>| Self::start_on(&programs, &ports, false, &none).await).await
    }

    /// Starts three masters and makes them a cluster, without replicas.
    pub async fn cluster() -> Result<Self> {
        let programs = prepared(PREPARED.0, PREPARED.1)?;
        let redis =
            on_free_ports(MASTERS, async |ports: Vec<u16>| Self::start_on(&programs, &ports, true, &none).await)
                .await?;
        let mut create = Command::new(programs.join("redis-cli"));
        create.args(["--cluster", "create"]).args(&redis.addresses).args(["--cluster-yes"]).kill_on_drop(true);
        let output = timeout(DEADLINE, create.output()).await.context("making the cluster did not end")?;
        let output = output.context("run redis-cli")?;
        let said = || String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "the cluster was not made:\n{}", said());
        let mut redis = redis;
        for number in 0..MASTERS {
            redis.wait(number).await?;
        }
        Ok(redis)
    }

    /// Starts a node on each port. `more` returns further arguments of a node.
    async fn start_on(
        programs: &Path,
        ports: &[u16],
        cluster: bool,
        more: &dyn Fn(usize) -> Vec<String>,
    ) -> Result<Self> {
        let folder = Folder::new("redis")?;
        let mut nodes = Vec::new();
        for (number, port) in ports.iter().enumerate() {
            let place = folder.path().join(format!("node-{number}"));
            std::fs::create_dir(&place).context("make a node's folder")?;
            let text = |text: &str| text.to_owned();
            let mut arguments = vec![
                text("--port"),
                port.to_string(),
                text("--bind"),
                text("127.0.0.1"),
                text("--dir"),
                place.display().to_string(),
                text("--appendonly"),
                text("yes"),
                text("--appendfsync"),
                text("everysec"),
                text("--save"),
                String::new(),
            ];
            if cluster {
                arguments.extend(["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"].map(text));
                arguments.extend(["--cluster-node-timeout", "5000"].map(text));
            }
            arguments.extend(more(number));
            let name = format!("Redis node {number}");
            nodes.push(Node::new(name, &programs.join("redis-server"), arguments, place.join("log")));
        }
        let addresses = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let mut redis = Self { nodes, addresses, cluster: false, folder };
        for node in &mut redis.nodes {
            node.spawn()?;
        }
        for number in 0..ports.len() {
            redis.wait(number).await?;
        }
        redis.cluster = cluster;
        Ok(redis)
    }

    /// `redis://HOST:PORT` of every node.
    pub fn urls(&self) -> Vec<String> {
        self.addresses.iter().map(|address| format!("redis://{address}")).collect()
    }

    /// Folder of a node's append-only files.
    pub fn append_only(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("node-{number}/appendonlydir"))
    }

    /// Sends a command to one node, in words without spaces. A refusal is an error that begins with
    /// the message of the server.
    pub async fn ask(&self, number: usize, command: &str) -> Result<String> {
        let answer = timeout(DEADLINE, ask(&self.addresses[number], command)).await;
        answer.with_context(|| format!("no answer from {}", self.nodes[number].name))?
    }

    /// SIGKILL; returns when it is gone.
    pub async fn kill(&mut self, number: usize) -> Result<()> {
        node(&mut self.nodes, number)?.kill().await
    }

    /// SIGSTOP.
    pub async fn pause(&mut self, number: usize) -> Result<()> {
        node(&mut self.nodes, number)?.pause().await
    }

    /// SIGCONT.
    pub async fn resume(&mut self, number: usize) -> Result<()> {
        node(&mut self.nodes, number)?.resume().await
    }

    /// Starts a node again, after SIGKILL if it runs, on the same folder and port, and waits until
    /// it serves; in a cluster, until that is whole.
    pub async fn restart(&mut self, number: usize) -> Result<()> {
        let restarted = node(&mut self.nodes, number)?;
        restarted.kill().await?;
        restarted.spawn()?;
        self.wait(number).await
    }

    /// Waits until a node answers as the process that was started, and as a member of a whole
    /// cluster where there is one.
    async fn wait(&mut self, number: usize) -> Result<()> {
        let (address, cluster) = (self.addresses[number].clone(), self.cluster);
        let node = node(&mut self.nodes, number)?;
        node.until(async |pid| {
            let itself = ask(&address, "INFO server").await?.contains(&format!("process_id:{pid}\r"));
            let whole = !cluster || {
                let info = ask(&address, "CLUSTER INFO").await?;
                info.contains("cluster_state:ok") && info.contains(&format!("cluster_known_nodes:{MASTERS}"))
            };
            Ok(itself && whole && ask(&address, "PING").await? == "PONG")
        })
        .await
    }
}

/// No further arguments.
fn none(_: usize) -> Vec<String> {
    Vec::new()
}

/// One command on a connection of its own (RESP2).
async fn ask(address: &str, command: &str) -> Result<String> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    stream.get_mut().write_all(format!("{command}\r\n").as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let line = line.trim_end();
    match line.split_at_checked(1) {
        Some(("+" | ":", text)) => Ok(text.to_owned()),
        Some(("-", refusal)) => bail!("{refusal}"),
        Some(("$", "-1")) => Ok(String::new()),
        Some(("$", length)) => {
            let length: usize = length.parse().context("a length that is none")?;
            ensure!(length <= LONGEST, "an answer of {length} bytes");
            let mut text = vec![0; length];
            // Not `read_to_string`, which takes a connection that broke in between for a shorter
            // text.
            stream.read_exact(&mut text).await?;
            Ok(String::from_utf8(text)?)
        }
        _ => bail!("an answer of another kind: {line}"),
    }
}
