//! Loads the library itself. A process loads it once, so the steps need a process of their own and
//! run in order.

use std::path::Path;

use marquee_onnx::{Runtime, RuntimeError};

#[test]
fn wrong_files_are_refused_by_name_before_and_after_the_right_one() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let refused = |path: &Path| Runtime::load(Some(path)).expect_err("no ONNX Runtime");

    let missing = folder.path().join("libonnxruntime.so");
    let error = refused(&missing);
    assert!(matches!(&error, RuntimeError::Missing(path) if *path == missing), "{error:?}");
    assert!(error.to_string().contains(&*missing.to_string_lossy()) && error.to_string().contains("make onnxruntime"));
    assert!(matches!(refused(folder.path()), RuntimeError::Missing(_)), "a folder is no library");

    std::fs::write(&missing, "not a library").expect("writes");
    let error = refused(&missing);
    assert!(matches!(error, RuntimeError::Unusable { .. }), "{error:?}");
    assert!(error.to_string().contains("libonnxruntime.so") && error.to_string().contains("make onnxruntime"));

    let Some(runtime) = marquee_onnx::testing::runtime() else { return };
    let again = Runtime::load(Some(runtime.path())).expect("the same library");
    assert_eq!(runtime.path(), again.path());
    assert!(matches!(refused(&missing), RuntimeError::AnotherLoaded { .. }));
}
