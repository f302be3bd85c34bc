//! Why the object store cannot be used.

use std::path::PathBuf;

use marquee_ports::ErrorKind;
use marquee_settings::Invalid;
use object_store::Error as S3Error;
use thiserror::Error as ThisError;

use crate::address::Address;
use crate::failure::{Cause, Message};

/// The cause of an error.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the object store cannot be used. `Display` says what to do. The source is the message of the
/// server.
#[derive(Debug, ThisError)]
pub enum ConnectError {
    /// A setting is invalid.
    #[error("s3.{0}")]
    Settings(Invalid),
    /// The file of trusted certificates cannot be read.
    #[error("s3.ca_file: cannot read certificates from {path}; give a file of certificates in PEM")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: Source,
    },
    /// The client refuses its settings.
    #[error("cannot create the S3 client; check the settings under s3 and the AWS_* environment variables")]
    Client(#[source] Source),
    /// There are no keys in the settings or in the environment.
    #[error(
        "s3.access_key_id: no keys found; set access_key_id and secret_access_key (and session_token), set \
         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or run with a web identity or the role of a \
         machine"
    )]
    NoKeys(#[source] Source),
    /// The server does not answer.
    #[error("cannot reach bucket {bucket} at {server}; check that the server runs and that s3.endpoint is its address")]
    NoAnswer {
        /// The bucket.
        bucket: String,
        /// The server.
        server: String,
        /// The reason.
        #[source]
        source: Source,
    },
    /// The bucket does not exist.
    #[error(
        "there is no bucket {bucket} at {server}; create it, or correct s3.url and s3.endpoint, which names the server \
         without the bucket"
    )]
    NoBucket {
        /// The bucket.
        bucket: String,
        /// The server.
        server: String,
    },
    /// The access key is unknown, or its secret is wrong.
    #[error(
        "{server} refuses bucket {bucket} to these keys, which it does not know; check s3.access_key_id and \
         s3.secret_access_key, and s3.session_token if they are temporary"
    )]
    Keys {
        /// The bucket.
        bucket: String,
        /// The server.
        server: String,
        /// The message of the server.
        #[source]
        source: Source,
    },
    /// The session token has expired or is not valid.
    #[error(
        "{server} refuses bucket {bucket} to this session token; renew it (s3.session_token, AWS_SESSION_TOKEN or the \
         profile)"
    )]
    Token {
        /// The bucket.
        bucket: String,
        /// The server.
        server: String,
        /// The message of the server.
        #[source]
        source: Source,
    },
    /// The clocks differ.
    #[error("the clock of this machine differs too much from that of {server}; set it right")]
    Clock {
        /// The server.
        server: String,
        /// The message of the server.
        #[source]
        source: Source,
    },
    /// The server is overloaded.
    #[error("{server} is overloaded or asks to slow down; try again later")]
    Busy {
        /// The server.
        server: String,
        /// The message of the server.
        #[source]
        source: Source,
    },
    /// The keys do not have enough permissions.
    #[error(
        "{server} refuses bucket {bucket} to these keys; check the keys and their permissions to list, read, write and delete"
    )]
    Refused {
        /// The bucket.
        bucket: String,
        /// The server.
        server: String,
        /// The message of the server.
        #[source]
        source: Source,
    },
    /// The bucket is in another region.
    #[error("bucket {bucket} at {server} is in another region; set s3.region to the region of the bucket")]
    Region {
        /// The bucket.
        bucket: String,
        /// The server.
        server: String,
        /// The message of the server.
        #[source]
        source: Source,
    },
    /// The server sends an unexpected answer.
    #[error("cannot use bucket {bucket} at {server}; check that the server speaks S3")]
    Request {
        /// The bucket.
        bucket: String,
        /// The server.
        server: String,
        /// The message of the server.
        #[source]
        source: Source,
    },
    /// The server ignores or refuses conditional writes. Without them, two processes could hold the
    /// same lease.
    #[error("{server} does not support conditional writes (If-Match, If-None-Match); use a server that supports them")]
    NoConditions {
        /// The server.
        server: String,
    },
}

impl ConnectError {
    /// Returns whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::NoAnswer { .. } | Self::Busy { .. } | Self::Clock { .. })
    }

    pub(crate) fn about(address: &Address, error: &S3Error) -> Self {
        let (bucket, server) = (address.bucket.clone(), address.server().to_owned());
        let cause = Cause::of(error);
        let source = Source::from(Message::of(error));
        match cause {
            Cause::NoBucket | Cause::NoObject => Self::NoBucket { bucket, server },
            Cause::Refused => Self::Refused { bucket, server, source },
            Cause::Keys => Self::Keys { bucket, server, source },
            Cause::Token => Self::Token { bucket, server, source },
            Cause::Clock => Self::Clock { server, source },
            Cause::Busy => Self::Busy { server, source },
            Cause::Region => Self::Region { bucket, server, source },
            cause if cause.kind() == ErrorKind::Unavailable => Self::NoAnswer { bucket, server, source },
            _ => Self::Request { bucket, server, source },
        }
    }
}
