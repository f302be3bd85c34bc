//! Finds the primary that sentinels watch under a name.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo as _,
    RedisConnectionInfo, RedisError, RedisResult, TlsCertificates, Value,
};

use crate::Settings;
use crate::address::is_encrypted;
use crate::failure::code_of;
use crate::node::{client, tcp, with_user};

/// The sentinels, and how to connect to the primary that they name.
pub(crate) struct Sentinels {
    /// The name of the primary.
    name: String,
    sentinels: Vec<Client>,
    /// The user and the password of the primary.
    redis: RedisConnectionInfo,
    tcp: redis::io::tcp::TcpSettings,
    /// Whether the primary is reached by TLS, as the sentinels are.
    encrypted: bool,
    certificates: Option<TlsCertificates>,
}

impl Sentinels {
    /// Checks the addresses of the sentinels. Does not connect.
    pub(crate) fn new(
        nodes: Vec<ConnectionInfo>,
        settings: &Settings,
        certificates: Option<TlsCertificates>,
    ) -> RedisResult<Self> {
        let encrypted = nodes.iter().all(is_encrypted);
        let sentinel = |node: ConnectionInfo| {
            let user = (settings.sentinel_username.as_str(), settings.sentinel_password.expose());
            let redis = with_user(node.redis_settings().clone(), user);
            client(node.set_redis_settings(redis).set_tcp_settings(tcp(settings)), certificates.as_ref())
        };
        let sentinels = nodes.into_iter().map(sentinel).collect::<RedisResult<Vec<_>>>()?;
        let redis = with_user(RedisConnectionInfo::default(), (settings.username.as_str(), settings.password.expose()));
        Ok(Self { name: settings.sentinel.clone(), sentinels, redis, tcp: tcp(settings), encrypted, certificates })
    }

    /// Asks all sentinels at the same time, and connects to the first server that they name and
    /// that says that it is the primary. A sentinel that was cut off may still name the old one.
    pub(crate) async fn primary(&self, config: &AsyncConnectionConfig) -> RedisResult<MultiplexedConnection> {
        let mut answers: FuturesUnordered<_> =
            self.sentinels.iter().map(|sentinel| self.ask(sentinel, config)).collect();
        let mut tried = BTreeSet::new();
        let mut failure = None;
        while let Some(answer) = answers.next().await {
            let connected = match answer {
                Ok(address) if !tried.insert(address.clone()) => continue,
                Ok(address) => self.connect(address, config).await,
                Err(error) => Err(error),
            };
            match connected {
                Ok(connection) => return Ok(connection),
                // What the server said tells more than what a sentinel said.
                Err(error) if failure.is_none() || !is_about_name(&error) => failure = Some(error),
                Err(_) => {}
            }
        }
        Err(failure.unwrap_or_else(|| RedisError::from((ErrorKind::EmptySentinelList, "no sentinel"))))
    }

    /// Returns the address that one sentinel names.
    async fn ask(&self, sentinel: &Client, config: &AsyncConnectionConfig) -> RedisResult<(String, u16)> {
        let mut connection = sentinel.get_multiplexed_async_connection_with_config(config).await?;
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
        let found: Option<(String, u16)> = command.query_async(&mut connection).await?;
        found.ok_or_else(|| {
            let unknown = "no primary of the name in redis.sentinel is known";
            RedisError::from((ErrorKind::MasterNameNotFoundBySentinel, unknown, self.name.clone()))
        })
    }

    async fn connect(
        &self,
        (host, port): (String, u16),
        config: &AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let address = if self.encrypted {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        let node = address.into_connection_info()?;
        let node = node.set_redis_settings(self.redis.clone()).set_tcp_settings(self.tcp.clone());
        let client = client(node, self.certificates.as_ref())?;
        let mut connection = client.get_multiplexed_async_connection_with_config(config).await?;
        match redis::cmd("ROLE").query_async::<Value>(&mut connection).await {
            Ok(role) if is_primary(&role) => Ok(connection),
            Ok(_) => Err(RedisError::from((
                ErrorKind::MasterNameNotFoundBySentinel,
                "the server that the sentinel names is not the primary",
            ))),
            // A user may lack this permission. A write to a replica is refused, and leads here
            // again.
            Err(error) if code_of(&error) == Some("NOPERM") => Ok(connection),
            Err(error) => Err(error),
        }
    }
}

/// Returns whether an error only says that a sentinel does not know the primary.
fn is_about_name(error: &RedisError) -> bool {
    error.kind() == ErrorKind::MasterNameNotFoundBySentinel
}

/// Returns whether a reply to ROLE is that of a primary.
fn is_primary(role: &Value) -> bool {
    let Value::Array(parts) = role else { return false };
    match parts.first() {
        Some(Value::BulkString(name)) => &name[..] == b"master",
        Some(Value::SimpleString(name)) => name == "master",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_of_a_server_is_read() {
        let role = |name: &str| Value::Array(vec![Value::BulkString(name.as_bytes().to_vec()), Value::Int(0)]);
        assert!(is_primary(&role("master")));
        assert!(!is_primary(&role("slave")) && !is_primary(&role("sentinel")) && !is_primary(&Value::Nil));
    }
}
