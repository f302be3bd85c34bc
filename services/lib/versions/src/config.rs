//! The configuration of a repository: `.dvc/config`, and `.dvc/config.local`, which is not in Git
//! and holds secrets. Only what says where the remote is is read.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Error;

/// The files, later ones winning.
const FILES: [&str; 2] = ["config", "config.local"];

/// Where contents are pushed to, as `.dvc/config` says it. `Debug` hides the secrets.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct RemoteConfig {
    /// A folder, or `s3://BUCKET/PREFIX`. A folder is relative to `.dvc`.
    pub url: String,
    /// The other options by name, for example `endpointurl`, `region` and `access_key_id`.
    pub options: BTreeMap<String, String>,
}

impl std::fmt::Debug for RemoteConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.options.keys().collect();
        f.debug_struct("RemoteConfig").field("url", &self.url).field("options", &names).finish()
    }
}

/// Returns the default remote of a `.dvc` folder, if there is one.
pub(crate) fn remote(folder: &Path) -> Result<Option<RemoteConfig>, Error> {
    let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for name in FILES {
        let path = folder.join(name);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        parse(&text, &mut sections).map_err(|reason| Error::malformed(&path, reason))?;
    }
    let Some(name) = sections.get("core").and_then(|core| core.get("remote")) else { return Ok(None) };
    let Some(mut options) = sections.get(&format!("remote \"{name}\"")).cloned() else {
        return Err(Error::malformed(&folder.join(FILES[0]), format!("`core.remote`: there is no remote `{name}`")));
    };
    let url = options.remove("url").unwrap_or_default();
    if url.is_empty() {
        return Err(Error::malformed(&folder.join(FILES[0]), format!("remote `{name}`: has no `url`")));
    }
    Ok(Some(RemoteConfig { url, options }))
}

/// Adds the sections of a file: `[core]`, `['remote "store"']`, and lines `key = value`.
fn parse(text: &str, sections: &mut BTreeMap<String, BTreeMap<String, String>>) -> Result<(), String> {
    let mut current = String::new();
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let name = name.trim();
            let inner = name.strip_prefix('\'').and_then(|name| name.strip_suffix('\''));
            inner.unwrap_or(name).clone_into(&mut current);
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| format!("line {number}: expected `key = value`"))?;
        let section = sections.entry(current.clone()).or_default();
        section.insert(key.trim().to_owned(), value.trim().trim_matches('"').to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_remote_is_read_and_local_values_win() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(remote(folder.path()).expect("read"), None);
        let shared =
            "[core]\n    remote = store\n['remote \"store\"']\n    url = s3://bucket/prefix\n    endpointurl = x\n";
        std::fs::write(folder.path().join("config"), shared).expect("written");
        let local =
            "# mine\n['remote \"store\"']\n    endpointurl = http://127.0.0.1:5555\n    secret_access_key = hush\n";
        std::fs::write(folder.path().join("config.local"), local).expect("written");
        let config = remote(folder.path()).expect("read").expect("a remote");
        assert_eq!(config.url, "s3://bucket/prefix");
        assert_eq!(config.options["endpointurl"], "http://127.0.0.1:5555");
        assert!(!format!("{config:?}").contains("hush"), "{config:?}");
    }

    #[test]
    fn a_remote_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("config"), "[core]\nremote = gone\n").expect("written");
        assert!(remote(folder.path()).expect_err("refused").to_string().contains("no remote `gone`"));
        std::fs::write(folder.path().join("config"), "[core]\nremote\n").expect("written");
        assert!(remote(folder.path()).expect_err("refused").to_string().contains("line 2"));
    }
}
