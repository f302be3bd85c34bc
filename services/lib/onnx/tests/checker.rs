//! Checks the graphs with the `onnx` Python package, the reference implementation of the format.

use std::process::Command;

use marquee_model::{write_encoder, write_learner, write_ranker, write_scorer};

use crate::fixture;

const SCRIPT: &str = "
import sys, onnx
for path in sys.argv[1:]:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
";

#[test]
fn onnx_checker_accepts_all_graphs() {
    let Some(python) = std::env::var_os("MARQUEE_PYTHON") else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "MARQUEE_PYTHON names a Python that has onnx");
        println!("skipped: MARQUEE_PYTHON does not name a Python that has onnx");
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    for factors in [0, 16] {
        let posterior = fixture::posterior(50, factors, 4, 5);
        let (encoder, scorer) = (folder.path().join("encoder.onnx"), folder.path().join("scorer.onnx"));
        std::fs::write(&encoder, write_encoder(&posterior).expect("encoder").bytes).expect("writes");
        std::fs::write(&scorer, write_scorer(&posterior).expect("scorer").bytes).expect("writes");
        let learner = folder.path().join("learner.onnx");
        let graph = write_learner(&posterior).expect("learner");
        std::fs::write(&learner, graph.bytes).expect("writes");
        let ranker = folder.path().join("ranker.onnx");
        std::fs::write(&ranker, write_ranker(&posterior).expect("ranker").bytes).expect("writes");
        let posterior = fixture::rich(50, factors, 4, 5);
        let (rich_encoder, rich_scorer) =
            (folder.path().join("rich_encoder.onnx"), folder.path().join("rich_scorer.onnx"));
        std::fs::write(&rich_encoder, write_encoder(&posterior).expect("encoder").bytes).expect("writes");
        std::fs::write(&rich_scorer, write_scorer(&posterior).expect("scorer").bytes).expect("writes");
        let rich_learner = folder.path().join("rich_learner.onnx");
        std::fs::write(&rich_learner, write_learner(&posterior).expect("learner").bytes).expect("writes");
        let graphs = [&encoder, &scorer, &learner, &ranker, &rich_encoder, &rich_scorer, &rich_learner];
        let output = Command::new(&python).args(["-c", SCRIPT]).args(graphs).output().expect("Python starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
