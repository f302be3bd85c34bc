//! Kafka in KRaft mode: every broker is a controller too, so that there is no other process.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use marquee_domain::{Offset, Partition};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Folder, Missing, Node, node, on_free_ports, prepared, token};
use crate::DEADLINE;

/// Where `make servers` puts it, and a file that is there then.
const PREPARED: (&str, &str) = ("kafka-4.2.0", "kafka_2.13-4.2.0.jar");

/// Most bytes of an answer.
const LONGEST: usize = 16 << 20;

/// A cluster of brokers. They are numbered from 0, which is also their `node.id`.
#[derive(Debug)]
pub struct Kafka {
    brokers: Vec<Node>,
    addresses: Vec<String>,
    guarded: Vec<String>,
    password: String,
    cluster: String,
    _folder: Folder,
}

impl Kafka {
    /// Formats and starts 1 or more brokers, and waits until each knows all of them. With 3, topics
    /// are replicated to all and take writes while 2 are in step.
    pub async fn start(brokers: usize) -> Result<Self> {
        ensure!(brokers > 0, "Kafka needs a broker");
        let libs = prepared(PREPARED.0, PREPARED.1)?;
        let java = Command::new("java").arg("-version").output().await;
        ensure!(java.is_ok_and(|java| java.status.success()), Missing { what: "java".to_owned() });
        on_free_ports(3 * brokers, async |ports: Vec<u16>| Self::start_on(&libs, &ports).await).await
    }

    async fn start_on(libs: &Path, ports: &[u16]) -> Result<Self> {
        let folder = Folder::new("kafka")?;
        let class_path = format!("{}/*", libs.display());
        // 22 characters of base64 hold 132 bits; a UUID has 128, so the last character's low bits
        // are zero.
        let cluster = format!("{}A", token(21)?);
        let password = token(20)?;
        let (clients, others) = ports.split_at(ports.len() / 3);
        let (controllers, guarded) = others.split_at(clients.len());
        let brokers = clients.iter().enumerate().map(|(id, _)| {
            let place = folder.path().join(format!("broker-{id}"));
            std::fs::create_dir(&place).context("make a broker's folder")?;
            let settings = place.join("server.properties");
            let properties = properties(id, [clients, controllers, guarded], &password, &place);
            std::fs::write(&settings, properties).context("write settings")?;
            let options = java_options(&place);
            let run =
                ["-Xmx512m", "-cp", &class_path, "kafka.Kafka", &settings.display().to_string()].map(str::to_owned);
            let log = place.join("log");
            Ok(Node::new(
                format!("Kafka broker {id}"),
                Path::new("java"),
                options.into_iter().chain(run).collect(),
                log,
            ))
        });
        let brokers = brokers.collect::<Result<Vec<Node>>>()?;
        let places = (0..brokers.len()).map(|id| folder.path().join(format!("broker-{id}")));
        let formats = places.map(|place| format_log(class_path.clone(), cluster.clone(), place));
        try_join_all(formats).await?;
        let addresses = |ports: &[u16]| ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let (addresses, guarded) = (addresses(clients), addresses(guarded));
        let mut kafka = Self { brokers, addresses, guarded, password, cluster, _folder: folder };
        for broker in &mut kafka.brokers {
            broker.spawn()?;
        }
        let all: BTreeSet<i32> = (0..).take(kafka.brokers.len()).collect();
        for id in 0..kafka.brokers.len() {
            kafka.wait(id, &all).await?;
        }
        Ok(kafka)
    }

    /// Where clients begin: `HOST:PORT` of every broker, with commas between.
    pub fn bootstrap(&self) -> String {
        self.addresses.join(",")
    }

    /// The same where a client has to be [`USER`](Self::USER), with [`Self::password`], by
    /// SASL/PLAIN without encryption.
    pub fn guarded_bootstrap(&self) -> String {
        self.guarded.join(",")
    }

    /// Who may come in by [`Self::guarded_bootstrap`].
    pub const USER: &str = "marquee";

    /// That user's password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// `HOST:PORT` of one broker.
    pub fn address(&self, broker: usize) -> &str {
        &self.addresses[broker]
    }

    /// SIGKILL; returns when it is gone. The others notice after 6 s.
    pub async fn kill(&mut self, broker: usize) -> Result<()> {
        node(&mut self.brokers, broker)?.kill().await
    }

    /// SIGSTOP.
    pub async fn pause(&mut self, broker: usize) -> Result<()> {
        node(&mut self.brokers, broker)?.pause().await
    }

