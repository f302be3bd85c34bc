//! The real data sets, where they are, and folders of data.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use marquee_datasets::{Dataset, Options};

/// Returns a data set by the name of its folder, or `None` if it is absent. With `CI=true` an
/// absent data set is an error if the folder of data sets exists.
pub fn dataset(name: &str) -> Option<Dataset> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("MARQUEE_TEST_DATA").map_or_else(|| beside.clone(), PathBuf::from);
    let folder = root.join(name);
    if !folder.is_dir() {
        let must = beside.is_dir() && std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!must, "data set {name} not found");
        println!("skipped: data set {name} not found");
        return None;
    }
    Some(marquee_datasets::open(&folder, Options::default()).expect("a data set that ships is readable"))
}

/// Returns the folder in which `make` keeps data sets and servers for all checkouts, or `None` if
/// neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    Some(cache?.join("marquee"))
}

/// Opens MovieLens 100K, which `make movielens` keeps in the [`cache`].
pub fn movielens() -> Result<Dataset> {
    let path = cache().context("there is no HOME: set XDG_CACHE_HOME")?.join("movielens-100k");
    marquee_datasets::open(&path, Options::default())
        .with_context(|| format!("open {}: run `make movielens`", path.display()))
}

/// Copies a folder with everything in it.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
