//! The place of objects in S3: the server, the bucket and the prefix of all paths.

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
        let endpoint = endpoint(&settings.endpoint)?;
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

fn endpoint(text: &str) -> Result<Option<String>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    let trimmed = text.strip_suffix('/').unwrap_or(text);
    let host = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b);
    if !host.is_some_and(|host| !host.is_empty() && host.bytes().all(allowed)) {
        // The value may contain a password, so the message does not repeat it.
        return Err(Invalid::new("endpoint", "is not an address; expected https://HOST[:PORT] or http://HOST[:PORT]"));
    }
    Ok(Some(trimmed.to_owned()))
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
        for endpoint in
            ["films", "ftp://films", "http://", "http://user:hunter2@films", "http://films/path", "http://a b"]
        {
            let error = address("s3://films", endpoint).expect_err(endpoint);
            assert_eq!(error.key(), "endpoint");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn http_is_used_only_where_it_is_asked_for() {
        for (endpoint, unencrypted) in [("", false), ("https://films:9000", false), ("http://127.0.0.1:9000/", true)] {
            assert_eq!(
                address("s3://films", endpoint).expect("an address").is_unencrypted(),
                unencrypted,
                "{endpoint}"
            );
        }
    }

    #[test]
    fn the_bucket_is_part_of_the_path_or_of_the_host() {
        let settings =
            |path_style| Settings { endpoint: "http://host:1".to_owned(), path_style, ..Settings::default() };
        let client = |path_style| Address::try_new(&settings(path_style)).expect("an address").client_endpoint();
        assert_eq!(client(true).as_deref(), Some("http://host:1"));
        assert_eq!(client(false).as_deref(), Some("http://marquee.host:1"));
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
