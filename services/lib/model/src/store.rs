//! Packages in an object store, under `models/<name>/<version>/`.
//!
//! The manifest is written last, and only if it is absent. A version exists when its manifest
//! exists. A version is never changed afterwards, and two publishers that try the same number at
//! the same time get two different numbers. A version that is withdrawn is gone, and its number is
//! not used again.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{ModelName, Version};
use marquee_ports::{Error, ErrorKind, ObjectEntry, ObjectKey, ObjectStore, Precondition};

use crate::files::{LARGEST_MANIFEST, LARGEST_SIGNATURE, MANIFEST, SIGNATURE};
use crate::manifest::Manifest;
use crate::package::sha256;

/// The object that reserves a version's number, and its content.
const CLAIM: &str = "claim";
const CLAIMED: &[u8] = b"claimed\n";

/// How many versions are searched for the one that a training run published.
const NEWEST: usize = 8;

/// The largest graph or table: that of a protobuf message, which a graph is.
const LARGEST_FILE: u64 = 2 << 30;

/// Identifies the content of a version's folder. The stamp changes when a file is added, removed or
/// written again. Stamps can be compared within one process only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// A hash of the names, sizes and times of the files.
    pub content: u64,
    /// The size of its graphs and tables together: about what it takes once it is loaded.
    pub bytes: u64,
}

/// Model packages by name and version. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ModelStore(Arc<dyn ObjectStore>);

/// Returns what a file of a package takes once it is loaded. A graph or table of more than 2 GiB is
/// none, and a load refuses it with the reason; files that are no part of a package are not read.
fn held(file: &str, size: u64) -> u64 {
    let stays = file.ends_with(".onnx") || file.ends_with(".parquet");
    if stays && size <= LARGEST_FILE { size } else { 0 }
}

impl ModelStore {
    /// Creates a store of packages over an object store.
    pub fn new(objects: Arc<dyn ObjectStore>) -> Self {
        Self(objects)
    }

    /// Returns the folder of a version's package.
    ///
    /// # Errors
    /// The name does not fit into a path of the object store.
    pub fn folder(name: &ModelName, version: Version) -> Result<ObjectKey, Error> {
        key(&format!("models/{name}/{version}"))
    }

