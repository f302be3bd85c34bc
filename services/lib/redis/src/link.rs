//! Calls to Redis: retried until a deadline, over a connection that is opened again when it breaks.

use std::sync::{Mutex as SyncMutex, MutexGuard, PoisonError};
use std::time::Duration;

use marquee_backoff::{Backoff, Delays};
use marquee_ports::{Error, ErrorKind};
use redis::{Cmd, FromRedisValue, RedisResult, ScriptInvocation, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::connection::{Connection, Opener};
use crate::failure::{Verdict, verdict};
use crate::{ConnectError, Settings};

/// Between two tries of a call.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(500));

/// Between two connections, while no reply comes over the first of them. All calls share it, so
/// many calls that fail at the same time do not open many connections.
const PACE: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(100));

/// What a call sends. Sending it twice must be harmless.
#[derive(Clone, Copy)]
enum Request<'a> {
    Command(&'a Cmd),
    Script(&'a ScriptInvocation<'a>),
}

/// What a call gets.
enum Reply {
    Value(Value),
    /// The keys are on two servers, because a cluster is moving their slot.
    Split,
}

/// The connection that works, and the means to open the next one.
pub(crate) struct Link {
    opener: Opener,
    is_cluster: bool,
    deadline: Duration,
    current: SyncMutex<Current>,
    /// Held while a connection is opened. Other calls wait for it, each until its own deadline. It
    /// has the delays since the last connection that worked.
    opening: Mutex<Option<Delays>>,
}

#[derive(Default)]
struct Current {
    connection: Option<Connection>,
    /// Counts the connections, so that a late error does not close the next one.
    number: u64,
    /// When the last reply came.
    replied: Option<Instant>,
    /// Whether a reply came over the last connection.
    works: bool,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl Link {
    /// Checks the addresses and the certificates. The first call connects.
    pub(crate) fn new(settings: &Settings) -> Result<Self, ConnectError> {
        Ok(Self {
            opener: Opener::new(settings)?,
            is_cluster: settings.cluster,
            deadline: settings.deadline,
            current: SyncMutex::default(),
            opening: Mutex::default(),
        })
    }

    /// Returns the longest time that one call may take.
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Returns whether the servers are a cluster.
    pub(crate) fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// Runs a command on one key, or on none.
    pub(crate) async fn query<T: FromRedisValue>(&self, doing: &str, command: &Cmd) -> Result<T, Error> {
        let value = self.value(doing, Request::Command(command)).await?;
        T::from_redis_value(value).map_err(|error| Error::new(ErrorKind::Corrupt, doing, error))
    }

    /// Runs a script. A server that does not have it yet is sent it first.
    pub(crate) async fn run(&self, doing: &str, script: &ScriptInvocation<'_>) -> Result<Value, Error> {
        self.value(doing, Request::Script(script)).await
    }

    /// Runs a command on many keys of one slot. Returns `None` if the keys are on two servers,
    /// because a cluster is moving the slot.
    pub(crate) async fn query_slot<T: FromRedisValue>(&self, doing: &str, command: &Cmd) -> Result<Option<T>, Error> {
        match self.call(doing, Request::Command(command), true).await? {
            Reply::Split => Ok(None),
            Reply::Value(value) => {
                T::from_redis_value(value).map(Some).map_err(|error| Error::new(ErrorKind::Corrupt, doing, error))
            }
        }
    }

    /// Runs a script on many keys of one slot. Returns `None` if the keys are on two servers,
    /// because a cluster is moving the slot.
    pub(crate) async fn run_slot(&self, doing: &str, script: &ScriptInvocation<'_>) -> Result<Option<Value>, Error> {
        match self.call(doing, Request::Script(script), true).await? {
            Reply::Split => Ok(None),
            Reply::Value(value) => Ok(Some(value)),
        }
    }

    /// Makes a call that waits until the cluster has moved the slot.
    async fn value(&self, doing: &str, request: Request<'_>) -> Result<Value, Error> {
        match self.call(doing, request, false).await? {
            Reply::Value(value) => Ok(value),
            Reply::Split => Err(Error::bare(ErrorKind::Unavailable, format!("{doing}: the slot is being moved"))),
        }
    }

    /// Tries until a reply comes or the deadline is over. Keys on two servers are a reply if
    /// `accept_split` is set, and a reason to try again otherwise.
    async fn call(&self, doing: &str, request: Request<'_>, accept_split: bool) -> Result<Reply, Error> {
        let began = Instant::now();
        let end = began + self.deadline;
        let mut delays = BACKOFF.start();
        loop {
            let mut used = None;
            let error = match tokio::time::timeout_at(end, self.send(request, &mut used)).await {
                Ok(Ok(value)) => {
                    self.current().answered();
                    return Ok(Reply::Value(value));
                }
                Ok(Err(error)) => error,
                Err(_) => {
                    self.close(used, began);
                    return Err(Error::bare(ErrorKind::Unavailable, format!("{doing}: Redis did not reply in time")));
                }
            };
            match verdict(&error) {
                Verdict::Split if accept_split => return Ok(Reply::Split),
                Verdict::Retry | Verdict::Split => {}
                Verdict::Reconnect => self.close(used, began),
                Verdict::Fail(kind) => return Err(Error::new(kind, doing, error)),
            }
            let delay = delays.next();
            if Instant::now() + delay >= end {
                return Err(Error::new(ErrorKind::Unavailable, doing, error));
            }
            tokio::time::sleep(delay).await;
        }
    }

    /// Sends a request once, and stores the number of the connection in `used`.
    async fn send(&self, request: Request<'_>, used: &mut Option<u64>) -> RedisResult<Value> {
        let (number, mut connection) = self.connection().await?;
        *used = Some(number);
        match request {
            Request::Command(command) => command.query_async(&mut connection).await,
            Request::Script(script) => script.invoke_async(&mut connection).await,
        }
    }

    /// Returns the open connection, or opens one.
    async fn connection(&self) -> RedisResult<(u64, Connection)> {
        if let Some(open) = self.current().open() {
            return Ok(open);
        }
        let mut delays = self.opening.lock().await;
        if let Some(open) = self.current().open() {
            return Ok(open);
        }
        if std::mem::take(&mut self.current().works) {
            *delays = None;
        }
        match &mut *delays {
            Some(delays) => delays.wait().await,
            None => *delays = Some(PACE.start()),
        }
        let opened = self.opener.open().await?;
        let mut current = self.current();
        current.number += 1;
        current.connection = Some(opened.clone());
        Ok((current.number, opened))
    }

    /// Drops a connection whose protocol state is unknown, for example after a timeout in the
    /// middle of a reply. The connection to a cluster reconnects to each server by itself, and the
    /// other servers still answer meanwhile. So it is dropped only if no server has replied since
    /// the call began.
    fn close(&self, number: Option<u64>, began: Instant) {
        let mut current = self.current();
        let is_cluster = current.connection.as_ref().is_some_and(Connection::is_cluster);
        let others_reply = is_cluster && current.replied.is_some_and(|at| at > began);
        if Some(current.number) == number && !others_reply {
            current.connection = None;
        }
    }

    /// Drops the connection to a server that is not the primary any more. The next call opens
    /// another one.
    pub(crate) fn leave(&self) {
        self.current().connection = None;
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    fn answered(&mut self) {
        self.replied = Some(Instant::now());
        self.works = true;
    }

    fn open(&self) -> Option<(u64, Connection)> {
        self.connection.clone().map(|connection| (self.number, connection))
    }
}
