//! A Kubernetes API server over an etcd of its own.
//!
//! There are no nodes and no controllers: objects are stored and checked, and nothing else happens
//! to them. Two identities matter to tests: an administrator, and service accounts, whose tokens
//! are subject to RBAC.
//!
//! The API server refuses loopback addresses in EndpointSlices of the types `IPv4` and `IPv6`. The
//! tests register processes with the address type `FQDN`, for which `127.0.0.1` is a name.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{Certificates, Folder, Node, on_free_ports, prepared, token};
use crate::{DEADLINE, Http};

/// Where `make servers` puts the programs, and the one that it builds last.
const PREPARED: (&str, &str) = ("kubernetes-1.34.4", "kubectl");

/// An address for documentation. The API server wants to advertise an address that is not loopback,
/// and tells it to nobody when it reconciles no endpoints of its own.
const ADVERTISED: &str = "192.0.2.1";

/// Longer than any command takes, also one that watches a rollout to its end.
const LONGEST: Duration = Duration::from_secs(300);

/// An API server and its etcd.
#[derive(Debug)]
pub struct Kubernetes {
    server: Node,
    etcd: Node,
    programs: PathBuf,
    address: String,
    token: String,
    certificates: Certificates,
    /// Answers the administrator's reads at less cost than a process for each.
    reader: Option<(Child, Http)>,
    folder: Folder,
}

impl Kubernetes {
    /// Starts both, and waits until the API server is ready.
    pub async fn start() -> Result<Self> {
        let programs = prepared(PREPARED.0, PREPARED.1)?;
        on_free_ports(3, async |ports: Vec<u16>| Self::start_on(&programs, &ports).await).await
    }

    async fn start_on(programs: &Path, ports: &[u16]) -> Result<Self> {
        let folder = Folder::new("kubernetes")?;
        let certificates = Certificates::create(&folder.path().join("certificates")).await?;
        let token = token(32)?;
        let tokens = folder.path().join("tokens.csv");
        std::fs::write(&tokens, format!("{token},admin,admin,\"system:masters\"\n")).context("write the tokens")?;
        let [client, peer] = [ports[0], ports[1]].map(|port| format!("http://127.0.0.1:{port}"));
        let arguments = etcd_arguments(&folder.path().join("etcd"), &client, &peer);
        let etcd = Node::new("etcd".to_owned(), &programs.join("etcd"), arguments, folder.path().join("etcd.log"));
        let arguments = server_arguments(&certificates, &tokens, &client, ports[2]);
        let log = folder.path().join("kube-apiserver.log");
        let server = Node::new("kube-apiserver".to_owned(), &programs.join("kube-apiserver"), arguments, log);
        let address = format!("https://127.0.0.1:{}", ports[2]);
        let programs = programs.to_owned();
        let reader = None;
        let mut kubernetes = Self { server, etcd, programs, address, token, certificates, reader, folder };
        kubernetes.etcd.spawn()?;
        kubernetes.server.spawn()?;
        kubernetes.write_kubeconfig("admin", &kubernetes.token)?;
        kubernetes.wait().await?;
        let (child, port) = kubernetes.proxy(&kubernetes.admin()).await?;
        kubernetes.reader = Some((child, Http::new(&format!("http://127.0.0.1:{port}"))));
        Ok(kubernetes)
    }

