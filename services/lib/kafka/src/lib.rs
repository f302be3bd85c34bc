//! The rating log over Kafka: [`KafkaLog`] implements [`marquee_ports::RatingLog`] with librdkafka.
//!
//! The producer is idempotent and waits for all in-sync replicas. Reads and each group membership
//! have clients of their own. Transactions are not used, because applying events is idempotent.
//!
//! - An acknowledged record is on as many brokers as `min_insync_replicas` says. With one replica
//!   it is flushed instead.
//! - Topics are checked when a log connects (`checks.rs`): one that would lose acknowledged records
//!   is refused, with the command that mends it.
//! - Every wait has a deadline, and librdkafka's blocking calls never run on an async thread.
//! - [`ForeignTopic`] reads a topic that another program owns.
//! - The threads and connections of a log and its subscriptions end with the last of them.

mod checks;
mod client;
mod failure;
mod foreign;
mod group;
mod leaving;
mod line;
mod log;
mod membership;
mod partitions;
mod probe;
mod producer;
mod protection;
mod reader;
mod reading;
mod record;
mod security;
mod settings;
mod topics;

pub use failure::ConnectError;
pub use foreign::ForeignTopic;
pub use log::KafkaLog;
pub use security::{SaslMechanism, Security};
pub use settings::{Compression, Settings};
