//! The real data sets, where they are.

use std::path::PathBuf;

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
