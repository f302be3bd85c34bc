//! Encryption of the listeners. Certificates are read again when their files change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use super::auth::modified;
use super::settings::{TlsSettings, is_set};

/// How often the files are checked for a change.
const CHECK: Duration = Duration::from_secs(2);

/// Certificates or keys that cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read or is not PEM.
    #[error("{path} cannot be read; expected {expected} in PEM")]
    File {
        /// The file.
        path: PathBuf,
        /// What it must have.
        expected: &'static str,
        /// What is wrong.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// The certificate and the key do not fit.
    #[error("{cert} and {key} cannot be used together; give a certificate and its own key")]
    Pair {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        #[source]
        source: rustls::Error,
    },
    /// The authorities of client certificates cannot be used.
    #[error("{0} has no certificate of an authority; expected at least one in PEM")]
    Authority(PathBuf),
}

/// The certificates of a server.
#[derive(Debug)]
pub(crate) struct ServerTls {
    settings: TlsSettings,
    current: Mutex<Current>,
}

type Modified = [Option<SystemTime>; 3];

struct Current {
    config: Arc<ServerConfig>,
    modified: Modified,
    checked: Instant,
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Current").finish_non_exhaustive()
    }
}

impl ServerTls {
    /// Reads the files.
    pub(crate) fn read(settings: &TlsSettings) -> Result<Self, TlsError> {
        let modified = times(settings);
        let current = Current { config: config(settings)?, modified, checked: Instant::now() };
        Ok(Self { settings: settings.clone(), current: Mutex::new(current) })
    }

    /// Returns the acceptor for a new connection. Changed files are read again; if they are
    /// unusable, the earlier certificates stay in use.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.checked.elapsed() >= CHECK {
            current.checked = Instant::now();
            let modified = times(&self.settings);
            if modified != current.modified {
                match config(&self.settings) {
                    Ok(config) => {
                        (current.config, current.modified) = (config, modified);
                        tracing::info!(cert = %self.settings.cert_file.display(), "certificates were read again");
                    }
                    // The files may be half replaced. They are read again at the next check.
                    Err(error) => {
                        tracing::warn!(error = crate::chain(&error), "the earlier certificates stay in use");
                    }
                }
            }
        }
        TlsAcceptor::from(Arc::clone(&current.config))
    }
}

fn times(settings: &TlsSettings) -> Modified {
    [&settings.cert_file, &settings.key_file, &settings.client_ca_file].map(|path| modified(path))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn config(settings: &TlsSettings) -> Result<Arc<ServerConfig>, TlsError> {
    let certificates = certificates(&settings.cert_file)?;
    let key = PrivateKeyDer::from_pem_file(&settings.key_file).map_err(|source| TlsError::File {
        path: settings.key_file.clone(),
        expected: "a private key",
        source,
    })?;
    let pair = |source| TlsError::Pair { cert: settings.cert_file.clone(), key: settings.key_file.clone(), source };
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(pair)?;
    let builder = if is_set(&settings.client_ca_file) {
        let refused = || TlsError::Authority(settings.client_ca_file.clone());
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(self::certificates(&settings.client_ca_file)?);
        // A client without a certificate may still read, or carry the token.
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .allow_unauthenticated()
            .build()
            .map_err(|_| refused())?;
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(certificates, key).map_err(pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    read.map_err(|source| TlsError::File { path: path.to_owned(), expected: "certificates", source })
}
