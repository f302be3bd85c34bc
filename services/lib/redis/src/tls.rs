//! The certificates of TLS connections.

use std::path::Path;

use marquee_settings::is_set;
use redis::{ClientTlsConfig, TlsCertificates};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::{ConnectError, Settings};

/// Reads the files that the settings name. Returns `None` if they name none; the certificates of
/// the system are trusted then.
pub(crate) fn certificates(settings: &Settings) -> Result<Option<TlsCertificates>, ConnectError> {
    // This sets the only TLS provider that is compiled in. The call fails if it is already set,
    // which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root_cert = match &settings.ca_file {
        path if is_set(path) => Some(read("ca_file", "certificates", path, has_certificate)?),
        _ => None,
    };
    let client_tls = match (&settings.cert_file, &settings.key_file) {
        (certificate, key) if is_set(certificate) && is_set(key) => Some(ClientTlsConfig {
            client_cert: read("cert_file", "certificates", certificate, has_certificate)?,
            client_key: read("key_file", "a private key", key, |pem| {
                PrivateKeyDer::from_pem_slice(pem).map(drop).map_err(|error| error.to_string())
            })?,
        }),
        _ => None,
    };
    Ok((root_cert.is_some() || client_tls.is_some()).then_some(TlsCertificates { client_tls, root_cert }))
}

/// Reads a file and checks that it contains what the setting expects.
fn read(
    key: &'static str,
    expected: &'static str,
    path: &Path,
    check: impl Fn(&[u8]) -> Result<(), String>,
) -> Result<Vec<u8>, ConnectError> {
    let unusable = |source| ConnectError::File { key, expected, path: path.to_owned(), source };
    let pem = std::fs::read(path).map_err(|error| unusable(Box::new(error)))?;
    check(&pem).map_err(|reason| unusable(reason.into()))?;
    Ok(pem)
}

fn has_certificate(pem: &[u8]) -> Result<(), String> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    if all.is_empty() { Err("the file contains no certificate".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_files_the_certificates_of_the_system_are_used() {
        assert!(certificates(&Settings::default()).expect("no files").is_none());
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_with_its_setting() {
        let folder = std::env::temp_dir();
        let empty = folder.join(format!("marquee-redis-tls-{}.pem", std::process::id()));
        std::fs::write(&empty, "no certificate").expect("a file");
        let absent = folder.join("marquee-redis-no-such-file.pem");
        let base = || Settings { cert_file: empty.clone(), key_file: empty.clone(), ..Settings::default() };
        let cases = [
            (Settings { ca_file: absent.clone(), ..Settings::default() }, "redis.ca_file", &absent),
            (Settings { ca_file: empty.clone(), ..Settings::default() }, "redis.ca_file", &empty),
            (base(), "redis.cert_file", &empty),
        ];
        for (settings, key, path) in cases {
            let error = certificates(&settings).expect_err(key).to_string();
            assert!(error.starts_with(key) && error.contains(&path.display().to_string()), "{error}");
        }
        std::fs::remove_file(&empty).expect("removed");
    }
}
