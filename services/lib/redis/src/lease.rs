//! The lease of a partition over Redis.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{Offset, Partition};
use marquee_ports::{Error, ErrorKind, Lease, Write};
use redis::FromRedisValue;

use crate::client::Client;
use crate::layout::{decode_marker, encode_offset};
use crate::script::{Chunk, Outcome, chunks, unique_id};

/// The right to write the rows of a partition, as long as the server stores its id.
#[derive(Debug)]
pub(crate) struct RedisLease {
    client: Arc<Client>,
    source: Partition,
    id: String,
    marker: Offset,
    /// Set while a batch is written, and left so by an error. A part of the batch may be stored
    /// then, and rows that were read afterwards could be lost without any sign.
    ended: bool,
}

impl RedisLease {
    /// Takes the lease. Taking it twice, when an answer is lost, is harmless.
    pub(crate) async fn take(client: Arc<Client>, source: Partition) -> Result<Self, Error> {
        const DOING: &str = "take a lease";
        let id = unique_id();
        let mut script = client.scripts.lease.prepare_invoke();
        script.key(client.layout.marker_key(source)).key(client.layout.lease_key(source)).arg(&id);
        let reply = client.link.run(DOING, &script).await?;
        let stored =
            Option::<Bytes>::from_redis_value(reply).map_err(|error| Error::new(ErrorKind::Corrupt, DOING, error))?;
        let marker = decode_marker(stored.as_ref())?;
        Ok(Self { client, source, id, marker, ended: false })
    }

    /// Writes one chunk of a batch that moves the marker to `next`.
    async fn write(&self, chunk: &Chunk<'_>, next: Offset) -> Result<Outcome, Error> {
        let layout = &self.client.layout;
        let mut script = self.client.scripts.apply.prepare_invoke();
        script.key(layout.marker_key(self.source)).key(layout.lease_key(self.source));
        script.arg(&self.id).arg(encode_offset(self.marker)).arg(encode_offset(next));
        script.arg(&chunk.expects).arg(&chunk.leaves);
        for write in chunk.writes {
            script.key(layout.row_key(self.source, &write.key));
            script.arg(encode_offset(write.applied)).arg(&write.value[..]);
        }
        let reply = self.client.link.run("write rows", &script).await?;
        Outcome::from_reply(&reply)
            .ok_or_else(|| Error::bare(ErrorKind::Corrupt, format!("write rows: unexpected reply {reply:?}")))
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
                Outcome::Behind => {
                    let why = format!("Redis lost its newest writes, its marker is behind {}", self.marker);
                    return Err(self.refused(&why));
                }
                Outcome::Fenced => {
                    return Err(self.refused("a newer lease was taken, or Redis lost this one"));
                }
            }
        }
        self.marker = self.marker.max(next);
        self.ended = false;
        Ok(written)
    }
}
