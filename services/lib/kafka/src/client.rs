//! Clients of librdkafka: their configuration, and the events that they report.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;

use crate::failure::LastError;
use crate::record::LARGEST_BATCH;
use crate::{Compression, ConnectError, Settings, protection};

/// The shortest and the longest time in milliseconds that librdkafka waits before it retries.
const BACKOFF: (&str, &str) = ("50", "1000");

/// Records that a client holds before it stops to fetch. By default it holds 100,000 of them.
const RECORDS_AHEAD: u64 = 10_000;

/// What librdkafka needs for each of them, which [`Settings::prefetch_bytes`] does not count.
const RECORD_OVERHEAD: u64 = 1 << 10;

/// The group that readers name. They never join it or commit to it, so brokers do not know it.
const READERS: &str = "readers";

/// The events of a client: its log lines and errors.
#[derive(Debug, Default)]
pub(crate) struct Events {
    last: Mutex<Option<String>>,
    /// The log line of the last connection that a broker closed.
    closed: Mutex<Option<String>>,
    seen: AtomicU64,
}

impl Events {
    /// Returns the last error that the client reported, or what it logged of a connection that a
    /// broker closed if there was no error.
    pub(crate) fn last_error(&self) -> LastError {
        let text = |of: &Mutex<Option<String>>| of.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let last = text(&self.last).or_else(|| text(&self.closed));
        LastError(last.unwrap_or_else(|| "no broker answered".to_owned()))
    }

    /// Returns the number of events so far. rdkafka does not say whether a poll without a result
    /// delivered an event, and more may wait behind it.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// Counts an event.
    pub(crate) fn record(&self) {
        self.seen.fetch_add(1, Ordering::Relaxed);
    }
}

