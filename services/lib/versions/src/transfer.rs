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
use crate::{Digest, Error, Manifest, Pointer, Watch, digest};

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
        let (mut files, mut folders) = (Wanted::new(), Wanted::new());
        for (path, pointer) in sets {
            for entry in self.entries(path, Some(pointer))? {
                files.insert(entry.digest, path.join(entry.path));
            }
            if pointer.out.digest.is_folder() {
                folders.insert(pointer.out.digest.clone(), path.clone());
            }
        }
        let mut done = Transferred::default();
        for wanted in [files, folders] {
            let present = remote.present(wanted.keys()).await?;
            done.present += present.len() as u64;
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
            done.add(stream::iter(sends).buffer_unordered(AT_ONCE).try_collect().await?);
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
        let folders = sets.iter().filter(|(_, pointer)| pointer.out.digest.is_folder());
        let folders = folders.map(|(path, pointer)| (pointer.out.digest.clone(), path.clone())).collect();
        let mut done = self.fetch(folders, remote, watch).await?;
        let mut files = Wanted::new();
        for (path, pointer) in sets {
            let entries = self.entries(path, Some(pointer))?;
            files.extend(entries.into_iter().map(|entry| (entry.digest, path.join(entry.path))));
        }
        let of_files = self.fetch(files, remote, watch).await?;
        done.copied += of_files.copied;
        done.bytes += of_files.bytes;
        done.present += of_files.present;
        Ok(done)
    }

    async fn fetch(&self, wanted: Wanted, remote: &Remote, watch: &dyn Watch) -> Result<Transferred, Error> {
        let (present, missing): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|(digest, _)| self.cache.has(digest));
        let mut done = Transferred { present: present.len() as u64, ..Transferred::default() };
        // What is missing is counted by the number of contents: a remote does not tell their sizes.
        let count = Count::new(missing.len() as u64, watch);
        let fetches = missing.into_iter().map(|(digest, path)| {
            let count = &count;
            async move {
                let bytes = remote.receive(&self.cache, &digest, &path).await?;
                count.add(1).map(|()| bytes)
            }
        });
        done.add(stream::iter(fetches).buffer_unordered(AT_ONCE).try_collect().await?);
        Ok(done)
    }
}

impl Transferred {
    fn add(&mut self, sizes: Vec<u64>) {
        self.copied += sizes.len() as u64;
        self.bytes += sizes.iter().sum::<u64>();
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
                blocking(move || match digest.is_folder() {
                    true => remote.add_bytes(&std::fs::read(&path).map_err(Error::io("read", &path))?, &digest),
                    false => remote.add_file(&path, &digest),
                })
                .await
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
        let missing = || Error::NotInRemote { path: path.to_owned(), digest: digest.to_string() };
        let (bytes, place) = match self {
            Self::Folder(folder) => {
                let (cache, file) = (cache.clone(), Cache::new(folder.clone(), false).path(digest));
                if !file.is_file() {
                    return Err(missing());
                }
                if !digest.is_folder() {
                    let digest = digest.clone();
                    return blocking(move || {
                        let (place, expected) = (file.display().to_string(), digest.to_string());
                        let damaged = |found: Digest| Error::Damaged { place, expected, found: found.to_string() };
                        cache.add_copy(&file, &digest, damaged)
                    })
                    .await;
                }
                let place = file.display().to_string();
                let read = blocking(move || std::fs::read(&file).map_err(Error::io("read", &file)));
                (Bytes::from(read.await?), place)
            }
            Self::Objects(objects) => {
                let object = objects.get(&key(&digest.place())?).await.map_err(Error::Remote)?;
                (object.ok_or_else(missing)?.bytes, digest.place())
            }
        };
        let (cache, digest) = (cache.clone(), digest.clone());
        blocking(move || {
            let found = match digest.is_folder() {
                true => Digest::of_folder(&bytes),
                false => digest::read(&bytes[..], |_| Ok(())).map_err(Error::io("read", Path::new(&place)))?.0,
            };
            if found != digest {
                return Err(Error::Damaged { place, expected: digest.to_string(), found: found.to_string() });
            }
            if digest.is_folder() {
                Manifest::parse(&bytes).map_err(|reason| Error::malformed(Path::new(&place), reason))?;
            }
            cache.add_bytes(&bytes, &digest).map(|()| bytes.len() as u64)
        })
        .await
    }
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
