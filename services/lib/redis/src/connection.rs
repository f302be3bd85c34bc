//! Opens connections to one server or to a cluster.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, IntoConnectionInfo, Pipeline, RedisError, RedisFuture,
    RedisResult, Value,
};

use crate::Settings;

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
    client: OpenerClient,
    /// Longest time to open a connection.
    timeout: Duration,
}

enum OpenerClient {
    Single(Client, AsyncConnectionConfig),
    Cluster(ClusterClient),
}

impl Opener {
    /// Checks the addresses. Does not connect.
    pub(crate) fn new(settings: &Settings) -> RedisResult<Self> {
        let nodes = settings.urls.iter().map(|url| node(url, settings)).collect::<RedisResult<Vec<_>>>()?;
        let client = if settings.cluster {
            OpenerClient::Cluster(cluster_client(nodes, settings)?)
        } else {
            let node = nodes
                .into_iter()
                .next()
                .ok_or_else(|| RedisError::from((redis::ErrorKind::InvalidClientConfig, "no address")))?;
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(settings.connect_timeout))
                .set_response_timeout(Some(settings.response_timeout));
            OpenerClient::Single(Client::open(node)?, config)
        };
        Ok(Self { client, timeout: settings.connect_timeout + settings.response_timeout })
    }

    /// Opens a connection.
    pub(crate) async fn open(&self) -> RedisResult<Connection> {
        let open = async {
            Ok::<_, RedisError>(match &self.client {
                OpenerClient::Single(client, config) => {
                    Connection::Single(client.get_multiplexed_async_connection_with_config(config).await?)
                }
                OpenerClient::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
            })
        };
        // A paused server accepts connections and does not answer.
        match tokio::time::timeout(self.timeout, open).await {
            Ok(opened) => opened,
            Err(_) => Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))),
        }
    }
}

fn cluster_client(nodes: Vec<ConnectionInfo>, settings: &Settings) -> RedisResult<ClusterClient> {
    let mut builder = ClusterClient::builder(nodes)
        .retries(3)
        .min_retry_wait(20)
        .max_retry_wait(200)
        .tcp_settings(tcp(settings))
        .connection_timeout(settings.connect_timeout)
        .response_timeout(settings.response_timeout);
    if !settings.username.is_empty() {
        builder = builder.username(&settings.username);
    }
    if !settings.password.is_empty() {
        builder = builder.password(settings.password.expose());
    }
    builder.build()
}

/// Returns the TCP settings. A server whose machine is gone does not even refuse, so the operating
/// system closes the connection after the deadline.
fn tcp(settings: &Settings) -> TcpSettings {
    let tcp = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(settings.deadline);
    tcp
}

fn node(url: &str, settings: &Settings) -> RedisResult<ConnectionInfo> {
    let info = url.into_connection_info()?;
    let mut redis = info.redis_settings().clone();
    if !settings.username.is_empty() {
        redis = redis.set_username(&settings.username);
    }
    if !settings.password.is_empty() {
        redis = redis.set_password(settings.password.expose());
    }
    Ok(info.set_redis_settings(redis).set_tcp_settings(tcp(settings)))
}
