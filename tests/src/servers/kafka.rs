//! Kafka in KRaft mode: every broker is a controller too, so that there is no other process.

mod layout;

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use marquee_domain::{Offset, Partition, Position};
use marquee_kafka::{KafkaLog, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Certificates, Folder, Missing, Node, node, on_free_ports, prepared, token};
use crate::DEADLINE;
use layout::Layout;

pub use layout::Encrypted;

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
    encrypted: Option<Encrypted>,
    password: String,
    cluster: String,
    folder: Folder,
}

/// What a cluster has that others do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extra {
    None,
    /// The listeners of [`Kafka::encrypted`].
    Listeners,
    /// A delay before partitions are assigned to a new group.
    AssignmentDelay,
}

impl Kafka {
    /// Formats and starts 1 or more brokers, and waits until each knows all of them. With 3, topics
    /// are replicated to all and take writes while 2 are in step.
    pub async fn start(brokers: usize) -> Result<Self> {
        Self::start_with(brokers, Extra::None).await
    }

    /// Starts a broker that also has the listeners of [`Self::encrypted`].
    pub async fn start_encrypted() -> Result<Self> {
        Self::start_with(1, Extra::Listeners).await
    }

    /// Starts a broker that waits for 3 s before it assigns partitions to a new group, as brokers
    /// do by default. Those of other tests do not wait.
    pub async fn start_with_default_delay() -> Result<Self> {
        Self::start_with(1, Extra::AssignmentDelay).await
    }

    async fn start_with(brokers: usize, extra: Extra) -> Result<Self> {
        ensure!(brokers > 0, "Kafka needs a broker");
        let libs = prepared(PREPARED.0, PREPARED.1)?;
        let java = Command::new("java").arg("-version").output().await;
        ensure!(java.is_ok_and(|java| java.status.success()), Missing { what: "java".to_owned() });
        let count = 3 * brokers + if extra == Extra::Listeners { Encrypted::PORTS } else { 0 };
        on_free_ports(count, async |ports: Vec<u16>| Self::start_on(&libs, brokers, &ports, extra).await).await
    }

    async fn start_on(libs: &Path, count: usize, ports: &[u16], extra: Extra) -> Result<Self> {
        let folder = Folder::new("kafka")?;
        let class_path = format!("{}/*", libs.display());
        // 22 characters of base64 hold 132 bits; a UUID has 128, so the last character's low bits
        // are zero.
        let cluster = format!("{}A", token(21)?);
        let password = token(20)?;
        let (clients, others) = ports.split_at(count);
        let (controllers, others) = others.split_at(count);
        let (guarded, others) = others.split_at(count);
        let encrypted = match others {
            [sasl, mutual, ..] => {
                let certificates = Certificates::create(&folder.path().join("certificates")).await?;
                Some(Encrypted::new(certificates, *sasl, *mutual)?)
            }
            _ => None,
        };
        let layout = Layout {
            clients,
            controllers,
            guarded,
            encrypted: encrypted.as_ref(),
            password: &password,
            delays_assignment: extra == Extra::AssignmentDelay,
        };
        let brokers = (0..count).map(|id| prepare(id, &folder, &class_path, &layout));
        let brokers = brokers.collect::<Result<Vec<Node>>>()?;
        let places = (0..brokers.len()).map(|id| folder.path().join(format!("broker-{id}")));
        let user = format!("SCRAM-SHA-512=[name={},password={password}]", Self::USER);
        let format = |place| format_log(class_path.clone(), [cluster.clone(), user.clone()], place);
        try_join_all(places.map(format)).await?;
        let addresses = |ports: &[u16]| ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let (addresses, guarded) = (addresses(clients), addresses(guarded));
        let mut kafka = Self { brokers, addresses, guarded, encrypted, password, cluster, folder };
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

    /// The settings of a log on the only broker.
    pub fn settings(&self) -> Settings {
        Settings { bootstrap: self.bootstrap(), replication: 1, min_insync_replicas: 1, ..Settings::default() }
    }

    /// Connects a log to the only broker.
    pub async fn log(&self) -> Result<KafkaLog> {
        Ok(KafkaLog::connect(&self.settings()).await?)
    }

    /// The same as [`Self::bootstrap`] where a client has to be [`USER`](Self::USER), with
    /// [`Self::password`], by SASL/PLAIN without encryption.
    pub fn guarded_bootstrap(&self) -> String {
        self.guarded.join(",")
    }

    /// Who may come in by [`Self::guarded_bootstrap`].
    pub const USER: &str = layout::USER;

    /// That user's password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The listeners with TLS of a broker that [`Self::start_encrypted`] started.
    pub fn encrypted(&self) -> Result<&Encrypted> {
        self.encrypted.as_ref().context("this broker was started without encryption")
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

    /// Changes the last byte of the batch that has an offset, in the file of the first broker, as a
    /// bad disk does. The broker runs meanwhile: one that starts would repair its newest file.
    pub fn damage(&self, topic: &str, at: Position) -> Result<()> {
        let segment = format!("broker-0/data/{topic}-{}/{:020}.log", at.partition, 0);
        let file = std::fs::File::options().read(true).write(true).open(self.folder.path().join(segment))?;
        let mut start = 0;
        loop {
            // First offset, length of what follows, epoch, format, checksum, attributes, and the
            // last offset less the first.
            let mut header = [0; 27];
            file.read_exact_at(&mut header, start).context("no batch has the offset")?;
            let mut rest = &header[..];
            let (first, length) = (i64::from_be_bytes(take(&mut rest)?), i32::from_be_bytes(take(&mut rest)?));
            take::<11>(&mut rest)?;
            let last = first + i64::from(i32::from_be_bytes(take(&mut rest)?));
            let end = start + 12 + u64::try_from(length)?;
            if (first..=last).contains(&i64::try_from(at.offset.0)?) {
                let mut byte = [0];
                file.read_exact_at(&mut byte, end - 1)?;
                return Ok(file.write_all_at(&[!byte[0]], end - 1)?);
            }
            start = end;
        }
    }

    /// Sends one request in Kafka's protocol, whatever is in it, and returns the answer after its
    /// correlation id. Request header version 1.
    pub async fn ask(&self, broker: usize, api_key: i16, api_version: i16, body: &[u8]) -> Result<Vec<u8>> {
        let answer = timeout(DEADLINE, ask(&self.addresses[broker], api_key, api_version, body)).await;
        answer.with_context(|| format!("no answer from {}", self.brokers[broker].name))?
    }
}

/// Writes the settings of a broker into a folder of its own.
fn prepare(id: usize, folder: &Folder, class_path: &str, layout: &Layout<'_>) -> Result<Node> {
    let place = folder.path().join(format!("broker-{id}"));
    std::fs::create_dir(&place).context("make a broker's folder")?;
    let settings = place.join("server.properties");
    std::fs::write(&settings, layout.properties(id, &place)).context("write settings")?;
    let run = ["-Xmx512m", "-cp", class_path, "kafka.Kafka", &settings.display().to_string()].map(str::to_owned);
    let arguments = java_options(&place).into_iter().chain(run).collect();
    Ok(Node::new(format!("Kafka broker {id}"), Path::new("java"), arguments, place.join("log")))
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

/// Makes a broker's empty log.
async fn format_log(class_path: String, [cluster, user]: [String; 2], place: PathBuf) -> Result<()> {
    let mut command = Command::new("java");
    command.args(java_options(&place)).args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", &class_path]);
    command.args(["kafka.tools.StorageTool", "format", "-t", &cluster, "--add-scram", &user, "-c"]);
    command.arg(place.join("server.properties"));
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
