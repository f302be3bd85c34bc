//! Damaged and arbitrary parts of a package produce errors and never a panic.

use std::collections::BTreeMap;

use bytes::Bytes;
use marquee_domain::{ModelName, Movie, MovieId, Scale, Version};
use marquee_model::{
    Catalogue, Dataset, GraphSignature, MANIFEST, Manifest, Package, SCHEMA, SIGNATURE, SigningKey, VerifyingKey,
};
use proptest::prelude::*;

/// Returns one key for all cases. Generating a key is slow in unoptimized builds, and a fixed seed
/// makes every run the same. The key protects nothing.
fn pem() -> String {
    let label = "PRIVATE KEY";
    format!(
        "-----BEGIN {label}-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END {label}-----\n"
    )
}

fn key() -> SigningKey {
    SigningKey::from_pem(&pem()).expect("a key")
}

fn manifest() -> Manifest {
    Manifest {
        schema: SCHEMA,
        name: ModelName::try_new("ratings").expect("a name"),
        version: Version(1),
        algorithm: "bias".to_owned(),
        created_at: "2026-01-01T00:00:00Z".to_owned(),
        scale: Scale::try_new(1.0, 5.0, 1.0).expect("a scale"),
        encoder: GraphSignature::default(),
        scorer: GraphSignature::default(),
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
        parameters: BTreeMap::from([("factors".to_owned(), 1)]),
        metrics: BTreeMap::from([("rmse".to_owned(), 0.9)]),
        gates: Vec::new(),
        comparison: None,
        training: None,
        git_revision: None,
        train_seconds: 0.1,
        key: None,
        extra: Default::default(),
    }
}

fn package() -> BTreeMap<String, Bytes> {
    let files = BTreeMap::from([
        ("encoder.onnx".to_owned(), Bytes::from_static(b"encoder")),
        ("scorer.onnx".to_owned(), Bytes::from_static(b"scorer")),
    ]);
    Package::build(manifest(), files, Some(&key())).into_files()
}

fn catalogue() -> Vec<u8> {
    let movie = |number: i32| {
        let id = MovieId::try_new(&format!("m{number}")).expect("an id");
        Movie::try_new(id, "A title", Some(1990 + number), vec!["Comedy".to_owned()]).expect("a movie")
    };
    Catalogue::new((0..20).map(movie).collect()).expect("different ids").to_parquet().expect("written to memory")
}

/// Reads a manifest. A manifest that is read stays the same after it is written and read again.
fn read(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::parse(bytes) {
        let written = manifest.to_bytes();
        assert_eq!(Manifest::parse(&written).expect("what was written is read").to_bytes(), written);
    }
}

#[test]
fn every_truncation_of_a_catalogue_is_refused() {
    let whole = catalogue();
    for length in 0..whole.len() {
        assert!(Catalogue::from_parquet(Bytes::copy_from_slice(&whole[..length])).is_err(), "{length} bytes");
    }
    assert_eq!(Catalogue::from_parquet(whole.into()).unwrap().len(), 20);
}

#[test]
fn every_truncation_of_a_manifest_is_refused() {
    let whole = manifest().to_bytes();
    // The truncation to all bytes but the final newline is a complete manifest.
    for length in 0..whole.len() - 1 {
        assert!(Manifest::parse(&whole[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_package_without_a_file_or_with_another_content_is_refused_by_name() {
    let (sound, key) = (package(), key().verifying_key());
    assert!(Package::open(sound.clone(), Some(&key)).is_ok());
    for name in sound.keys() {
        let mut files = sound.clone();
        files.remove(name);
        let error = Package::open(files, Some(&key)).unwrap_err();
        assert_eq!(error.to_string().split(' ').next(), Some(name.as_str()), "{error}");
        let mut files = sound.clone();
        files.insert(name.clone(), Bytes::from_static(b"{}"));
        let error = Package::open(files, Some(&key)).unwrap_err();
        // If the manifest is replaced, the error names the signature, which no longer matches.
        let named = if name == MANIFEST { SIGNATURE } else { name.as_str() };
        assert_eq!(error.to_string().split(' ').next(), Some(named), "{error}");
    }
}

proptest! {
    #[test]
    fn arbitrary_manifests_and_signatures_are_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        signature in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(Manifest::parse(&bytes).is_err());
        let mut files = package();
        files.insert(SIGNATURE.to_owned(), signature.into());
        prop_assert!(Package::open(files.clone(), Some(&key().verifying_key())).is_err());
        files.insert(MANIFEST.to_owned(), bytes.into());
        prop_assert!(Package::open(files, None).is_err());
    }

    #[test]
    fn damaged_manifests_are_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = manifest().to_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        read(&bytes);
    }

    #[test]
    fn damaged_catalogues_are_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = catalogue();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = Catalogue::from_parquet(bytes.into());
    }

    #[test]
    fn arbitrary_and_damaged_keys_do_not_panic(
        text in "\\PC{0,200}",
        at in any::<prop::sample::Index>(),
        byte in 0_u8..128,
    ) {
        let mut private = pem().into_bytes();
        let at = at.index(private.len());
        private[at] = byte;
        for text in [text, String::from_utf8(private).unwrap()] {
            let _ = SigningKey::from_pem(&text);
            let _ = VerifyingKey::from_pem(&text);
            prop_assert!(!key().verifying_key().accepts(b"manifest", &text));
        }
    }
}
