//! The settings of the listeners: who may call, over which transport, and with how much.

use std::path::{Path, PathBuf};
use std::time::Duration;

use marquee_settings::{Invalid, Validate, is_set};
use serde::{Deserialize, Serialize};

/// The longest time that a client may take.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// Settings of the gRPC and the HTTP listener of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Further values of the `Host` header that HTTP requests may have, for example
    /// `["marquee.example.com"]`. A listener on loopback accepts `localhost` and loopback addresses
    /// besides these, so that no web page can reach it under a name of its own. Another listener
    /// checks the header only if this list has entries, and accepts IP addresses besides these, by
    /// which Prometheus and probes call it. Default empty.
    pub allowed_hosts: Vec<String>,
    /// The origins of web pages that may call the HTTP API from a browser, for example
    /// `["https://shop.example.com"]`. Requests of other origins are refused. Default empty.
    pub cors_origins: Vec<String>,
    /// A file with the token that calls which write or administer must carry, as
    /// `authorization: Bearer TOKEN`. It is read again when it changes. Empty, the default: no
    /// token.
    pub token_file: PathBuf,
    /// Lets a listener that is not on loopback accept writes without a token or a client
    /// certificate, for example behind a proxy that checks callers. Default false.
    pub allow_unauthenticated: bool,
    /// The most connections of both listeners together. Fewer are allowed where the process may
    /// open fewer files. A new connection replaces the one that has been idle longest. While all of
    /// them are busy, further connections are answered health checks only. Default 2,048.
    pub max_connections: usize,
    /// The most requests in flight on one HTTP/2 connection. Further ones wait in the client.
    /// Default 512.
    pub max_streams: u32,
    /// The most bytes of request bodies that are held at once, at least 64 MiB. Further requests
    /// wait, and are answered RESOURCE_EXHAUSTED after `body_timeout`. Default 67108864 (64 MiB).
    pub body_budget: u32,
    /// The most bytes of a request body or a gRPC message, packed and unpacked, at least 16 MiB and
    /// at most a third of `body_budget`. Only the Open Inference Protocol accepts messages of more
    /// than 16 MiB; other calls have limits of their own. Default 16777216 (16 MiB).
    pub max_message: u32,
    /// The most bytes of answers that are held at once, at least 16 MiB: of requests that run, as
    /// far as is known before, and of answers that clients have not read. A quarter of it is for
    /// answers of at most 64 KiB. Further requests wait for 2 s, and are then answered
    /// RESOURCE_EXHAUSTED, or 503 over HTTP. One answer always goes, whatever its size. Default
    /// 268435456 (256 MiB).
    pub answer_budget: usize,
    /// The most memory in bytes that one request may take once it is decoded. It is estimated
    /// before the request is decoded. Default 33554432 (32 MiB).
    pub max_decoded: usize,
    /// The least bytes of an HTTP answer that is compressed where the client accepts it, with gzip
    /// or zstd. 0: nothing is compressed. Default 16384 (16 KiB).
    pub compress_from: usize,
    /// The least bytes of a gRPC message that is compressed with gzip where the client accepts it.
    /// Most clients in Python and Java say that they do, and would wait longer for what they ask
    /// often. 0: nothing is compressed. Default 1048576 (1 MiB).
    pub compress_grpc_from: usize,
    /// How long the head of a request, or a TLS handshake, may take to arrive. Default `10s`.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// How long a body, or one message of a stream, may take to arrive. Default `30s`.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// How long a connection without a request stays open. Default `2m`.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
    /// How long a client may leave an answer unread. Then its connection is closed. Default `1m`.
    #[serde(with = "humantime_serde")]
    pub answer_timeout: Duration,
    /// How old a connection may be. Then its client is told to send further requests over a new
    /// one, so that clients also use instances that were added. The age of each connection is up to
    /// a tenth more or less, so that clients do not all come back together. `0s`: as old as its
    /// client likes. Default `10m`.
    #[serde(with = "humantime_serde")]
    pub max_connection_age: Duration,
    /// How long requests in flight on such a connection may still take. Then it is closed. Calls
    /// that watch, and imports, may take hours. Default `6h`.
    #[serde(with = "humantime_serde")]
    pub max_connection_age_grace: Duration,
    /// Encryption of both listeners.
    pub tls: TlsSettings,
}

/// Encryption of both listeners. The files are read again when they change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSettings {
    /// The certificate of the server and those that it is signed with, in PEM. Empty, the default:
    /// no encryption.
    pub cert_file: PathBuf,
    /// The private key of the certificate, in PEM.
    pub key_file: PathBuf,
    /// The certificates of the authorities that sign the certificates of clients, in PEM. If it is
    /// set, calls that write or administer need a client certificate or the token. Empty, the
    /// default: clients have no certificates.
    pub client_ca_file: PathBuf,
}

impl TlsSettings {
    /// Returns whether connections are encrypted.
    pub fn is_enabled(&self) -> bool {
        is_set(&self.cert_file)
    }
}

/// How this process calls other processes of the fleet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientSettings {
    /// The certificates of the authorities that sign those of servers, in PEM, for addresses that
    /// begin with `https://`. Empty, the default: the authorities that this machine trusts.
    pub ca_file: PathBuf,
    /// The certificate that this client shows, in PEM. Empty, the default: none.
    pub cert_file: PathBuf,
    /// The private key of the certificate, in PEM.
    pub key_file: PathBuf,
    /// A file with the token that is sent with each call. Empty, the default: no token.
    pub token_file: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allowed_hosts: Vec::new(),
            cors_origins: Vec::new(),
            token_file: PathBuf::new(),
            allow_unauthenticated: false,
            max_connections: 2_048,
            max_streams: 512,
            body_budget: 64 << 20,
            max_message: 16 << 20,
            answer_budget: 256 << 20,
            max_decoded: 32 << 20,
            compress_from: 16 << 10,
            compress_grpc_from: 1 << 20,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(120),
            answer_timeout: Duration::from_secs(60),
            max_connection_age: Duration::from_secs(600),
            max_connection_age_grace: Duration::from_secs(6 * 3_600),
            tls: TlsSettings::default(),
        }
    }
}

