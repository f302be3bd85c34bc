//! Moves a model package from one fleet's object store to another's, as a pipeline outside the
//! fleet would publish it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use marquee_domain::{ModelName, Version};
use marquee_embedded::EmbeddedObjects;
use marquee_model::{MANIFEST, ModelStore};
use marquee_objects::S3Objects;

use crate::backends::ObjectsBackend;
use crate::resources::OBJECTS_FOLDER;
use crate::settings::Settings;

/// The files of a package by name.
pub(super) type Files = BTreeMap<String, Bytes>;

/// Makes the next version of a data folder that no fleet uses yet the given one.
pub(super) async fn reserve_up_to(folder: &Path, model: &ModelName, version: Version) -> Result<()> {
    let store = ModelStore::new(Arc::new(EmbeddedObjects::open(&folder.join(OBJECTS_FOLDER))?));
    for earlier in 1..version.0 {
        store.withdraw(model, Version(earlier)).await?;
    }
    Ok(())
}

/// Reads a package from a data folder that no fleet uses any more.
pub(super) async fn read(folder: &Path, model: &ModelName, version: Version) -> Result<Files> {
    let store = ModelStore::new(Arc::new(EmbeddedObjects::open(&folder.join(OBJECTS_FOLDER))?));
    store.fetch(model, version).await?.with_context(|| format!("version {version} does not exist"))
}

/// Publishes a package in the object store of a running fleet with these settings.
pub(super) async fn publish(
    settings: &Settings,
    folder: &Path,
    what: (&ModelName, Version),
    files: Files,
) -> Result<()> {
    let (model, version) = what;
    match settings.backends.objects {
        ObjectsBackend::Embedded => {
            let place = folder.join(OBJECTS_FOLDER).join(format!("objects/models/{model}/{version}"));
            tokio::task::spawn_blocking(move || write(&place, files)).await?
        }
        ObjectsBackend::S3 => {
            let store = ModelStore::new(Arc::new(S3Objects::connect(&settings.s3).await?));
            let published = store.publish(model, |_| anyhow::Ok(files.clone())).await??;
            ensure!(published == version, "the package of version {version} was published as version {published}");
            Ok(())
        }
    }
}

/// Writes a package into the folder of a version. The fleet owns the store, and sees the version
/// when its manifest appears.
fn write(place: &Path, mut files: Files) -> Result<()> {
    let manifest = files.remove(MANIFEST).context("the package has no manifest")?;
    std::fs::create_dir_all(place).with_context(|| format!("create {}", place.display()))?;
    for (name, bytes) in files {
        std::fs::write(place.join(&name), bytes).with_context(|| format!("write {name}"))?;
    }
    let temporary = place.join("manifest.tmp");
    std::fs::write(&temporary, manifest)
        .and_then(|()| std::fs::rename(&temporary, place.join(MANIFEST)))
        .context("write the manifest")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(version: Version) -> Files {
        let manifest = Bytes::from(format!("{{\"version\": {version}}}"));
        BTreeMap::from([(MANIFEST.to_owned(), manifest), ("manifest.sig".to_owned(), Bytes::from_static(b"sig"))])
    }

    #[tokio::test]
    async fn a_package_moves_between_data_folders_under_its_number() {
        let (made, used) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let model = ModelName::try_new("ratings").expect("valid");
        reserve_up_to(made.path(), &model, Version(3)).await.expect("reserved");
        let store =
            ModelStore::new(Arc::new(EmbeddedObjects::open(&made.path().join(OBJECTS_FOLDER)).expect("opened")));
        let published = store.publish(&model, |version| anyhow::Ok(files(version))).await.expect("published");
        assert_eq!(published.expect("built"), Version(3));
        drop(store);

        let package = read(made.path(), &model, Version(3)).await.expect("read");
        let what = (&model, Version(3));
        publish(&Settings::default(), used.path(), what, package.clone()).await.expect("published");
        assert_eq!(read(used.path(), &model, Version(3)).await.expect("read"), package);
        assert!(read(used.path(), &model, Version(2)).await.is_err());
    }
}
