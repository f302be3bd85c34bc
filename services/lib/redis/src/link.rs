//! A connection that is made again when it is lost, within a deadline.

use std::sync::{Mutex as Slot, PoisonError};
use std::time::Duration;

use marquee_ports::{Error, ErrorKind};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
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
    /// Of many keys, which a cluster may be about to move.
    Together(&'a Cmd),
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
    open_timeout: Duration,
    /// What is open, and which one it is: who finds it broken must not close the next.
    open: Slot<(u64, Option<Connection>)>,
    /// One call opens, the others wait for it, each until its own deadline.
    opening: Mutex<()>,
    /// When an answer came last.
    answered: Slot<Option<Instant>>,
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
        let open_timeout = settings.connect_timeout + settings.response_timeout;
        let deadline = settings.deadline;
        Ok(Self {
            opener,
            deadline,
            open_timeout,
            open: Slot::default(),
            opening: Mutex::default(),
            answered: Slot::default(),
        })
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

    /// Reads rows of one slot; none when a cluster is moving the slot, and the rows stand on two servers.
    pub(crate) async fn read<T: FromRedisValue>(&self, doing: &str, command: &Cmd) -> Result<Option<T>, Error> {
        match self.call(doing, Call::Together(command)).await? {
            Value::Okay => Ok(None),
            answer => {
                T::from_redis_value(answer).map(Some).map_err(|error| Error::new(ErrorKind::Corrupt, doing, error))
            }
        }
    }

    /// Tries until an answer comes or the deadline is over. What is sent twice must be harmless.
    async fn call(&self, doing: &str, call: Call<'_>) -> Result<Value, Error> {
        let began = Instant::now();
        let end = began + self.deadline;
        let mut pause = PAUSES.0;
        loop {
            let mut used = None;
            let answer = tokio::time::timeout_at(end, self.once(call, &mut used)).await;
            let error = match answer {
                Err(_) => {
                    self.broken(used, began);
                    return Err(Error::bare(ErrorKind::Unavailable, format!("{doing}: Redis does not answer in time")));
                }
                Ok(Ok(answer)) => {
                    *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                    return Ok(answer);
                }
                Ok(Err(error)) if matches!(call, Call::Together(_)) && torn(&error) => return Ok(Value::Okay),
                Ok(Err(error)) if passing(&error) => error,
                Ok(Err(error)) => return Err(refused(doing, error)),
            };
            if error.is_connection_dropped() || error.is_io_error() || error.is_timeout() {
                self.broken(used, began);
            }
            if Instant::now() + pause >= end {
                return Err(Error::new(ErrorKind::Unavailable, doing, error));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn once(&self, call: Call<'_>, used: &mut Option<u64>) -> RedisResult<Value> {
        let (number, mut connection) = self.connection().await?;
        *used = Some(number);
        match call {
            Call::Command(command) | Call::Together(command) => command.query_async(&mut connection).await,
            Call::Script(script) => script.invoke_async(&mut connection).await,
        }
    }

    async fn connection(&self) -> RedisResult<(u64, Connection)> {
        if let Some(open) = self.now_open() {
            return Ok(open);
        }
        let _one_at_a_time = self.opening.lock().await;
        if let Some(open) = self.now_open() {
            return Ok(open);
        }
        let opened = async {
            Ok::<_, RedisError>(match &self.opener {
                Opener::Single(client, config) => {
                    Connection::Single(client.get_multiplexed_async_connection_with_config(config).await?)
                }
                Opener::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
            })
        };
        // A server that is stopped accepts connections and says nothing.
        let opened = tokio::time::timeout(self.open_timeout, opened).await;
        let opened = opened.map_err(|_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)))??;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        *open = (open.0 + 1, Some(opened.clone()));
        Ok((open.0, opened))
    }

    fn now_open(&self) -> Option<(u64, Connection)> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.1.clone().map(|connection| (open.0, connection))
    }

    /// Gives up a connection in which nobody knows what state it is. That of a cluster mends the way to each of its servers by itself, and
    /// the others go on answering meanwhile: it goes when no server has answered for as long as the call has waited.
    fn broken(&self, number: Option<u64>, began: Instant) {
        let answered = *self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let others_answer = matches!(open.1, Some(Connection::Cluster(_))) && answered.is_some_and(|at| at > began);
        if Some(open.0) == number && !others_answer {
            open.1 = None;
        }
    }
}

/// A server whose machine is gone does not even refuse: the system gives its connection up after a time.
fn tcp(settings: &Settings) -> TcpSettings {
    let settings_of_system = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings_of_system = settings_of_system.set_user_timeout(settings.deadline);
    settings_of_system
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

/// The keys of one command stand on two servers.
fn torn(error: &RedisError) -> bool {
    matches!(error.kind(), redis::ErrorKind::Server(redis::ServerErrorKind::TryAgain))
}

fn refused(doing: &str, error: RedisError) -> Error {
    let kind = match error.code() {
        Some("WRONGTYPE") => ErrorKind::Corrupt,
        // Memory or disk are full, replicas are missing, a script runs for long, there are too many connections: that passes.
        Some("OOM" | "MISCONF" | "NOREPLICAS" | "BUSY") => ErrorKind::Unavailable,
        Some("ERR") if error.detail().is_some_and(|detail| detail.starts_with("max number of clients")) => {
            ErrorKind::Unavailable
        }
        _ => ErrorKind::Invalid,
    };
    Error::new(kind, doing, error)
}
