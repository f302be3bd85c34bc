//! Why Redis cannot be used.

use std::path::PathBuf;

use marquee_ports::Error;
use marquee_settings::Invalid;
use redis::RedisError;
use thiserror::Error as ThisError;

use crate::Settings;
use crate::address::shown;
use crate::failure::code_of;

/// Redis cannot be used. `Display` says what to do. The source is the message of the server.
#[derive(Debug, ThisError)]
pub enum ConnectError {
    /// A setting makes no sense.
    #[error("redis.{0}")]
    Setting(Invalid),
    /// A file of certificates or of a key cannot be used.
    #[error("redis.{key}: cannot read {expected} from {path}; give a file with {expected} in PEM")]
    File {
        /// The setting that names the file.
        key: &'static str,
        /// What the file must contain.
        expected: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The client refuses the addresses.
    #[error("redis.urls: no valid address; expected redis://HOST:PORT or rediss://HOST:PORT")]
    Address(#[source] RedisError),
    /// The server may evict rows while their marker stays.
    #[error("Redis evicts keys when its memory is full ({policy}); set its maxmemory-policy to noeviction")]
    Evicts {
        /// The policy of the server.
        policy: String,
    },
    /// The server does not answer, or refuses the connection.
    #[error("cannot use Redis at {urls}; {hint}")]
    Server {
        /// The configured addresses, without users and passwords.
        urls: String,
        /// What to do.
        hint: &'static str,
        /// The failed call.
        #[source]
        source: Error,
    },
}

/// What to do where the message of the server does not tell more.
const PLAIN: &str = "check that it runs, and the settings redis.urls and redis.cluster; an address of a server that \
                     expects TLS begins with rediss://";

/// The same for sentinels.
const SENTINELS: &str = "check that the sentinels at redis.urls run and reach the primary, and that redis.sentinel is \
                         the name under which they watch it";

/// The same for addresses with TLS.
const ENCRYPTED: &str = "check that it runs, that redis.urls names its port for TLS, that redis.ca_file contains the \
                         authority that signed its certificate, and redis.cert_file and redis.key_file if it asks for \
                         a client certificate";

impl ConnectError {
    pub(crate) fn server(settings: &Settings, source: Error) -> Self {
        let urls = shown(&settings.urls);
        let default = match urls.contains("rediss://") {
            true => ENCRYPTED,
            false if settings.sentinel.is_empty() => PLAIN,
            false => SENTINELS,
        };
        Self::Server { urls, hint: hint(&source).unwrap_or(default), source }
    }
}

/// Returns what to do about a failed call, if its error tells.
fn hint(error: &Error) -> Option<&'static str> {
    let cause = std::error::Error::source(error)?.downcast_ref::<RedisError>()?;
    match cause.kind() {
        redis::ErrorKind::AuthenticationFailed => return Some("check the settings redis.username and redis.password"),
        redis::ErrorKind::MasterNameNotFoundBySentinel => {
            return Some("check that redis.sentinel is the name of a primary that the sentinels at redis.urls watch");
        }
        _ => {}
    }
    match code_of(cause)? {
        "NOAUTH" | "WRONGPASS" => Some("check the settings redis.username and redis.password"),
        "NOPERM" => Some("give the user of redis.username the permission that the server names"),
        "MOVED" | "CROSSSLOT" => Some("it is a cluster; set redis.cluster = true"),
        _ if cause.detail().is_some_and(|detail| detail.contains("cluster support disabled")) => {
            Some("it is not a cluster; set redis.cluster = false")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use marquee_ports::ErrorKind;

    use super::*;

    fn at(url: &str) -> Settings {
        Settings { urls: vec![url.to_owned()], ..Settings::default() }
    }

    fn failed(line: &str) -> Error {
        let bytes = format!("-{line}\r\n");
        let reply = redis::parse_redis_value(bytes.as_bytes()).and_then(redis::Value::extract_error);
        Error::new(ErrorKind::Unavailable, "read a marker", reply.expect_err("an error reply"))
    }

    #[test]
    fn a_refused_connection_says_which_setting_to_check() {
        for (line, setting) in [
            ("NOAUTH Authentication required.", "redis.password"),
            ("WRONGPASS invalid username-password pair", "redis.username"),
            ("NOPERM this user has no permissions to run the 'get' command", "redis.username"),
            ("MOVED 3999 127.0.0.1:6381", "redis.cluster = true"),
            ("ERR This instance has cluster support disabled", "redis.cluster = false"),
            ("ERR unknown", "redis.urls"),
        ] {
            let error = ConnectError::server(&at("redis://h:1"), failed(line)).to_string();
            assert!(error.contains(setting) && error.contains("redis://h:1"), "{line}: {error}");
        }
        let refused = RedisError::from(std::io::Error::other("invalid peer certificate: UnknownIssuer"));
        let error = Error::new(ErrorKind::Unavailable, "read a marker", refused);
        assert!(ConnectError::server(&at("rediss://h:1"), error).to_string().contains("redis.ca_file"));
        let sentinels = Settings { sentinel: "main".to_owned(), ..at("redis://h:1") };
        let late = RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        let error = Error::new(ErrorKind::Unavailable, "read a marker", late);
        assert!(ConnectError::server(&sentinels, error).to_string().contains("redis.sentinel"));
    }
}
