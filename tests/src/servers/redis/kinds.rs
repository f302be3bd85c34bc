//! Other kinds of Redis: with a replica, with TLS, and behind a sentinel.

use std::path::Path;

use anyhow::{Context, Result};

use super::super::certificates::Certificates;
use super::super::{Folder, Node, on_free_ports, prepared};
use super::{PREPARED, Redis, ask};

impl Redis {
    /// Starts a primary (node 0) and a replica of it (node 1), and waits until the replica follows.
    pub async fn replicated() -> Result<Self> {
        let programs = prepared(PREPARED.0, PREPARED.1)?;
        on_free_ports(2, async |ports: Vec<u16>| {
            let more = |number: usize| -> Vec<String> {
                match number {
                    0 => Vec::new(),
                    _ => ["--replicaof", "127.0.0.1", &ports[0].to_string()].map(str::to_owned).to_vec(),
                }
            };
            let mut redis = Self::start_on(&programs, &ports, false, &more).await?;
            let replica = redis.addresses[1].clone();
            redis.nodes[1]
                .until(async |_| Ok(ask(&replica, "INFO replication").await?.contains("master_link_status:up")))
                .await?;
            Ok(redis)
        })
        .await
    }

    /// Starts one server that has another port for TLS, and asks clients there for a certificate.
    /// Returns the address of that port too.
    pub async fn secured(certificates: &Certificates) -> Result<(Self, String)> {
        let programs = prepared(PREPARED.0, PREPARED.1)?;
        on_free_ports(2, async |ports: Vec<u16>| {
            let path = |path: &Path| path.display().to_string();
            let more = |_: usize| -> Vec<String> {
                [
                    ("--tls-port", ports[1].to_string()),
                    ("--tls-cert-file", path(&certificates.certificate())),
                    ("--tls-key-file", path(&certificates.key())),
                    ("--tls-ca-cert-file", path(&certificates.authority())),
                    ("--tls-auth-clients", "yes".to_owned()),
                ]
                .into_iter()
                .flat_map(|(name, value)| [name.to_owned(), value])
                .collect()
            };
            let redis = Self::start_on(&programs, &ports[..1], false, &more).await?;
            Ok((redis, format!("rediss://127.0.0.1:{}", ports[1])))
        })
        .await
    }

    /// Makes node 1 the primary and node 0 its replica. Both stay up.
    pub async fn fail_over(&self) -> Result<()> {
        self.ask(1, "REPLICAOF NO ONE").await?;
        self.ask(0, &format!("REPLICAOF 127.0.0.1 {}", self.port(1)?)).await?;
        Ok(())
    }

    /// Waits until the replica has everything that the primary has.
    pub async fn wait_for_replica(&self) -> Result<()> {
        let offset = async |node: usize, name: &str| -> Option<u64> {
            let info = self.ask(node, "INFO replication").await.ok()?;
            info.lines().find_map(|line| line.trim().strip_prefix(name)?.parse().ok())
        };
        let wanted = offset(0, "master_repl_offset:").await.context("the offset of the primary")?;
        let has = async || offset(1, "slave_repl_offset:").await.filter(|offset| *offset >= wanted);
        crate::until("the replica has everything", has).await.map(drop)
    }

    /// The port of a node.
    pub fn port(&self, number: usize) -> Result<u16> {
        let (_, port) = self.addresses[number].rsplit_once(':').context("an address with a port")?;
        port.parse().context("a port")
    }
}

/// A sentinel that watches node 0 of a Redis with a replica, under the name `main`.
#[derive(Debug)]
pub struct Sentinel {
    // Fields are dropped in order: the process before its folder.
    _node: Node,
    address: String,
    _folder: Folder,
}

impl Sentinel {
    /// Starts a sentinel, and waits until it knows the primary and the replica.
    pub async fn watch(redis: &Redis) -> Result<Self> {
        let programs = prepared(PREPARED.0, PREPARED.1)?;
        let primary = redis.port(0)?;
        on_free_ports(1, async |ports: Vec<u16>| {
            let folder = Folder::new("sentinel")?;
            let file = folder.path().join("sentinel.conf");
            let text = format!(
                "port {}\nbind 127.0.0.1\ndir {}\nsentinel monitor main 127.0.0.1 {primary} 1\n\
                 sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n",
                ports[0],
                folder.path().display()
            );
            std::fs::write(&file, text).context("write the settings of the sentinel")?;
            let arguments = vec![file.display().to_string(), "--sentinel".to_owned()];
            let log = folder.path().join("log");
            let mut node = Node::new("sentinel".to_owned(), &programs.join("redis-server"), arguments, log);
            node.spawn()?;
            let address = format!("127.0.0.1:{}", ports[0]);
            node.until(async |_| {
                let info = ask(&address, "INFO sentinel").await?;
                Ok(info.contains("name=main,status=ok") && info.contains("slaves=1"))
            })
            .await?;
            Ok(Self { _node: node, address, _folder: folder })
        })
        .await
    }

    /// `redis://HOST:PORT`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}
