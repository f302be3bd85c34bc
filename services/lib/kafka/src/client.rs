//! Clients of librdkafka: their configuration, and what they notice of their brokers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;

use crate::failure::Noticed;
use crate::record::LARGEST_BATCH;
use crate::{Compression, ConnectError, SaslMechanism, Security, Settings};

/// Shortest wait of librdkafka between two tries of one thing, and longest.
const BACKOFF: (&str, &str) = ("50", "1000");

/// The group that readers name. They are assigned their partitions and commit nothing, so brokers never hear of it.
const READERS: &str = "readers";

/// Hears what a client has to say.
#[derive(Debug, Default)]
pub(crate) struct Events {
    last: Mutex<Option<String>>,
    heard: AtomicU64,
}

impl Events {
    /// What was noticed last.
    pub(crate) fn noticed(&self) -> Noticed {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Noticed(last.unwrap_or_else(|| "no broker answered".to_owned()))
    }

    /// Things heard so far. A poll that brought nothing may have heard one, and more may wait behind it: rdkafka does not tell.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// Counts one.
    pub(crate) fn hear(&self) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }
}

impl ClientContext for Events {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.hear();
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::warn!(facility, message, "Kafka client");
            }
            _ => tracing::debug!(facility, message, "Kafka client"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.hear();
        tracing::debug!(%error, reason, "Kafka client noticed");
        // "All brokers are down" says less than what went wrong with one.
        if error.rdkafka_error_code() != Some(rdkafka::error::RDKafkaErrorCode::AllBrokersDown) {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Events {}

/// A consumer that is in no group.
pub(crate) type Client = BaseConsumer<Events>;

/// Lets a client say what it has to say: nobody polls it otherwise, and its queue would grow.
pub(crate) fn hear(client: &Client) {
    const MOST: usize = 1_000;
    for _ in 0..MOST {
        let heard = client.context().heard();
        if client.poll(Duration::ZERO).is_none() && client.context().heard() == heard {
            break;
        }
    }
}

/// A client for questions about topics.
pub(crate) fn control(settings: &Settings) -> Result<Client, ConnectError> {
    base(settings).create_with_context(Events::default()).map_err(ConnectError::Client)
}

/// The brokers of a client, as soon as one answers.
pub(crate) fn greet(client: &Client, settings: &Settings, timeout: Duration) -> Result<(), ConnectError> {
    // Any topic will do: the answer that there is none is an answer.
    let answer = client.fetch_metadata(Some(&settings.topic(marquee_ports::Topic::RATINGS)), timeout);
    hear(client);
    answer.map(drop).map_err(|error| {
        tracing::debug!(%error, "no broker answered");
        let (bootstrap, timeout) = (settings.bootstrap.clone(), settings.connect_timeout);
        ConnectError::Unreachable { bootstrap, timeout, source: client.context().noticed() }
    })
}

impl Settings {
    /// What the deployment calls a topic.
    pub(crate) fn topic(&self, topic: marquee_ports::Topic) -> String {
        format!("{}{}", self.prefix, topic.name())
    }

    /// What the deployment calls a consumer group.
    pub(crate) fn group(&self, group: &str) -> String {
        format!("{}{group}", self.prefix)
    }
}

/// What all clients have in common.
pub(crate) fn base(settings: &Settings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set_log_level(RDKafkaLogLevel::Warning)
        .set("bootstrap.servers", &settings.bootstrap)
        .set("client.id", &settings.client_id)
        .set("socket.timeout.ms", millis(settings.request_timeout))
        .set("socket.connection.setup.timeout.ms", millis(settings.request_timeout))
        .set("socket.keepalive.enable", "true")
        .set("socket.nagle.disable", "true")
        .set("reconnect.backoff.ms", BACKOFF.0)
        .set("reconnect.backoff.max.ms", BACKOFF.1)
        .set("retry.backoff.ms", BACKOFF.0)
        .set("retry.backoff.max.ms", BACKOFF.1)
        .set("message.max.bytes", LARGEST_BATCH.to_string());
    let protocol = match settings.security {
        Security::Plaintext => "plaintext",
        Security::Tls => "ssl",
        Security::SaslPlaintext => "sasl_plaintext",
        Security::SaslTls => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if settings.security.has_sasl() {
        let mechanism = match settings.sasl_mechanism {
            SaslMechanism::Plain => "PLAIN",
            SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
            SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
        };
        config.set("sasl.mechanism", mechanism);
        config.set("sasl.username", &settings.username).set("sasl.password", settings.password.expose());
    }
    if settings.security.has_tls() && !settings.ca_file.as_os_str().is_empty() {
        config.set("ssl.ca.location", settings.ca_file.to_string_lossy());
    }
    config
}

/// For the client that appends.
pub(crate) fn producer(settings: &Settings) -> ClientConfig {
    let mut config = base(settings);
    let compression = match settings.compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Snappy => "snappy",
        Compression::Lz4 => "lz4",
    };
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.codec", compression)
        .set("linger.ms", (settings.linger.as_secs_f64() * 1_000.0).to_string())
        .set("batch.size", settings.batch_bytes.to_string())
        .set("batch.num.messages", settings.batch_records.to_string())
        .set("queue.buffering.max.messages", settings.in_flight_records.to_string())
        .set("queue.buffering.max.kbytes", (settings.in_flight_bytes >> 10).to_string())
        .set("request.timeout.ms", millis(settings.request_timeout))
        .set("delivery.timeout.ms", millis(settings.delivery_timeout));
    config
}

/// For clients that read.
fn consumer(settings: &Settings, group: &str) -> ClientConfig {
    let mut config = base(settings);
    config
        .set("group.id", settings.group(group))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("allow.auto.create.topics", "false")
        .set("fetch.message.max.bytes", settings.fetch_bytes.to_string())
        .set("queued.max.messages.kbytes", (settings.prefetch_bytes >> 10).to_string())
        .set("fetch.error.backoff.ms", BACKOFF.0)
        .set("fetch.queue.backoff.ms", "10");
    config
}

/// For clients that read one partition up to its end, then another. The broker answers at once: a reader would wait for the end of a long poll
/// before it could begin with another partition.
pub(crate) fn reader(settings: &Settings) -> ClientConfig {
    let mut config = consumer(settings, READERS);
    config.set("enable.partition.eof", "true").set("fetch.wait.max.ms", "5");
    config
}

/// For members of a group, and to ask what it committed.
pub(crate) fn member(settings: &Settings, group: &str) -> ClientConfig {
    let mut config = consumer(settings, group);
    // A member learns of a rebalance by its heartbeat.
    let heartbeat = (settings.session_timeout / 10).min(Duration::from_secs(1));
    config
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", millis(settings.session_timeout))
        .set("heartbeat.interval.ms", millis(heartbeat))
        .set("max.poll.interval.ms", millis(settings.session_timeout.max(Duration::from_secs(300))))
        // A seek waits for the end of a long poll.
        .set("fetch.wait.max.ms", "50");
    config
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use marquee_domain::Secret;

    use super::*;

    #[test]
    fn librdkafka_takes_every_configuration() {
        let widest = Settings {
            linger: Duration::from_micros(500),
            batch_bytes: 1 << 30,
            in_flight_bytes: 1 << 40,
            fetch_bytes: 50_000_000,
            prefetch_bytes: 1 << 30,
            session_timeout: Duration::from_secs(1_800),
            ..Settings::default()
        };
        let narrowest = Settings {
            batch_bytes: 1,
            batch_records: 1,
            in_flight_bytes: 2 << 20,
            in_flight_records: 1,
            fetch_bytes: 1,
            prefetch_bytes: 1_024,
            request_timeout: Duration::from_secs(2),
            delivery_timeout: Duration::from_millis(100),
            session_timeout: Duration::from_secs(1),
            ..Settings::default()
        };
        let sasl = Settings {
            security: Security::SaslPlaintext,
            username: "u".to_owned(),
            password: Secret::new("hidden-one"),
            ..Settings::default()
        };
        for settings in [Settings::default(), widest, narrowest, sasl] {
            settings.check().expect("allowed");
            let _: Client = reader(&settings).create_with_context(Events::default()).expect("reader");
            let _: Client = member(&settings, "g").create_with_context(Events::default()).expect("member");
            let producer = producer(&settings);
            assert!(!format!("{producer:?}").contains("hidden-one"));
            let _: rdkafka::producer::BaseProducer = producer.create().expect("producer");
        }
    }

    #[test]
    fn names_begin_with_the_prefix() {
        let settings = Settings { prefix: "test.".to_owned(), ..Settings::default() };
        assert_eq!(settings.topic(marquee_ports::Topic::MOVIES), "test.marquee.movies.v1");
        assert_eq!(settings.group("features"), "test.features");
    }

    #[test]
    fn nobody_there_is_an_error_within_the_timeout() {
        let timeout = Duration::from_millis(500);
        let settings =
            Settings { bootstrap: "127.0.0.1:1".to_owned(), connect_timeout: timeout, ..Settings::default() };
        let started = Instant::now();
        let error = greet(&control(&settings).expect("a client"), &settings, timeout).expect_err("nobody is there");
        assert!(started.elapsed() < 20 * timeout);
        assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
        let source = std::error::Error::source(&error).expect("a cause").to_string();
        assert!(source.contains("refused"), "{source}");
    }
}
