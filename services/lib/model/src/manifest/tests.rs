use proptest::prelude::*;

use super::*;

/// A manifest with every field filled and no files yet.
pub(crate) fn manifest() -> Manifest {
    let posterior = crate::Posterior {
        movies: 2,
        factors: 1,
        samples: vec![crate::Sample {
            offset: 3.5,
            noise_precision: 1.2,
            prior_mean: vec![0.0; 2],
            prior_precision: vec![5.0; 2],
            movie_bias: vec![0.1, -0.1],
            factors: vec![0.2, 0.3],
        }],
    };
    Manifest {
        schema: SCHEMA,
        name: ModelName::try_new("ratings").expect("a name"),
        version: Version(3),
        algorithm: "bayes".to_owned(),
        created_at: Timestamp::from_seconds(1_700_000_000),
        encoder: crate::write_encoder(&posterior).expect("encoder").signature,
        scorer: crate::write_scorer(&posterior).expect("scorer").signature,
        scale: Scale::try_new(1.0, 5.0, 1.0).expect("a scale"),
        dataset: Dataset {
            digest: "abc".to_owned(),
            ratings: 100_000,
            users: 943,
            movies: 1_682,
            first_rated_at: Some(Timestamp::from_seconds(874_724_710)),
            last_rated_at: Some(Timestamp::from_seconds(893_286_638)),
        },
        parameters: BTreeMap::from([
            ("factors".to_owned(), Parameter::Integer(16)),
            ("decay".to_owned(), Parameter::Number(0.5)),
            ("split".to_owned(), Parameter::Text("time".to_owned())),
        ]),
        metrics: BTreeMap::from([("rmse".to_owned(), 0.91), ("mae".to_owned(), 0.72)]),
        gates: vec![Gate { name: "rmse".to_owned(), value: 0.91, bound: 0.95, passed: true }],
        git_revision: Some("cb8c1bb".to_owned()),
        train_seconds: 12.5,
        files: BTreeMap::new(),
        key_id: None,
    }
}

#[test]
fn a_manifest_survives_its_json() {
    let manifest = manifest();
    let bytes = manifest.to_json().expect("writes");
    assert_eq!(Manifest::from_json(&bytes).expect("reads"), manifest);
    let mut bare = manifest;
    (bare.git_revision, bare.dataset.first_rated_at, bare.dataset.last_rated_at) = (None, None, None);
    assert_eq!(Manifest::from_json(&bare.to_json().expect("writes")).expect("reads"), bare);
}

#[test]
fn json_is_sorted_and_readable() {
    let text = String::from_utf8(manifest().to_json().expect("writes")).expect("text");
    let keys: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("  \"")).filter_map(|line| line.split('"').next()).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    assert!(text.contains("\"created_at\": \"2023-11-14T22:13:20Z\""), "{text}");
    assert!(text.contains("\"dtype\": \"float32\""));
}

#[test]
fn unknown_fields_and_other_schemas_are_refused() {
    let text = String::from_utf8(manifest().to_json().expect("writes")).expect("text");
    let unknown = text.replacen("\"algorithm\"", "\"algorhythm\"", 1);
    assert!(matches!(Manifest::from_json(unknown.as_bytes()), Err(ManifestError::Malformed(_))));
    let later = text.replacen("\"schema\": 1", "\"schema\": 2, \"shape\": 0", 1);
    assert!(matches!(Manifest::from_json(later.as_bytes()), Err(ManifestError::Schema(2))));
    let name = text.replacen("\"ratings\",", "\"../ratings\",", 1);
    assert!(matches!(Manifest::from_json(name.as_bytes()), Err(ManifestError::Malformed(_))));
    let large = vec![b' '; LARGEST_MANIFEST_BYTES + 1];
    assert!(matches!(Manifest::from_json(&large), Err(ManifestError::TooLarge(_))));
}

#[test]
fn numbers_that_json_lacks_are_refused_by_name() {
    let mut manifest = manifest();
    manifest.metrics.insert("rmse".to_owned(), f64::NAN);
    assert_eq!(manifest.to_json().expect_err("NaN").to_string(), "metric 'rmse' is not a finite number");
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Manifest::from_json(&bytes).is_err());
    }

    #[test]
    fn damaged_manifests_do_not_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = manifest().to_json().expect("writes");
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = Manifest::from_json(&bytes);
    }
}
