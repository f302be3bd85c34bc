//! Where the files of the model repository are: a folder of this machine, or a folder of the object
//! store. Both have the layout `NAME/VERSION/model.onnx` and, if there is one, `NAME/config.pbtxt`
//! or `NAME/config.json`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use marquee_ports::{ObjectEntry, ObjectKey, ObjectStore};

use super::error::LoadError;

/// How many folders deep the files of a model may be.
const DEEPEST: usize = 4;

/// The most files of a model.
const MOST_FILES: usize = 10_000;

/// The size of a file in bytes, and when it was written, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    pub(super) modified: i64,
}

/// The files of a model, by their paths below the folder of the model.
pub(super) type Files = BTreeMap<String, Stamp>;

/// What the repository has.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) models: BTreeMap<String, Files>,
    /// Models whose folders cannot be read.
    pub(super) unreadable: BTreeMap<String, io::Error>,
}

/// Where the files are.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Folder(PathBuf),
    Objects(Arc<dyn ObjectStore>, ObjectKey),
    /// There is no repository. Only models whose files are sent can be loaded.
    Absent,
}

impl Source {
    /// Returns the models and their files. Folders with other names are ignored.
    pub(super) async fn models(&self) -> Result<Listing, LoadError> {
        let mut listing = match self {
            Self::Folder(folder) => {
                let folder = folder.clone();
                blocking(move || folders(&folder)).await?
            }
            Self::Objects(store, prefix) => {
                let mut models: BTreeMap<String, Files> = BTreeMap::new();
                for entry in store.list(Some(prefix)).await.map_err(LoadError::Objects)? {
                    let Some((model, path)) = below(&entry, prefix).and_then(|path| path.split_once('/')) else {
                        continue;
                    };
                    models.entry(model.to_owned()).or_default().insert(path.to_owned(), stamp(&entry));
                }
                Listing { models, ..Listing::default() }
            }
            Self::Absent => Listing::default(),
        };
        listing.models.retain(|name, _| is_name(name));
        Ok(listing)
    }

    /// Returns the files of a model. There are none if the model does not exist.
    pub(super) async fn files(&self, model: &str) -> Result<Files, LoadError> {
        match self {
            Self::Folder(folder) => {
                let folder = folder.join(model);
                blocking(move || files(&folder)).await
            }
            Self::Objects(store, prefix) => {
                let Ok(folder) = ObjectKey::try_new(&format!("{prefix}/{model}")) else { return Ok(Files::new()) };
                let listed = store.list(Some(&folder)).await.map_err(LoadError::Objects)?;
                let file = |entry: &ObjectEntry| Some((below(entry, &folder)?.to_owned(), stamp(entry)));
                Ok(listed.iter().filter_map(file).collect())
            }
            Self::Absent => Ok(Files::new()),
        }
    }

    /// Reads a file of a model. `path` is one that [`Self::files`] returned.
    pub(super) async fn read(&self, model: &str, path: &str) -> Result<Bytes, LoadError> {
        let missing = || LoadError::Missing(format!("{model}/{path}"));
        match self {
            Self::Folder(folder) => {
                let file = folder.join(model).join(path);
                blocking(move || fs::read(file)).await.map(Bytes::from)
            }
            Self::Objects(store, prefix) => {
                let key = ObjectKey::try_new(&format!("{prefix}/{model}/{path}")).map_err(|_| missing())?;
                let object = store.get(&key).await.map_err(LoadError::Objects)?;
                Ok(object.ok_or_else(missing)?.bytes)
            }
            Self::Absent => Err(missing()),
        }
    }
}

/// Returns whether a text can be the name of a model of the repository.
pub(super) fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=128).contains(&name.len())
        && name.bytes().all(is_part)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, LoadError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(LoadError::Read),
        Err(error) => Err(LoadError::Read(io::Error::other(error))),
    }
}

/// Returns the path of an object below a folder.
fn below<'a>(entry: &'a ObjectEntry, folder: &ObjectKey) -> Option<&'a str> {
    entry.key.as_str().strip_prefix(folder.as_str())?.strip_prefix('/')
}

