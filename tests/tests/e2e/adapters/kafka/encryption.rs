//! Connections with users, passwords and TLS, and what a refused client is told.

use std::error::Error as _;
use std::time::Duration;

use anyhow::Result;
use marquee_domain::Secret;
use marquee_e2e::read_topic;
use marquee_e2e::servers::{Kafka, or_skip};
use marquee_kafka::{ConnectError, KafkaLog, SaslMechanism, Security, Settings};
use marquee_ports::{RatingLog, Topic};

use super::{consume, numbered, settings};

/// Longest time that a client which is refused tries to connect.
const PATIENCE: Duration = Duration::from_secs(8);

/// Checks that a client appends, reads and is a member of a group.
async fn works(settings: &Settings) -> Result<()> {
    let log = KafkaLog::connect(settings).await?;
    let written = log.append(Topic::RATINGS, (0..20).map(numbered).collect()).await?;
    assert_eq!(read_topic(&log, Topic::RATINGS).await?.len(), written.len());
    consume(&log, Topic::RATINGS, written.len()).await?;
    Ok(())
}

/// Checks that a client is refused with an advice that contains a text, and without its password.
async fn is_refused(settings: Settings, part: &str) {
    let error = KafkaLog::connect(&Settings { connect_timeout: PATIENCE, ..settings }).await.expect_err(part);
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error}: {source}");
    assert!(error.to_string().contains(part), "{error}: {source}");
    assert!(!source.is_empty() && !format!("{error:?}").contains("guessed"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_the_password_comes_in_and_others_are_told_what_to_check() -> Result<()> {
    let Some(kafka) = or_skip(Kafka::start(1).await)? else { return Ok(()) };
    let known = Settings {
        bootstrap: kafka.guarded_bootstrap(),
        security: Security::SaslPlaintext,
        username: Kafka::USER.to_owned(),
        password: Secret::new(kafka.password()),
        ..settings(&kafka, "guarded.")
    };
    works(&known).await?;
    is_refused(Settings { password: Secret::new("guessed"), ..known.clone() }, "kafka.password").await;
    is_refused(Settings { username: "somebody".to_owned(), ..known }, "kafka.username").await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn scram_over_tls_works_and_each_mistake_is_told_with_what_to_check() -> Result<()> {
    let Some(kafka) = or_skip(Kafka::start_encrypted().await)? else { return Ok(()) };
    let encrypted = kafka.encrypted()?;
    let known = Settings {
        bootstrap: encrypted.sasl(),
        security: Security::SaslTls,
        sasl_mechanism: SaslMechanism::ScramSha512,
        username: Kafka::USER.to_owned(),
        password: Secret::new(kafka.password()),
        ca_file: encrypted.certificates().authority(),
        ..settings(&kafka, "scram.")
    };
    works(&known).await?;

    let other = SaslMechanism::ScramSha256;
    let no_user = Settings {
        security: Security::Tls,
        sasl_mechanism: SaslMechanism::Plain,
        username: String::new(),
        password: Secret::default(),
        ..known.clone()
    };
    let plain = Settings { security: Security::Plaintext, ca_file: Default::default(), ..no_user.clone() };
    let wrong = [
        (Settings { password: Secret::new("guessed"), ..known.clone() }, "kafka.password"),
        (Settings { sasl_mechanism: other, ..known.clone() }, "kafka.sasl_mechanism"),
        // The system's authorities do not include that of the test.
        (Settings { ca_file: Default::default(), ..known.clone() }, "kafka.ca_file"),
        (no_user, "kafka.security"),
        (plain, "expect TLS"),
        (Settings { bootstrap: kafka.guarded_bootstrap(), ..known }, "does not encrypt"),
    ];
    futures_util::future::join_all(wrong.map(|(settings, part)| is_refused(settings, part))).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_opens_a_listener_that_asks_for_one() -> Result<()> {
    let Some(kafka) = or_skip(Kafka::start_encrypted().await)? else { return Ok(()) };
    let certificates = kafka.encrypted()?.certificates();
    let known = Settings {
        bootstrap: kafka.encrypted()?.mutual(),
        security: Security::Tls,
        ca_file: certificates.authority(),
        cert_file: certificates.certificate(),
        key_file: certificates.key(),
        ..settings(&kafka, "mutual.")
    };
    works(&known).await?;
    let without = Settings { cert_file: Default::default(), key_file: Default::default(), ..known.clone() };
    is_refused(without, "kafka.cert_file").await;
    let swapped = Settings { ca_file: certificates.key(), ..known };
    let error = KafkaLog::connect(&swapped).await.expect_err("a key is no certificate").to_string();
    assert!(error.starts_with("kafka.ca_file: ") && error.contains("node.key"), "{error}");
    Ok(())
}
