//! Settings of the rating log over Kafka.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use marquee_domain::Secret;
use marquee_settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

use crate::record::LARGEST_BATCH;
use crate::security::{SaslMechanism, Security};

const MIB: u64 = 1 << 20;

/// Longest prefix. Kafka accepts names of topics up to 249 bytes.
const LONGEST_PREFIX: usize = 200;

/// How batches are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    None,
    /// By gzip.
    Gzip,
    /// By Snappy.
    Snappy,
    /// By LZ4.
    #[default]
    Lz4,
    /// By Zstandard.
    Zstd,
}

/// Settings of the rating log over Kafka.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Brokers to connect to first, as `HOST:PORT`, separated by commas. Default `127.0.0.1:9092`.
    pub bootstrap: String,
    /// Precedes the name of every topic and consumer group, so that deployments can share a
    /// cluster. Letters, digits, `.`, `_` and `-`. Default empty.
    pub prefix: String,
    /// Creates missing topics. Default true.
    pub create_topics: bool,
    /// Partitions of topics that are created. Existing topics keep theirs; all must have the same
    /// number. Default 8.
    pub partitions: u32,
    /// Replicas of topics that are created. With 1, records are flushed before they are
    /// acknowledged: nothing else lets them survive a loss of power. Default 3.
    pub replication: u16,
    /// Brokers that must have a record before it is acknowledged. Set in topics that are created,
    /// demanded of existing ones. At most `replication`. Default 2.
    pub min_insync_replicas: u16,
    /// Protection of connections: `plaintext`, `tls`, `sasl_plaintext` or `sasl_tls`. Default
    /// `plaintext`.
    pub security: Security,
    /// How the user proves the password: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`. Default
    /// `PLAIN`.
    pub sasl_mechanism: SaslMechanism,
    /// User, with `sasl_…`. Default empty.
    pub username: String,
    /// Password, with `sasl_…`; never shown.
    pub password: Secret,
    /// File of certificates (PEM) to trust, with `…tls`. Empty, the default: the system's.
    pub ca_file: PathBuf,
    /// File of this client's certificate (PEM), with `…tls`, where brokers ask for one. Empty, the
    /// default: no certificate.
    pub cert_file: PathBuf,
    /// File of the private key of that certificate (PEM, without a passphrase). Default empty.
    pub key_file: PathBuf,
    /// What brokers call this client in their logs and quotas. Default `marquee`.
    pub client_id: String,
    /// Longest time that connecting may take, with the creation of topics. Default `20s`.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// Longest time that reading, asking for bounds and committing may take; at least `2s`. Default
    /// `10s`.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// Longest time until an appended record is acknowledged or has failed, including its wait for
    /// room in the queue. Default `30s`.
    #[serde(with = "humantime_serde")]
    pub delivery_timeout: Duration,
    /// How long a record waits for others to share its batch. Default `1ms`.
    #[serde(with = "humantime_serde")]
    pub linger: Duration,
    /// Most bytes of a batch, before compression. Default 1 MiB.
    pub batch_bytes: u64,
    /// Most records of a batch. Default 10,000.
    pub batch_records: u32,
    /// Compression of batches: `none`, `gzip`, `snappy`, `lz4` or `zstd`. Default `lz4`.
    pub compression: Compression,
    /// Most bytes of records that are on their way; at least 2 MiB. More wait in their callers.
    /// Default 64 MiB.
    pub in_flight_bytes: u64,
    /// Most records that are on their way. More wait in their callers. Default 100,000.
    pub in_flight_records: u32,
    /// Time after which a silent member of a group loses its partitions. Brokers accept `6s` to
    /// `30m`. Default `10s`.
    #[serde(with = "humantime_serde")]
    pub session_timeout: Duration,
    /// Most bytes of one partition in the answer to one fetch. The whole answer has no more, or
    /// 1.25 MiB if that is more. Default 1 MiB.
    pub fetch_bytes: u64,
    /// Most bytes that a subscription holds ahead of its reader, besides one answer. It stops
    /// earlier at 10,000 records. Default 16 MiB.
    pub prefetch_bytes: u64,
    /// Reads that may run at once, each with a client of its own. Further ones wait. Default 4.
    pub readers: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bootstrap: "127.0.0.1:9092".to_owned(),
            prefix: String::new(),
            create_topics: true,
            partitions: 8,
            replication: 3,
            min_insync_replicas: 2,
            security: Security::default(),
            sasl_mechanism: SaslMechanism::default(),
            username: String::new(),
            password: Secret::default(),
            ca_file: PathBuf::new(),
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            client_id: "marquee".to_owned(),
            connect_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(10),
            delivery_timeout: Duration::from_secs(30),
            linger: Duration::from_millis(1),
            batch_bytes: MIB,
            batch_records: 10_000,
            compression: Compression::default(),
            in_flight_bytes: 64 * MIB,
            in_flight_records: 100_000,
            session_timeout: Duration::from_secs(10),
            fetch_bytes: MIB,
            prefetch_bytes: 16 * MIB,
            readers: 4,
        }
    }
}

