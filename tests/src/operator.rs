//! The operator in a process of its own, beside an API server, and what it needs there.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::servers::Kubernetes;
use crate::{Http, process, until, until_within};

/// The manifests of the product.
const MANIFESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/operator");

/// The account that the manifests make for the operator.
const ACCOUNT: &str = "marquee-operator";

/// Pause between two looks at a rollout.
const LOOK: Duration = Duration::from_millis(40);

/// Longer than any rollout takes. Versions are compared by threads of the lowest priority, which
/// get little of a machine that is busy with other tests.
const LONGEST: Duration = Duration::from_secs(300);

/// Installs the definition, the account of the operator and its rights into `default`.
pub async fn install_operator(kubernetes: &Kubernetes) -> Result<()> {
    for file in ["crd.yaml", "rbac.yaml"] {
        let path = Path::new(MANIFESTS).join(file);
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        kubernetes.apply(&text).await?;
    }
    let established = ["wait", "--for=condition=Established", "crd/modelrollouts.rollouts.marquee.dev"];
    kubernetes.kubectl(established).await.map(|_| ())
}

/// Returns a kubeconfig of the operator's account.
pub async fn account(kubernetes: &Kubernetes) -> Result<PathBuf> {
    kubernetes.service_account("default", ACCOUNT).await
}

/// Registers processes as the endpoints of a Service: each a port of the loopback interface, in an
/// EndpointSlice of its own.
pub async fn register(kubernetes: &Kubernetes, service: &str, endpoints: &[(&str, u16)]) -> Result<()> {
    for (name, port) in endpoints {
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": service}},
            "addressType": "FQDN",
            "endpoints": [{
                "addresses": ["127.0.0.1"],
                "conditions": {"ready": true},
                "targetRef": {"kind": "Pod", "namespace": "default", "name": name},
            }],
            "ports": [{"name": "grpc", "port": port, "protocol": "TCP"}],
        });
        kubernetes.apply(&slice.to_string()).await?;
    }
    Ok(())
}

/// Removes an endpoint.
pub async fn unregister(kubernetes: &Kubernetes, name: &str) -> Result<()> {
    kubernetes.kubectl(["delete", "endpointslice", name]).await.map(|_| ())
}

/// Returns the port of `http://HOST:PORT`.
pub fn port(address: &str) -> Result<u16> {
    let (_, port) = address.rsplit_once(':').context("an address without a port")?;
    port.parse().with_context(|| format!("the port of {address}"))
}

/// Reads a rollout.
pub async fn rollout(kubernetes: &Kubernetes, name: &str) -> Result<Value> {
    let folder = "/apis/rollouts.marquee.dev/v1alpha1/namespaces/default/modelrollouts";
    kubernetes.get(&format!("{folder}/{name}")).await.context("read a rollout")
}

/// Reads the events about a rollout, the oldest first.
pub async fn events(kubernetes: &Kubernetes, name: &str) -> Result<Vec<Value>> {
    let list = kubernetes.get("/apis/events.k8s.io/v1/namespaces/default/events").await?;
    let mut events: Vec<Value> = list["items"].as_array().cloned().unwrap_or_default();
    events.retain(|event| event["regarding"]["name"] == name);
    events.sort_by_key(|event| event["eventTime"].as_str().unwrap_or_default().to_owned());
    Ok(events)
}

/// Annotates a rollout with a command under an id, as a person without the plugin would.
pub async fn tell(kubernetes: &Kubernetes, name: &str, (id, verb): (&str, &str)) -> Result<()> {
    let command = format!("command.rollouts.marquee.dev/{id}={verb}");
    kubernetes.kubectl(["annotate", "modelrollout", name, &command]).await.map(drop)
}

/// Returns the manifest of a rollout with a specification.
pub fn manifest(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "rollouts.marquee.dev/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    })
}

/// Waits until the status of a rollout has a property, and returns the rollout.
pub async fn until_rollout(
    kubernetes: &Kubernetes,
    name: &str,
    (what, is_so): (&str, impl Fn(&Value) -> bool),
) -> Result<Value> {
    let find = async || rollout(kubernetes, name).await.ok().filter(|found| is_so(&found["status"]));
    match until_within((LONGEST, LOOK), what, find).await {
        Ok(found) => Ok(found),
        Err(error) => {
            let last = rollout(kubernetes, name).await;
            Err(error.context(format!("the last state of {name}: {last:#?}")))
        }
    }
}

