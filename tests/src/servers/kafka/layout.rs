//! The listeners and settings of brokers.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::servers::Certificates;

/// The user that listeners with SASL let in.
pub(super) const USER: &str = "marquee";

/// The listeners with TLS of a broker.
#[derive(Debug)]
pub struct Encrypted {
    certificates: Certificates,
    /// The broker's private key and certificate in one file.
    store: PathBuf,
    sasl: u16,
    mutual: u16,
}

impl Encrypted {
    /// The number of ports that it needs.
    pub(super) const PORTS: usize = 2;

    pub(super) fn new(certificates: Certificates, sasl: u16, mutual: u16) -> Result<Self> {
        let store = certificates.key().with_extension("store.pem");
        let parts = [certificates.key(), certificates.certificate()].map(std::fs::read_to_string);
        let parts = parts.into_iter().collect::<Result<Vec<_>, _>>().context("read the certificate")?;
        std::fs::write(&store, parts.concat()).context("write the key store")?;
        Ok(Self { certificates, store, sasl, mutual })
    }

    /// The authority that signed the broker's certificate, and a certificate for clients.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// `HOST:PORT` where a client has to give user and password, by SCRAM-SHA-512 over TLS.
    pub fn sasl(&self) -> String {
        format!("127.0.0.1:{}", self.sasl)
    }

    /// `HOST:PORT` where a client needs a certificate.
    pub fn mutual(&self) -> String {
        format!("127.0.0.1:{}", self.mutual)
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        let login = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
        vec![
            ("ssl.keystore.type", "PEM".to_owned()),
            ("ssl.keystore.location", self.store.display().to_string()),
            ("ssl.truststore.type", "PEM".to_owned()),
            ("ssl.truststore.location", self.certificates.authority().display().to_string()),
            ("listener.name.secured.sasl.enabled.mechanisms", "SCRAM-SHA-512".to_owned()),
            ("listener.name.secured.scram-sha-512.sasl.jaas.config", login.to_owned()),
            ("listener.name.mutual.ssl.client.auth", "required".to_owned()),
        ]
    }
}

/// What the brokers of a cluster have in common, with the ports of each.
pub(super) struct Layout<'a> {
    pub(super) clients: &'a [u16],
    pub(super) controllers: &'a [u16],
    pub(super) guarded: &'a [u16],
    /// The further listeners of the only broker.
    pub(super) encrypted: Option<&'a Encrypted>,
    pub(super) password: &'a str,
    /// Partitions are assigned to a new group after the default delay of brokers, not at once.
    pub(super) delays_assignment: bool,
}

impl Layout<'_> {
    /// Returns the settings of a broker whose files are in a folder.
    pub(super) fn properties(&self, id: usize, place: &Path) -> String {
        let mut settings = self.own(id, place);
        settings.extend(self.common());
        if !self.delays_assignment {
            settings.push(("group.initial.rebalance.delay.ms", "0".to_owned()));
        }
        settings.extend(self.encrypted.map(Encrypted::properties).unwrap_or_default());
        settings.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
    }

    /// Returns the settings of one broker.
    fn own(&self, id: usize, place: &Path) -> Vec<(&'static str, String)> {
        let mut listeners =
            vec![("PLAINTEXT", self.clients[id]), ("CONTROLLER", self.controllers[id]), ("GUARDED", self.guarded[id])];
        let encrypted = |encrypted: &Encrypted| [("SECURED", encrypted.sasl), ("MUTUAL", encrypted.mutual)];
        listeners.extend(self.encrypted.into_iter().flat_map(encrypted));
        let listeners: Vec<String> =
            listeners.iter().map(|(name, port)| format!("{name}://127.0.0.1:{port}")).collect();
        vec![
            ("node.id", id.to_string()),
            ("listeners", listeners.join(",")),
            ("advertised.listeners", listeners.join(",")),
            ("log.dirs", place.join("data").display().to_string()),
        ]
    }

    /// Returns the settings of every broker.
    fn common(&self) -> Vec<(&'static str, String)> {
        let voters: Vec<String> =
            self.controllers.iter().enumerate().map(|(id, port)| format!("{id}@127.0.0.1:{port}")).collect();
        let login = format!(
            "org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}=\"{}\";",
            self.password
        );
        let protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,GUARDED:SASL_PLAINTEXT,SECURED:SASL_SSL,MUTUAL:SSL";
        let replicas = self.clients.len().min(3);
        let in_step = replicas / 2 + 1;
        vec![
            ("process.roles", "broker,controller".to_owned()),
            ("controller.quorum.voters", voters.join(",")),
            ("listener.security.protocol.map", protocols.to_owned()),
            ("sasl.enabled.mechanisms", "PLAIN".to_owned()),
            ("listener.name.guarded.plain.sasl.jaas.config", login),
            ("inter.broker.listener.name", "PLAINTEXT".to_owned()),
            ("controller.listener.names", "CONTROLLER".to_owned()),
            ("auto.create.topics.enable", "false".to_owned()),
            ("default.replication.factor", replicas.to_string()),
            ("min.insync.replicas", in_step.to_string()),
            ("offsets.topic.replication.factor", replicas.to_string()),
            ("transaction.state.log.replication.factor", replicas.to_string()),
            ("transaction.state.log.min.isr", in_step.to_string()),
            ("share.coordinator.state.topic.replication.factor", replicas.to_string()),
            ("share.coordinator.state.topic.min.isr", in_step.to_string()),
            // Fewer partitions, smaller buffers and an earlier notice of death than in production:
            // tests wait for them.
            ("offsets.topic.num.partitions", "8".to_owned()),
            ("transaction.state.log.num.partitions", "8".to_owned()),
            ("share.coordinator.state.topic.num.partitions", "8".to_owned()),
            ("log.cleaner.dedupe.buffer.size", (16 << 20).to_string()),
            ("broker.heartbeat.interval.ms", "1000".to_owned()),
            ("broker.session.timeout.ms", "6000".to_owned()),
        ]
    }
}
