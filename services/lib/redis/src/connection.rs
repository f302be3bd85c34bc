//! Opens connections to one server, to a cluster, or to the primary that sentinels name.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, IntoConnectionInfo, Pipeline, RedisError, RedisFuture,
    RedisResult, TlsCertificates, Value,
};

use crate::node::{client, tcp, with_user};
use crate::sentinel::Sentinels;
use crate::tls::certificates;
use crate::{ConnectError, Settings};

/// A connection to one server or to a cluster. Clones share it.
#[derive(Clone)]
pub(crate) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    /// Returns whether it is a connection to a cluster, which reconnects to each server by itself.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

/// Opens connections as the settings say. It holds the password, so it has no `Debug`.
pub(crate) struct Opener {
    target: Target,
    config: AsyncConnectionConfig,
    /// Longest time to open a connection.
    timeout: Duration,
}

enum Target {
    Single(Client),
    Cluster(ClusterClient),
    Sentinel(Sentinels),
}

impl Opener {
    /// Checks the addresses and reads the certificates. Does not connect.
    pub(crate) fn new(settings: &Settings) -> Result<Self, ConnectError> {
        let certificates = certificates(settings)?;
        let target = target(settings, certificates).map_err(ConnectError::Address)?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect_timeout))
            .set_response_timeout(Some(settings.response_timeout));
        Ok(Self { target, config, timeout: settings.connect_timeout + settings.response_timeout })
    }

    /// Opens a connection.
    pub(crate) async fn open(&self) -> RedisResult<Connection> {
        let open = async {
            Ok::<_, RedisError>(match &self.target {
                Target::Single(client) => {
                    Connection::Single(client.get_multiplexed_async_connection_with_config(&self.config).await?)
                }
                Target::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
                Target::Sentinel(sentinels) => Connection::Single(sentinels.primary(&self.config).await?),
            })
        };
        // A paused server accepts connections and does not answer.
        match tokio::time::timeout(self.timeout, open).await {
            Ok(opened) => opened,
            Err(_) => Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))),
        }
    }
}

fn target(settings: &Settings, certificates: Option<TlsCertificates>) -> RedisResult<Target> {
    let nodes = settings.urls.iter().map(|url| url.as_str().into_connection_info());
    let nodes = nodes.collect::<RedisResult<Vec<ConnectionInfo>>>()?;
    let Some(first) = nodes.first().cloned() else {
        return Err(RedisError::from((redis::ErrorKind::InvalidClientConfig, "no address")));
    };
    if settings.cluster {
        let nodes = nodes.into_iter().map(|node| prepared(node, settings)).collect();
        Ok(Target::Cluster(cluster_client(nodes, settings, certificates)?))
    } else if settings.sentinel.is_empty() {
        Ok(Target::Single(client(prepared(first, settings), certificates.as_ref())?))
    } else {
        Ok(Target::Sentinel(Sentinels::new(nodes, settings, certificates)?))
    }
}

fn cluster_client(
    nodes: Vec<ConnectionInfo>,
    settings: &Settings,
    certificates: Option<TlsCertificates>,
) -> RedisResult<ClusterClient> {
    let mut builder = ClusterClient::builder(nodes)
        .retries(3)
        .min_retry_wait(20)
        .max_retry_wait(200)
        .tcp_settings(tcp(settings))
        .connection_timeout(settings.connect_timeout)
        .response_timeout(settings.response_timeout);
    if let Some(certificates) = certificates {
        builder = builder.certs(certificates);
    }
    if !settings.username.is_empty() {
        builder = builder.username(&settings.username);
    }
    if !settings.password.is_empty() {
        builder = builder.password(settings.password.expose());
    }
    builder.build()
}

/// Returns an address with the user, the password and the TCP settings of the settings.
fn prepared(node: ConnectionInfo, settings: &Settings) -> ConnectionInfo {
    let user = (settings.username.as_str(), settings.password.expose());
    let redis = with_user(node.redis_settings().clone(), user);
    node.set_redis_settings(redis).set_tcp_settings(tcp(settings))
}