impl Validate for Settings {
    /// Checks what librdkafka or the brokers would refuse with messages that name none of these
    /// settings.
    fn validate(&self) -> Result<(), Invalid> {
        let wrong = |setting: &str, found: &dyn Display, wanted: &str| {
            Err(Invalid::new(setting, format!("cannot be {found}; {wanted}")))
        };
        let in_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if self.bootstrap.trim().is_empty() {
            return wrong("bootstrap", &"empty", "give HOST:PORT of a broker");
        }
        if self.prefix.len() > LONGEST_PREFIX || !self.prefix.chars().all(in_name) {
            return wrong("prefix", &self.prefix, "give at most 200 letters, digits, '.', '_' and '-'");
        }
        self.check_security()?;
        if !(1..=self.replication).contains(&self.min_insync_replicas) {
            return wrong("min_insync_replicas", &self.min_insync_replicas, "give 1 up to replication");
        }
        // (setting, what it is, least, most, words)
        let numbers = [
            ("partitions", u64::from(self.partitions), 1, 10_000, "give 1 to 10,000"),
            ("replication", u64::from(self.replication), 1, 1_000, "give 1 to 1,000"),
            ("batch_bytes", self.batch_bytes, 1, 1 << 30, "give 1 to 1,073,741,824"),
            ("batch_records", u64::from(self.batch_records), 1, 1_000_000, "give 1 to 1,000,000"),
            ("in_flight_bytes", self.in_flight_bytes, 2 * MIB, 1 << 40, "give 2,097,152 to 1,099,511,627,776"),
            ("in_flight_records", u64::from(self.in_flight_records), 1, 10_000_000, "give 1 to 10,000,000"),
            ("fetch_bytes", self.fetch_bytes, 1, 50_000_000, "give 1 to 50,000,000"),
            ("prefetch_bytes", self.prefetch_bytes, 1_024, 1 << 30, "give 1,024 to 1,073,741,824"),
            ("readers", u64::from(self.readers), 1, 1_000, "give 1 to 1,000"),
        ];
        for (setting, found, least, most, wanted) in numbers {
            if !(least..=most).contains(&found) {
                return wrong(setting, &found, wanted);
            }
        }
        let times = [
            ("connect_timeout", self.connect_timeout, 1, 86_400_000, "give 1ms to 1day"),
            ("request_timeout", self.request_timeout, 2_000, 300_000, "give 2s to 5m"),
            ("delivery_timeout", self.delivery_timeout, 100, 86_400_000, "give 100ms to 1day"),
            ("linger", self.linger, 0, 10_000, "give 0s to 10s"),
            ("session_timeout", self.session_timeout, 1_000, 1_800_000, "give 1s to 30m"),
        ];
        for (setting, found, least, most, wanted) in times {
            if !(least..=most).contains(&found.as_millis()) {
                return wrong(setting, &humantime_serde::re::humantime::format_duration(found), wanted);
            }
        }
        if self.linger >= self.delivery_timeout {
            let found = humantime_serde::re::humantime::format_duration(self.linger);
            return wrong("linger", &found, "give less than delivery_timeout");
        }
        debug_assert!(2 * MIB > LARGEST_BATCH as u64, "the largest record must fit into the smallest queue");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_unknown_ones_refused() {
        let text = "bootstrap = 'b:1'\nsecurity = 'sasl_tls'\nsasl_mechanism = 'SCRAM-SHA-512'\npassword = 'hidden-one'\ncompression = 'none'\nlinger = '5ms'";
        let settings: Settings = toml::from_str(text).expect("reads");
        assert_eq!((settings.security, settings.linger), (Security::SaslTls, Duration::from_millis(5)));
        assert_eq!(settings.sasl_mechanism, SaslMechanism::ScramSha512);
        assert_eq!(settings.partitions, 8);
        assert!(!format!("{settings:?}").contains("hidden-one"));
        assert!(!toml::to_string(&settings).expect("writes").contains("hidden-one"));
        assert!(toml::from_str::<Settings>("brokers = 'b:1'").is_err());
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        Settings::default().validate().expect("the defaults work");
        let wrong = [
            ("bootstrap", Settings { bootstrap: " ".to_owned(), ..Settings::default() }),
            ("prefix", Settings { prefix: "a b".to_owned(), ..Settings::default() }),
            ("prefix", Settings { prefix: "a".repeat(201), ..Settings::default() }),
            ("min_insync_replicas", Settings { replication: 1, ..Settings::default() }),
            ("min_insync_replicas", Settings { min_insync_replicas: 0, ..Settings::default() }),
            ("partitions", Settings { partitions: 0, ..Settings::default() }),
            ("in_flight_bytes", Settings { in_flight_bytes: MIB, ..Settings::default() }),
            ("request_timeout", Settings { request_timeout: Duration::ZERO, ..Settings::default() }),
            (
                "linger",
                Settings {
                    linger: Duration::from_secs(1),
                    delivery_timeout: Duration::from_secs(1),
                    ..Settings::default()
                },
            ),
        ];
        for (setting, settings) in wrong {
            assert_eq!(settings.validate().expect_err(setting).key(), setting);
        }
    }
}
