//! The files of data in the workspace, their digests, and how a file gets to its place.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use tempfile::NamedTempFile;

use crate::{Digest, Error, Watch, digest};

/// The largest number of threads that compute digests.
const THREADS: usize = 8;

/// A file of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The path from the folder on, with slashes; empty for data that is one file.
    pub(crate) inside: String,
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
}

/// Data in the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Data {
    Missing,
    File(Found),
    Folder(Vec<Found>),
}

impl Data {
    /// Looks at a path. Links to files are followed, as DVC does.
    pub(crate) fn look(path: &Path) -> Result<Self, Error> {
        let about = match fs::metadata(path) {
            Ok(about) => about,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::Missing),
            Err(error) => return Err(Error::io("look at", path)(error)),
        };
        if about.is_file() {
            let found = Found { inside: String::new(), path: path.to_owned(), size: about.len() };
            return Ok(Self::File(found));
        }
        let unfit = |path: &Path, reason| Err(Error::Unfit { path: path.to_owned(), reason });
        if !about.is_dir() {
            return unfit(path, "is neither a file nor a folder");
        }
        let (mut waiting, mut files) = (vec![(path.to_owned(), String::new())], Vec::new());
        while let Some((folder, before)) = waiting.pop() {
            for entry in fs::read_dir(&folder).map_err(Error::io("list", &folder))? {
                let path = entry.map_err(Error::io("list", &folder))?.path();
                let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                    return unfit(&path, "has a name that is not UTF-8");
                };
                let inside = if before.is_empty() { name.to_owned() } else { format!("{before}/{name}") };
                let link = fs::symlink_metadata(&path).map_err(Error::io("look at", &path))?.is_symlink();
                let about = fs::metadata(&path).map_err(Error::io("look at", &path))?;
                if about.is_dir() && link {
                    return unfit(&path, "is a link to a folder; put the folder itself there");
                } else if about.is_dir() {
                    waiting.push((path, inside));
                } else if about.is_file() {
                    files.push(Found { inside, size: about.len(), path });
                } else {
                    return unfit(&path, "is neither a file nor a folder");
                }
            }
        }
        files.sort_by(|a, b| a.inside.cmp(&b.inside));
        Ok(Self::Folder(files))
    }

    /// Returns all files.
    pub(crate) fn files(&self) -> &[Found] {
        match self {
            Self::Missing => &[],
            Self::File(file) => std::slice::from_ref(file),
            Self::Folder(files) => files,
        }
    }
}

/// Does something with every item, on several threads, in any order. Returns the results in the
/// order of the items. The first error ends it.
pub(crate) fn each<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, Error> + Sync,
) -> Result<Vec<R>, Error> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS).min(items.len().max(1));
    let (next, work) = (AtomicUsize::new(0), &work);
    let share = || -> Result<Vec<(usize, R)>, Error> {
        let mut done = Vec::new();
        while let Some((at, item)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, items.get(at)?)))
        {
            match work(item) {
                Ok(result) => done.push((at, result)),
                Err(error) => {
                    next.store(items.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(done)
    };
    let shares: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(share)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    });
    let mut all = Vec::with_capacity(items.len());
    for share in shares {
        all.extend(share?);
    }
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}

/// What was read so far, for a watcher.
pub(crate) struct Count<'a> {
    done: AtomicU64,
    total: u64,
    watch: &'a dyn Watch,
}

impl<'a> Count<'a> {
    pub(crate) fn new(total: u64, watch: &'a dyn Watch) -> Self {
        Self { done: AtomicU64::new(0), total, watch }
    }

    /// Counts bytes, and fails if the watcher cancels.
    pub(crate) fn add(&self, bytes: u64) -> Result<(), Error> {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.watch.advanced(done, self.total);
        if self.watch.canceled() { Err(Error::Canceled) } else { Ok(()) }
    }
}

/// Returns the digest of a file and its length.
pub(crate) fn digest_of(path: &Path, count: &Count<'_>) -> Result<(Digest, u64), Error> {
    let file = fs::File::open(path).map_err(Error::io("open", path))?;
    let mut canceled = None;
    let read = digest::read(file, |bytes| {
        count.add(bytes.len() as u64).map_err(|error| {
            canceled = Some(error);
            std::io::Error::other("canceled")
        })
    });
    read.map_err(|source| canceled.unwrap_or_else(|| Error::io("read", path)(source)))
}

/// Writes a temporary file in a folder, and moves it to its place when it is whole. It is removed
/// where something fails.
pub(crate) fn put(
    place: &Path,
    (folder, is_read_only): (&Path, bool),
    write: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let temporary = NamedTempFile::new_in(folder).map_err(Error::io("write in", folder))?;
    let path = temporary.path();
    write(path)?;
    let mut permissions = fs::metadata(path).map_err(Error::io("look at", path))?.permissions();
    #[cfg(unix)]
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, if is_read_only { 0o444 } else { 0o644 });
    #[cfg(not(unix))]
    permissions.set_readonly(is_read_only);
    fs::set_permissions(path, permissions).map_err(Error::io("protect", path))?;
    temporary.persist(place).map(drop).map_err(|error| Error::io("write", place)(error.error))
}
