//! The place of objects in S3: the server, the bucket and the prefix of all paths.

use std::net::IpAddr;

use marquee_ports::ObjectKey;
use marquee_settings::Invalid;
use object_store::path::Path;

use crate::Settings;

/// A bucket, a prefix in it, and the server of the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) bucket: String,
    prefix: Option<ObjectKey>,
    /// The endpoint of the settings without a slash at its end. `None` means Amazon S3.
    endpoint: Option<String>,
    path_style: bool,
}

impl Address {
    pub(crate) fn try_new(settings: &Settings) -> Result<Self, Invalid> {
        let wrong = || {
            let expected = "s3://BUCKET or s3://BUCKET/PREFIX with letters, digits and . _ - = @ between slashes";
            Invalid::new("url", format!("'{}' is not the address of a bucket; expected {expected}", settings.url))
        };
        let rest = settings.url.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(allowed) {
            return Err(wrong());
        }
        let prefix = match prefix.strip_suffix('/').unwrap_or(prefix) {
            "" => None,
            prefix => Some(ObjectKey::try_new(prefix).map_err(|_| wrong())?),
        };
        let endpoint = endpoint(settings)?;
        Ok(Self { bucket: bucket.to_owned(), prefix, endpoint, path_style: settings.path_style })
    }

    /// Returns whether requests are sent unencrypted. This is so only if the settings name an
    /// `http://` endpoint.
    pub(crate) fn is_unencrypted(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"))
    }

    /// Returns the name of the server for messages.
    pub(crate) fn server(&self) -> &str {
        self.endpoint.as_deref().unwrap_or("Amazon S3")
    }

    /// Returns the endpoint for the client. If the bucket is part of the host name, the client
    /// expects the bucket in the endpoint.
    pub(crate) fn client_endpoint(&self) -> Option<String> {
        let endpoint = self.endpoint.as_ref()?;
        if self.path_style {
            return Some(endpoint.clone());
        }
        let (scheme, host) = endpoint.split_once("://")?;
        Some(format!("{scheme}://{}.{host}", self.bucket))
    }

    /// Returns the path of an object in the bucket.
    pub(crate) fn path(&self, key: &ObjectKey) -> Path {
        // `Path::from` escapes no character that a key can contain.
        match &self.prefix {
            Some(prefix) => Path::from(format!("{prefix}/{key}")),
            None => Path::from(key.as_str()),
        }
    }

    /// Returns the path of a folder in the bucket. The folder `None` is the whole prefix. Returns
    /// `None` for the whole bucket.
    pub(crate) fn folder(&self, folder: Option<&ObjectKey>) -> Option<Path> {
        match folder {
            Some(folder) => Some(self.path(folder)),
            None => self.prefix.as_ref().map(|prefix| Path::from(prefix.as_str())),
        }
    }

    /// Returns the key of the object at a path, or `None` if the path is outside the prefix or is
    /// not a valid key.
    pub(crate) fn key(&self, path: &Path) -> Option<ObjectKey> {
        let below = match &self.prefix {
            Some(prefix) => path.as_ref().strip_prefix(prefix.as_str())?.strip_prefix('/')?,
            None => path.as_ref(),
        };
        ObjectKey::try_new(below).ok()
    }
}

/// Checks an endpoint, and returns it without slashes at its end. A path is allowed: some servers
/// and proxies serve S3 below one.
fn endpoint(settings: &Settings) -> Result<Option<String>, Invalid> {
    if settings.endpoint.is_empty() {
        return Ok(None);
    }
    // The value may contain a password, so no message repeats it.
    let invalid = |message: &str| Err(Invalid::new("endpoint", message));
    let trimmed = settings.endpoint.trim_end_matches('/');
    let rest = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://")).unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_allowed = |text: &str, others: &[u8]| text.bytes().all(|b| b.is_ascii_alphanumeric() || others.contains(&b));
    let is_path = path.is_empty() || path.split('/').all(|part| !["", ".", ".."].contains(&part));
    if host.is_empty() || !is_allowed(host, b".-:[]_") || !is_allowed(path, b".-_~/") || !is_path {
        return invalid(
            "is not an address; expected https://HOST[:PORT][/PATH] or http://HOST[:PORT][/PATH], without a user or a \
             query",
        );
    }
    if trimmed.starts_with("http://") && !settings.allow_http && !is_loopback(host) {
        return invalid(
            "is http://, which sends contents and session tokens unencrypted; use https://, or set allow_http = true \
             if the network is trusted",
        );
    }
    Ok(Some(trimmed.to_owned()))
}

