//! Where MovieLens 100K is, which commands use if no other data set is given.

use std::path::PathBuf;

/// The path of the data set below the user's cache folder, where `make movielens` puts it.
const CACHED: &str = "marquee/movielens-100k";

/// Returns the path where `make movielens` puts the data set, or `None` without a cache folder.
pub(crate) fn cached() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    Some(cache?.join(CACHED))
}
