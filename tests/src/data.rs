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
