//! The rating log over Kafka: [`KafkaLog`] keeps the promise of [`marquee_ports::RatingLog`] with librdkafka.
//!
//! Producing is idempotent and waits for all replicas in step; reading and group membership each have clients of their own. What must stay true:
//! an acknowledged record is on as many brokers as the topic demands, or flushed where there is one replica; every wait has a deadline; nothing
//! that a log or a subscription started outlives the last of them; librdkafka's blocking calls never run on an async thread. It deliberately does
//! not use transactions: applying events is idempotent.

mod client;
mod failure;
mod group;
mod log;
mod membership;
mod producer;
mod reader;
mod record;
mod security;
mod settings;
mod topics;

pub use failure::ConnectError;
pub use log::KafkaLog;
pub use security::{SaslMechanism, Security};
pub use settings::{Compression, Settings, SettingsError};
