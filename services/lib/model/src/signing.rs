//! Ed25519 signatures over manifests (RFC 8032). A manifest lists the digest of every file, so signing it signs the package.

use std::fmt;
use std::io::Write as _;
use std::path::Path;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use ed25519_dalek::{Signature, Signer};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// A key or a signature is unusable.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The system has no randomness.
    #[error("the system gave no random bytes")]
    Random(#[source] getrandom::Error),
    /// Not PKCS#8 PEM.
    #[error("the text is no Ed25519 private key in PKCS#8 PEM")]
    Private(#[source] ed25519_dalek::pkcs8::Error),
    /// Not SPKI PEM.
    #[error("the text is no Ed25519 public key in SPKI PEM")]
    Public(#[source] ed25519_dalek::pkcs8::spki::Error),
    /// Does not encode.
    #[error("the key does not encode")]
    Encode(#[source] ed25519_dalek::pkcs8::Error),
    /// Does not encode.
    #[error("the public key does not encode")]
    EncodePublic(#[source] ed25519_dalek::pkcs8::spki::Error),
    /// Could not be written.
    #[error("the key was not written: an existing key is never replaced")]
    Write(#[source] std::io::Error),
}

/// Signs packages. Its bytes never show in logs.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

/// Checks signatures.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifying_key().fingerprint())
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.fingerprint())
    }
}

impl SigningKey {
    /// A new key from the system's randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(KeyError::Random)?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// From PKCS#8 PEM.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        ed25519_dalek::SigningKey::from_pkcs8_pem(pem).map(Self).map_err(KeyError::Private)
    }

    /// Writes PKCS#8 PEM to a new file that only its owner may read.
    pub fn write_private(&self, path: &Path) -> Result<(), KeyError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let pem = self.0.to_pkcs8_pem(LineEnding::LF).map_err(KeyError::Encode)?;
        let file = std::fs::File::options().create_new(true).write(true).mode(0o600).open(path);
        file.and_then(|mut file| file.write_all(pem.as_bytes()).and_then(|()| file.sync_all())).map_err(KeyError::Write)
    }

    /// The key that checks this one's signatures.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// The signature of some bytes, in hex.
    pub fn sign(&self, bytes: &[u8]) -> String {
        hex::encode(self.0.sign(bytes).to_bytes())
    }
}

impl VerifyingKey {
    /// From SPKI PEM.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        ed25519_dalek::VerifyingKey::from_public_key_pem(pem).map(Self).map_err(KeyError::Public)
    }

    /// As SPKI PEM.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.0.to_public_key_pem(LineEnding::LF).map_err(KeyError::EncodePublic)
    }

    /// Names the key to people: the first 16 hex digits of SHA-256 over its 32 bytes.
    pub fn fingerprint(&self) -> String {
        hex::encode(&Sha256::digest(self.0.as_bytes())[..8])
    }

    /// Whether `signature` (hex) is this key's over the bytes.
    pub fn accepts(&self, bytes: &[u8], signature: &str) -> bool {
        let mut raw = [0; 64];
        hex::decode_to_slice(signature.trim(), &mut raw).is_ok()
            && self.0.verify_strict(bytes, &Signature::from_bytes(&raw)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_accepted_by_its_key_over_its_bytes_only() {
        let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let signature = key.sign(b"manifest");
        assert!(key.verifying_key().accepts(b"manifest", &signature));
        assert!(!key.verifying_key().accepts(b"manifesto", &signature));
        assert!(!other.verifying_key().accepts(b"manifest", &signature));
        assert!(!key.verifying_key().accepts(b"manifest", "zz"));
    }

    #[test]
    fn keys_survive_their_files_and_are_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signing.pem");
        let key = SigningKey::generate().unwrap();
        key.write_private(&path).unwrap();
        let back = SigningKey::from_pem(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(back.verifying_key(), key.verifying_key());
        let public = VerifyingKey::from_pem(&key.verifying_key().to_pem().unwrap()).unwrap();
        assert_eq!(public.fingerprint(), key.verifying_key().fingerprint());
        assert!(matches!(SigningKey::generate().unwrap().write_private(&path), Err(KeyError::Write(_))));
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_private_key_does_not_show_itself() {
        let key = SigningKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.verifying_key().fingerprint()));
    }
}
