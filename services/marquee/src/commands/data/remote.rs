//! Connects to where contents are pushed to.

use std::path::Path;
use std::sync::Arc;

use marquee_domain::Secret;
use marquee_objects::{S3Objects, Settings};
use marquee_ports::{Error as PortError, ErrorKind};
use marquee_versions::{Error, Remote, RemoteConfig, Repository};

/// Returns the remote that was typed, or that of the repository. A folder that was typed is
/// relative to `here`, and one of the configuration to `.dvc`.
pub(super) async fn connect(repository: &Repository, typed: Option<String>, here: &Path) -> Result<Remote, Error> {
    let configured = repository.remote()?;
    let (config, base) = match (typed, configured) {
        // The options of the configuration hold for the same bucket only.
        (Some(url), Some(known)) if known.url == url => (known, here.to_owned()),
        (Some(url), _) => (RemoteConfig { url, ..RemoteConfig::default() }, here.to_owned()),
        (None, Some(known)) => (known, repository.root().join(".dvc")),
        (None, None) => return Err(Error::NoRemote),
    };
    if !config.url.starts_with("s3://") {
        if config.url.contains("://") {
            let reason = format!("remote {}: not supported; give a folder or s3://BUCKET/PREFIX", config.url);
            return Err(Error::Malformed { path: repository.root().join(".dvc/config"), reason });
        }
        return Ok(Remote::Folder(base.join(&config.url)));
    }
    let objects = S3Objects::connect(&settings(&config)).await;
    let failed = |error| PortError::new(ErrorKind::Unavailable, "connect to the remote", error);
    objects.map(|objects| Remote::Objects(Arc::new(objects))).map_err(|error| Error::Remote(failed(error)))
}

/// Returns the settings of DVC's options.
fn settings(config: &RemoteConfig) -> Settings {
    let option = |name: &str| config.options.get(name).cloned().unwrap_or_default();
    let endpoint = option("endpointurl");
    Settings {
        url: config.url.clone(),
        // An address with `http://` in the configuration is a decision.
        allow_http: endpoint.starts_with("http://"),
        endpoint,
        region: option("region"),
        access_key_id: option("access_key_id"),
        secret_access_key: Secret::new(option("secret_access_key")),
        session_token: Secret::new(option("session_token")),
        ..Settings::default()
    }
}
