//! The settings of the object store over S3.

use std::path::PathBuf;
use std::time::Duration;

use marquee_domain::Secret;
use marquee_settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

use crate::address::Address;

const MIB: u64 = 1 << 20;

/// The beginning of Amazon's temporary access keys.
const TEMPORARY_KEY: &str = "ASIA";

/// The smallest part that S3 accepts, except for the last part of an object.
const SMALLEST_PART: u64 = 5 * MIB;

/// The largest content that S3 accepts in one request.
pub(crate) const LARGEST_PUT: u64 = 5 * 1_024 * MIB;

/// The largest object that S3 has.
const LARGEST_OBJECT: u64 = 5 * 1_024 * 1_024 * MIB;

/// The longest time that an answer may take.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Settings of the object store over S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The bucket, as `s3://BUCKET` or `s3://BUCKET/PREFIX`. The bucket must exist, and nothing
    /// else may write below the prefix. Default `s3://marquee`.
    pub url: String,
    /// The address of an S3-compatible server, `https://HOST[:PORT][/PATH]`, without the bucket.
    /// `http://` sends contents unencrypted; it is accepted for a server on this machine, and
    /// elsewhere if `allow_http` is set. Empty, the default: Amazon S3 in the region.
    pub endpoint: String,
    /// Whether a server on another machine may be used unencrypted. Default false.
    pub allow_http: bool,
    /// The region of the bucket. Empty, the default: `us-east-1`, or `AWS_REGION` if the keys come
    /// from the environment too.
    pub region: String,
    /// The access key. Empty, the default: the keys are looked for where Amazon's tools do – the
    /// `AWS_*` variables, the profile `AWS_PROFILE`, a web identity, the default profile, the role
    /// of a container or a machine. If it is set, nothing is read from the environment.
    pub access_key_id: String,
    /// The secret of the access key. It is never printed. Empty, the default: as for the access
    /// key.
    pub secret_access_key: Secret,
    /// The session token of a temporary access key. It is never printed. Default empty.
    pub session_token: Secret,
    /// Whether the bucket is part of the path of an address (`https://HOST/BUCKET/…`) or of its
    /// host name. Default true, which every server understands.
    pub path_style: bool,
    /// A file of certificates (PEM) to trust in addition to those of the system. Default empty.
    pub ca_file: PathBuf,
    /// The longest time that connecting may take. Default `5s`.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// The longest time that one request may take, with its content. Raise it for large objects on
    /// slow networks. Default `30s`.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// How long a request is repeated while the server does not answer or is overloaded. Then the
    /// call fails with kind `Unavailable`, at the latest one `request_timeout` later. `0s` repeats
    /// nothing. Default `30s`.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
    /// The size in bytes above which an object is written in parts, unless it is written under a
    /// condition. At most 5 GiB. Default 16 MiB.
    pub multipart_threshold: u64,
    /// The size of a part in bytes, 5 MiB to 5 GiB. Four parts are sent at once. Default 8 MiB.
    pub part_size: u64,
    /// The size in bytes of the largest object that is read. Default 1 GiB.
    pub max_object: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "s3://marquee".to_owned(),
            endpoint: String::new(),
            allow_http: false,
            region: String::new(),
            access_key_id: String::new(),
            secret_access_key: Secret::default(),
            session_token: Secret::default(),
            path_style: true,
            ca_file: PathBuf::new(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            patience: Duration::from_secs(30),
            multipart_threshold: 16 * MIB,
            part_size: 8 * MIB,
            max_object: 1_024 * MIB,
        }
    }
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        Address::try_new(self)?;
        Invalid::unless(
            self.access_key_id.is_empty() == self.secret_access_key.is_empty(),
            "access_key_id",
            "is set without its secret, or the secret without it; give access_key_id and secret_access_key, or neither",
        )?;
        let has_token = !self.session_token.is_empty();
        Invalid::unless(
            !has_token || !self.access_key_id.is_empty(),
            "session_token",
            "is set without access_key_id and secret_access_key; give all three",
        )?;
        Invalid::unless(
            has_token || !self.access_key_id.starts_with(TEMPORARY_KEY),
            "session_token",
            "is not set, and access_key_id is a temporary key (ASIA…), which is refused without its session token",
        )?;
        Invalid::unless_in(1..=LARGEST_OBJECT, "max_object", self.max_object)?;
        for (key, time) in [("connect_timeout", self.connect_timeout), ("request_timeout", self.request_timeout)] {
            Invalid::unless_time_in(Duration::from_millis(1)..=LONGEST, key, time)?;
        }
        Invalid::unless_time_in(Duration::ZERO..=LONGEST, "patience", self.patience)?;
        Invalid::unless(
            self.multipart_threshold <= LARGEST_PUT,
            "multipart_threshold",
            format!("is {}; S3 takes at most 5368709120 bytes in one request", self.multipart_threshold),
        )?;
        Invalid::unless(
            (SMALLEST_PART..=LARGEST_PUT).contains(&self.part_size),
            "part_size",
            format!("is {}; S3 takes parts of 5242880 to 5368709120 bytes", self.part_size),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_used() {
        assert_eq!(Settings::default().validate(), Ok(()));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let some = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.validate().expect_err("cannot be used").key().to_owned()
        };
        assert_eq!(some(|s| s.url = "films".to_owned()), "url");
        assert_eq!(some(|s| s.access_key_id = "key".to_owned()), "access_key_id");
        assert_eq!(some(|s| s.secret_access_key = Secret::new("secret")), "access_key_id");
        assert_eq!(some(|s| s.session_token = Secret::new("token")), "session_token");
        assert_eq!(
            some(|s| (s.access_key_id, s.secret_access_key) = ("ASIAEXAMPLE".to_owned(), Secret::new("secret"))),
            "session_token"
        );
        assert_eq!(some(|s| s.max_object = 0), "max_object");
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
