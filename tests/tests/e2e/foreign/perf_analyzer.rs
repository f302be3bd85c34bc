//! Triton's load generator measures a model of the repository, unmodified. It asks for the model's
//! configuration and statistics, and refuses a server whose counters do not move.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use marquee_e2e::{DEADLINE, Fleet};
use marquee_inference::Inference;
use marquee_onnx::Kind;
use marquee_onnx::testing::model;
use tokio::process::Command;

use super::named_or_skip;

/// Where `make perf-analyzer` puts the program, and the libraries that it is linked with.
const FOLDER: &str = "MARQUEE_PERF_ANALYZER";

/// The model's name.
const NAME: &str = "sum";

/// Writes a model that adds two inputs of four numbers a row.
fn write_model(repository: &Path) -> Result<()> {
    let (row, float) = (&["n", "4"][..], Kind::F32);
    let bytes = model(&[("x", float, row), ("y", float, row)], &[("Add", &["x", "y"], &["z"])], &[("z", float, row)]);
    let version = repository.join(NAME).join("1");
    std::fs::create_dir_all(&version)?;
    Ok(std::fs::write(version.join("model.onnx"), bytes)?)
}

/// Runs the program with one and with two requests of two rows in flight, and returns how many
/// requests it counts.
async fn measure(folder: &Path, address: &str, protocol: &[&str]) -> Result<u64> {
    let mut command = Command::new(folder.join("perf_analyzer"));
    command.env("LD_LIBRARY_PATH", folder).stdin(Stdio::null()).kill_on_drop(true);
    command.args(["-m", NAME, "-u", address.trim_start_matches("http://"), "-b", "2"]).args(protocol);
    // Three windows of fifty requests each, however much their times differ: this measures nothing.
    command.args(["--concurrency-range", "1:2", "--stability-percentage", "100000"]);
    command.args(["--measurement-mode", "count_windows", "--measurement-request-count", "50"]);
    let output = tokio::time::timeout(DEADLINE, command.output()).await.context("perf_analyzer did not end")??;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "perf_analyzer {protocol:?} ended with {}: {said}{complaint}", output.status);
    let throughputs = said.lines().filter_map(|line| line.split_once("throughput: ")?.1.split_once(" infer/sec"));
    let throughputs: Vec<f64> = throughputs.filter_map(|(number, _)| number.parse().ok()).collect();
    ensure!(throughputs.len() == 2 && throughputs.iter().all(|number| *number > 0.0), "{protocol:?}: {said}");
    let counts = said.lines().filter_map(|line| line.trim().strip_prefix("Request count: ")?.parse::<u64>().ok());
    Ok(counts.sum())
}

/// Returns how many requests the server has answered, and the rows of them.
async fn statistics(fleet: &Fleet) -> Result<(u64, u64)> {
    let statistics = fleet.http().get(&format!("/v2/models/{NAME}/stats")).await?.json()?;
    let model = &statistics["model_stats"][0];
    let numbers = (model["inference_stats"]["success"]["count"].as_u64(), model["inference_count"].as_u64());
    numbers.0.zip(numbers.1).with_context(|| format!("no counters: {statistics}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn tritons_load_generator_measures_a_model() -> Result<()> {
    let has_program = |folder: &Path| folder.join("perf_analyzer").is_file();
    let Some(folder) = named_or_skip(FOLDER, ("folder", "perf-analyzer"), has_program) else { return Ok(()) };
    let folder = PathBuf::from(folder);
    let repository = tempfile::tempdir()?;
    write_model(repository.path())?;
    let path = repository.path().to_owned();
    let fleet = Fleet::start_with(move |settings| settings.role::<Inference>().repository.folder = path).await?;
    let (grpc, http) = (fleet.address(), fleet.http().address().to_owned());
    let protocols: [(&str, &[&str]); 3] =
        [(&grpc, &["-i", "grpc"]), (&http, &["-i", "http"]), (&grpc, &["-i", "grpc", "--streaming", "--async"])];
    for (address, protocol) in protocols {
        let before = statistics(&fleet).await?;
        let count = measure(&folder, address, protocol).await?;
        let after = statistics(&fleet).await?;
        assert!(count >= 2 * 50, "{protocol:?}: {count} requests");
        assert!(after.0 - before.0 >= count, "{protocol:?}: of {count} requests, {before:?} became {after:?}");
        // It may go away from requests that have been computed.
        assert!(after.1 - before.1 >= 2 * (after.0 - before.0), "{protocol:?}: {before:?} became {after:?}");
    }
    fleet.stop().await;
    Ok(())
}
