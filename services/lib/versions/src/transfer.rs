//! Copies the contents of versions between the cache and a remote.
//!
//! The manifest of a folder goes last, so a remote that has it has its files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use marquee_ports::{ObjectKey, ObjectStore, Precondition};

use crate::cache::Cache;
use crate::files::Count;
use crate::repository::Repository;
use crate::{Digest, Error, Pointer, Watch, digest};

/// The number of contents that are on their way at once.
const AT_ONCE: usize = 8;

/// Where contents are pushed to.
#[derive(Debug, Clone)]
pub enum Remote {
    /// A folder, which may be on a network.
    Folder(PathBuf),
    /// An object store. Its contents are in memory while they are on their way.
    Objects(Arc<dyn ObjectStore>),
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transferred {
    /// The number of contents that were copied, with the manifests of folders.
    pub copied: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The number of contents that were there already.
    pub present: u64,
}

/// Contents, and the data for which they are needed.
type Wanted = BTreeMap<Digest, PathBuf>;

impl Repository {
    /// Copies the contents of versions to a remote.
    ///
    /// # Errors
    /// The cache lacks contents, the remote fails, or the watcher cancels.
    pub async fn push(
        &self,
        sets: &[(PathBuf, Pointer)],
        remote: &Remote,
        watch: &dyn Watch,
    ) -> Result<Transferred, Error> {
        let mut done = Transferred::default();
        for wanted in [self.files(sets)?, folders(sets)] {
            let present = remote.present(wanted.keys()).await?;
            let mut missing = Vec::new();
            for (digest, path) in wanted.into_iter().filter(|(digest, _)| !present.contains(digest)) {
                let size = std::fs::metadata(self.cache.path(&digest)).map(|about| about.len());
                let size = size.map_err(|_| Error::NotInCache { path, digest: digest.to_string() })?;
                missing.push((digest, size));
            }
            let count = Count::new(missing.iter().map(|(_, size)| size).sum(), watch);
            let sends = missing.into_iter().map(|(digest, size)| {
                let count = &count;
                async move {
                    remote.send(&self.cache, &digest).await?;
                    count.add(size).map(|()| size)
                }
            });
            done.add(copies(present.len(), sends).await?);
        }
        Ok(done)
    }

    /// Copies the contents of versions from a remote, and checks each by its digest.
    ///
    /// # Errors
    /// The remote lacks or damaged contents, it fails, or the watcher cancels.
    pub async fn pull(
        &self,
        sets: &[(PathBuf, Pointer)],
        remote: &Remote,
        watch: &dyn Watch,
    ) -> Result<Transferred, Error> {
        let mut done = self.fetch(folders(sets), remote, watch).await?;
        done.add(self.fetch(self.files(sets)?, remote, watch).await?);
        Ok(done)
    }

    /// Returns the contents of all files of versions.
    fn files(&self, sets: &[(PathBuf, Pointer)]) -> Result<Wanted, Error> {
        let mut files = Wanted::new();
        for (path, pointer) in sets {
            let entries = self.entries(path, Some(pointer))?;
            files.extend(entries.into_iter().map(|entry| (entry.digest, path.join(entry.path))));
        }
        Ok(files)
    }

    async fn fetch(&self, wanted: Wanted, remote: &Remote, watch: &dyn Watch) -> Result<Transferred, Error> {
        let (present, missing): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|(digest, _)| self.cache.has(digest));
        // What is missing is counted by the number of contents: a remote does not tell their sizes.
        let count = Count::new(missing.len() as u64, watch);
        let fetches = missing.into_iter().map(|(digest, path)| {
            let count = &count;
            async move {
                let bytes = remote.receive(&self.cache, &digest, &path).await?;
                count.add(1).map(|()| bytes)
            }
        });
        copies(present.len(), fetches).await
    }
}

/// Returns the manifests of versions of folders.
fn folders(sets: &[(PathBuf, Pointer)]) -> Wanted {
    let folders = sets.iter().filter(|(_, pointer)| pointer.out.digest.is_folder());
    folders.map(|(path, pointer)| (pointer.out.digest.clone(), path.clone())).collect()
}

