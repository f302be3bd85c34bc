//! Keys in a profile of Amazon's configuration files.
//!
//! Tools that renew temporary keys rewrite these files, so they are read again while the process
//! runs.

#[cfg(any(fuzzing, test))]
pub mod fuzzing;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use object_store::aws::AwsCredential;
use object_store::{CredentialProvider, Error as S3Error};
use tokio::time::Instant;

/// How long keys are used until the files are read again.
const READ_EVERY: Duration = Duration::from_secs(60);

/// The largest file that is read.
const LARGEST: u64 = 1 << 20;

/// Ways to get keys that are not supported.
const OTHER_WAYS: [&str; 5] = ["credential_process", "sso_session", "sso_start_url", "source_profile", "role_arn"];

/// A profile and the files that it may be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProfileFiles {
    pub(crate) name: String,
    /// Has sections with the names of profiles.
    pub(crate) credentials: PathBuf,
    /// Has sections `profile NAME`.
    pub(crate) config: PathBuf,
}

/// What a profile says.
#[derive(Default)]
pub(crate) struct Profile {
    pub(crate) has_keys: bool,
    /// A way to get keys that is not supported.
    pub(crate) other_way: Option<&'static str>,
    pub(crate) region: Option<String>,
    key_id: String,
    secret: String,
    token: Option<String>,
}

impl fmt::Display for ProfileFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or {}", self.credentials.display(), self.config.display())
    }
}

impl ProfileFiles {
    /// Reads the profile. A file that does not exist is empty.
    pub(crate) fn read(&self) -> Result<Profile, String> {
        let mut profile = Profile::default();
        let in_config = if self.name == "default" { "default".to_owned() } else { format!("profile {}", self.name) };
        // The first file wins.
        for (path, section) in [(&self.credentials, self.name.as_str()), (&self.config, in_config.as_str())] {
            let text = match std::fs::metadata(path) {
                Ok(found) if found.is_file() && found.len() <= LARGEST => std::fs::read_to_string(path),
                Ok(_) => return Err(format!("{} is not a regular file below 1 MiB", path.display())),
                Err(_) => continue,
            };
            profile.add(&text.map_err(|error| format!("read {}: {error}", path.display()))?, section);
        }
        profile.has_keys = !profile.key_id.is_empty() && !profile.secret.is_empty();
        Ok(profile)
    }
}

impl Profile {
    /// Adds the settings of one section that are not set yet.
    fn add(&mut self, text: &str, section: &str) {
        let mut is_inside = false;
        for line in text.lines() {
            let is_nested = line.starts_with([' ', '\t']);
            let line = line.trim();
            if line.starts_with(['#', ';']) || is_nested {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                is_inside = name.split_whitespace().eq(section.split_whitespace());
            } else if let Some((key, value)) = line.split_once('=').filter(|_| is_inside) {
                self.set(key.trim(), value.trim());
            }
        }
    }

    fn set(&mut self, key: &str, value: &str) {
        let set = |field: &mut String| {
            if field.is_empty() {
                value.clone_into(field);
            }
        };
        match key {
            "aws_access_key_id" => set(&mut self.key_id),
            "aws_secret_access_key" => set(&mut self.secret),
            "aws_session_token" => drop(self.token.get_or_insert_with(|| value.to_owned())),
            "region" => drop(self.region.get_or_insert_with(|| value.to_owned())),
            key => self.other_way = self.other_way.or(OTHER_WAYS.into_iter().find(|way| *way == key)),
        }
    }
}

/// The keys of a profile, for the client.
pub(crate) struct ProfileKeys {
    files: ProfileFiles,
    read: Mutex<Option<(Instant, Arc<AwsCredential>)>>,
}

/// The derived output would show the id of the key.
impl fmt::Debug for ProfileKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProfileKeys").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ProfileKeys {
    pub(crate) fn new(files: ProfileFiles) -> Self {
        Self { files, read: Mutex::new(None) }
    }
}

#[async_trait]
impl CredentialProvider for ProfileKeys {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let last = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match last {
            Some((at, keys)) if at.elapsed() < READ_EVERY => return Ok(keys),
            _ => {}
        }
        let files = self.files.clone();
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| S3Error::Generic { store: "S3", source };
        let profile = tokio::task::spawn_blocking(move || files.read()).await.map_err(|error| failed(error.into()))?;
        let profile = profile.map_err(|error| failed(error.into()))?;
        if !profile.has_keys {
            return Err(failed(format!("profile {} has no keys in {}", self.files.name, self.files).into()));
        }
        let Profile { key_id, secret, token, .. } = profile;
        let keys = Arc::new(AwsCredential { key_id, secret_key: secret, token });
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&keys)));
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("marquee-profile-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("a file");
        path
    }

    #[tokio::test(start_paused = true)]
    async fn renewed_keys_are_read_from_both_files() {
        let credentials =
            file("credentials", "# keys\n[other]\naws_access_key_id=no\n[ work ]\naws_access_key_id = one\n");
        let config = file(
            "config",
            "[profile work]\nregion = eu-west-1\naws_access_key_id = second\naws_secret_access_key = a=b/c+\n\
             aws_session_token = t\ns3 =\n  region = nested\n",
        );
        let files = ProfileFiles { name: "work".to_owned(), credentials: credentials.clone(), config: config.clone() };
        assert_eq!(files.read().expect("a profile").region.as_deref(), Some("eu-west-1"));
        let keys = ProfileKeys::new(files);
        let first = keys.get_credential().await.expect("keys");
        assert_eq!((first.key_id.as_str(), first.secret_key.as_str()), ("one", "a=b/c+"));
        assert_eq!(first.token.as_deref(), Some("t"));
        std::fs::write(&credentials, "[work]\naws_access_key_id = two\naws_secret_access_key = x\n").expect("renewed");
        assert_eq!(keys.get_credential().await.expect("keys").key_id, "one");
        tokio::time::advance(READ_EVERY).await;
        assert_eq!(keys.get_credential().await.expect("keys").key_id, "two");
        assert!(!format!("{keys:?}").contains("two"));
        for path in [credentials, config] {
            std::fs::remove_file(path).expect("removed");
        }
        tokio::time::advance(READ_EVERY).await;
        assert!(keys.get_credential().await.is_err(), "the keys are gone");
    }
}
