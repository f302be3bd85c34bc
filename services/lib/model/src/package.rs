//! A model package in memory. A package is built and signed once, and it is verified before any
//! file in it is used. This module does no I/O.

use std::collections::BTreeMap;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::files::{LARGEST_MANIFEST, MANIFEST, SIGNATURE};
use crate::manifest::{FileEntry, Manifest, ManifestError};
use crate::signing::{SigningKey, VerifyingKey};

/// Why a package is refused.
#[derive(Debug, Error)]
pub enum PackageError {
    /// The manifest is missing.
    #[error("manifest.json is missing")]
    NoManifest,
    /// The manifest is larger than the limit.
    #[error("manifest.json has {0} bytes; at most {LARGEST_MANIFEST} are allowed")]
    LargeManifest(usize),
    /// The manifest cannot be read.
    #[error("manifest.json cannot be read")]
    Manifest(#[source] ManifestError),
    /// A key is configured, but the package has no signature.
    #[error("manifest.sig is missing; only signed packages are loaded here")]
    Unsigned,
    /// The signature was made with another key, or the manifest was changed.
    #[error("manifest.sig is not the signature of manifest.json by key {0}")]
    WrongSignature(String),
    /// The manifest lists a file that is missing.
    #[error("{0} is missing")]
    MissingFile(String),
    /// A file differs from the manifest.
    #[error("{0} is not the file that the manifest lists: its length or SHA-256 differs")]
    ChangedFile(String),
}

/// A verified package.
#[derive(Debug, Clone)]
pub struct Package {
    manifest: Manifest,
    files: BTreeMap<String, Bytes>,
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Package {
    /// Builds a package: lists the files in the manifest, and signs the manifest if a key is given.
    pub fn build(mut manifest: Manifest, mut files: BTreeMap<String, Bytes>, key: Option<&SigningKey>) -> Self {
        manifest.key = key.map(|key| key.verifying_key().fingerprint());
        manifest.files = files
            .iter()
            .map(|(name, bytes)| (name.clone(), FileEntry { size: bytes.len() as u64, sha256: sha256(bytes) }))
            .collect();
        let bytes = manifest.to_bytes();
        if let Some(key) = key {
            files.insert(SIGNATURE.to_owned(), Bytes::from(key.sign(&bytes)));
        }
        files.insert(MANIFEST.to_owned(), Bytes::from(bytes));
        Self { manifest, files }
    }

    /// Verifies a package: first the signature if a key is given, then the length and the digest of
    /// every file. Drops files that the manifest does not list.
    ///
    /// **Invariant:** with a key, a package opens only if every file in it is the signed one (held
    /// by `any_flipped_bit_is_refused`).
    pub fn open(mut files: BTreeMap<String, Bytes>, key: Option<&VerifyingKey>) -> Result<Self, PackageError> {
        let bytes = files.get(MANIFEST).cloned().ok_or(PackageError::NoManifest)?;
        if bytes.len() > LARGEST_MANIFEST {
            return Err(PackageError::LargeManifest(bytes.len()));
        }
        if let Some(key) = key {
            let signature = files.get(SIGNATURE).ok_or(PackageError::Unsigned)?;
            let accepted = std::str::from_utf8(signature).is_ok_and(|signature| key.accepts(&bytes, signature));
            if !accepted {
                return Err(PackageError::WrongSignature(key.fingerprint()));
            }
        }
        let manifest = Manifest::parse(&bytes).map_err(PackageError::Manifest)?;
        for (name, entry) in &manifest.files {
            let bytes = files.get(name).ok_or_else(|| PackageError::MissingFile(name.clone()))?;
            if bytes.len() as u64 != entry.size || sha256(bytes) != entry.sha256 {
                return Err(PackageError::ChangedFile(name.clone()));
            }
        }
        files.retain(|name, _| name == MANIFEST || name == SIGNATURE || manifest.files.contains_key(name));
        Ok(Self { manifest, files })
    }

    /// Returns the manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the bytes of a file, or `None` if the package has no file of that name.
    pub fn file(&self, name: &str) -> Option<&Bytes> {
        self.files.get(name)
    }

    /// Returns the SHA-256 of the manifest's bytes, in hex. It identifies the package.
    pub fn digest(&self) -> String {
        self.files.get(MANIFEST).map(|bytes| sha256(bytes)).unwrap_or_default()
    }

    /// Returns every file, including the manifest and the signature.
    pub fn into_files(self) -> BTreeMap<String, Bytes> {
        self.files
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::{ModelName, Scale, Version};
    use proptest::prelude::*;

    use super::*;
    use crate::manifest::{Dataset, SCHEMA};

    fn built(key: Option<&SigningKey>) -> BTreeMap<String, Bytes> {
        let manifest = Manifest {
            schema: SCHEMA,
            name: ModelName::try_new("ratings").unwrap(),
            version: Version(1),
            algorithm: "bias".to_owned(),
            created_at: "2026-01-01T00:00:00Z".to_owned(),
            scale: Scale::try_new(1.0, 5.0, 1.0).unwrap(),
            encoder: crate::GraphSignature::default(),
            scorer: crate::GraphSignature::default(),
            learner: None,
            files: BTreeMap::new(),
            dataset: Dataset {
                digest: "00".to_owned(),
                ratings: 1,
                users: 1,
                movies: 1,
                first_rated_at: "1997-01-01T00:00:00Z".to_owned(),
                last_rated_at: "1998-01-01T00:00:00Z".to_owned(),
            },
            parameters: BTreeMap::new(),
            metrics: BTreeMap::from([("rmse".to_owned(), 0.9)]),
            gates: Vec::new(),
            comparison: None,
            training: None,
            git_revision: None,
            train_seconds: 0.1,
            key: None,
            extra: Default::default(),
        };
        let files = BTreeMap::from([
            ("encoder.onnx".to_owned(), Bytes::from_static(b"encoder")),
            ("scorer.onnx".to_owned(), Bytes::from_static(b"scorer")),
        ]);
        Package::build(manifest, files, key).into_files()
    }

    #[test]
    fn a_package_opens_as_it_was_built() {
        let key = SigningKey::generate().unwrap();
        let package = Package::open(built(Some(&key)), Some(&key.verifying_key())).unwrap();
        assert_eq!(package.manifest().version, Version(1));
        assert_eq!(package.file("scorer.onnx").unwrap(), &Bytes::from_static(b"scorer"));
    }

    #[test]
    fn an_unsigned_package_and_another_keys_are_refused_where_a_key_is_configured() {
        let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let open = |files| Package::open(files, Some(&key.verifying_key()));
        assert!(matches!(open(built(None)), Err(PackageError::Unsigned)));
        assert!(matches!(open(built(Some(&other))), Err(PackageError::WrongSignature(_))));
        assert!(Package::open(built(None), None).is_ok());
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_refused(at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let key = SigningKey::generate().unwrap();
            let files = built(Some(&key));
            let name = files.keys().nth(at.index(files.len())).unwrap().clone();
            let mut changed = files.clone();
            let mut bytes = changed[&name].to_vec();
            let place = at.index(bytes.len());
            bytes[place] ^= 1 << bit;
            // A hex digit can be upper or lower case, so a change of case leaves the signature the
            // same.
            prop_assume!(!bytes.eq_ignore_ascii_case(&files[&name]));
            changed.insert(name, bytes.into());
            prop_assert!(Package::open(changed, Some(&key.verifying_key())).is_err());
        }

        #[test]
        fn arbitrary_manifests_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let files = BTreeMap::from([(MANIFEST.to_owned(), Bytes::from(bytes))]);
            prop_assert!(Package::open(files, None).is_err());
        }
    }
}