    /// Reads an object or a list as the administrator, by its path in the API.
    ///
    /// # Errors
    /// The API server does not answer, or has no such object.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let (_, http) = self.reader.as_ref().context("the API server has not started")?;
        let answer = http.get(path).await?;
        ensure!(answer.status == 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// The kubeconfig of the administrator.
    pub fn admin(&self) -> PathBuf {
        self.kubeconfig("admin")
    }

    /// The folder of `kubectl`.
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// Writes a kubeconfig with a new token of a service account, and returns its path.
    ///
    /// # Errors
    /// The account does not exist.
    pub async fn service_account(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let token = self.kubectl(["create", "token", name, "--namespace", namespace, "--duration", "1h"]).await?;
        self.write_kubeconfig(name, token.trim())?;
        Ok(self.kubeconfig(name))
    }

    /// Starts `kubectl proxy`, which adds the identity of a kubeconfig to plain HTTP. Returns the
    /// process, which is killed when dropped, and its port.
    pub async fn proxy(&self, kubeconfig: &Path) -> Result<(Child, u16)> {
        let mut command = Command::new(self.programs.join("kubectl"));
        command.args(["proxy", "--port=0"]).env("KUBECONFIG", kubeconfig).env("HOME", self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().context("run kubectl proxy")?;
        let mut lines = BufReader::new(child.stdout.take().context("kubectl has an output")?).lines();
        let line = timeout(DEADLINE, lines.next_line()).await.context("kubectl proxy says nothing")??;
        let line = line.context("kubectl proxy ended")?;
        let (_, port) = line.rsplit_once(':').with_context(|| format!("no port in '{line}'"))?;
        Ok((child, port.trim().parse().with_context(|| format!("the port in '{line}'"))?))
    }

    /// Writes a kubeconfig without an identity, for an API server behind a proxy. Returns its path.
    pub fn kubeconfig_of(&self, name: &str, address: &str) -> Result<PathBuf> {
        self.write(name, &json!({"server": address}), &json!({}))?;
        Ok(self.kubeconfig(name))
    }

    /// Runs kubectl as the administrator, and returns what it printed.
    ///
    /// # Errors
    /// The command failed; the error has its message.
    pub async fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        printed(self.try_kubectl(&self.admin(), arguments, "").await?)
    }

    /// Applies manifests as the administrator.
    ///
    /// # Errors
    /// The API server refused one; the error has its message.
    pub async fn apply(&self, manifests: &str) -> Result<String> {
        printed(self.try_kubectl(&self.admin(), ["apply", "--server-side", "-f", "-"], manifests).await?)
    }

    /// Runs kubectl with a kubeconfig and a standard input. `kubectl-marquee` is a command of it if
    /// [`Self::add_plugin`] added it.
    pub async fn try_kubectl<S: AsRef<OsStr>>(
        &self,
        kubeconfig: &Path,
        arguments: impl IntoIterator<Item = S>,
        input: &str,
    ) -> Result<Output> {
        let path = format!("{}:{}", self.folder.path().join("plugins").display(), std::env::var("PATH")?);
        let mut command = Command::new(self.programs.join("kubectl"));
        command.args(arguments).env("KUBECONFIG", kubeconfig).env("HOME", self.folder.path()).env("PATH", path);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("run kubectl")?;
        let mut stdin = child.stdin.take().context("kubectl has an input")?;
        stdin.write_all(input.as_bytes()).await.context("write to kubectl")?;
        drop(stdin);
        timeout(LONGEST, child.wait_with_output()).await.context("kubectl did not end")?.context("run kubectl")
    }

    /// Makes a program a plugin of kubectl.
    pub fn add_plugin(&self, name: &str, program: &Path) -> Result<()> {
        let plugins = self.folder.path().join("plugins");
        std::fs::create_dir_all(&plugins).context("make the folder of plugins")?;
        std::os::unix::fs::symlink(program, plugins.join(name)).context("link a plugin")
    }

    /// SIGKILL of the API server; returns when it is gone. etcd runs on.
    pub async fn kill(&mut self) -> Result<()> {
        self.server.kill().await
    }

    /// Starts the API server again on the same port, and waits until it serves.
    pub async fn restart(&mut self) -> Result<()> {
        self.server.kill().await?;
        self.server.spawn()?;
        self.wait().await
    }

    /// Waits until the API server answers as itself: only this one knows the token.
    async fn wait(&mut self) -> Result<()> {
        let (programs, config) = (self.programs.join("kubectl"), self.admin());
        let arguments = ["get", "--raw", "/readyz"];
        let wanted = async |_: u32| {
            let mut command = Command::new(&programs);
            command.args(arguments).env("KUBECONFIG", &config).stdin(Stdio::null()).kill_on_drop(true);
            Ok(command.output().await?.status.success())
        };
        self.server.until(wanted).await.with_context(|| self.etcd.last_lines())
    }

    fn kubeconfig(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.kubeconfig"))
    }

    fn write_kubeconfig(&self, user: &str, token: &str) -> Result<()> {
        let cluster = json!({"server": self.address, "certificate-authority": self.certificates.authority()});
        self.write(user, &cluster, &json!({"token": token}))
    }

    fn write(&self, user: &str, cluster: &Value, identity: &Value) -> Result<()> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": identity}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user, "namespace": "default"}}],
        });
        std::fs::write(self.kubeconfig(user), config.to_string()).context("write a kubeconfig")
    }
}

/// Returns what kubectl printed, or its complaint as an error.
fn printed(output: Output) -> Result<String> {
    ensure!(output.status.success(), "kubectl: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?)
}

fn etcd_arguments(data: &Path, client: &str, peer: &str) -> Vec<String> {
    vec![
        format!("--data-dir={}", data.display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ]
}

fn server_arguments(certificates: &Certificates, tokens: &Path, etcd: &str, port: u16) -> Vec<String> {
    let (certificate, key) = (certificates.certificate(), certificates.key());
    let (certificate, key) = (certificate.display(), key.display());
    vec![
        format!("--etcd-servers={etcd}"),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--advertise-address={ADVERTISED}"),
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--tls-cert-file={certificate}"),
        format!("--tls-private-key-file={key}"),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={certificate}"),
        format!("--service-account-signing-key-file={key}"),
        format!("--token-auth-file={}", tokens.display()),
        "--authorization-mode=RBAC".to_owned(),
        "--service-cluster-ip-range=10.96.0.0/24".to_owned(),
        "--watch-cache=true".to_owned(),
    ]
}
