//! The embedded object store: files in a folder. A write goes to a temporary file, which is synced
//! and then renamed.

use std::fs::{self, File};
use std::io::{ErrorKind as IoKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::Timestamp;
use marquee_ports::{Error, ErrorKind, Object, ObjectEntry, ObjectKey, ObjectStore, Precondition, Tag};
use sha2::{Digest, Sha256};

use crate::OpenError;
use crate::folder::FolderLock;

/// An object store over files. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EmbeddedObjects {
    root: PathBuf,
    incoming: PathBuf,
    /// Makes the check of a precondition and the rename one step.
    writing: Arc<Mutex<()>>,
    /// Keeps the folder locked.
    _lock: Arc<FolderLock>,
}

impl EmbeddedObjects {
    /// Opens or creates the store in a folder, and removes the temporary files of a crashed writer.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = FolderLock::take(path)?;
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let (root, incoming) = (path.join("objects"), path.join("incoming"));
        fs::create_dir_all(&root).map_err(io)?;
        fs::create_dir_all(&incoming).map_err(io)?;
        // The names of the two folders must be as durable as their content.
        File::open(path).and_then(|folder| folder.sync_all()).map_err(io)?;
        for left in fs::read_dir(&incoming).map_err(io)? {
            fs::remove_file(left.map_err(io)?.path()).map_err(io)?;
        }
        Ok(Self { root, incoming, writing: Arc::default(), _lock: Arc::new(lock) })
    }

    fn path(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn read_now(&self, key: &ObjectKey) -> Result<Option<Object>, Error> {
        match fs::read(self.path(key)) {
            Ok(bytes) => Ok(Some(Object { tag: tag(&bytes), bytes: bytes.into() })),
            Err(error) if matches!(error.kind(), IoKind::NotFound | IoKind::NotADirectory | IoKind::IsADirectory) => {
                Ok(None)
            }
            Err(error) => Err(failed("read", key, error)),
        }
    }

    fn put_now(&self, key: &ObjectKey, bytes: &[u8], precondition: &Precondition) -> Result<Tag, Error> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = match precondition {
            Precondition::None => true,
            Precondition::Absent => self.read_now(key)?.is_none(),
            Precondition::Matches(tag) => self.read_now(key)?.is_some_and(|object| object.tag == *tag),
        };
        if !holds {
            return Err(Error::bare(ErrorKind::Conflict, format!("write {key}: somebody else wrote it first")));
        }
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.root);
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.incoming)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            // An empty folder must not block the name. A folder with objects stays, and the next
            // step fails.
            let _ = fs::remove_dir(&path);
            file.persist(&path).map_err(|error| error.error)?;
            // A name is durable when the folders above it are synced, up to the root.
            for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.root)) {
                File::open(folder)?.sync_all()?;
            }
            Ok(())
        };
        write().map_err(|error| match error.kind() {
            IoKind::IsADirectory | IoKind::NotADirectory | IoKind::AlreadyExists | IoKind::DirectoryNotEmpty => {
                let doing = format!("write {key}: a path names an object or a folder, not both");
                Error::new(ErrorKind::Invalid, doing, error)
            }
            _ => failed("write", key, error),
        })?;
        Ok(tag(bytes))
    }

    fn list_now(&self, folder: Option<&ObjectKey>) -> Result<Vec<ObjectEntry>, Error> {
        let start = folder.map_or_else(|| self.root.clone(), |folder| self.path(folder));
        let mut found = Vec::new();
        let mut waiting = vec![start];
        while let Some(folder) = waiting.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if matches!(error.kind(), IoKind::NotFound | IoKind::NotADirectory) => continue,
                Err(error) => return Err(Error::new(ErrorKind::Unavailable, "list objects", error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| Error::new(ErrorKind::Unavailable, "list objects", error))?;
                let meta = match entry.metadata() {
                    Ok(meta) => meta,
                    // It was deleted meanwhile.
                    Err(error) if error.kind() == IoKind::NotFound => continue,
                    Err(error) => return Err(Error::new(ErrorKind::Unavailable, "list objects", error)),
                };
                if meta.is_dir() {
                    waiting.push(entry.path());
                    continue;
                }
                let path = entry.path();
                let Some(key) =
                    path.strip_prefix(&self.root).ok().and_then(|path| ObjectKey::try_new(path.to_str()?).ok())
                else {
                    continue;
                };
                let modified = meta.modified().map_or(Timestamp::EPOCH, Timestamp::from);
                found.push(ObjectEntry { key, size: meta.len(), modified });
            }
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    fn delete_now(&self, key: &ObjectKey) -> Result<(), Error> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.path(key);
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => return Ok(()),
            Err(error) if matches!(error.kind(), IoKind::NotFound | IoKind::NotADirectory) => return Ok(()),
            _ => {}
        }
        let remove = || -> std::io::Result<()> {
            fs::remove_file(&path)?;
            // Empty folders are removed, so that objects may have their names again.
            for folder in path.ancestors().skip(1).take_while(|folder| *folder != self.root) {
                if fs::remove_dir(folder).is_err() {
                    return File::open(folder)?.sync_all();
                }
            }
            File::open(&self.root)?.sync_all()
        };
        remove().map_err(|error| failed("delete", key, error))
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || work(store)).await;
        done.map_err(|error| Error::new(ErrorKind::Unavailable, "use the object store", error))?
    }
}

fn tag(bytes: &[u8]) -> Tag {
    Tag(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn failed(doing: &str, key: &ObjectKey, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("{doing} {key}"), error)
}

#[async_trait]
impl ObjectStore for EmbeddedObjects {
    async fn put(&self, key: &ObjectKey, bytes: Bytes, precondition: Precondition) -> Result<Tag, Error> {
        let key = key.clone();
        self.off_thread(move |store| store.put_now(&key, &bytes, &precondition)).await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Object>, Error> {
        let key = key.clone();
        self.off_thread(move |store| store.read_now(&key)).await
    }

    async fn list(&self, folder: Option<&ObjectKey>) -> Result<Vec<ObjectEntry>, Error> {
        let folder = folder.cloned();
        self.off_thread(move |store| store.list_now(folder.as_ref())).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        let key = key.clone();
        self.off_thread(move |store| store.delete_now(&key)).await
    }
}
