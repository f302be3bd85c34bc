//! A server of MLflow as a process, and what a test reads from it.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use super::packages::Trained;

/// The longest time that a server may take to answer for the first time.
const START: Duration = Duration::from_secs(120);

/// The largest difference in stars between the predictions of MLflow's client and the model's own.
const TOLERANCE: f64 = 1e-3;

/// A running server. It ends when it is dropped.
pub(crate) struct Server {
    python: OsString,
    http: reqwest::Client,
    port: u16,
    process: Child,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts a server with an empty store, or returns `None` without a Python that has MLflow.
    pub(crate) async fn start() -> Option<Self> {
        let Some(python) = std::env::var_os("MARQUEE_MLFLOW_PYTHON") else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "MARQUEE_MLFLOW_PYTHON names a Python with MLflow");
            println!("skipped: MARQUEE_MLFLOW_PYTHON names no Python with MLflow: run `make mlflow`");
            return None;
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().expect("a client");
        let mut folder = tempfile::tempdir().expect("a folder");
        // The port may be taken in between, so a start that fails is tried again.
        for attempt in 1.. {
            assert!(attempt <= 3, "the server does not start");
            let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
            let process = serve(&python, folder.path(), port);
            let mut server = Self { python: python.clone(), http: http.clone(), port, process, folder };
            if server.answers().await {
                return Some(server);
            }
            folder = tempfile::tempdir().expect("a folder");
        }
        None
    }

    /// Waits until the server answers. Returns whether it does.
    async fn answers(&mut self) -> bool {
        let health = format!("{}/health", self.url());
        let waits = async {
            let mut look = tokio::time::interval(Duration::from_millis(100));
            loop {
                if self.process.try_wait().expect("a process").is_some() {
                    return false;
                }
                if self.http.get(&health).send().await.is_ok_and(|answer| answer.status().is_success()) {
                    return true;
                }
                // It offers nothing else to wait for.
                look.tick().await;
            }
        };
        tokio::time::timeout(START, waits).await.unwrap_or(false)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Reads something from the API.
    pub(crate) async fn get(&self, method: &str, query: &[(&str, &str)]) -> Value {
        let mut url = reqwest::Url::parse(&format!("{}/api/2.0/mlflow/{method}", self.url())).expect("an address");
        url.query_pairs_mut().extend_pairs(query);
        let answer = self.http.get(url).send().await.expect("an answer").text().await.expect("a body");
        serde_json::from_str(&answer).expect("JSON")
    }

    /// Returns the runs of the experiment that pass a filter.
    pub(crate) async fn runs(&self, filter: &str) -> Vec<Value> {
        let query = [("experiment_name", "movies at home")];
        let experiment = self.get("experiments/get-by-name", &query).await;
        let id = &experiment["experiment"]["experiment_id"];
        let body = json!({"experiment_ids": [id], "filter": filter}).to_string();
        let url = format!("{}/api/2.0/mlflow/runs/search", self.url());
        let post = self.http.post(url).header("content-type", "application/json").body(body);
        let answer = post.send().await.expect("an answer").text().await.expect("a body");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        answer["runs"].as_array().cloned().unwrap_or_default()
    }

    /// Loads a model by its alias in Python, predicts, and compares with the model itself.
    pub(crate) async fn check_predictions(&self, trained: &Trained, alias: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/predict.py");
        let mut command = Command::new(&self.python);
        command.arg("-I").arg(script).arg(self.url()).arg(format!("models:/ratings@{alias}"));
        let home = self.folder.path();
        command.env("HOME", home).env("TMPDIR", home).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("Python starts");
        let rows: Vec<Value> = trained.cases().iter().map(|case| case.row.clone()).collect();
        let mut stdin = process.stdin.take().expect("a pipe");
        stdin.write_all(Value::from(rows).to_string().as_bytes()).await.expect("written");
        drop(stdin);
        let output = tokio::time::timeout(START, process.wait_with_output()).await.expect("in time").expect("output");
        let (answer, problems) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{problems}");
        let answers: Vec<Value> = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(answers.len(), trained.cases().len());
        for (case, answer) in trained.cases().iter().zip(&answers) {
            for (name, expected) in [("rating", case.rating), ("spread", case.spread)] {
                let found = answer[name].as_f64().expect("a number");
                assert!((found - expected).abs() < TOLERANCE, "{name}: {found}, not {expected}, of {}", case.row);
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its workers are in a group of their own with it.
        if let Some(process) = self.process.id() {
            let _ = std::process::Command::new("kill").args(["-KILL", "--", &format!("-{process}")]).status();
        }
    }
}

/// Starts the process.
fn serve(python: &OsString, folder: &Path, port: u16) -> Child {
    let mut command = Command::new(python);
    let artifacts = folder.join("artifacts");
    command.args(["-I", "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1", "--port"]);
    command.arg(port.to_string()).arg("--artifacts-destination").arg(artifacts).arg("--backend-store-uri");
    command.arg(format!("sqlite:///{}", folder.join("mlflow.db").display())).current_dir(folder);
    command.env("HOME", folder).env("TMPDIR", folder).env("MLFLOW_DISABLE_TELEMETRY", "true");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).kill_on_drop(true);
    command.spawn().expect("Python starts")
}
