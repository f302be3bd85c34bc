//! Making a client, and asking once whether it will work: what is wrong with keys, bucket or server shows at start, with what to do about it.

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
use crate::failure::{Cause, Said};
use crate::patience::Patience;

/// A tag that no object has: MD5 gives it to no content that anybody knows.
const NO_TAG: &str = "\"00000000000000000000000000000000\"";

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The object store cannot be used. `Display` says what to do; the server's own words are the source.
#[derive(Debug, ThisError)]
pub enum ConnectError {
    /// A setting is wrong.
    #[error("s3.{0}")]
    Settings(Invalid),
    /// The certificates to trust cannot be read.
    #[error("read the certificates in {path}: check ca_file of the object store")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Source,
    },
    /// The client refuses what it was given.
    #[error("set up the client of the object store: check its settings and the AWS_* environment")]
    Client(#[source] Source),
    /// There are no keys anywhere.
    #[error(
        "find keys for S3: set access_key_id and secret_access_key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    NoKeys(#[source] Source),
    /// Nobody answers.
    #[error("reach bucket {bucket} at {server}: check that the server runs and that endpoint is its address")]
    NoAnswer {
        /// The bucket.
        bucket: String,
        /// The server.
        server: String,
        /// Why.
        #[source]
        source: Source,
    },
    /// The bucket is not there.
    #[error("there is no bucket {bucket} at {server}: make it, or correct url and endpoint")]
    NoBucket {
        /// The bucket.
        bucket: String,
        /// The server.
        server: String,
    },
    /// The keys are wrong or too weak.
    #[error(
        "{server} refuses bucket {bucket} to these keys: check them, and that they may list, read, write and delete in it"
    )]
    Refused {
        /// The bucket.
        bucket: String,
        /// The server.
        server: String,
        /// The server's words.
        #[source]
        source: Source,
    },
    /// The bucket is somewhere else.
    #[error("bucket {bucket} at {server} is in another region: set region to the bucket's")]
    Region {
        /// The bucket.
        bucket: String,
        /// The server.
        server: String,
        /// The server's words.
        #[source]
        source: Source,
    },
    /// The server answers with something else.
    #[error("use bucket {bucket} at {server}: check that the server speaks S3")]
    Request {
        /// The bucket.
        bucket: String,
        /// The server.
        server: String,
        /// The server's words.
        #[source]
        source: Source,
    },
    /// The server takes conditions for decoration: no lease and no name would be anybody's alone.
    #[error("{server} has no conditional writes (If-Match, If-None-Match): use a server that has")]
    NoConditions {
        /// The server.
        server: String,
    },
}

impl ConnectError {
    /// The same may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::NoAnswer { .. })
    }

    fn about(address: &Address, error: &S3Error) -> Self {
        let (bucket, server) = (address.bucket.clone(), address.server().to_owned());
        let cause = Cause::of(error);
        let source = Source::from(Said::of(error));
        match cause {
            Cause::NoBucket | Cause::NoObject => Self::NoBucket { bucket, server },
            Cause::Refused => Self::Refused { bucket, server, source },
            Cause::Region => Self::Region { bucket, server, source },
            cause if cause.kind() == ErrorKind::Unavailable => Self::NoAnswer { bucket, server, source },
            _ => Self::Request { bucket, server, source },
        }
    }
}

/// A client that has been seen to work.
pub(crate) async fn connect(settings: &Settings, address: &Address) -> Result<AmazonS3, ConnectError> {
    settings.validate().map_err(ConnectError::Settings)?;
    let store = client(settings, address)?;
    store.credentials().get_credential().await.map_err(|error| ConnectError::NoKeys(Source::from(Said::of(&error))))?;
    let folder = address.folder(None).map(|prefix| format!("{prefix}/"));
    let one = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
    let listed = store.list_paginated(folder.as_deref(), one).await;
    listed.map_err(|error| ConnectError::about(address, &error))?;
    check_conditions(&store, address).await?;
    Ok(store)
}

fn client(settings: &Settings, address: &Address) -> Result<AmazonS3, ConnectError> {
    // The one TLS that is compiled in; that somebody has chosen it before is as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let given = !settings.access_key_id.is_empty();
    let mut builder = if given {
        let keys = AmazonS3Builder::new().with_access_key_id(&settings.access_key_id);
        keys.with_secret_access_key(settings.secret_access_key.expose())
    } else {
        // Why is the environment read here and not in kit? Its names are Amazon's: what runs on their machines sets them without us.
        AmazonS3Builder::from_env()
    };
    if let Some(endpoint) = address.client_endpoint() {
        // The environment may have given the other, which would win.
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
        // Nothing is encrypted: that this machine has no certificates, as in a minimal container, must not matter.
        options = options.with_no_system_certificates(true);
    }
    for certificate in certificates(settings)? {
        options = options.with_root_certificate(certificate);
    }
    let built = builder
        .with_bucket_name(&address.bucket)
        .with_virtual_hosted_style_request(!settings.path_style)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        // One object is deleted at a time, and this every server understands.
        .with_disable_bulk_delete(true)
        .with_client_options(options)
        .with_retry(Patience(settings.patience).of_requests())
        .build();
    built.map_err(|error| ConnectError::Client(Source::from(Said::of(&error))))
}

fn certificates(settings: &Settings) -> Result<Vec<Certificate>, ConnectError> {
    if settings.ca_file.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let unreadable = |source| ConnectError::Certificates { path: settings.ca_file.clone(), source };
    let pem = fs::read(&settings.ca_file).map_err(|error| unreadable(Source::from(error)))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| unreadable(Source::from(Said::of(&error))))?;
    if found.is_empty() {
        return Err(unreadable(Source::from("there is no certificate in it")));
    }
    Ok(found)
}

/// Tries a write that must not succeed, so that a server that has conditional writes is left as it was.
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
                // Enough for who only reads.
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
