//! What goes wrong, and what a caller can do about it.

use std::time::Duration;

use marquee_ports::{Error, ErrorKind};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use thiserror::Error as ThisError;

use crate::SettingsError;

/// The rating log cannot be used. `Display` says what to do; Kafka's own words are the source.
#[derive(Debug, ThisError)]
pub enum ConnectError {
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// librdkafka refuses what it was given.
    #[error("set up the client of Kafka: check its settings")]
    Client(#[source] KafkaError),
    /// Nobody answers.
    #[error("reach Kafka at {bootstrap} within {timeout:?}: check that brokers run there, and security and password")]
    Unreachable {
        /// Where.
        bootstrap: String,
        /// How long it was tried.
        timeout: Duration,
        /// What the client noticed last.
        #[source]
        source: Noticed,
    },
    /// The program ends meanwhile.
    #[error("connect to Kafka while the program ends")]
    Ended(#[source] tokio::task::JoinError),
    /// A topic is not there and must not be made.
    #[error("there is no topic {topic}: make it, or set create_topics")]
    NoTopic {
        /// Its name.
        topic: String,
    },
    /// A topic could not be made or looked at.
    #[error("{doing} topic {topic}: check that the user may describe, create and configure topics")]
    Topic {
        /// What was being done.
        doing: &'static str,
        /// Its name.
        topic: String,
        /// Kafka's words.
        #[source]
        source: KafkaError,
    },
    /// A topic is not what the log needs.
    #[error("topic {topic} has {found}, not {wanted}: {fix}")]
    Unfit {
        /// Its name.
        topic: String,
        /// What it has.
        found: String,
        /// What it should have.
        wanted: String,
        /// What to do.
        fix: String,
    },
}

/// What a client noticed of its brokers.
#[derive(Debug, ThisError)]
#[error("{0}")]
pub struct Noticed(pub(crate) String);

/// A failed call of the port.
pub(crate) fn failed(doing: impl Into<String>, error: KafkaError) -> Error {
    Error::new(kind(&error), doing, error)
}

/// A call that took longer than it may.
pub(crate) fn late(doing: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unavailable, doing, Noticed("Kafka did not answer in time".to_owned()))
}

/// What a caller can do about a failure.
pub(crate) fn kind(error: &KafkaError) -> ErrorKind {
    match error {
        KafkaError::Nul(_) | KafkaError::ClientConfig(..) => ErrorKind::Invalid,
        error => code(error).map_or(ErrorKind::Unavailable, kind_of),
    }
}

/// The code of a failure; rdkafka keeps that of administration to itself.
pub(crate) fn code(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        error => error.rdkafka_error_code(),
    }
}

/// Everything not named is a matter of time: brokers that are away, elections, too few replicas.
pub(crate) fn kind_of(code: Code) -> ErrorKind {
    match code {
        Code::MessageSizeTooLarge
        | Code::MessageBatchTooLarge
        | Code::InvalidMessageSize
        | Code::InvalidArgument
        | Code::InvalidRecord
        | Code::InvalidTimestamp
        | Code::InvalidTopic
        | Code::InvalidGroupId
        | Code::InvalidSessionTimeout
        | Code::InvalidCommitOffsetSize
        | Code::InconsistentGroupProtocol
        | Code::PolicyViolation
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::UnknownTopicOrPartition
        | Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::Authentication
        | Code::UnsupportedCompressionType
        | Code::UnsupportedVersion
        | Code::UnsupportedFeature
        | Code::NotImplemented => ErrorKind::Invalid,
        Code::BadMessage | Code::BadCompression | Code::InvalidMessage => ErrorKind::Corrupt,
        _ => ErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn failures_say_what_a_caller_can_do() {
        let known = [
            (KafkaError::MessageProduction(Code::MessageSizeTooLarge), ErrorKind::Invalid),
            (KafkaError::MessageProduction(Code::MessageTimedOut), ErrorKind::Unavailable),
            (KafkaError::MessageProduction(Code::NotEnoughReplicasAfterAppend), ErrorKind::Unavailable),
            (KafkaError::MessageProduction(Code::TopicAuthorizationFailed), ErrorKind::Invalid),
            (KafkaError::MetadataFetch(Code::BrokerTransportFailure), ErrorKind::Unavailable),
            (KafkaError::MessageConsumption(Code::BadMessage), ErrorKind::Corrupt),
            (KafkaError::AdminOp(Code::PolicyViolation), ErrorKind::Invalid),
            (KafkaError::Seek("_TIMED_OUT".to_owned()), ErrorKind::Unavailable),
        ];
        for (error, expected) in known {
            assert_eq!(kind(&error), expected, "{error}");
            let failed = failed("append to a topic", error);
            assert!(failed.source().is_some());
            assert_eq!(failed.to_string(), "append to a topic");
        }
    }

    #[test]
    fn what_a_topic_lacks_is_said_with_the_fix() {
        let [topic, found, wanted, fix] =
            ["t", "cleanup.policy=delete", "compact", "kafka-configs.sh …"].map(str::to_owned);
        let unfit = ConnectError::Unfit { topic, found, wanted, fix };
        assert_eq!(unfit.to_string(), "topic t has cleanup.policy=delete, not compact: kafka-configs.sh …");
    }
}
