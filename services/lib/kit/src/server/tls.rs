//! Encryption of the listeners. Certificates are read again when their files change.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use marquee_settings::is_set;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use super::reload::Reloaded;
use super::settings::TlsSettings;

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
    files: Reloaded<Arc<ServerConfig>>,
}

impl ServerTls {
    /// Reads the files.
    pub(crate) fn read(settings: &TlsSettings) -> Result<Self, TlsError> {
        let paths = [&*settings.cert_file, &settings.key_file, &settings.client_ca_file];
        let files = Reloaded::read(&paths, || config(settings))?;
        Ok(Self { settings: settings.clone(), files })
    }

    /// Returns the acceptor for a new connection. Changed files are read again; if they are
    /// unusable, the earlier certificates stay in use.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let read = || match config(&self.settings) {
            Ok(config) => {
                tracing::info!(cert = %self.settings.cert_file.display(), "certificates were read again");
                Some(config)
            }
            Err(error) => {
                tracing::warn!(error = crate::chain(&error), "the earlier certificates stay in use");
                None
            }
        };
        TlsAcceptor::from(self.files.current(read))
    }
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