    /// SIGCONT.
    pub async fn resume(&mut self, broker: usize) -> Result<()> {
        node(&mut self.brokers, broker)?.resume().await
    }

    /// Starts a broker again, after SIGKILL if it runs, on the same folder and ports, and waits
    /// until the cluster has taken it back: with it, a majority must be up.
    pub async fn restart(&mut self, broker: usize) -> Result<()> {
        let restarted = node(&mut self.brokers, broker)?;
        restarted.kill().await?;
        restarted.spawn()?;
        let own = BTreeSet::from([i32::try_from(broker)?]);
        self.wait(broker, &own).await
    }

    /// Waits until a broker lists all of `wanted` as members of this very cluster that serve.
    async fn wait(&mut self, broker: usize, wanted: &BTreeSet<i32>) -> Result<()> {
        let (address, cluster) = (&self.addresses[broker], &self.cluster);
        let ready = async |_pid| {
            let members = members(address).await?;
            Ok(members.cluster == *cluster && members.brokers.is_superset(wanted))
        };
        self.brokers[broker].until(ready).await
    }

    /// Removes the records below an offset of some partitions of a topic, as retention does.
    /// DeleteRecords, version 1, to the only broker.
    pub async fn delete_records(&self, topic: &str, below: &[(Partition, Offset)]) -> Result<()> {
        let mut body = Vec::new();
        body.extend(1_i32.to_be_bytes());
        body.extend((topic.len() as i16).to_be_bytes());
        body.extend(topic.as_bytes());
        body.extend((below.len() as i32).to_be_bytes());
        for (partition, offset) in below {
            body.extend((partition.0 as i32).to_be_bytes());
            body.extend((offset.0 as i64).to_be_bytes());
        }
        body.extend(30_000_i32.to_be_bytes());
        let answer = self.ask(0, 21, 1, &body).await?;
        // Throttle time, one topic and its name; then of each partition the number, the new first
        // offset and an error code.
        let partitions = answer.get(4 + 4 + 2 + topic.len() + 4..).context("a short answer")?;
        let errors: Vec<&[u8]> = partitions.chunks(4 + 8 + 2).filter(|part| part[12..] != [0, 0]).collect();
        ensure!(partitions.len() == below.len() * 14 && errors.is_empty(), "records were not deleted: {answer:?}");
        Ok(())
    }

    /// Sends one request in Kafka's protocol, whatever is in it, and returns the answer after its
    /// correlation id. Request header version 1.
    pub async fn ask(&self, broker: usize, api_key: i16, api_version: i16, body: &[u8]) -> Result<Vec<u8>> {
        let answer = timeout(DEADLINE, ask(&self.addresses[broker], api_key, api_version, body)).await;
        answer.with_context(|| format!("no answer from {}", self.brokers[broker].name))?
    }
}

/// Options of every JVM. The native libraries that it unpacks go with the folder.
fn java_options(place: &Path) -> Vec<String> {
    let temporary = format!("-Djava.io.tmpdir={}", place.display());
    let log = "-Dorg.slf4j.simpleLogger.";
    let quiet = format!("{log}log.org.apache.kafka.common.config=warn");
    let dated = format!("{log}showDateTime=true");
    ["-XX:+UseSerialGC", "-XX:-UsePerfData", &temporary, &quiet, &dated, &format!("{log}dateTimeFormat=HH:mm:ss.SSS")]
        .map(str::to_owned)
        .to_vec()
}