impl ClientContext for Events {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.record();
        // A connection that a broker closes is no error for librdkafka.
        if facility == "FAIL" && message.contains("Disconnected") {
            *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.to_owned());
        }
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::warn!(facility, message, "Kafka client");
            }
            _ => tracing::debug!(facility, message, "Kafka client"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.record();
        tracing::debug!(%error, reason, "Kafka client reported an error");
        // "All brokers are down" says less than the error of a single broker.
        if error.rdkafka_error_code() != Some(rdkafka::error::RDKafkaErrorCode::AllBrokersDown) {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Events {}

/// A consumer that is in no group.
pub(crate) type Client = BaseConsumer<Events>;

/// Polls a client so that pending events are delivered. A client that reads nothing is not polled
/// otherwise, and its queue would grow.
pub(crate) fn poll(client: &Client) {
    const MOST: usize = 1_000;
    for _ in 0..MOST {
        let seen = client.context().seen();
        if client.poll(Duration::ZERO).is_none() && client.context().seen() == seen {
            break;
        }
    }
}

/// Creates a client that asks for metadata and offsets.
pub(crate) fn control(settings: &Settings) -> Result<Client, ConnectError> {
    let mut config = base(settings);
    // Closed connections are logged with this level.
    config.set_log_level(RDKafkaLogLevel::Info);
    config.create_with_context(Events::default()).map_err(ConnectError::Client)
}

/// Waits until a broker answers a client.
pub(crate) fn wait_for_broker(client: &Client, settings: &Settings, timeout: Duration) -> Result<(), ConnectError> {
    // Any topic will do: the answer that it does not exist is an answer too.
    let answer = client.fetch_metadata(Some(&settings.topic(marquee_ports::Topic::RATINGS)), timeout);
    poll(client);
    answer.map(drop).map_err(|error| {
        tracing::debug!(%error, "no broker answered");
        let (bootstrap, timeout) = (settings.bootstrap.clone(), settings.connect_timeout);
        let source = client.context().last_error();
        match protection::advice(&source) {
            Some(advice) => ConnectError::Refused { bootstrap, advice, source },
            None => ConnectError::Unreachable { bootstrap, timeout, source },
        }
    })
}

impl Settings {
    /// Returns the name of a topic in this deployment.
    pub(crate) fn topic(&self, topic: marquee_ports::Topic) -> String {
        format!("{}{}", self.prefix, topic.name())
    }

    /// Returns the name of a consumer group in this deployment.
    pub(crate) fn group(&self, group: &str) -> String {
        format!("{}{group}", self.prefix)
    }

    /// Returns the most bytes of one answer to a fetch. It has records of many partitions, and all
    /// of them are unpacked at once.
    fn answer_bytes(&self) -> u64 {
        self.fetch_bytes.max(LARGEST_BATCH as u64)
    }

    /// Returns the most bytes that one client which reads holds ahead of its reader: records and
    /// what librdkafka needs for each of them, and the answer that arrives.
    pub fn read_ahead_bytes(&self) -> u64 {
        self.prefetch_bytes + self.answer_bytes() + RECORDS_AHEAD * RECORD_OVERHEAD
    }
}

/// Returns the configuration that all clients have in common.
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
    protection::configure(&mut config, settings);
    config
}

/// Returns the configuration of the client that appends.
pub(crate) fn producer(settings: &Settings) -> ClientConfig {
    let mut config = base(settings);
    let compression = match settings.compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Snappy => "snappy",
        Compression::Lz4 => "lz4",
        Compression::Zstd => "zstd",
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

/// Returns the configuration that all clients that read have in common.
fn consumer(settings: &Settings, group: &str) -> ClientConfig {
    let mut config = base(settings);
    config
        .set("group.id", settings.group(group))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("allow.auto.create.topics", "false")
        // Records of aborted transactions are never delivered.
        .set("isolation.level", "read_committed")
        // A batch whose bytes changed on a disk is reported and not delivered.
        .set("check.crcs", "true")
        .set("fetch.message.max.bytes", settings.fetch_bytes.to_string())
        .set("fetch.max.bytes", settings.answer_bytes().to_string())
        .set("queued.min.messages", RECORDS_AHEAD.to_string())
        .set("queued.max.messages.kbytes", (settings.prefetch_bytes >> 10).to_string())
        .set("fetch.error.backoff.ms", BACKOFF.0)
        .set("fetch.queue.backoff.ms", "10");
    config
}

/// Returns the configuration of clients that read one partition up to its end, then another. The
/// broker answers fetches at once: a reader can start with the next partition only when its fetch
/// has ended.
pub(crate) fn reader(settings: &Settings) -> ClientConfig {
    let mut config = consumer(settings, READERS);
    config.set("enable.partition.eof", "true").set("fetch.wait.max.ms", "5");
    config
}

/// Returns the configuration of the members of a group, and of clients that ask for its committed
/// offsets.
pub(crate) fn member(settings: &Settings, group: &str) -> ClientConfig {
    let mut config = consumer(settings, group);
    // A member learns of a rebalance by the answer to its heartbeat.
    let heartbeat = (settings.session_timeout / 10).min(Duration::from_secs(1));
    config
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", millis(settings.session_timeout))
        .set("heartbeat.interval.ms", millis(heartbeat))
        .set("max.poll.interval.ms", millis(settings.session_timeout.max(Duration::from_secs(300))))
        // A seek waits until the fetch that runs has ended.
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
    use marquee_settings::Validate;

    use super::*;
    use crate::Security;

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
            compression: Compression::Zstd,
            ..Settings::default()
        };
        let sasl = Settings {
            security: Security::SaslPlaintext,
            username: "u".to_owned(),
            password: Secret::new("hidden-one"),
            ..Settings::default()
        };
        for settings in [Settings::default(), widest, narrowest, sasl] {
            settings.validate().expect("allowed");
            let _: Client = reader(&settings).create_with_context(Events::default()).expect("reader");
            let _: Client = member(&settings, "g").create_with_context(Events::default()).expect("member");
            let producer = producer(&settings);
            assert!(!format!("{producer:?}").contains("hidden-one"));
            let _: rdkafka::producer::BaseProducer = producer.create().expect("producer");
        }
    }

    #[test]
    fn a_consumer_holds_few_records_ahead_and_one_small_answer() {
        let wide = Settings { fetch_bytes: 8 << 20, ..Settings::default() };
        for (settings, answer) in [(Settings::default(), LARGEST_BATCH), (wide, 8 << 20)] {
            for config in [reader(&settings), member(&settings, "g")] {
                assert_eq!(config.get("queued.min.messages"), Some("10000"));
                assert_eq!(config.get("fetch.max.bytes"), Some(answer.to_string().as_str()));
                assert_eq!(config.get("queued.max.messages.kbytes"), Some("16384"));
            }
            assert_eq!(settings.read_ahead_bytes(), (16 << 20) + answer as u64 + (10_000 << 10));
        }
    }

    #[test]
    fn names_begin_with_the_prefix() {
        let settings = Settings { prefix: "test.".to_owned(), ..Settings::default() };
        assert_eq!(settings.topic(marquee_ports::Topic::MOVIES), "test.marquee.movies.v1");
        assert_eq!(settings.group("features"), "test.features");
    }

    #[test]
    fn a_missing_broker_is_an_error_within_the_timeout() {
        let timeout = Duration::from_millis(500);
        let settings =
            Settings { bootstrap: "127.0.0.1:1".to_owned(), connect_timeout: timeout, ..Settings::default() };
        let started = Instant::now();
        let error = wait_for_broker(&control(&settings).expect("a client"), &settings, timeout)
            .expect_err("no broker is there");
        assert!(started.elapsed() < 20 * timeout);
        assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
        let source = std::error::Error::source(&error).expect("a cause").to_string();
        assert!(source.contains("refused"), "{source}");
    }
}
