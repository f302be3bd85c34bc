//! The embedded object store: files in a folder. A write goes to a temporary file, which is synced
//! and then renamed.

use std::fs::{self, File, Metadata};
use std::io::{ErrorKind as IoKind, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::Timestamp;
use marquee_ports::{Error, ErrorKind, Object, ObjectEntry, ObjectKey, ObjectStore, Precondition, Tag};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::OpenError;
use crate::folder::{FolderLock, NO_WAIT, make_private};

/// The largest object in bytes. This bounds the memory of a read.
const MAX_OBJECT: u64 = 1 << 30;

/// The longest time that a read or a listing may take. A file system that hangs, as one of a server
/// that is away does, must not hold up the caller.
const DEADLINE: Duration = Duration::from_secs(30);

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
        make_private(&root).map_err(io)?;
        make_private(&incoming).map_err(io)?;
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
        let path = self.path(key);
        let bytes = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => return Ok(None),
            Ok(metadata) => {
                check_readable(key, &metadata)?;
                read_file(&path)
            }
            Err(error) => Err(error),
        };
        match bytes {
            Ok(bytes) if bytes.len() as u64 > MAX_OBJECT => Err(too_large("read", key, bytes.len() as u64)),
            Ok(bytes) => Ok(Some(Object { tag: tag(&bytes), bytes: bytes.into() })),
            Err(error) if matches!(error.kind(), IoKind::NotFound | IoKind::NotADirectory | IoKind::IsADirectory) => {
                Ok(None)
            }
            Err(error) => Err(unreadable(key, error)),
        }
    }

    fn put_now(&self, key: &ObjectKey, bytes: &[u8], precondition: &Precondition) -> Result<Tag, Error> {
        if bytes.len() as u64 > MAX_OBJECT {
            return Err(too_large("write", key, bytes.len() as u64));
        }
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
            make_private(folder)?;
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
                // A symbolic link may lead to a file. Pipes, devices and loops of links are no
                // objects.
                let meta = if meta.is_symlink() { fs::metadata(&path).ok() } else { Some(meta) };
                let Some(meta) = meta.filter(Metadata::is_file) else { continue };
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

    /// Reads on another thread, with a deadline.
    async fn read_off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let late = |_| Error::bare(ErrorKind::Unavailable, "read objects: the file system does not answer");
        tokio::time::timeout(DEADLINE, self.off_thread(work)).await.map_err(late)?
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

/// Returns an error unless a file can be read without waiting for anybody and fits into memory.
fn check_readable(key: &ObjectKey, metadata: &Metadata) -> Result<(), Error> {
    if metadata.is_file() {
        return match metadata.len() {
            0..=MAX_OBJECT => Ok(()),
            length => Err(too_large("read", key, length)),
        };
    }
    let file_type = metadata.file_type();
    let what = if file_type.is_fifo() {
        "a pipe"
    } else if file_type.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(Error::bare(ErrorKind::Corrupt, format!("read {key}: it is {what} and not a regular file; remove it")))
}

fn too_large(doing: &str, key: &ObjectKey, length: u64) -> Error {
    let doing = format!("{doing} {key}: it has {length} bytes; the largest object has {MAX_OBJECT} bytes");
    Error::bare(ErrorKind::Invalid, doing)
}

/// Reads a regular file, and no more of it than the largest object has.
fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = File::options().read(true).custom_flags(NO_WAIT).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::with_capacity(metadata.len().min(MAX_OBJECT) as usize);
    file.take(MAX_OBJECT + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn tag(bytes: &[u8]) -> Tag {
    Tag(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Returns the error of a read. A file that the process may not read, or that the disk cannot read,
/// stays as it is until an operator looks at it. So the file counts as damaged, and the store is
/// not away.
fn unreadable(key: &ObjectKey, error: std::io::Error) -> Error {
    let is_damaged = error.kind() == IoKind::PermissionDenied || Errno::from_io_error(&error) == Some(Errno::IO);
    let kind = if is_damaged { ErrorKind::Corrupt } else { ErrorKind::Unavailable };
    Error::new(kind, format!("read {key}"), error)
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
        self.read_off_thread(move |store| store.read_now(&key)).await
    }

    async fn list(&self, folder: Option<&ObjectKey>) -> Result<Vec<ObjectEntry>, Error> {
        let folder = folder.cloned();
        self.read_off_thread(move |store| store.list_now(folder.as_ref())).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        let key = key.clone();
        self.off_thread(move |store| store.delete_now(&key)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_the_disk_or_the_permissions_refuse_is_damaged_and_other_failures_pass() {
        let key = ObjectKey::try_new("a/b").expect("valid");
        let kind = |error: std::io::Error| unreadable(&key, error).kind();
        assert_eq!(kind(Errno::IO.into()), ErrorKind::Corrupt);
        assert_eq!(kind(IoKind::PermissionDenied.into()), ErrorKind::Corrupt);
        for passing in [Errno::INTR, Errno::MFILE, Errno::NOMEM, Errno::TIMEDOUT] {
            assert_eq!(kind(passing.into()), ErrorKind::Unavailable, "{passing}");
        }
    }

    /// The memory of this process is a regular file, and its first byte cannot be read.
    #[tokio::test]
    async fn an_input_error_of_one_file_is_that_of_a_damaged_object() {
        let place = Path::new("/proc/self/mem");
        if !place.exists() {
            return;
        }
        let folder = tempfile::tempdir().expect("temporary folder");
        let objects = EmbeddedObjects::open(folder.path()).expect("opens");
        std::os::unix::fs::symlink(place, folder.path().join("objects/a")).expect("a link");
        let error = objects.get(&ObjectKey::try_new("a").expect("valid")).await.expect_err("it cannot be read");
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Corrupt, "read a"));
    }
}
