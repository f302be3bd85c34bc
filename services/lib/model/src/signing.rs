//! Ed25519 signatures over manifests (RFC 8032). A manifest lists the digest of every file, so a
//! signature of the manifest covers the whole package.

use std::fmt;
use std::io::Write as _;
use std::path::Path;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use ed25519_dalek::{Signature, Signer};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Why a key cannot be made, read or written.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The system returned no random bytes.
    #[error("the system returned no random bytes")]
    Random(#[source] getrandom::Error),
    /// The text is not a private key in PKCS#8 PEM.
    #[error("the text is not an Ed25519 private key in PKCS#8 PEM")]
    Private(#[source] ed25519_dalek::pkcs8::Error),
    /// The text is not a public key in SPKI PEM.
    #[error("the text is not an Ed25519 public key in SPKI PEM")]
    Public(#[source] ed25519_dalek::pkcs8::spki::Error),
    /// The private key cannot be encoded as PEM.
    #[error("the private key cannot be encoded as PEM")]
    Encode(#[source] ed25519_dalek::pkcs8::Error),
    /// The public key cannot be encoded as PEM.
    #[error("the public key cannot be encoded as PEM")]
    EncodePublic(#[source] ed25519_dalek::pkcs8::spki::Error),
    /// The file of the key cannot be written, for example because it exists.
    #[error("the key file cannot be written; an existing file is never replaced")]
    Write(#[source] std::io::Error),
}

/// A private key that signs packages. Its `Debug` output shows only the fingerprint.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

/// A public key that verifies signatures.
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
    /// Generates a key from the system's random numbers.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(KeyError::Random)?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// Reads a private key from PKCS#8 PEM.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        ed25519_dalek::SigningKey::from_pkcs8_pem(pem).map(Self).map_err(KeyError::Private)
    }

    /// Writes the key as PKCS#8 PEM to a new file that only its owner may read.
    pub fn write_private(&self, path: &Path) -> Result<(), KeyError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let pem = self.0.to_pkcs8_pem(LineEnding::LF).map_err(KeyError::Encode)?;
        let file = std::fs::File::options().create_new(true).write(true).mode(0o600).open(path);
        file.and_then(|mut file| file.write_all(pem.as_bytes()).and_then(|()| file.sync_all())).map_err(KeyError::Write)
    }

    /// Returns the public key that verifies signatures of this key.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// Returns the signature of the bytes, in hex.
    pub fn sign(&self, bytes: &[u8]) -> String {
        hex::encode(self.0.sign(bytes).to_bytes())
    }
}

impl VerifyingKey {
    /// Reads a public key from SPKI PEM.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        ed25519_dalek::VerifyingKey::from_public_key_pem(pem).map(Self).map_err(KeyError::Public)
    }

    /// Returns the key as SPKI PEM.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.0.to_public_key_pem(LineEnding::LF).map_err(KeyError::EncodePublic)
    }

    /// Returns a short name of the key for people: the first 16 hex digits of the SHA-256 of its 32
    /// bytes.
    pub fn fingerprint(&self) -> String {
        hex::encode(&Sha256::digest(self.0.as_bytes())[..8])
    }

    /// Returns whether `signature` (hex) is a signature of the bytes by this key.
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
