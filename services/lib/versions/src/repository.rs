//! A repository: the folder with `.dvc`, where data and their pointers lie.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cache::Cache;
use crate::config::{self, RemoteConfig};
use crate::files::{Count, Data, digest_of, each};
use crate::pointer::EXTENSION;
use crate::{Digest, Entry, Error, Manifest, Pointer, Watch};

/// What `.dvc/.gitignore` has.
const IGNORED: &str = "/config.local\n/tmp\n/cache\n";

/// A repository of data sets.
#[derive(Debug, Clone)]
pub struct Repository {
    root: PathBuf,
    pub(crate) cache: Cache,
}

/// Data and their pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file or folder.
    pub(crate) data: PathBuf,
    /// The `.dvc` file beside it.
    pub(crate) pointer: PathBuf,
    /// The name of the data.
    pub(crate) name: String,
}

/// Whether the workspace has a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The data are those of the version, and the cache has them.
    Saved,
    /// The data are those of the version, and the cache lacks them.
    NotInCache,
    /// The data are others.
    Changed,
    /// There are no data.
    Missing,
}

/// A data set with a version.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// The path from the repository on.
    pub path: PathBuf,
    /// The version that its pointer names.
    pub pointer: Pointer,
    /// Whether the workspace has it.
    pub state: State,
}

/// What data in the workspace are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Missing,
    File(Entry),
    Folder(Manifest),
}

impl Content {
    pub(crate) fn digest(&self) -> Option<Digest> {
        match self {
            Self::Missing => None,
            Self::File(file) => Some(file.digest.clone()),
            Self::Folder(manifest) => Some(Digest::of_folder(&manifest.to_bytes())),
        }
    }

    /// Returns the files, in the order of [`Data::files`].
    pub(crate) fn entries(&self) -> &[Entry] {
        match self {
            Self::Missing => &[],
            Self::File(file) => std::slice::from_ref(file),
            Self::Folder(manifest) => manifest.entries(),
        }
    }
}

impl Repository {
    fn at(root: PathBuf) -> Self {
        let cache = Cache::new(root.join(".dvc/cache"), true);
        Self { root, cache }
    }

    /// Finds the repository of a folder: it or one above it has `.dvc`.
    ///
    /// # Errors
    /// There is none.
    pub fn find(from: &Path) -> Result<Self, Error> {
        let from = fs::canonicalize(from).map_err(Error::io("look at", from))?;
        let root = from.ancestors().find(|folder| folder.join(".dvc").is_dir());
        root.map(|root| Self::at(root.to_owned())).ok_or(Error::NoRepository(from))
    }

