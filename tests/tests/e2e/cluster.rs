//! The fleet on a real node of Kubernetes, with the programs that the other tests run.
//!
//! `tests/cluster/scenario.py` has the steps and their checks. `make test-cluster` runs all of them
//! on a release build, beside the previous release.

use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_marquee-under-test");
const OPERATOR: &str = env!("CARGO_BIN_EXE_operator-under-test");
const LOAD: &str = env!("CARGO_BIN_EXE_cluster-load");

/// Predictions and ratings a second: what programs that are not optimized carry while all of them
/// start. A release build has 300 and 200.
const RATES: [&str; 2] = ["60", "40"];

/// The steps that fit into every run of the tests.
const PHASES: [&str; 5] = ["install", "access", "definitions", "embedded", "load"];

fn run(root: &Path, script: &str, arguments: &[&str]) {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(python);
    command.current_dir(root).env("PYTHONDONTWRITEBYTECODE", "1").arg(script).args(arguments);
    let status = command.status().expect("Python starts");
    assert!(status.success(), "{script}: {status}");
}

#[test]
fn upgrades_deleted_pods_evictions_and_scaling_fail_no_request() {
    if std::env::var_os("MARQUEE_NODE").is_none() {
        eprintln!("skipped: it needs root and takes minutes, so `make test-node` runs it by itself");
        return;
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the checkout");
    let target = Path::new(PROGRAM).parent().and_then(Path::parent).expect("the target folder");
    let folder = target.join("cluster-under-test");
    let [marquee, operator] =
        [("marquee", PROGRAM), ("marquee-operator", OPERATOR)].map(|(image, path)| format!("{image}={path}"));
    // Pods are upgraded to the same program under another tag, and back. `make test-cluster` has
    // the previous release for that.
    for (tag, place) in [("test", "images"), ("again", "again/images")] {
        let out = folder.join(place);
        let out = out.to_str().expect("a path in UTF-8");
        let arguments = ["--tag", tag, "--out", out, "--binary", &marquee, "--binary", &operator];
        run(&root, "deploy/images/build.py", &arguments);
    }
    let folder = folder.to_str().expect("a path in UTF-8");
    let mut arguments = vec!["--folder", folder, "--program", PROGRAM, "--load", LOAD, "--other", "again"];
    arguments.extend(PHASES);
    arguments.extend(["--rates", RATES[0], RATES[1]]);
    run(&root, "tests/cluster/scenario.py", &arguments);
}