/// Settings of a broker.
fn properties(id: usize, [clients, controllers, guarded]: [&[u16]; 3], password: &str, place: &Path) -> String {
    let voters: Vec<String> =
        controllers.iter().enumerate().map(|(id, port)| format!("{id}@127.0.0.1:{port}")).collect();
    let listeners = [("PLAINTEXT", clients[id]), ("CONTROLLER", controllers[id]), ("GUARDED", guarded[id])];
    let listeners = listeners.map(|(name, port)| format!("{name}://127.0.0.1:{port}")).join(",");
    let login = format!(
        "org.apache.kafka.common.security.plain.PlainLoginModule required user_{}=\"{password}\";",
        Kafka::USER
    );
    let replicas = clients.len().min(3);
    let in_step = replicas / 2 + 1;
    let settings = [
        ("process.roles", "broker,controller".to_owned()),
        ("node.id", id.to_string()),
        ("controller.quorum.voters", voters.join(",")),
        ("listeners", listeners.clone()),
        ("advertised.listeners", listeners),
        (
            "listener.security.protocol.map",
            "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,GUARDED:SASL_PLAINTEXT".to_owned(),
        ),
        ("sasl.enabled.mechanisms", "PLAIN".to_owned()),
        ("listener.name.guarded.plain.sasl.jaas.config", login),
        ("inter.broker.listener.name", "PLAINTEXT".to_owned()),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        ("log.dirs", place.join("data").display().to_string()),
        ("auto.create.topics.enable", "false".to_owned()),
        ("default.replication.factor", replicas.to_string()),
        ("min.insync.replicas", in_step.to_string()),
        ("offsets.topic.replication.factor", replicas.to_string()),
        ("transaction.state.log.replication.factor", replicas.to_string()),
        ("transaction.state.log.min.isr", in_step.to_string()),
        ("share.coordinator.state.topic.replication.factor", replicas.to_string()),
        ("share.coordinator.state.topic.min.isr", in_step.to_string()),
        ("group.initial.rebalance.delay.ms", "0".to_owned()),
        // Fewer partitions, smaller buffers and an earlier notice of death than in production:
        // tests wait for them.
        ("offsets.topic.num.partitions", "8".to_owned()),
        ("transaction.state.log.num.partitions", "8".to_owned()),
        ("share.coordinator.state.topic.num.partitions", "8".to_owned()),
        ("log.cleaner.dedupe.buffer.size", (16 << 20).to_string()),
        ("broker.heartbeat.interval.ms", "1000".to_owned()),
        ("broker.session.timeout.ms", "6000".to_owned()),
    ];
    settings.map(|(key, value)| format!("{key}={value}\n")).concat()
}

/// Makes a broker's empty log.
async fn format_log(class_path: String, cluster: String, place: PathBuf) -> Result<()> {
    let mut command = Command::new("java");
    command.args(java_options(&place)).args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", &class_path]);
    command.args(["kafka.tools.StorageTool", "format", "-t", &cluster, "-c"]).arg(place.join("server.properties"));
    let output = timeout(DEADLINE, command.kill_on_drop(true).output()).await.context("formatting did not end")?;
    let output = output.context("run java")?;
    ensure!(output.status.success(), "Kafka's log was not formatted:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// What a broker says of its cluster.
struct Members {
    cluster: String,
    brokers: BTreeSet<i32>,
}

/// Asks for the cluster's metadata, without topics. Only brokers that serve are listed.
async fn members(address: &str) -> Result<Members> {
    const METADATA: i16 = 3;
    // No topics, and none to be created.
    let answer = ask(address, METADATA, 4, &[0, 0, 0, 0, 0]).await?;
    let mut rest = answer.as_slice();
    take::<4>(&mut rest)?;
    let mut brokers = BTreeSet::new();
    for _ in 0..i32::from_be_bytes(take(&mut rest)?) {
        brokers.insert(i32::from_be_bytes(take(&mut rest)?));
        text(&mut rest)?;
        take::<4>(&mut rest)?;
        text(&mut rest)?;
    }
    Ok(Members { cluster: text(&mut rest)?, brokers })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
    let (taken, left) = rest.split_first_chunk().context("the answer is too short")?;
    *rest = left;
    Ok(*taken)
}

/// A string, empty if there is none.
fn text(rest: &mut &[u8]) -> Result<String> {
    let length = usize::try_from(i16::from_be_bytes(take(rest)?)).unwrap_or(0);
    let (taken, left) = rest.split_at_checked(length).context("the answer is too short")?;
    *rest = left;
    Ok(String::from_utf8_lossy(taken).into_owned())
}

async fn ask(address: &str, api_key: i16, api_version: i16, body: &[u8]) -> Result<Vec<u8>> {
    const CORRELATION: [u8; 4] = *b"marq";
    const NO_CLIENT_ID: [u8; 2] = (-1_i16).to_be_bytes();
    let header = [&api_key.to_be_bytes()[..], &api_version.to_be_bytes(), &CORRELATION, &NO_CLIENT_ID].concat();
    let length = i32::try_from(header.len() + body.len())?.to_be_bytes();
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&[&length[..], &header, body].concat()).await?;
    let length = usize::try_from(stream.read_i32().await?)?;
    ensure!((4..LONGEST).contains(&length), "an answer of {length} bytes");
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    let answer = answer.strip_prefix(&CORRELATION).context("the answer is to another request")?;
    Ok(answer.to_vec())
}
