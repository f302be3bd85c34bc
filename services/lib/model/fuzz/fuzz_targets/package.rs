//! Fuzzes packages: arbitrary files, and a valid signed package with files replaced, removed and
//! added. A package that opens with the key contains what was signed.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use marquee_domain::{ModelName, Scale, Version};
use marquee_model::{Dataset, GraphSignature, MANIFEST, Manifest, Package, SCHEMA, SIGNATURE, SigningKey};

const NAMES: [&str; 6] = [MANIFEST, SIGNATURE, "encoder.onnx", "scorer.onnx", "movies.parquet", "more.bin"];

struct Sound {
    key: SigningKey,
    files: BTreeMap<String, Bytes>,
}

static SOUND: LazyLock<Sound> = LazyLock::new(|| {
    let key = SigningKey::generate().expect("randomness");
    let manifest = Manifest {
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
            digest: String::new(),
            ratings: 0,
            users: 0,
            movies: 0,
            first_rated_at: String::new(),
            last_rated_at: String::new(),
        },
        parameters: BTreeMap::new(),
        metrics: BTreeMap::new(),
        gates: Vec::new(),
        comparison: None,
        training: None,
        git_revision: None,
        train_seconds: 0.0,
        key: None,
        extra: Default::default(),
    };
    let files = NAMES[2..5].iter().map(|name| ((*name).to_owned(), Bytes::from_static(b"content"))).collect();
    let files = Package::build(manifest, files, Some(&key)).into_files();
    Sound { key, files }
});

/// Whether to start with an empty folder; then changes by file: a new content, or `None` to remove
/// the file.
type Input = (bool, Vec<(u8, Option<Vec<u8>>)>);

libfuzzer_sys::fuzz_target!(|input: Input| {
    let (empty, changes) = input;
    let mut files = if empty { BTreeMap::new() } else { SOUND.files.clone() };
    for (name, content) in changes {
        let name = NAMES[usize::from(name) % NAMES.len()].to_owned();
        match content {
            Some(content) => files.insert(name, content.into()),
            None => files.remove(&name),
        };
    }
    let _ = Package::open(files.clone(), None);
    if let Ok(package) = Package::open(files, Some(&SOUND.key.verifying_key())) {
        for name in NAMES.iter().filter(|name| **name != SIGNATURE) {
            assert_eq!(package.file(name), SOUND.files.get(*name), "{name}");
        }
    }
});
