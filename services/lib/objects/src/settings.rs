//! What a deployment decides about the object store.

use std::path::PathBuf;
use std::time::Duration;

use marquee_domain::Secret;
use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

const MIB: u64 = 1 << 20;

/// S3 takes no part below this, except the last.
const SMALLEST_PART: u64 = 5 * MIB;

/// S3 takes no more in one request.
pub(crate) const LARGEST_PUT: u64 = 5 * 1_024 * MIB;

/// Settings of the object store over S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where objects are: `s3://BUCKET` or `s3://BUCKET/PREFIX`. The bucket must exist, and below the prefix Marquee is alone. Default
    /// `s3://marquee`.
    pub url: String,
    /// Address of an S3-compatible server, `https://HOST[:PORT]`; `http://` sends contents unencrypted and is for servers on the same machine or
    /// network. Empty, the default: Amazon's in the region.
    pub endpoint: String,
    /// Region that the bucket is in. Empty, the default: `us-east-1`, or `AWS_REGION` where the keys come from the environment too.
    pub region: String,
    /// Access key. Empty, the default: from the standard `AWS_*` environment, a web identity or the machine's role. Where it is given, nothing is
    /// taken from the environment.
    pub access_key_id: String,
    /// Secret of the access key. It is never printed. Empty, the default: as for the access key.
    pub secret_access_key: Secret,
    /// Whether the bucket stands in the path of an address (`https://HOST/BUCKET/…`) or in front of its host. Default true, which every server
    /// understands.
    pub path_style: bool,
    /// File of certificates (PEM) to trust besides the system's. Empty, the default: none.
    pub ca_file: PathBuf,
    /// Longest time that connecting may take. Default `5s`.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// Longest time that one request may take, its content included: raise it for large objects on slow lines. Default `30s`.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// How long a request is repeated while the server does not answer or has no time; then the call fails with kind `Unavailable`, at the latest
    /// one `request_timeout` later. `0s` repeats nothing. Default `30s`.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
    /// Objects above this size in bytes are written in parts, unless under a condition. At most 5 GiB. Default 16 MiB.
    pub multipart_threshold: u64,
    /// Size of a part in bytes, 5 MiB to 5 GiB; four are on their way at once. Default 8 MiB.
    pub part_size: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "s3://marquee".to_owned(),
            endpoint: String::new(),
            region: String::new(),
            access_key_id: String::new(),
            secret_access_key: Secret::default(),
            path_style: true,
            ca_file: PathBuf::new(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            patience: Duration::from_secs(30),
            multipart_threshold: 16 * MIB,
            part_size: 8 * MIB,
        }
    }
}

/// A setting cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{setting} of the object store cannot be {found}: {wanted}")]
pub struct SettingsError {
    /// Its name.
    pub setting: &'static str,
    /// What it is.
    pub found: String,
    /// What it may be.
    pub wanted: &'static str,
}

impl SettingsError {
    pub(crate) fn new(setting: &'static str, found: impl Into<String>, wanted: &'static str) -> Self {
        Self { setting, found: found.into(), wanted }
    }
}

impl Settings {
    /// Checks what stands for itself; the address is checked where it is taken apart.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if self.access_key_id.is_empty() != self.secret_access_key.is_empty() {
            let wanted = "give access_key_id and secret_access_key, or neither";
            return Err(SettingsError::new("access_key_id", "alone", wanted));
        }
        for (setting, time) in [("connect_timeout", self.connect_timeout), ("request_timeout", self.request_timeout)] {
            if time.is_zero() {
                return Err(SettingsError::new(setting, "0s", "give a time that an answer may take"));
            }
        }
        if self.multipart_threshold > LARGEST_PUT {
            let wanted = "S3 takes at most 5368709120 bytes in one request";
            return Err(SettingsError::new("multipart_threshold", self.multipart_threshold.to_string(), wanted));
        }
        if !(SMALLEST_PART..=LARGEST_PUT).contains(&self.part_size) {
            let wanted = "S3 takes parts of 5242880 to 5368709120 bytes";
            return Err(SettingsError::new("part_size", self.part_size.to_string(), wanted));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_used() {
        assert_eq!(Settings::default().check(), Ok(()));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let some = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.check().expect_err("cannot be used").setting
        };
        assert_eq!(some(|s| s.access_key_id = "key".to_owned()), "access_key_id");
        assert_eq!(some(|s| s.secret_access_key = Secret::new("secret")), "access_key_id");
        assert_eq!(some(|s| s.connect_timeout = Duration::ZERO), "connect_timeout");
        assert_eq!(some(|s| s.request_timeout = Duration::ZERO), "request_timeout");
        assert_eq!(some(|s| s.part_size = SMALLEST_PART - 1), "part_size");
        assert_eq!(some(|s| s.part_size = LARGEST_PUT + 1), "part_size");
        assert_eq!(some(|s| s.multipart_threshold = LARGEST_PUT + 1), "multipart_threshold");
    }

    #[test]
    fn settings_are_read_and_a_secret_is_not_shown() {
        let text =
            r#"{"url": "s3://films/v1", "access_key_id": "key", "secret_access_key": "hunter2", "patience": "2s"}"#;
        let settings: Settings = serde_json::from_str(text).expect("settings");
        assert_eq!(settings.secret_access_key.expose(), "hunter2");
        assert_eq!(settings.patience, Duration::from_secs(2));
        for shown in [format!("{settings:?}"), serde_json::to_string(&settings).expect("text")] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        assert!(serde_json::from_str::<Settings>(r#"{"secret": "hunter2"}"#).is_err());
    }
}