/// An operator; killed when dropped.
#[derive(Debug)]
pub struct Operator {
    child: Child,
    http: Http,
    program: PathBuf,
    kubeconfig: PathBuf,
    identity: String,
    folder: TempDir,
}

impl Operator {
    /// Starts an operator with the rights of its service account, which looks at rollouts several
    /// times a second. Returns when it listens.
    pub async fn start(kubernetes: &Kubernetes, program: &str, identity: &str) -> Result<Self> {
        Self::start_with(&account(kubernetes).await?, program, identity).await
    }

    /// The same with a kubeconfig.
    pub async fn start_with(kubeconfig: &Path, program: &str, identity: &str) -> Result<Self> {
        let kubeconfig = kubeconfig.to_owned();
        let folder = tempfile::tempdir()?;
        let (program, identity) = (PathBuf::from(program), identity.to_owned());
        let (child, http) = spawn(&program, &kubeconfig, (&identity, folder.path())).await?;
        Ok(Self { child, http, program, kubeconfig, identity, folder })
    }

    /// Its pages for platforms.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// SIGKILL; returns when it is gone.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context("kill the operator")
    }

    /// SIGKILL, and a new process with the same name.
    pub async fn restart(&mut self) -> Result<()> {
        self.kill().await?;
        let started = spawn(&self.program, &self.kubeconfig, (&self.identity, self.folder.path())).await?;
        (self.child, self.http) = started;
        Ok(())
    }

    /// SIGSTOP. Returns when all of it has stopped.
    pub async fn pause(&self) -> Result<()> {
        process::pause(self.pid()?).await
    }

    /// SIGCONT.
    pub async fn resume(&self) -> Result<()> {
        process::signal(self.pid()?, "-CONT").await
    }

    fn pid(&self) -> Result<u32> {
        self.child.id().context("the operator has ended")
    }

    /// SIGTERM; returns when it has ended by itself.
    pub async fn stop(&mut self) -> Result<()> {
        process::signal(self.pid()?, "-TERM").await?;
        let status = tokio::time::timeout(crate::DEADLINE, self.child.wait()).await.context("it did not end")??;
        ensure!(status.success(), "the operator ended with {status}:\n{}", self.log());
        Ok(())
    }

    /// Whether it leads, by its metrics.
    pub async fn leads(&self) -> bool {
        let page = self.http.get("/metrics").await.map(|answer| answer.text()).unwrap_or_default();
        page.lines().any(|line| line == "marquee_operator_leader 1")
    }

    /// Waits until it has made this many more rounds of all rollouts together, by its metrics.
    pub async fn until_rounds(&self, count: u64) -> Result<()> {
        let before = self.rounds().await.context("no rounds in the metrics")?;
        let more = async || (self.rounds().await? >= before + count).then_some(());
        until("the operator has made more rounds", more).await
    }

    async fn rounds(&self) -> Option<u64> {
        let page = self.http.get("/metrics").await.ok()?.text();
        let done = "marquee_operator_reconciliations_total{outcome=\"done\"} ";
        page.lines().find_map(|line| line.strip_prefix(done))?.parse().ok()
    }
}

async fn spawn(program: &Path, kubeconfig: &Path, (identity, folder): (&str, &Path)) -> Result<(Child, Http)> {
    let address = folder.join("address");
    let _ = std::fs::remove_file(&address);
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log"))?;
    let mut command = Command::new(program);
    command.args([
        "run",
        "--interval",
        "200ms",
        "--deadline",
        "2s",
        "--lease-duration",
        "2s",
        "--listen",
        "127.0.0.1:0",
    ]);
    command.args(["--identity", identity]).arg("--address-file").arg(&address);
    command.env("KUBECONFIG", kubeconfig).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
    let mut child = command.spawn().context("start the operator")?;
    let found = until("the operator listens", async || {
        let ended = matches!(child.try_wait(), Ok(Some(_)));
        let found = std::fs::read_to_string(&address).ok();
        found.map(Ok).or_else(|| ended.then_some(Err(())))
    });
    let text = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    match found.await? {
        Ok(address) => Ok((child, Http::new(&address))),
        Err(()) => anyhow::bail!("the operator ended while it started:\n{}", text()),
    }
}