/// Returns whether a host, with or without a port, is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.ends_with(".localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(url: &str, endpoint: &str) -> Result<Address, Invalid> {
        Address::try_new(&Settings { url: url.to_owned(), endpoint: endpoint.to_owned(), ..Settings::default() })
    }

    #[test]
    fn invalid_addresses_are_refused() {
        for url in [
            "",
            "films",
            "https://films",
            "s3://",
            "s3:///a",
            "s3://ab",
            "s3://Films",
            "s3://films//a",
            "s3://films/a/../b",
        ] {
            assert_eq!(address(url, "").expect_err(url).key(), "url", "{url}");
        }
        for endpoint in [
            "films",
            "ftp://films",
            "http://",
            "https:///",
            "https://user:hunter2@films",
            "https://host/a//b",
            "https://host/../b",
            "https://host/?x=hunter2",
            "https://a b",
            "http://storage:9000",
            "http://10.0.0.7:9000",
        ] {
            let error = address("s3://films", endpoint).expect_err(endpoint);
            assert_eq!(error.key(), "endpoint");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn http_is_used_only_where_it_is_asked_for() {
        for (endpoint, unencrypted) in [("", false), ("https://store:9000", false), ("http://127.0.0.1:9000/", true)] {
            assert_eq!(
                address("s3://films", endpoint).expect("an address").is_unencrypted(),
                unencrypted,
                "{endpoint}"
            );
        }
    }

    #[test]
    fn an_endpoint_may_have_a_path_and_slashes_at_its_end() {
        for (endpoint, client) in [
            ("https://host/", "https://host"),
            ("https://host:9000//", "https://host:9000"),
            ("https://host/s3/v1/", "https://host/s3/v1"),
            ("http://localhost:9000/", "http://localhost:9000"),
            ("http://[::1]:9000", "http://[::1]:9000"),
        ] {
            let address = address("s3://films", endpoint).expect(endpoint);
            assert_eq!(address.client_endpoint().as_deref(), Some(client));
        }
    }

    #[test]
    fn http_over_a_network_needs_a_setting() {
        let settings =
            |allow_http| Settings { endpoint: "http://storage:9000".to_owned(), allow_http, ..Settings::default() };
        let refused = Address::try_new(&settings(false)).expect_err("refused").to_string();
        assert!(refused.contains("allow_http"), "{refused}");
        assert!(Address::try_new(&settings(true)).expect("allowed").is_unencrypted());
    }

    #[test]
    fn the_bucket_is_part_of_the_path_or_of_the_host() {
        let settings =
            |path_style| Settings { endpoint: "https://host:1".to_owned(), path_style, ..Settings::default() };
        let client = |path_style| Address::try_new(&settings(path_style)).expect("an address").client_endpoint();
        assert_eq!(client(true).as_deref(), Some("https://host:1"));
        assert_eq!(client(false).as_deref(), Some("https://marquee.host:1"));
    }

    #[test]
    fn only_objects_below_the_prefix_have_a_key() {
        let address = address("s3://films/a/", "").expect("an address");
        assert_eq!(address.folder(None), Some(Path::from("a")));
        for foreign in ["a", "ab/c", "b/c", "a/what is this"] {
            assert_eq!(address.key(&Path::from(foreign)), None, "{foreign}");
        }
    }

    proptest! {
        #[test]
        fn a_path_leads_back_to_its_key(
            prefix in prop::option::of("[a-zA-Z0-9_=@-]{1,9}(/[a-z.]{3,9}x){0,3}"),
            key in "[a-zA-Z0-9_=@-]{1,9}(/[a-z._=@-]{3,9}x){0,5}",
        ) {
            let url = prefix.map_or("s3://films".to_owned(), |prefix| format!("s3://films/{prefix}"));
            let address = address(&url, "").expect("an address");
            let key = ObjectKey::try_new(&key).expect("a path of an object");
            let path = address.path(&key);
            prop_assert!(path.as_ref().ends_with(key.as_str()), "{path} is escaped");
            prop_assert_eq!(address.key(&path), Some(key));
        }
    }
}
