//! [`OnlineStore`] over Redis.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{Offset, Partition};
use marquee_ports::{Error, ErrorKind, Lease, OnlineStore, Row, RowKey};
use marquee_settings::Validate as _;
use tokio::time::Instant;

use crate::client::Client;
use crate::layout::{Layout, decode_marker, decode_row};
use crate::lease::RedisLease;
use crate::link::Link;
use crate::script::Scripts;
use crate::watch::Watch;
use crate::{ConnectError, Settings, known};

/// Rows that one command reads.
const READ: usize = 512;

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
            link: Link::new(settings)?,
            layout: Layout::new(settings.prefix.clone()),
            scripts: Scripts::new(),
            watch: Watch::default(),
        }));
        let failed = |source| ConnectError::server(settings, source);
        store.0.watch.ask(&store.0.link).await.map_err(failed)?;
        if let Some(policy) = store.0.watch.evicting_policy() {
            return Err(ConnectError::Evicts { policy });
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

    /// Reads rows, with one command for each slot or for each [`READ`] rows of it.
    async fn read_all(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Error> {
        let mut rows = vec![None; keys.len()];
        let mut by_slot: BTreeMap<Partition, Vec<usize>> = BTreeMap::new();
        for (at, key) in keys.iter().enumerate().filter(|(_, key)| RowKey::is_valid(&key.key)) {
            // A single server has no slots, so one command reads rows of all partitions.
            let slot = if self.0.link.is_cluster() { key.source } else { Partition(0) };
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

    /// Fails if a row that was not found was written before.
    async fn check_absent(&self, keys: &[RowKey], rows: &[Option<Row>]) -> Result<(), Error> {
        let mut absent: BTreeMap<Partition, Vec<&RowKey>> = BTreeMap::new();
        for (key, _) in keys.iter().zip(rows).filter(|(key, row)| row.is_none() && RowKey::is_valid(&key.key)) {
            absent.entry(key.source).or_default().push(key);
        }
        let checks = absent
            .iter()
            .flat_map(|(&source, keys)| keys.chunks(READ).map(move |keys| known::check_absent(&self.0, source, keys)));
        futures_util::future::try_join_all(checks).await.map(drop)
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

#[async_trait]
impl OnlineStore for RedisStore {
    async fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Error> {
        let end = Instant::now() + self.0.link.deadline();
        // A server that is a replica now is left. A policy that evicts rows is a reason not to
        // write; rows that are found are right.
        let (rows, _) = futures_util::future::join(self.read_all(keys), self.0.watch.check(&self.0.link)).await;
        let rows = rows?;
        match tokio::time::timeout_at(end, self.check_absent(keys, &rows)).await {
            Ok(checked) => checked.map(|()| rows),
            Err(_) => Err(Error::bare(ErrorKind::Unavailable, "look for lost rows: Redis did not reply in time")),
        }
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
            (Settings { urls: vec!["redis://u:p/w@h:1".to_owned()], ..Settings::default() }, "redis.urls"),
            (Settings { prefix: "{a}".to_owned(), ..Settings::default() }, "redis.prefix"),
        ];
        for (settings, part) in wrong {
            let error = RedisStore::connect(&settings).await.expect_err(part).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
