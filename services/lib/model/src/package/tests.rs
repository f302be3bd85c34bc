use proptest::prelude::*;

use super::*;
use crate::manifest::tests::manifest;

fn builder() -> PackageBuilder {
    PackageBuilder::new(manifest())
        .file(ENCODER, &b"encoder"[..])
        .file(SCORER, &b"scorer"[..])
        .file(MOVIES_TABLE, &b"movies"[..])
        .file(REPORT, &b""[..])
}

fn stored(package: &Package) -> BTreeMap<String, Bytes> {
    package.stored_files().map(|(name, bytes)| (name.to_owned(), bytes.clone())).collect()
}

/// One key for all tests: generating is slow in unoptimised builds.
fn key() -> SigningKey {
    SigningKey::from_pem(concat!(
        "-----BEGIN PRIVATE KEY-----\n",
        "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n",
        "-----END PRIVATE KEY-----\n"
    ))
    .expect("private key")
}

#[test]
fn what_is_built_opens_with_the_key_and_without() {
    let package = builder().build(Some(&key())).expect("builds");
    assert_eq!(package.manifest().key_id, Some(key().verifying_key().fingerprint()));
    assert_eq!(package.manifest().files.len(), 4);
    assert_eq!(package.file(SCORER).map(AsRef::as_ref), Some(b"scorer".as_slice()));
    assert_eq!(package.digest().len(), 64);
    assert_eq!(Package::open(stored(&package), Some(&key().verifying_key())).expect("signed"), package);
    assert_eq!(Package::open(stored(&package), None).expect("unchecked"), package);
    assert_eq!(package.stored_files().last().map(|(name, _)| name), Some(MANIFEST), "seen only once it is whole");
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let (one, two) = (builder().build(Some(&key())).expect("builds"), builder().build(Some(&key())).expect("builds"));
    assert_eq!(stored(&one), stored(&two));
    let other = builder().file(REPORT, &b"<p>"[..]).build(Some(&key())).expect("builds");
    assert_ne!(one.digest(), other.digest());
}

#[test]
fn a_key_demands_its_own_signature() {
    let other = SigningKey::generate().expect("key").verifying_key();
    let unsigned = stored(&builder().build(None).expect("builds"));
    let signed = stored(&builder().build(Some(&key())).expect("builds"));
    assert!(Package::open(unsigned.clone(), None).is_ok());
    assert!(matches!(Package::open(unsigned, Some(&other)), Err(PackageError::Missing(name)) if name == SIGNATURE));
    assert!(matches!(Package::open(signed, Some(&other)), Err(PackageError::Forged(_))));
}

#[test]
fn missing_files_are_named() {
    let package = builder().build(None).expect("builds");
    for name in [MANIFEST, ENCODER, SCORER, MOVIES_TABLE, REPORT] {
        let mut files = stored(&package);
        files.remove(name);
        assert!(matches!(Package::open(files, None), Err(PackageError::Missing(missing)) if missing == name), "{name}");
    }
    let bare = PackageBuilder::new(manifest()).file(ENCODER, &b""[..]).build(None);
    assert!(matches!(bare, Err(PackageError::Missing(name)) if name == SCORER));
}

#[test]
fn files_that_the_manifest_does_not_list_are_left_out() {
    let package = builder().build(None).expect("builds");
    let mut files = stored(&package);
    files.insert("backdoor.onnx".to_owned(), Bytes::from_static(b"x"));
    assert_eq!(Package::open(files, None).expect("opens").file("backdoor.onnx"), None);
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    for name in ["", "../up", "a/b", ".hidden", "a b", MANIFEST, SIGNATURE, &"x".repeat(65)] {
        let built = builder().file(name, &b""[..]).build(None);
        assert!(matches!(built, Err(PackageError::FileName(_))), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_changed_byte_of_any_file_is_refused(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), change in 1_u8..) {
        let mut files = stored(&builder().build(Some(&key())).expect("builds"));
        let names: Vec<String> = files.iter().filter(|(_, bytes)| !bytes.is_empty()).map(|(name, _)| name.clone()).collect();
        let name = &names[file.index(names.len())];
        let mut bytes = files[name].to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        files.insert(name.clone(), Bytes::from(bytes));
        let opened = Package::open(files, Some(&key().verifying_key()));
        prop_assert!(opened.is_err(), "{name} at {at}");
    }

    #[test]
    fn arbitrary_manifests_and_signatures_do_not_panic(
        manifest in prop::collection::vec(any::<u8>(), 0..200),
        signature in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut files = stored(&builder().build(Some(&key())).expect("builds"));
        files.insert(SIGNATURE.to_owned(), Bytes::from(signature));
        prop_assert!(Package::open(files.clone(), Some(&key().verifying_key())).is_err());
        files.insert(MANIFEST.to_owned(), Bytes::from(manifest));
        prop_assert!(Package::open(files, None).is_err());
    }
}