    /// Makes a repository as `dvc init` does. One that is there stays as it is. `remote` becomes
    /// the default remote of a new one.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn init(at: &Path, remote: Option<&RemoteConfig>) -> Result<Self, Error> {
        let root = fs::canonicalize(at).map_err(Error::io("look at", at))?;
        let folder = root.join(".dvc");
        if folder.is_dir() {
            return Ok(Self::at(root));
        }
        let mut core = String::new();
        if remote.is_some() {
            core.push_str("    remote = store\n");
        }
        if !root.join(".git").exists() {
            core.push_str("    no_scm = True\n");
        }
        let mut text = if core.is_empty() { String::new() } else { format!("[core]\n{core}") };
        if let Some(RemoteConfig { url, options }) = remote {
            text.push_str(&format!("['remote \"store\"']\n    url = {url}\n"));
            options.iter().for_each(|(key, value)| text.push_str(&format!("    {key} = {value}\n")));
        }
        fs::create_dir(&folder).map_err(Error::io("make", &folder))?;
        write(&folder.join(".gitignore"), IGNORED)?;
        write(&folder.join("config"), &text)?;
        Ok(Self::at(root))
    }

    /// Returns the folder of the repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the default remote.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub fn remote(&self) -> Result<Option<RemoteConfig>, Error> {
        config::remote(&self.root.join(".dvc"))
    }

    /// Finds data by their path or that of their pointer.
    pub(crate) fn place(&self, path: &Path) -> Result<Place, Error> {
        let outside = || Error::Outside(path.to_owned());
        let stem = match path.extension() {
            Some(extension) if extension == EXTENSION => path.with_extension(""),
            _ => path.to_owned(),
        };
        let name = stem.file_name().and_then(|name| name.to_str()).ok_or_else(outside)?.to_owned();
        let parent = match stem.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let parent = fs::canonicalize(parent).map_err(Error::io("look at", parent))?;
        let inside = parent.strip_prefix(&self.root).map_err(|_| outside())?.join(&name);
        let is_kept = |part: Component<'_>| matches!(part.as_os_str().to_str(), Some(".dvc" | ".git"));
        if inside.components().any(is_kept) {
            return Err(outside());
        }
        Ok(Place { data: parent.join(&name), pointer: parent.join(format!("{name}.{EXTENSION}")), name })
    }

    /// Reads a pointer. `None` if there is none.
    pub(crate) fn read(place: &Place) -> Result<Option<Pointer>, Error> {
        let text = match fs::read_to_string(&place.pointer) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &place.pointer)(error)),
        };
        Pointer::parse(&text).map(Some).map_err(|reason| Error::malformed(&place.pointer, reason))
    }

    /// Returns the version of data.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn pointer(&self, path: &Path) -> Result<Pointer, Error> {
        let place = self.place(path)?;
        Self::read(&place)?.ok_or(Error::Nothing(place.data))
    }

    /// Reads what the workspace has, and computes the digests.
    pub(crate) fn content(data: &Data, watch: &dyn Watch) -> Result<Content, Error> {
        let files = data.files();
        let count = Count::new(files.iter().map(|file| file.size).sum(), watch);
        let digests = each(files, |file| Ok(digest_of(&file.path, &count)?.0))?;
        let mut entries = files.iter().zip(digests).map(|(file, digest)| Entry { path: file.inside.clone(), digest });
        Ok(match data {
            Data::Missing => Content::Missing,
            Data::File(_) => entries.next().map_or(Content::Missing, Content::File),
            Data::Folder(_) => Content::Folder(Manifest::new(entries.collect())),
        })
    }

    /// Returns the paths of all data with a pointer. Folders whose names begin with a dot have
    /// none.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn paths(&self) -> Result<Vec<PathBuf>, Error> {
        let (mut waiting, mut found) = (vec![self.root.clone()], Vec::new());
        while let Some(folder) = waiting.pop() {
            let mut here = Vec::new();
            for entry in fs::read_dir(&folder).map_err(Error::io("list", &folder))? {
                here.push(entry.map_err(Error::io("list", &folder))?.path());
            }
            here.retain(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')));
            let is_pointer = |path: &&PathBuf| path.extension().is_some_and(|end| end == EXTENSION) && path.is_file();
            let data: Vec<PathBuf> = here.iter().filter(is_pointer).map(|path| path.with_extension("")).collect();
            // What lies inside of data is data.
            let is_folder = |path: &&PathBuf| path.is_dir() && !path.is_symlink() && !data.contains(path);
            waiting.extend(here.iter().filter(is_folder).cloned());
            found.extend(data);
        }
        found.sort();
        Ok(found)
    }

    /// Returns every data set of the repository, by path.
    ///
    /// # Errors
    /// A file cannot be read or understood, or the watcher cancels.
    pub fn sets(&self, watch: &dyn Watch) -> Result<Vec<DataSet>, Error> {
        let set = |path: PathBuf| {
            let place = self.place(&path)?;
            let pointer = Self::read(&place)?.ok_or_else(|| Error::Nothing(place.data.clone()))?;
            let state = self.state(&place, &pointer, watch)?;
            let path = place.data.strip_prefix(&self.root).unwrap_or(&place.data).to_owned();
            Ok(DataSet { path, pointer, state })
        };
        self.paths()?.into_iter().map(set).collect()
    }

    /// Returns the version of data in a Git revision. `None` if it has none there.
    ///
    /// # Errors
    /// Git is not there or does not know the revision, or the pointer cannot be understood.
    pub fn pointer_at(&self, path: &Path, revision: &str) -> Result<Option<Pointer>, Error> {
        let place = self.place(path)?;
        let inside = place.pointer.strip_prefix(&self.root).unwrap_or(&place.pointer).display().to_string();
        let git = |arguments: &[&str]| {
            let ran = Command::new("git").arg("-C").arg(&self.root).args(arguments).stdin(Stdio::null()).output();
            ran.map_err(|error| Error::Git(format!("cannot run `git`: {error}")))
        };
        // A revision that looks like an option is none.
        let known = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")])?;
        if !known.status.success() {
            return Err(Error::Git(format!("there is no revision `{revision}`")));
        }
        let commit = String::from_utf8_lossy(&known.stdout).trim().to_owned();
        let shown = git(&["show", &format!("{commit}:./{inside}")])?;
        if !shown.status.success() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&shown.stdout);
        let malformed = |reason| Error::malformed(Path::new(&format!("{revision}:{inside}")), reason);
        Pointer::parse(&text).map(Some).map_err(malformed)
    }

    fn state(&self, place: &Place, pointer: &Pointer, watch: &dyn Watch) -> Result<State, Error> {
        let data = Data::look(&place.data)?;
        let expected = &pointer.out.digest;
        let content = Self::content(&data, watch)?;
        Ok(match content.digest() {
            None => State::Missing,
            Some(found) if found != *expected => State::Changed,
            Some(_) if self.lacks(expected)? => State::NotInCache,
            Some(_) => State::Saved,
        })
    }

    /// Returns whether the cache lacks contents of a version.
    fn lacks(&self, digest: &Digest) -> Result<bool, Error> {
        if !digest.is_folder() {
            return Ok(!self.cache.has(digest));
        }
        let Some(manifest) = self.cache.manifest(digest)? else { return Ok(true) };
        Ok(manifest.entries().iter().any(|entry| !self.cache.has(&entry.digest)))
    }
}

/// Replaces a text file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tmp");
    let beside = PathBuf::from(beside);
    fs::write(&beside, text).map_err(Error::io("write", &beside))?;
    fs::rename(&beside, path).map_err(Error::io("write", path))
}