fn stamp(entry: &ObjectEntry) -> Stamp {
    Stamp { size: entry.size, modified: entry.modified.micros() }
}

fn folders(folder: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // A link to a folder counts: volumes of Kubernetes consist of them.
        if let (true, Ok(name)) = (entry.path().is_dir(), entry.file_name().into_string())
            && is_name(&name)
        {
            match files(&entry.path()) {
                Ok(files) => drop(listing.models.insert(name, files)),
                Err(error) => drop(listing.unreadable.insert(name, error)),
            }
        }
    }
    Ok(listing)
}

/// Returns the files below a folder. There are none if the folder does not exist.
fn files(folder: &Path) -> io::Result<Files> {
    let mut found = Files::new();
    match walk(folder, "", DEEPEST, &mut found) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && found.is_empty() => Ok(found),
        other => other.map(|()| found),
    }
}

fn walk(folder: &Path, path: &str, depth: usize, found: &mut Files) -> io::Result<()> {
    let Some(depth) = depth.checked_sub(1) else { return Ok(()) };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') || found.len() >= MOST_FILES {
            continue;
        }
        let path = if path.is_empty() { name } else { format!("{path}/{name}") };
        // A file may vanish after it was listed.
        let Ok(metadata) = fs::metadata(entry.path()) else { continue };
        if metadata.is_dir() {
            walk(&entry.path(), &path, depth, found)?;
        } else if metadata.is_file() {
            let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            let modified = modified.map_or(0, |time| i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
            found.insert(path, Stamp { size: metadata.len(), modified });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use marquee_ports::memory::{Fault, MemoryObjects, Step};
    use marquee_ports::{ErrorKind, Precondition};

    use super::*;

    async fn check(source: Source) {
        let files = source.files("rate").await.expect("lists");
        let listing = source.models().await.expect("lists");
        assert_eq!(listing.models, BTreeMap::from([("rate".to_owned(), files.clone())]));
        let sizes: Vec<_> = files.iter().map(|(path, stamp)| (path.as_str(), stamp.size)).collect();
        assert_eq!(sizes, [("1/model.onnx", 5), ("config.pbtxt", 2)]);
        assert_eq!(source.read("rate", "1/model.onnx").await.expect("reads"), "model");
        assert!(source.read("rate", "2/model.onnx").await.is_err());
        assert!(source.files("other").await.expect("lists").is_empty());
    }

    #[tokio::test]
    async fn a_folder_and_the_object_store_are_read_alike() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("writes");
            fs::write(path, text).expect("writes");
        };
        let objects = MemoryObjects::default();
        for (path, text) in [("rate/1/model.onnx", "model"), ("rate/config.pbtxt", "{}")] {
            write(path, text);
            let key = ObjectKey::try_new(&format!("onnx/{path}")).expect("valid");
            objects.put(&key, Bytes::from_static(text.as_bytes()), Precondition::None).await.expect("writes");
        }
        write(".hidden/1/model.onnx", "model");
        write("rate/.hidden", "model");
        check(Source::Folder(folder.path().to_owned())).await;
        check(Source::Objects(Arc::new(objects), ObjectKey::try_new("onnx").expect("valid"))).await;
        let listed = MemoryObjects::default();
        for path in ["onnx/a/1/model.onnx", "onnx/b/1/model.onnx"] {
            let key = ObjectKey::try_new(path).expect("valid");
            listed.put(&key, Bytes::from_static(b"model"), Precondition::None).await.expect("writes");
        }
        listed.faults().add(Step::on("list", 2, Fault::Fail(ErrorKind::Unavailable)));
        let source = Source::Objects(Arc::new(listed), ObjectKey::try_new("onnx").expect("valid"));
        assert_eq!(source.models().await.expect("lists once, however many models there are").models.len(), 2);
        assert!(source.models().await.is_err());
        assert!(Source::Folder(folder.path().join("absent")).models().await.is_err());
        assert!(Source::Absent.models().await.expect("none").models.is_empty());
    }
}
