//! An object store that is away or does not answer while a test says so.

use async_trait::async_trait;
use bytes::Bytes;
use marquee_ports::memory::MemoryObjects;
use marquee_ports::{Error, ErrorKind, Object, ObjectEntry, ObjectKey, ObjectStore, Precondition, Tag};
use tokio::sync::watch;

/// How the store answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Answers {
    #[default]
    Now,
    /// When it is switched back.
    Later,
    /// With an error.
    Never,
}

/// An object store in memory with a switch.
#[derive(Debug, Default)]
pub(crate) struct SwitchedObjects {
    objects: MemoryObjects,
    answers: watch::Sender<Answers>,
}

impl SwitchedObjects {
    /// Lets every call fail, or no longer.
    pub(crate) fn set_away(&self, away: bool) {
        self.answers.send_replace(if away { Answers::Never } else { Answers::Now });
    }

    /// Lets every call wait until [`Self::set_away`] is called.
    pub(crate) fn hold(&self) {
        self.answers.send_replace(Answers::Later);
    }

    async fn reach(&self) -> Result<&MemoryObjects, Error> {
        let mut answers = self.answers.subscribe();
        let answers = *answers.wait_for(|answers| *answers != Answers::Later).await.expect("the store lives");
        match answers {
            Answers::Never => Err(Error::bare(ErrorKind::Unavailable, "reach the store")),
            Answers::Now | Answers::Later => Ok(&self.objects),
        }
    }
}

#[async_trait]
impl ObjectStore for SwitchedObjects {
    async fn put(&self, key: &ObjectKey, bytes: Bytes, precondition: Precondition) -> Result<Tag, Error> {
        self.reach().await?.put(key, bytes, precondition).await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Object>, Error> {
        self.reach().await?.get(key).await
    }

    async fn list(&self, folder: Option<&ObjectKey>) -> Result<Vec<ObjectEntry>, Error> {
        self.reach().await?.list(folder).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        self.reach().await?.delete(key).await
    }
}
