//! [`OnlineStore`] over Redis.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{Offset, Partition};
use marquee_ports::{Error, ErrorKind, Lease, OnlineStore, Row, RowKey};
use marquee_settings::{Invalid, Validate as _};
use redis::Value;
use thiserror::Error as ThisError;

use crate::Settings;
use crate::client::Client;
use crate::layout::{Layout, decode_marker, decode_row};
use crate::lease::RedisLease;
use crate::link::Link;
use crate::script::Scripts;

/// Rows that one command reads.
const READ: usize = 512;

/// Redis cannot be used.
#[derive(Debug, ThisError)]
pub enum ConnectError {
    /// A setting makes no sense.
    #[error("redis.{0}")]
    Setting(Invalid),
    /// An address is not valid.
    #[error("redis.urls: no valid address; expected redis://HOST:PORT")]
    Address(#[source] redis::RedisError),
    /// The server may evict rows while their marker stays.
    #[error("Redis evicts keys when its memory is full; set its maxmemory-policy to noeviction")]
    Evicts,
    /// The server does not answer, or refuses the connection.
    #[error(
        "cannot use Redis at {urls}; check that it runs, and the settings redis.urls, redis.cluster and redis.password"
    )]
    Server {
        /// The configured addresses.
        urls: String,
        /// The failed call.
        #[source]
        source: Error,
    },
}

/// Rows in Redis. Clones share the connection.
#[derive(Debug, Clone)]
pub struct RedisStore(Arc<Client>);

impl RedisStore {
    /// Connects, and checks that the servers are as the settings say.
    ///
    /// # Errors
    /// A setting is not valid, or Redis cannot be used.
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        settings.validate().map_err(ConnectError::Setting)?;
        let store = Self(Arc::new(Client {
            link: Link::new(settings).map_err(ConnectError::Address)?,
            cluster: settings.cluster,
            layout: Layout::new(settings.prefix.clone()),
            scripts: Scripts::new(),
        }));
        let failed = |source| ConnectError::Server { urls: settings.urls.join(", "), source };
        let memory: Value =
            store.0.link.query("read the memory policy", redis::cmd("INFO").arg("memory")).await.map_err(failed)?;
        if contains(&memory, "maxmemory_policy:allkeys") {
            return Err(ConnectError::Evicts);
        }
        // A server of a cluster answers MOVED to a client that expects a single server, and a
        // single server has no slots. This read fails in both cases.
        store.marker(Partition(0)).await.map_err(failed)?;
        Ok(store)
    }

    /// Reads rows with one command. In a cluster they must share a slot.
    async fn read(&self, keys: &[&RowKey]) -> Result<Vec<Option<Row>>, Error> {
        let mut command = redis::cmd("MGET");
        let mut name = Vec::new();
        for key in keys {
            name.clear();
            self.0.layout.append_row_key(key.source, &key.key, &mut name);
            command.arg(&name[..]);
        }
        let stored: Vec<Option<Bytes>> = match self.0.link.query_slot("read rows", &command).await? {
            Some(stored) => stored,
            None => self.read_one_by_one(keys).await?,
        };
        if stored.len() != keys.len() {
            let doing = format!("read rows: got {} replies for {} keys", stored.len(), keys.len());
            return Err(Error::bare(ErrorKind::Corrupt, doing));
        }
        stored.into_iter().map(|stored| stored.map(decode_row).transpose()).collect()
    }

    /// Reads rows with one command each. While a cluster moves a slot, each key is found where it
    /// is.
    async fn read_one_by_one(&self, keys: &[&RowKey]) -> Result<Vec<Option<Bytes>>, Error> {
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            let mut command = redis::cmd("GET");
            command.arg(self.0.layout.row_key(key.source, &key.key));
            rows.push(self.0.link.query("read rows", &command).await?);
        }
        Ok(rows)
    }
}

/// Returns whether a reply, of one server or of each server, contains a text.
fn contains(reply: &Value, text: &str) -> bool {
    match reply {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).contains(text),
        Value::SimpleString(content) | Value::VerbatimString { text: content, .. } => content.contains(text),
        Value::Array(all) => all.iter().any(|one| contains(one, text)),
        Value::Map(all) => all.iter().any(|(_, one)| contains(one, text)),
        _ => false,
    }
}

#[async_trait]
impl OnlineStore for RedisStore {
    async fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Error> {
        let mut rows = vec![None; keys.len()];
        let mut by_slot: BTreeMap<Partition, Vec<usize>> = BTreeMap::new();
        for (at, key) in keys.iter().enumerate().filter(|(_, key)| RowKey::is_valid(&key.key)) {
            // A single server has no slots, so one command reads rows of all partitions.
            let slot = if self.0.cluster { key.source } else { Partition(0) };
            by_slot.entry(slot).or_default().push(at);
        }
        // The commands of all slots run at the same time over one connection.
        let reads = by_slot.values().flat_map(|places| {
            places.chunks(READ).map(move |places| async move {
                let wanted: Vec<&RowKey> = places.iter().map(|&at| &keys[at]).collect();
                Ok::<_, Error>((places, self.read(&wanted).await?))
            })
        });
        for (places, found) in futures_util::future::try_join_all(reads).await? {
            for (&at, row) in places.iter().zip(found) {
                rows[at] = row;
            }
        }
        Ok(rows)
    }

    async fn marker(&self, source: Partition) -> Result<Offset, Error> {
        let mut command = redis::cmd("GET");
        command.arg(self.0.layout.marker_key(source));
        let stored: Option<Bytes> = self.0.link.query("read a marker", &command).await?;
        decode_marker(stored.as_ref())
    }

    async fn lease(&self, source: Partition) -> Result<Box<dyn Lease>, Error> {
        Ok(Box::new(RedisLease::take(Arc::clone(&self.0), source).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn settings_that_make_no_sense_are_named() {
        let wrong = [
            (Settings { urls: Vec::new(), ..Settings::default() }, "redis.urls"),
            (Settings { urls: vec!["nonsense".to_owned()], ..Settings::default() }, "redis.urls"),
            (Settings { urls: vec!["redis://u:pw@h:1".to_owned()], ..Settings::default() }, "redis.urls"),
            (Settings { prefix: "{a}".to_owned(), ..Settings::default() }, "redis.prefix"),
        ];
        for (settings, part) in wrong {
            let error = RedisStore::connect(&settings).await.expect_err(part).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
