//! Errors of Kafka, and what a caller can do about them.

use std::path::PathBuf;
use std::time::Duration;

use marquee_ports::{Error, ErrorKind};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use thiserror::Error as ThisError;

/// The rating log cannot be used. `Display` says what to do. Kafka's own message is the source.
#[derive(Debug, ThisError)]
pub enum ConnectError {
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] marquee_settings::Invalid),
    /// librdkafka refuses the configuration.
    #[error("configure the Kafka client; check the settings under kafka")]
    Client(#[source] KafkaError),
    /// No broker answers.
    #[error("reach Kafka at {bootstrap} within {timeout:?}; check that brokers run there")]
    Unreachable {
        /// The addresses of the brokers.
        bootstrap: String,
        /// The longest time that connecting may take.
        timeout: Duration,
        /// The last error that the client reported.
        #[source]
        source: LastError,
    },
    /// A broker and this client do not agree on encryption or on the user.
    #[error("connect to Kafka at {bootstrap}: {advice}")]
    Refused {
        /// The addresses of the brokers.
        bootstrap: String,
        /// What the broker refuses, and the settings to check.
        advice: &'static str,
        /// The last error that the client reported.
        #[source]
        source: LastError,
    },
    /// A file of certificates or keys cannot be used.
    #[error("kafka.{key}: cannot read {expected} from {}", .path.display())]
    File {
        /// The setting that names the file.
        key: &'static str,
        /// What the file must contain.
        expected: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why it cannot be used.
        #[source]
        source: std::io::Error,
    },
    /// The program ended meanwhile.
    #[error("connect to Kafka while the program ends")]
    Ended(#[source] tokio::task::JoinError),
    /// A topic does not exist, and the settings do not allow to create it.
    #[error("topic {topic} does not exist; create it, or set kafka.create_topics")]
    NoTopic {
        /// Its name.
        topic: String,
    },
    /// A topic of another program does not exist.
    #[error("topic {topic} does not exist; check its name, and that the user may describe it")]
    NoForeignTopic {
        /// Its name.
        topic: String,
    },
    /// A topic could not be created or looked at.
    #[error("{doing} topic {topic}; check that the user may describe, create and configure topics")]
    Topic {
        /// What was being done.
        doing: &'static str,
        /// Its name.
        topic: String,
        /// Kafka's error.
        #[source]
        source: KafkaError,
    },
    /// A topic does not fit, or would lose records.
    #[error("topic {topic} cannot be used: {problem}; {fix}")]
    Unfit {
        /// Its name.
        topic: String,
        /// What is wrong with it.
        problem: String,
        /// What to do, as a command where one helps.
        fix: String,
    },
}

/// The last error that a client reported.
#[derive(Debug, ThisError)]
#[error("{0}")]
pub struct LastError(pub(crate) String);

/// Returns the error of the port for an error of Kafka.
pub(crate) fn failed(doing: impl Into<String>, error: KafkaError) -> Error {
    Error::new(kind(&error), doing, error)
}

/// Returns the error of a call that exceeded its deadline.
pub(crate) fn late(doing: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unavailable, doing, LastError("Kafka did not answer in time".to_owned()))
}

/// Returns what a caller can do about an error.
pub(crate) fn kind(error: &KafkaError) -> ErrorKind {
    match error {
        KafkaError::Nul(_) | KafkaError::ClientConfig(..) => ErrorKind::Invalid,
        error => code(error).map_or(ErrorKind::Unavailable, kind_of),
    }
}

/// Returns the code of an error. rdkafka itself does not return that of an administrative call.
pub(crate) fn code(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        error => error.rdkafka_error_code(),
    }
}

/// Codes that are not named pass with time: missing brokers, elections, too few replicas.
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

/// Returns whether a client does not recover from an error by itself.
pub(crate) fn is_final(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || (kind(error) != ErrorKind::Unavailable && !is_unreadable(error))
}

/// Returns whether a client met records that it cannot read: a batch with damaged bytes, with a
/// codec that no Kafka has, or one that is too large to fetch.
pub(crate) fn is_unreadable(error: &KafkaError) -> bool {
    let KafkaError::MessageConsumption(code) = error else { return false };
    matches!(
        code,
        Code::BadMessage
            | Code::BadCompression
            | Code::NotImplemented
            | Code::InvalidMessage
            | Code::InvalidRecord
            | Code::MessageSizeTooLarge
            | Code::UnsupportedCompressionType
    )
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn errors_say_what_a_caller_can_do() {
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
    fn an_unfit_topic_is_named_with_the_problem_and_the_fix() {
        let [topic, problem, fix] = ["t", "cleanup.policy=delete", "kafka-configs.sh …"].map(str::to_owned);
        let unfit = ConnectError::Unfit { topic, problem, fix };
        assert_eq!(unfit.to_string(), "topic t cannot be used: cleanup.policy=delete; kafka-configs.sh …");
    }
}
