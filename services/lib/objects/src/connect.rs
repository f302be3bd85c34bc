//! Makes a client and checks once that it works. So wrong keys, a wrong bucket or a wrong server
//! fail at the start, with a message that says what to do.

use std::fs;
use std::path::PathBuf;

use marquee_ports::ErrorKind;
use marquee_settings::{Invalid, Validate as _};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{Certificate, ClientOptions, Error as S3Error, ObjectStore as _, ObjectStoreExt as _};
use object_store::{PutMode, PutOptions, UpdateVersion};
use thiserror::Error as ThisError;
use tracing::debug;

use crate::Settings;
use crate::address::Address;
use crate::failure::{Cause, Message};
use crate::retry::Retry;

/// A tag that no object has: no content with this MD5 is known.
const NO_TAG: &str = "\"00000000000000000000000000000000\"";

type Source = Box<dyn std::error::Error + Send + Sync>;

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
        "s3.access_key_id: no keys found; set access_key_id and secret_access_key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
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
    #[error("there is no bucket {bucket} at {server}; create it, or correct s3.url and s3.endpoint")]
    NoBucket {
        /// The bucket.
        bucket: String,
        /// The server.
        server: String,
    },
    /// The keys are wrong or do not have enough permissions.
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
        matches!(self, Self::NoAnswer { .. })
    }

    fn about(address: &Address, error: &S3Error) -> Self {
        let (bucket, server) = (address.bucket.clone(), address.server().to_owned());
        let cause = Cause::of(error);
        let source = Source::from(Message::of(error));
        match cause {
            Cause::NoBucket | Cause::NoObject => Self::NoBucket { bucket, server },
            Cause::Refused => Self::Refused { bucket, server, source },
            Cause::Region => Self::Region { bucket, server, source },
            cause if cause.kind() == ErrorKind::Unavailable => Self::NoAnswer { bucket, server, source },
            _ => Self::Request { bucket, server, source },
        }
    }
}

/// Returns a client that has passed the checks.
pub(crate) async fn connect(settings: &Settings, address: &Address) -> Result<AmazonS3, ConnectError> {
    settings.validate().map_err(ConnectError::Settings)?;
    let store = client(settings, address)?;
    store
        .credentials()
        .get_credential()
        .await
        .map_err(|error| ConnectError::NoKeys(Source::from(Message::of(&error))))?;
    let folder = address.folder(None).map(|prefix| format!("{prefix}/"));
    let one = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
    let listed = store.list_paginated(folder.as_deref(), one).await;
    listed.map_err(|error| ConnectError::about(address, &error))?;
    check_conditions(&store, address).await?;
    Ok(store)
}

fn client(settings: &Settings, address: &Address) -> Result<AmazonS3, ConnectError> {
    // This sets the only TLS provider that is compiled in. The call fails if it is already set,
    // which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let given = !settings.access_key_id.is_empty();
    let mut builder = if given {
        let keys = AmazonS3Builder::new().with_access_key_id(&settings.access_key_id);
        keys.with_secret_access_key(settings.secret_access_key.expose())
    } else {
        // The environment is read here and not with the other settings, because the names of the
        // variables are Amazon's. Amazon's machines set them.
        AmazonS3Builder::from_env()
    };
    if let Some(endpoint) = address.client_endpoint() {
        // The environment may have set the other form of the option, which would take precedence.
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, &endpoint).with_endpoint(endpoint);
    }
    if !settings.region.is_empty() {
        builder = builder.with_region(&settings.region);
    }
    let mut options = ClientOptions::new()
        .with_allow_http(address.is_unencrypted())
        .with_connect_timeout(settings.connect_timeout)
        .with_timeout(settings.request_timeout);
    if address.is_unencrypted() && given {
        // Without encryption no certificates are needed. So a machine without certificates, such as
        // a minimal container, must work.
        options = options.with_no_system_certificates(true);
    }
    for certificate in certificates(settings)? {
        options = options.with_root_certificate(certificate);
    }
    let built = builder
        .with_bucket_name(&address.bucket)
        .with_virtual_hosted_style_request(!settings.path_style)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        // Objects are deleted one at a time, with a request that every server supports.
        .with_disable_bulk_delete(true)
        .with_client_options(options)
        .with_retry(Retry(settings.patience).of_requests())
        .build();
    built.map_err(|error| ConnectError::Client(Source::from(Message::of(&error))))
}

fn certificates(settings: &Settings) -> Result<Vec<Certificate>, ConnectError> {
    if settings.ca_file.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let unreadable = |source| ConnectError::Certificates { path: settings.ca_file.clone(), source };
    let pem = fs::read(&settings.ca_file).map_err(|error| unreadable(Source::from(error)))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| unreadable(Source::from(Message::of(&error))))?;
    if found.is_empty() {
        return Err(unreadable(Source::from("the file contains no certificate")));
    }
    Ok(found)
}

/// Tries a write whose condition cannot hold. A server with conditional writes refuses it and stays
/// unchanged.
async fn check_conditions(store: &AmazonS3, address: &Address) -> Result<(), ConnectError> {
    let path = address.folder(None).unwrap_or_default().join("marquee-never-written");
    let version = UpdateVersion { e_tag: Some(NO_TAG.to_owned()), version: None };
    let options = PutOptions::from(PutMode::Update(version));
    let server = || address.server().to_owned();
    match store.put_opts(&path, "conditions were ignored".into(), options).await {
        Ok(_) => {
            remove(store, &path).await;
            Err(ConnectError::NoConditions { server: server() })
        }
        Err(error) => match Cause::of(&error) {
            Cause::Condition | Cause::NoObject => Ok(()),
            Cause::Unsupported => Err(ConnectError::NoConditions { server: server() }),
            Cause::Refused => {
                // Keys that may only read are enough for a process that only reads.
                debug!(bucket = address.bucket, "these keys may not write");
                Ok(())
            }
            _ => Err(ConnectError::about(address, &error)),
        },
    }
}

async fn remove(store: &AmazonS3, path: &Path) {
    if let Err(error) = store.delete(path).await {
        debug!(%path, %error, "probe left behind");
    }
}
