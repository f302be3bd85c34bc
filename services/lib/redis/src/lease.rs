//! The lease of a partition over Redis.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{Offset, Partition};
use marquee_ports::{Error, ErrorKind, Lease, Write};
use redis::FromRedisValue as _;

use crate::client::Client;
use crate::known::{forget_all, lost};
use crate::layout::{decode_marker, encode_offset};
use crate::script::{Chunk, Outcome, chunks, unique_id};

/// The right to write the rows of a partition, as long as the server stores its id.
#[derive(Debug)]
pub(crate) struct RedisLease {
    client: Arc<Client>,
    source: Partition,
    id: String,
    marker: Offset,
    /// Whether the partition lists its rows (see [`crate::known`]).
    is_listed: bool,
    /// Set while a batch is written, and left so by an error. A part of the batch may be stored
    /// then, and rows that were read afterwards could be lost without any sign.
    ended: bool,
}

impl RedisLease {
    /// Takes the lease. Taking it twice, when an answer is lost, is harmless.
    pub(crate) async fn take(client: Arc<Client>, source: Partition) -> Result<Self, Error> {
        const DOING: &str = "take a lease";
        let id = unique_id();
        client.watch.check(&client.link).await?;
        let mut script = client.scripts.lease.prepare_invoke();
        let layout = &client.layout;
        script.key(layout.marker_key(source)).key(layout.lease_key(source)).key(layout.known_key(source)).arg(&id);
        let reply = client.link.run(DOING, &script).await?;
        let (stored, is_listed) = <(Option<Bytes>, bool)>::from_redis_value(reply)
            .map_err(|error| Error::new(ErrorKind::Corrupt, DOING, error))?;
        if stored.is_none() {
            // Rows that are left belong to a partition that has lost others.
            forget_all(&client, source).await?;
        }
        let (marker, is_listed) = (decode_marker(stored.as_ref())?, is_listed || stored.is_none());
        Ok(Self { client, source, id, marker, is_listed, ended: false })
    }

    /// Writes one chunk of a batch that moves the marker to `next`.
    async fn write(&self, chunk: &Chunk<'_>, next: Offset) -> Result<Outcome, Error> {
        let layout = &self.client.layout;
        let mut script = self.client.scripts.apply.prepare_invoke();
        script.key(layout.marker_key(self.source)).key(layout.lease_key(self.source));
        script.key(layout.known_key(self.source));
        script.arg(&self.id).arg(encode_offset(self.marker)).arg(encode_offset(next));
        script.arg(&chunk.expects).arg(&chunk.leaves);
        for write in chunk.writes {
            script.key(layout.row_key(self.source, &write.key));
            script.arg(encode_offset(write.applied)).arg(&write.value[..]);
        }
        outcome("write rows", &self.client.link.run("write rows", &script).await?)
    }

    fn behind(&self) -> Error {
        self.refused(&format!("Redis lost its newest writes, its marker is behind {}", self.marker))
    }

    fn refused(&self, why: &str) -> Error {
        Error::bare(ErrorKind::Unavailable, format!("write rows of partition {}: {why}", self.source))
    }
}

#[async_trait]
impl Lease for RedisLease {
    fn partition(&self) -> Partition {
        self.source
    }

    fn marker(&self) -> Offset {
        self.marker
    }

    async fn apply(&mut self, writes: Vec<Write>, next: Offset) -> Result<usize, Error> {
        Write::check_keys(&writes)?;
        if std::mem::replace(&mut self.ended, true) {
            return Err(self.refused("the lease has ended"));
        }
        let mut written = 0;
        for chunk in chunks(&writes) {
            match self.write(&chunk, next).await? {
                Outcome::Written(rows) => written += rows,
                Outcome::Behind => return Err(self.behind()),
                Outcome::Fenced => {
                    return Err(self.refused("a newer lease was taken, or Redis lost this one"));
                }
                Outcome::Lost => return Err(lost(self.source, "write rows")),
            }
        }
        self.marker = self.marker.max(next);
        self.ended = false;
        Ok(written)
    }

    async fn verify(&mut self) -> Result<(), Error> {
        const DOING: &str = "verify a lease";
        let client = &*self.client;
        client.watch.check(&client.link).await?;
        let layout = &client.layout;
        let mut script = client.scripts.verify.prepare_invoke();
        script.key(layout.marker_key(self.source)).key(layout.lease_key(self.source));
        script.key(layout.known_key(self.source));
        script.arg(&self.id).arg(encode_offset(self.marker)).arg(u8::from(self.is_listed));
        // While a cluster moves the slot, nothing can be said. The next write is refused if
        // something is lost.
        let Some(reply) = client.link.run_slot(DOING, &script).await? else { return Ok(()) };
        match outcome(DOING, &reply)? {
            // A consumer that lost its partition learns that from the log.
            Outcome::Written(_) | Outcome::Fenced => Ok(()),
            Outcome::Behind => Err(self.behind()),
            Outcome::Lost => Err(lost(self.source, DOING)),
        }
    }
}

fn outcome(doing: &str, reply: &redis::Value) -> Result<Outcome, Error> {
    let unexpected = || Error::bare(ErrorKind::Corrupt, format!("{doing}: unexpected reply {reply:?}"));
    Outcome::from_reply(reply).ok_or_else(unexpected)
}
