//! The client of one server: its user, its certificates and its TCP settings.

use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionInfo, RedisConnectionInfo, RedisResult, TlsCertificates};

use crate::Settings;
use crate::address::is_encrypted;

/// Makes the client of one server. Certificates are used only if the address is one with TLS.
pub(crate) fn client(node: ConnectionInfo, certificates: Option<&TlsCertificates>) -> RedisResult<Client> {
    match certificates {
        Some(certificates) if is_encrypted(&node) => Client::build_with_tls(node, certificates.clone()),
        _ => Client::open(node),
    }
}

/// Returns the TCP settings. A server whose machine is gone does not even refuse, so the operating
/// system closes the connection after the deadline.
pub(crate) fn tcp(settings: &Settings) -> TcpSettings {
    let tcp = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(settings.deadline);
    tcp
}

/// Sets the user and the password that are not empty. They take the place of those in an address.
pub(crate) fn with_user(redis: RedisConnectionInfo, (name, password): (&str, &str)) -> RedisConnectionInfo {
    let redis = if name.is_empty() { redis } else { redis.set_username(name) };
    if password.is_empty() { redis } else { redis.set_password(password) }
}
