//! Generates the bindings in `proto/src/gen` from the `.proto` files, without protoc.
//!
//! The bindings are committed, so no other build needs this crate. Its test generates them again
//! and compares.
//!
//! **Invariant:** the same sources give the same bytes, and every file under `proto/src/gen` is
//! generated here (`tests/current.rs`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use prost::Message;

/// The contracts, relative to `proto/`. A new file is added here and to `proto/src/lib.rs`.
const SOURCES: [&str; 13] = [
    "marquee/ratings/v1/ratings.proto",
    "marquee/features/v1/features.proto",
    "marquee/training/v1/training.proto",
    "marquee/prediction/v1/prediction.proto",
    "marquee/prediction/v1/evaluation.proto",
    "marquee/prediction/v1/served.proto",
    "marquee/rollout/v1/routing.proto",
    "marquee/rollout/v1/rollouts.proto",
    "marquee/monitor/v1/monitor.proto",
    "feast/types/Value.proto",
    "feast/serving/ServingService.proto",
    "inference/model_config.proto",
    "inference/grpc_service.proto",
];

/// The folder that holds the `.proto` files.
pub fn proto_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder that holds the committed bindings.
pub fn bindings_folder() -> PathBuf {
    proto_folder().join("src/gen")
}

/// Returns every binding: its file name and its content.
pub fn generate() -> Result<BTreeMap<String, Vec<u8>>> {
    let root = proto_folder();
    let sources: Vec<PathBuf> = SOURCES.iter().map(|source| root.join(source)).collect();
    let descriptors = protox::compile(&sources, [&root]).context("compile the .proto files")?;
    let out = tempfile::tempdir().context("create a folder for the bindings")?;

    tonic_prost_build::configure()
        .out_dir(out.path())
        .build_transport(false)
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .extern_path(".google.protobuf.Timestamp", "crate::Timestamp")
        .bytes(".")
        .compile_fds(descriptors.clone())
        .context("make the gRPC bindings")?;

    // Without source locations: they would change with every comment, and reflection has no use for
    // them.
    let mut bare = descriptors;
    for file in &mut bare.file {
        file.source_code_info = None;
    }
    let bare = bare.encode_to_vec();
    pbjson_build::Builder::new()
        .register_descriptors(&bare)
        .context("read the descriptors")?
        .out_dir(out.path())
        .emit_fields()
        .build(&[".marquee"])
        .context("make the JSON bindings")?;

    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(out.path()).context("list the bindings")? {
        let path = entry?.path();
        let name = path.file_name().context("a binding without a name")?.to_string_lossy().into_owned();
        let body = std::fs::read_to_string(&path)?;
        files.insert(name, format!("// @generated from proto/; do not edit.\n{body}").into_bytes());
    }
    files.insert("descriptors.bin".to_owned(), bare);
    Ok(files)
}
