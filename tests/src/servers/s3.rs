//! S3, by versitygw over a folder.

use anyhow::{Context, Result};
use marquee::{ObjectsBackend, Settings};
use marquee_domain::Secret;

use super::{Folder, Node, on_free_ports, prepared, token};
use crate::Http;

/// Where `make servers` puts it, and a file that is there then.
const PREPARED: (&str, &str) = ("versitygw-1.8.0", "versitygw");

/// The one bucket.
const BUCKET: &str = "marquee";

/// A server with a bucket.
#[derive(Debug)]
pub struct S3 {
    node: Node,
    endpoint: String,
    access_key: String,
    secret_key: String,
    _folder: Folder,
}

impl S3 {
    /// Starts a server with keys of its own and an empty bucket.
    pub async fn start() -> Result<Self> {
        let programs = prepared(PREPARED.0, PREPARED.1)?;
        on_free_ports(1, async |ports: Vec<u16>| {
            let folder = Folder::new("s3")?;
            let data = folder.path().join("data");
            // A folder in its root is a bucket.
            std::fs::create_dir_all(data.join(BUCKET)).context("make the bucket")?;
            let (access_key, secret_key) = (token(16)?, token(32)?);
            let address = format!("127.0.0.1:{}", ports[0]);
            let (health, data) = (health(&access_key), data.display().to_string());
            let arguments =
                ["--quiet", "--health", &health, "--port", &address, "posix", &data].map(str::to_owned).to_vec();
            let node = Node::new("S3".to_owned(), &programs.join("versitygw"), arguments, folder.path().join("log"))
                .with("ROOT_ACCESS_KEY", &access_key)
                .with("ROOT_SECRET_KEY", &secret_key);
            let endpoint = format!("http://{address}");
            let mut s3 = Self { node, endpoint, access_key, secret_key, _folder: folder };
            s3.node.spawn()?;
            s3.wait().await?;
            Ok(s3)
        })
        .await
    }

    /// `http://HOST:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &'static str {
        BUCKET
    }

    /// Id of the key that may do everything.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The secret of that key.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// Returns the settings of a process that uses it as its object store, as keys and values in
    /// TOML. They contain a secret, so pass them by the environment.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let text = |text: &str| format!("{text:?}");
        vec![
            ("backends.objects", text("s3")),
            ("s3.url", text(&format!("s3://{BUCKET}"))),
            ("s3.endpoint", text(&self.endpoint)),
            ("s3.access_key_id", text(&self.access_key)),
            ("s3.secret_access_key", text(&self.secret_key)),
        ]
    }

    /// The same as variables of the environment.
    pub fn variables(&self) -> Vec<(String, String)> {
        super::variables(self.pairs())
    }

    /// The same in settings.
    pub fn lead(&self, settings: &mut Settings) {
        settings.backends.objects = ObjectsBackend::S3;
        settings.s3.url = format!("s3://{BUCKET}");
        settings.s3.endpoint.clone_from(&self.endpoint);
        settings.s3.access_key_id.clone_from(&self.access_key);
        settings.s3.secret_access_key = Secret::new(self.secret_key.as_str());
    }

    /// SIGKILL; returns when it is gone.
    pub async fn kill(&mut self) -> Result<()> {
        self.node.kill().await
    }

    /// SIGSTOP.
    pub async fn pause(&mut self) -> Result<()> {
        self.node.pause().await
    }

    /// SIGCONT.
    pub async fn resume(&mut self) -> Result<()> {
        self.node.resume().await
    }

    /// Starts it again, after SIGKILL if it runs, on the same folder and port.
    pub async fn restart(&mut self) -> Result<()> {
        self.node.kill().await?;
        self.node.spawn()?;
        self.wait().await
    }

    /// Waits until it answers where no other does.
    async fn wait(&mut self) -> Result<()> {
        let (http, health) = (Http::new(&self.endpoint), health(&self.access_key));
        self.node.until(async |_| Ok(http.get(&health).await?.status == 200)).await
    }
}

/// A path that identifies a server among those of other tests. It is longer than the name of a
/// bucket may be, so it hides no bucket.
fn health(access_key: &str) -> String {
    format!("/a-path-by-which-this-server-is-told-from-those-of-other-tests-{access_key}")
}
