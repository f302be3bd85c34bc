//! The addresses of the servers, as the setting `redis.urls` has them.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

/// The schemes of an address. The ones with an `s` at the end use TLS.
const SCHEMES: [&str; 4] = ["redis", "rediss", "valkey", "valkeys"];

/// What an address looks like.
const EXPECTED: &str = "expected redis://HOST:PORT or rediss://HOST:PORT";

/// Parses an address. The error says what is wrong, and repeats nothing of the address: it may
/// contain a password.
pub(crate) fn parse(url: &str) -> Result<ConnectionInfo, String> {
    let wrong = || format!("is not a valid address; {EXPECTED}");
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    if !SCHEMES.contains(&scheme) {
        return Err(wrong());
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    // A password with one of these characters ends the part that names the server. The rest of the
    // password would be taken for a path, and its beginning for a host.
    if tail.contains('@') || authority.matches('@').count() > 1 {
        return Err(
            "contains a user or a password with special characters; write them percent-encoded (@ is %40, / is %2F), \
             or give them as redis.username and redis.password"
                .to_owned(),
        );
    }
    if tail.contains(['?', '#']) {
        return Err(format!("contains options after ? or #; {EXPECTED}"));
    }
    let info = url.into_connection_info().map_err(|_| wrong())?;
    let redis = info.redis_settings();
    if redis.username().is_some() && redis.password().is_none() {
        return Err("contains a user without a password; give both, as redis://USER:PASSWORD@HOST:PORT".to_owned());
    }
    Ok(info)
}

/// Returns whether the connection to an address is encrypted.
pub(crate) fn is_encrypted(info: &ConnectionInfo) -> bool {
    matches!(info.addr(), ConnectionAddr::TcpTls { .. })
}

/// Returns addresses for messages, without users and passwords.
pub(crate) fn shown(urls: &[String]) -> String {
    let shown = |url: &String| match parse(url) {
        Ok(info) => match info.addr() {
            ConnectionAddr::TcpTls { host, port, .. } => format!("rediss://{}:{port}", bracketed(host)),
            ConnectionAddr::Tcp(host, port) => format!("redis://{}:{port}", bracketed(host)),
            _ => "an address of another kind".to_owned(),
        },
        Err(_) => "an address that is not valid".to_owned(),
    };
    urls.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// Returns a host as it is in an address: IPv6 needs brackets.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_and_a_password_are_percent_decoded() {
        let info = parse("rediss://marquee:p%40ss%3Aw%2Frd%25%23@redis.example:6380").expect("an address");
        assert!(is_encrypted(&info));
        let redis = info.redis_settings();
        assert_eq!((redis.username(), redis.password()), (Some("marquee"), Some("p@ss:w/rd%#")));
        let info = parse("redis://:hunter2@[::1]:6379/3").expect("an address");
        assert_eq!((info.redis_settings().username(), info.redis_settings().db()), (None, 3));
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_without_repeating_it() {
        for (url, words) in [
            ("hunter2", "redis://HOST:PORT"),
            ("http://u:hunter2@h", "redis://HOST:PORT"),
            ("redis://u:hunter2/x@h:1", "percent-encoded"),
            ("redis://u:7?hunter2@h:1", "percent-encoded"),
            ("redis://u:hunter2@x@h:1", "percent-encoded"),
            ("redis://hunter2@h:1", "without a password"),
            ("rediss://h:1/#insecure", "after ? or #"),
            ("redis://h:1?password=hunter2", "after ? or #"),
            ("redis://u:%ff@h:1", "not a valid address"),
            ("redis://h:99999", "not a valid address"),
            ("redis://h:1/hunter2", "not a valid address"),
            ("redis://", "not a valid address"),
        ] {
            let message = parse(url).expect_err(url);
            assert!(message.contains(words) && !message.contains("hunter2"), "{url}: {message}");
        }
    }

    #[test]
    fn a_shown_address_has_neither_user_nor_password() {
        let urls = ["redis://u:hunter2@h:1", "rediss://[::1]", "hunter2"].map(str::to_owned);
        assert_eq!(shown(&urls), "redis://h:1, rediss://[::1]:6379, an address that is not valid");
    }
}