/// Copies contents, some at once. Each copy returns its bytes.
async fn copies<C: Future<Output = Result<u64, Error>>>(
    present: usize,
    copies: impl Iterator<Item = C>,
) -> Result<Transferred, Error> {
    let sizes: Vec<u64> = stream::iter(copies).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(Transferred { copied: sizes.len() as u64, bytes: sizes.iter().sum(), present: present as u64 })
}

impl Transferred {
    fn add(&mut self, other: Self) {
        self.copied += other.copied;
        self.bytes += other.bytes;
        self.present += other.present;
    }
}

impl Remote {
    /// Returns which contents are there.
    async fn present(&self, wanted: impl Iterator<Item = &Digest>) -> Result<BTreeSet<Digest>, Error> {
        let wanted: Vec<&Digest> = wanted.collect();
        let objects = match self {
            Self::Folder(folder) => {
                let cache = Cache::new(folder.clone(), false);
                return Ok(wanted.into_iter().filter(|digest| cache.has(digest)).cloned().collect());
            }
            Self::Objects(objects) => objects,
        };
        let folders: BTreeSet<&str> = wanted.iter().filter_map(|digest| digest.as_str().get(..2)).collect();
        let listings = folders.into_iter().map(|folder| async move {
            let key = key(&format!("files/md5/{folder}"))?;
            objects.list(Some(&key)).await.map_err(Error::Remote)
        });
        let listings: Vec<_> = stream::iter(listings).buffer_unordered(AT_ONCE).try_collect().await?;
        let found: BTreeSet<String> =
            listings.into_iter().flatten().map(|entry| entry.key.as_str().to_owned()).collect();
        Ok(wanted.into_iter().filter(|digest| found.contains(&digest.place())).cloned().collect())
    }

    async fn send(&self, cache: &Cache, digest: &Digest) -> Result<(), Error> {
        let path = cache.path(digest);
        match self {
            Self::Folder(folder) => {
                let (remote, digest) = (Cache::new(folder.clone(), false), digest.clone());
                blocking(move || remote.add_file(&path, &digest)).await
            }
            Self::Objects(objects) => {
                let bytes = blocking(move || std::fs::read(&path).map_err(Error::io("read", &path))).await?;
                let put = objects.put(&key(&digest.place())?, Bytes::from(bytes), Precondition::None).await;
                put.map(drop).map_err(Error::Remote)
            }
        }
    }

    /// Copies contents into the cache. Returns their bytes.
    async fn receive(&self, cache: &Cache, digest: &Digest, path: &Path) -> Result<u64, Error> {
        let missing = Error::NotInRemote { path: path.to_owned(), digest: digest.to_string() };
        let (cache, digest) = (cache.clone(), digest.clone());
        match self {
            Self::Folder(folder) => {
                let file = Cache::new(folder.clone(), false).path(&digest);
                blocking(move || match file.is_file() {
                    true => {
                        cache.add_copy(&file, &digest, |found| damaged(file.display().to_string(), &digest, &found))
                    }
                    false => Err(missing),
                })
                .await
            }
            Self::Objects(objects) => {
                let place = digest.place();
                let bytes = objects.get(&key(&place)?).await.map_err(Error::Remote)?.ok_or(missing)?.bytes;
                blocking(move || {
                    let read = digest::read(&bytes[..], |_| Ok(()));
                    let (found, length) = read.map_err(Error::io("read", Path::new(&place)))?;
                    match digest.is_of(&found) {
                        true => cache.add_bytes(&bytes, &digest).map(|()| length),
                        false => Err(damaged(place, &digest, &found)),
                    }
                })
                .await
            }
        }
    }
}

fn damaged(place: String, expected: &Digest, found: &Digest) -> Error {
    Error::Damaged { place, expected: expected.to_string(), found: found.to_string() }
}

fn key(place: &str) -> Result<ObjectKey, Error> {
    ObjectKey::try_new(place).map_err(|error| Error::malformed(Path::new(place), error.to_string()))
}

/// Does what reads and writes files away from the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        // The runtime is going down.
        Err(_) => Err(Error::Canceled),
    })
}
