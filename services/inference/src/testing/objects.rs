//! An object store that is away while a test says so.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use marquee_ports::memory::MemoryObjects;
use marquee_ports::{Error, ErrorKind, Object, ObjectEntry, ObjectKey, ObjectStore, Precondition, Tag};

/// An object store in memory with a switch.
#[derive(Debug, Default)]
pub(crate) struct SwitchedObjects {
    objects: MemoryObjects,
    away: AtomicBool,
}

impl SwitchedObjects {
    /// Lets every call fail, or no longer.
    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    fn reach(&self) -> Result<&MemoryObjects, Error> {
        match self.away.load(Ordering::Relaxed) {
            true => Err(Error::bare(ErrorKind::Unavailable, "reach the store")),
            false => Ok(&self.objects),
        }
    }
}

#[async_trait]
impl ObjectStore for SwitchedObjects {
    async fn put(&self, key: &ObjectKey, bytes: Bytes, precondition: Precondition) -> Result<Tag, Error> {
        self.reach()?.put(key, bytes, precondition).await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Object>, Error> {
        self.reach()?.get(key).await
    }

    async fn list(&self, folder: Option<&ObjectKey>) -> Result<Vec<ObjectEntry>, Error> {
        self.reach()?.list(folder).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        self.reach()?.delete(key).await
    }
}
