//! An object store in memory.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{Clock, SystemClock, Timestamp};

use super::{Faults, run};
use crate::{Error, ErrorKind, Object, ObjectEntry, ObjectKey, ObjectStore, Precondition, Tag};

/// Objects in memory. Clones share them.
#[derive(Debug, Clone)]
pub struct MemoryObjects {
    objects: Arc<Mutex<BTreeMap<ObjectKey, Stored>>>,
    clock: Arc<dyn Clock>,
    faults: Faults,
}

#[derive(Debug)]
struct Stored {
    bytes: Bytes,
    tag: Tag,
    modified: Timestamp,
}

impl Default for MemoryObjects {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl MemoryObjects {
    /// Returns an empty store whose entries carry the time of this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { objects: Arc::default(), clock, faults: Faults::default() }
    }

    /// Returns the faults that this store follows.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<ObjectKey, Stored>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, key: &ObjectKey, bytes: Bytes, precondition: &Precondition) -> Result<Tag, Error> {
        let mut objects = self.objects();
        if objects.keys().any(|other| is_below(other, key) || is_below(key, other)) {
            let doing = format!("write {key}: a path names an object or a folder, not both");
            return Err(Error::bare(ErrorKind::Invalid, doing));
        }
        let stored = objects.get(key);
        let holds = match precondition {
            Precondition::None => true,
            Precondition::Absent => stored.is_none(),
            Precondition::Matches(tag) => stored.is_some_and(|stored| stored.tag == *tag),
        };
        if !holds {
            return Err(Error::bare(ErrorKind::Conflict, format!("write {key}: the precondition does not hold")));
        }
        let tag = tag_of(&bytes);
        objects.insert(key.clone(), Stored { bytes, tag: tag.clone(), modified: self.clock.now() });
        Ok(tag)
    }
}

/// A tag depends on the content alone, as in S3: a caller that relies on more fails here as well.
fn tag_of(bytes: &Bytes) -> Tag {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Tag(format!("{:016x}", hasher.finish()))
}

fn is_below(key: &ObjectKey, folder: &ObjectKey) -> bool {
    key.as_str().strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
}

#[async_trait]
impl ObjectStore for MemoryObjects {
    async fn put(&self, key: &ObjectKey, bytes: Bytes, precondition: Precondition) -> Result<Tag, Error> {
        run(&self.faults, "put", async { self.write(key, bytes, &precondition) }).await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Object>, Error> {
        let read = async {
            let objects = self.objects();
            let object = |stored: &Stored| Object { bytes: stored.bytes.clone(), tag: stored.tag.clone() };
            Ok(objects.get(key).map(object))
        };
        run(&self.faults, "get", read).await
    }

    async fn list(&self, folder: Option<&ObjectKey>) -> Result<Vec<ObjectEntry>, Error> {
        let list = async {
            let objects = self.objects();
            let listed = objects.iter().filter(|(key, _)| folder.is_none_or(|folder| is_below(key, folder)));
            let entry = |(key, stored): (&ObjectKey, &Stored)| ObjectEntry {
                key: key.clone(),
                size: stored.bytes.len() as u64,
                modified: stored.modified,
            };
            Ok(listed.map(entry).collect())
        };
        run(&self.faults, "list", list).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        let delete = async {
            self.objects().remove(key);
            Ok(())
        };
        run(&self.faults, "delete", delete).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{self, Fixture};
    use crate::memory::{Fault, Step};

    struct Memory(Mutex<MemoryObjects>);

    #[async_trait]
    impl Fixture<dyn ObjectStore> for Memory {
        async fn empty(&self) -> Arc<dyn ObjectStore> {
            let objects = MemoryObjects::default();
            *self.0.lock().unwrap() = objects.clone();
            Arc::new(objects)
        }

        async fn reopen(&self, port: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
            drop(port);
            Arc::new(self.0.lock().unwrap().clone())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_objects_keep_the_promises_of_their_port() {
        conformance::objects::suite(&Memory(Mutex::default())).await;
    }

    #[test]
    fn the_objects_follow_their_model() {
        conformance::objects::random_operations_follow_the_model(&Memory(Mutex::default()), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_whose_answer_is_lost_took_effect() {
        let objects = MemoryObjects::default();
        objects.faults().add(Step::on("put", 1, Fault::FailAfter(ErrorKind::Unavailable)));
        let key = ObjectKey::try_new("a").unwrap();
        let lost = objects.put(&key, "x".into(), Precondition::Absent).await.expect_err("lost");
        assert!(lost.is_retryable());
        let again = objects.put(&key, "x".into(), Precondition::Absent).await.expect_err("written");
        assert_eq!(again.kind(), ErrorKind::Conflict);
    }
}