impl Settings {
    /// Returns whether calls that write or administer must prove who sends them.
    pub fn authenticates(&self) -> bool {
        is_set(&self.token_file) || is_set(&self.tls.client_ca_file)
    }
}

fn check_pair(cert: &Path, key: &Path) -> Result<(), Invalid> {
    Invalid::unless(
        is_set(cert) || !is_set(key),
        "cert_file",
        "is empty, but key_file is set; give the certificate of the key",
    )?;
    Invalid::unless(is_set(key) || !is_set(cert), "key_file", "is empty; give the private key of cert_file")
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        for host in &self.allowed_hosts {
            let is_name = !host.is_empty() && !host.contains(['/', ' ', '*', '@']);
            let message = format!("'{host}' is not a host; expected a name or an address, without a port or a path");
            Invalid::unless(is_name, "allowed_hosts", message)?;
        }
        for origin in &self.cors_origins {
            let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            let is_origin = rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(['/', ' ', '*', '@']));
            let message = format!("'{origin}' is not an origin; expected https://HOST or https://HOST:PORT");
            Invalid::unless(is_origin, "cors_origins", message)?;
        }
        Invalid::unless_in(16..=1_000_000, "max_connections", self.max_connections as u64)?;
        Invalid::unless_in(1..=1_000_000, "max_streams", u64::from(self.max_streams))?;
        let least = 64 << 20;
        let message = format!("is {} bytes; give at least {least}", self.body_budget);
        Invalid::unless(self.body_budget >= least, "body_budget", message)?;
        Invalid::unless_in(16 << 20..=1 << 30, "max_message", u64::from(self.max_message))?;
        // A packed message is expected to take its length twice, and large bodies have three
        // quarters of the budget.
        let message = format!(
            "is {}; give at most a third of body_budget, which is {} bytes, or a larger body_budget",
            self.max_message, self.body_budget
        );
        Invalid::unless(self.max_message <= self.body_budget / 3, "max_message", message)?;
        Invalid::unless_in(16 << 20..=1 << 40, "answer_budget", self.answer_budget as u64)?;
        Invalid::unless_in(1 << 20..=1 << 40, "max_decoded", self.max_decoded as u64)?;
        Invalid::unless_in(0..=1 << 40, "compress_from", self.compress_from as u64)?;
        Invalid::unless_in(0..=1 << 40, "compress_grpc_from", self.compress_grpc_from as u64)?;
        let times = [
            ("header_timeout", self.header_timeout),
            ("body_timeout", self.body_timeout),
            ("idle_timeout", self.idle_timeout),
            ("answer_timeout", self.answer_timeout),
            ("max_connection_age_grace", self.max_connection_age_grace),
        ];
        for (key, time) in times {
            Invalid::unless_time_in(Duration::from_millis(1)..=LONGEST_WAIT, key, time)?;
        }
        Invalid::unless_time_in(Duration::ZERO..=LONGEST_WAIT, "max_connection_age", self.max_connection_age)?;
        self.tls.validate().map_err(|invalid| invalid.within("tls"))
    }
}

impl Validate for TlsSettings {
    fn validate(&self) -> Result<(), Invalid> {
        check_pair(&self.cert_file, &self.key_file)?;
        Invalid::unless(
            self.is_enabled() || !is_set(&self.client_ca_file),
            "client_ca_file",
            "is set, but cert_file is empty; give the certificate of the server too",
        )
    }
}

impl Validate for ClientSettings {
    fn validate(&self) -> Result<(), Invalid> {
        check_pair(&self.cert_file, &self.key_file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_make_no_sense_are_refused_by_their_key() {
        assert_eq!(Settings::default().validate(), Ok(()));
        let with = |change: &dyn Fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.validate().expect_err("refused").key().to_owned()
        };
        assert_eq!(with(&|one| one.allowed_hosts = vec!["http://a".to_owned()]), "allowed_hosts");
        assert_eq!(with(&|one| one.cors_origins = vec!["*".to_owned()]), "cors_origins");
        assert_eq!(with(&|one| one.cors_origins = vec!["https://a/".to_owned()]), "cors_origins");
        assert_eq!(with(&|one| one.max_connections = 0), "max_connections");
        assert_eq!(with(&|one| one.body_budget = 1), "body_budget");
        assert_eq!(with(&|one| one.answer_budget = 1), "answer_budget");
        assert_eq!(with(&|one| one.body_timeout = Duration::ZERO), "body_timeout");
        assert_eq!(with(&|one| one.max_connection_age = Duration::MAX), "max_connection_age");
        assert_eq!(with(&|one| one.max_connection_age_grace = Duration::ZERO), "max_connection_age_grace");
        let ageless = Settings { max_connection_age: Duration::ZERO, ..Settings::default() };
        assert_eq!(ageless.validate(), Ok(()));
        assert_eq!(with(&|one| one.tls.cert_file = "a".into()), "tls.key_file");
        assert_eq!(with(&|one| one.tls.key_file = "a".into()), "tls.cert_file");
        assert_eq!(with(&|one| one.tls.client_ca_file = "a".into()), "tls.client_ca_file");
        let client = ClientSettings { cert_file: "a".into(), ..ClientSettings::default() };
        assert_eq!(client.validate().expect_err("refused").key(), "key_file");
    }
}
