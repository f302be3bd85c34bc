//! A connection that is made again when it is lost, within a deadline.

use std::time::Duration;

use marquee_ports::{Error, ErrorKind};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError,
    RedisFuture, RedisResult, ScriptInvocation, Value,
};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::Settings;

/// Pauses between two tries: the first, doubled each time, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// Redis, whichever way it is run. Clones share one connection a server.
#[derive(Clone)]
pub(crate) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
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

/// What is asked of a server.
#[derive(Clone, Copy)]
enum Call<'a> {
    Command(&'a Cmd),
    Script(&'a ScriptInvocation<'a>),
}

enum Opener {
    Single(Client, AsyncConnectionConfig),
    Cluster(ClusterClient),
}

/// Opens connections, and keeps the one that works.
pub(crate) struct Link {
    opener: Opener,
    deadline: Duration,
    response_timeout: Duration,
    open: Mutex<Option<Connection>>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What opens connections knows the password.
        f.debug_struct("Link").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl Link {
    /// Checks the addresses; connects at the first call.
    pub(crate) fn new(settings: &Settings) -> RedisResult<Self> {
        let nodes = settings.urls.iter().map(|url| node(url, settings)).collect::<RedisResult<Vec<_>>>()?;
        let opener = if settings.cluster {
            let mut builder = ClusterClient::builder(nodes)
                .retries(3)
                .connection_timeout(settings.connect_timeout)
                .response_timeout(settings.response_timeout);
            if !settings.username.is_empty() {
                builder = builder.username(&settings.username);
            }
            if !settings.password.is_empty() {
                builder = builder.password(settings.password.expose());
            }
            Opener::Cluster(builder.build()?)
        } else {
            let node = nodes
                .into_iter()
                .next()
                .ok_or_else(|| RedisError::from((redis::ErrorKind::InvalidClientConfig, "no address")))?;
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(settings.connect_timeout))
                .set_response_timeout(Some(settings.response_timeout));
            Opener::Single(Client::open(node)?, config)
        };
        let (deadline, response_timeout) = (settings.deadline, settings.response_timeout);
        Ok(Self { opener, deadline, response_timeout, open: Mutex::default() })
    }

    /// Runs a command.
    pub(crate) async fn query<T: FromRedisValue>(&self, doing: &str, command: &Cmd) -> Result<T, Error> {
        let answer = self.call(doing, Call::Command(command)).await?;
        T::from_redis_value(answer).map_err(|error| Error::new(ErrorKind::Corrupt, doing, error))
    }

    /// Runs a script; a server that does not know it yet is told it first.
    pub(crate) async fn run(&self, doing: &str, script: &ScriptInvocation<'_>) -> Result<Value, Error> {
        self.call(doing, Call::Script(script)).await
    }

    /// Tries until an answer comes or the deadline is over. What is sent twice must be harmless.
    async fn call(&self, doing: &str, call: Call<'_>) -> Result<Value, Error> {
        let end = Instant::now() + self.deadline;
        let mut pause = PAUSES.0;
        loop {
            let answer = tokio::time::timeout_at(end, self.once(call)).await;
            let Ok(answer) = answer else {
                // Nobody knows what state a connection is in that does not answer.
                self.close().await;
                return Err(Error::bare(ErrorKind::Unavailable, format!("{doing}: Redis does not answer in time")));
            };
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) if passing(&error) => error,
                Err(error) => return Err(refused(doing, error)),
            };
            if error.is_connection_dropped() || error.is_io_error() || error.is_timeout() {
                self.close().await;
            }
            if Instant::now() + pause >= end {
                return Err(Error::new(ErrorKind::Unavailable, doing, error));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn once(&self, call: Call<'_>) -> RedisResult<Value> {
        let mut connection = self.connection().await?;
        match call {
            Call::Command(command) => command.query_async(&mut connection).await,
            Call::Script(script) => script.invoke_async(&mut connection).await,
        }
    }

    async fn connection(&self) -> RedisResult<Connection> {
        let mut open = self.open.lock().await;
        if let Some(connection) = &*open {
            return Ok(connection.clone());
        }
        let connection = match &self.opener {
            Opener::Single(client, config) => {
                Connection::Single(client.get_multiplexed_async_connection_with_config(config).await?)
            }
            Opener::Cluster(client) => {
                // A server that is stopped accepts connections and says nothing.
                let connect = tokio::time::timeout(self.response_timeout * 2, client.get_async_connection()).await;
                Connection::Cluster(
                    connect.map_err(|_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)))??,
                )
            }
        };
        *open = Some(connection.clone());
        Ok(connection)
    }

    async fn close(&self) {
        self.open.lock().await.take();
    }
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
    Ok(info.set_redis_settings(redis))
}

/// Whether the same call may succeed in a moment: the server is away, loads its data, fails over, or the cluster is being put together.
fn passing(error: &RedisError) -> bool {
    use redis::{ErrorKind as Kind, ServerErrorKind as Server};
    error.is_io_error()
        || error.is_connection_dropped()
        || error.is_timeout()
        || matches!(error.kind(), Kind::ClusterConnectionNotFound)
        || matches!(
            error.kind(),
            Kind::Server(
                Server::BusyLoading
                    | Server::MasterDown
                    | Server::TryAgain
                    | Server::ClusterDown
                    | Server::Moved
                    | Server::Ask
                    | Server::ReadOnly
                    | Server::NoScript
            )
        )
}

fn refused(doing: &str, error: RedisError) -> Error {
    Error::new(ErrorKind::Invalid, doing, error)
}