    /// Returns every version that exists, with a stamp that changes when one of its files changes.
    pub async fn stamps(&self) -> Result<BTreeMap<(ModelName, Version), Stamp>, Error> {
        let mut folders: BTreeMap<(ModelName, Version), (bool, u64, DefaultHasher)> = BTreeMap::new();
        for entry in self.0.list(Some(&key("models")?)).await? {
            let mut parts = entry.key.as_str().splitn(4, '/').skip(1);
            let (Some(name), Some(version), Some(file)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let (Ok(name), Ok(version)) = (ModelName::try_new(name), version.parse()) else { continue };
            let (exists, bytes, hasher) = folders.entry((name, Version(version))).or_default();
            *exists |= file == MANIFEST;
            *bytes = bytes.saturating_add(held(file, entry.size));
            (file, entry.size, entry.modified).hash(hasher);
        }
        let existing = folders.into_iter().filter(|(_, (exists, ..))| *exists);
        let stamp = |bytes, hasher: DefaultHasher| Stamp { content: hasher.finish(), bytes };
        Ok(existing.map(|(key, (_, bytes, hasher))| (key, stamp(bytes, hasher))).collect())
    }

    /// Returns the versions of a model in ascending order.
    pub async fn versions(&self, name: &ModelName) -> Result<BTreeSet<Version>, Error> {
        Ok(self.manifests(name).await?.into_keys().collect())
    }

    /// Returns the manifest of each version of a model.
    async fn manifests(&self, name: &ModelName) -> Result<BTreeMap<Version, ObjectEntry>, Error> {
        let folder = key(&format!("models/{name}"))?;
        let version = |entry: &ObjectEntry| {
            let (version, file) =
                entry.key.as_str().strip_prefix(folder.as_str())?.strip_prefix('/')?.split_once('/')?;
            (file == MANIFEST).then(|| version.parse().ok()).flatten().map(Version)
        };
        let entries = self.0.list(Some(&folder)).await?.into_iter();
        Ok(entries.filter_map(|entry| Some((version(&entry)?, entry))).collect())
    }

    /// Returns the bytes of a version's manifest, or `None` if the version does not exist.
    pub async fn manifest(&self, name: &ModelName, version: Version) -> Result<Option<Bytes>, Error> {
        match self.stored(name, version).await?.get(MANIFEST) {
            Some(entry) => self.read(entry, LARGEST_MANIFEST).await,
            None => Ok(None),
        }
    }

    /// Returns the version that a training run published, with the digest of its manifest. Looks at
    /// the newest versions only: a run is asked about soon after it ended.
    pub async fn published_by(&self, name: &ModelName, training: &str) -> Result<Option<(Version, String)>, Error> {
        for (&version, entry) in self.manifests(name).await?.iter().rev().take(NEWEST) {
            let Some(bytes) = self.read(entry, LARGEST_MANIFEST).await? else { continue };
            let of_run = |manifest: &Manifest| manifest.training.as_deref() == Some(training);
            if Manifest::parse(&bytes).ok().as_ref().is_some_and(of_run) {
                return Ok(Some((version, sha256(&bytes))));
            }
        }
        Ok(None)
    }

    /// Returns the files of a version by name: the manifest, its signature, and each file that the
    /// manifest lists and that is stored. Returns `None` if the version does not exist.
    ///
    /// Only files that the manifest lists are read, and only if they have the listed length. So a
    /// writer of the store cannot make a reader load an arbitrary amount of data. Fails with kind
    /// `Corrupt` if a length is wrong.
    pub async fn fetch(&self, name: &ModelName, version: Version) -> Result<Option<BTreeMap<String, Bytes>>, Error> {
        let stored = self.stored(name, version).await?;
        let Some(manifest) = stored.get(MANIFEST) else { return Ok(None) };
        let Some(manifest) = self.read(manifest, LARGEST_MANIFEST).await? else { return Ok(None) };
        // A manifest that cannot be parsed lists no files here. The caller gets the reason from
        // `Package::open`.
        let listed = Manifest::parse(&manifest).map(|manifest| manifest.files).unwrap_or_default();
        let mut files = BTreeMap::from([(MANIFEST.to_owned(), manifest)]);
        if let Some(entry) = stored.get(SIGNATURE)
            && let Some(bytes) = self.read(entry, LARGEST_SIGNATURE).await?
        {
            files.insert(SIGNATURE.to_owned(), bytes);
        }
        for (file, expected) in listed {
            let Some(entry) = stored.get(&file) else { continue };
            if entry.size != expected.size {
                let doing = format!(
                    "read {}: it has {} bytes, but its manifest lists {}",
                    entry.key, entry.size, expected.size
                );
                return Err(Error::bare(ErrorKind::Corrupt, doing));
            }
            if let Some(object) = self.0.get(&entry.key).await? {
                files.entry(file).or_insert(object.bytes);
            }
        }
        Ok(Some(files))
    }

    /// Returns the objects in the folder of a version, by file name.
    async fn stored(&self, name: &ModelName, version: Version) -> Result<BTreeMap<String, ObjectEntry>, Error> {
        let folder = Self::folder(name, version)?;
        let name = |entry: &ObjectEntry| Some(entry.key.as_str().strip_prefix(folder.as_str())?.get(1..)?.to_owned());
        let entries = self.0.list(Some(&folder)).await?.into_iter();
        Ok(entries.filter_map(|entry| Some((name(&entry)?, entry))).collect())
    }

    async fn read(&self, entry: &ObjectEntry, most: usize) -> Result<Option<Bytes>, Error> {
        if entry.size > most as u64 {
            let doing = format!("read {}: it has {} bytes, but at most {most} are allowed", entry.key, entry.size);
            return Err(Error::bare(ErrorKind::Corrupt, doing));
        }
        Ok(self.0.get(&entry.key).await?.map(|object| object.bytes))
    }

    /// Publishes a package under the next free version number. `build` makes the files for a
    /// number, because the signed manifest contains the number. Calls `build` again with a higher
    /// number if another publisher took the first one.
    pub async fn publish<E>(
        &self,
        name: &ModelName,
        build: impl FnMut(Version) -> Result<BTreeMap<String, Bytes>, E>,
    ) -> Result<Result<Version, E>, Error> {
        let always = || std::future::ready(Ok(true));
        let refused = || Error::bare(ErrorKind::Invalid, "publish a package that its publisher refused");
        match self.publish_if(name, build, always).await? {
            Ok(version) => version.map(Ok).ok_or_else(refused),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Publishes like [`Self::publish`], and asks `may_publish` when everything but the manifest is
    /// written. If the answer is no, the files are removed, and the result is `None`.
    pub async fn publish_if<E, F>(
        &self,
        name: &ModelName,
        mut build: impl FnMut(Version) -> Result<BTreeMap<String, Bytes>, E>,
        may_publish: impl Fn() -> F,
    ) -> Result<Result<Option<Version>, E>, Error>
    where
        F: Future<Output = Result<bool, Error>>,
    {
        let mut version = Version(self.versions(name).await?.last().map_or(1, |last| last.0 + 1));
        loop {
            let files = match build(version) {
                Ok(files) => files,
                Err(error) => return Ok(Err(error)),
            };
            match self.put(name, version, files, &may_publish).await {
                Ok(published) => return Ok(Ok(published.then_some(version))),
                Err(error) if error.kind() == ErrorKind::Conflict => version = Version(version.0 + 1),
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes a version. The claim stays behind, so that its number is not used again.
    pub async fn withdraw(&self, name: &ModelName, version: Version) -> Result<(), Error> {
        self.0.put(&file(name, version, CLAIM)?, Bytes::from_static(CLAIMED), Precondition::None).await?;
        // Without its manifest, the version does not exist, whatever happens to the other files.
        self.0.delete(&file(name, version, MANIFEST)?).await?;
        for (path, entry) in self.stored(name, version).await? {
            if path != CLAIM {
                self.0.delete(&entry.key).await?;
            }
        }
        Ok(())
    }

    /// Writes the files of a version. Returns whether it was published.
    async fn put<F>(
        &self,
        name: &ModelName,
        version: Version,
        mut files: BTreeMap<String, Bytes>,
        may_publish: impl Fn() -> F,
    ) -> Result<bool, Error>
    where
        F: Future<Output = Result<bool, Error>>,
    {
        let Some(manifest) = files.remove(MANIFEST) else {
            return Err(Error::bare(ErrorKind::Invalid, "publish a package without a manifest"));
        };
        // The claim is written first, so that two publishers never write into the same folder.
        let claim = file(name, version, CLAIM)?;
        self.0.put(&claim, Bytes::from_static(CLAIMED), Precondition::Absent).await?;
        for (path, bytes) in files {
            self.0.put(&file(name, version, &path)?, bytes, Precondition::None).await?;
        }
        if !may_publish().await? {
            self.withdraw(name, version).await?;
            return Ok(false);
        }
        self.0.put(&file(name, version, MANIFEST)?, manifest, Precondition::Absent).await?;
        // The version exists now. A claim that stays behind is harmless: the manifest reserves the
        // number as well. So a failed deletion must not make the published version look failed.
        let _ = self.0.delete(&claim).await;
        Ok(true)
    }
}

fn key(text: &str) -> Result<ObjectKey, Error> {
    ObjectKey::try_new(text).map_err(|error| Error::new(ErrorKind::Invalid, "name an object of a model", error))
}

fn file(name: &ModelName, version: Version, path: &str) -> Result<ObjectKey, Error> {
    key(&format!("models/{name}/{version}/{path}"))
}

#[cfg(test)]
mod tests {
    use marquee_ports::memory::{Fault, MemoryObjects, Step};

    use super::*;

    #[tokio::test]
    async fn a_published_version_succeeds_even_if_its_claim_stays() {
        let objects = MemoryObjects::default();
        objects.faults().add(Step::on("delete", 1, Fault::Fail(ErrorKind::Unavailable)));
        let store = ModelStore::new(Arc::new(objects));
        let name = ModelName::try_new("ratings").expect("valid");
        let files = |_| Ok::<_, Error>(BTreeMap::from([(MANIFEST.to_owned(), Bytes::from_static(b"{}"))]));
        for number in [1, 2] {
            let published = store.publish(&name, files).await.expect("publishes").expect("builds");
            assert_eq!(published, Version(number));
        }
        assert_eq!(store.versions(&name).await.expect("lists").len(), 2);
    }

    #[test]
    fn what_cannot_be_loaded_takes_no_memory() {
        assert_eq!(held("encoder.onnx", 10) + held("movies.parquet", 5), 15);
        for (file, size) in [("more.bin", 10), ("manifest.json", 10), ("encoder.onnx", 1 << 40), ("report.html", 10)] {
            assert_eq!(held(file, size), 0, "{file}");
        }
    }

    #[tokio::test]
    async fn a_publisher_that_may_not_publish_any_more_leaves_no_version() {
        let objects = MemoryObjects::default();
        let store = ModelStore::new(Arc::new(objects.clone()));
        let name = ModelName::try_new("ratings").expect("valid");
        let files = |_| {
            let files = [(MANIFEST, "{}"), ("encoder.onnx", "graph")];
            Ok::<_, Error>(files.map(|(name, text)| (name.to_owned(), Bytes::from(text))).into_iter().collect())
        };
        let refused =
            store.publish_if(&name, files, || std::future::ready(Ok(false))).await.expect("answers").expect("builds");
        assert_eq!((refused, store.versions(&name).await.expect("lists").len()), (None, 0));
        let published = store.publish(&name, files).await.expect("publishes").expect("builds");
        assert_eq!(published, Version(2), "the number is not used again");

        store.withdraw(&name, published).await.expect("withdraws");
        assert!(store.versions(&name).await.expect("lists").is_empty());
        let left = objects.list(None).await.expect("lists");
        assert!(left.iter().all(|entry| entry.key.as_str().ends_with("/claim")), "{left:?}");
        assert_eq!(store.publish(&name, files).await.expect("publishes").expect("builds"), Version(3));
    }

    #[tokio::test]
    async fn the_version_of_a_run_is_found_by_its_manifest() {
        let store = ModelStore::new(Arc::new(MemoryObjects::default()));
        let name = ModelName::try_new("ratings").expect("valid");
        let manifest = crate::manifest::tests::FIRST_RELEASE;
        for training in ["t1", "t2"] {
            let json = manifest.replacen('{', &format!("{{\"training\": \"{training}\", "), 1);
            let files = |_| Ok::<_, Error>(BTreeMap::from([(MANIFEST.to_owned(), Bytes::from(json.clone()))]));
            store.publish(&name, files).await.expect("publishes").expect("builds");
        }
        let version =
            async |training| store.published_by(&name, training).await.expect("reads").map(|(version, _)| version);
        assert_eq!(
            [version("t1").await, version("t2").await, version("t3").await],
            [Some(Version(1)), Some(Version(2)), None]
        );
    }
}
