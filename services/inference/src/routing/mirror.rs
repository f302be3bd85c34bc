//! The last effective routing table on the local disk, from which an instance starts while the
//! object store is away.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use marquee_domain::Route;
use serde::{Deserialize, Serialize};

use super::stored::StoredRoute;
use super::table::RouteMap;

/// The format that this code writes.
const FORMAT: u32 = 2;

/// The file of the mirror.
#[derive(Debug, Clone)]
pub(crate) struct Mirror(PathBuf);

#[derive(Debug, Serialize)]
struct Written {
    format: u32,
    routes: Vec<StoredRoute>,
}

/// The forms that are read. Format 1 was a bare list. Fields of newer formats are ignored: the file
/// belongs to this instance and is written as a whole.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Readable {
    List(Vec<StoredRoute>),
    Versioned { routes: Vec<StoredRoute> },
}

impl Mirror {
    /// Returns the mirror in a folder, or `None` if the path is empty.
    pub(crate) fn in_folder(folder: &Path) -> Option<Self> {
        (!folder.as_os_str().is_empty()).then(|| Self(folder.join("routes.json")))
    }

    /// Reads the table. A file that is absent or unreadable counts as an empty table.
    pub(crate) fn read(&self) -> RouteMap {
        // A pipe or a device would be waited for.
        if !self.0.is_file() {
            return RouteMap::new();
        }
        let Ok(bytes) = std::fs::read(&self.0) else { return RouteMap::new() };
        let path = self.0.display();
        let stored = match parse(&bytes) {
            Ok(routes) => routes,
            Err(error) => {
                tracing::warn!(%error, %path, "the mirrored routing table is unreadable and is ignored");
                return RouteMap::new();
            }
        };
        let mut table = RouteMap::new();
        for stored in stored {
            match stored.route() {
                Ok(route) => drop(table.insert(route.model().clone(), Arc::new(route))),
                Err(error) => tracing::warn!(%error, %path, "a mirrored route is invalid and is ignored"),
            }
        }
        table
    }

    /// Replaces the table. A reader sees the old or the new file, never a part of one.
    pub(crate) fn write<'a>(&self, routes: impl Iterator<Item = &'a Route>) -> std::io::Result<()> {
        if let Some(folder) = self.0.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let written = Written { format: FORMAT, routes: routes.map(StoredRoute::new).collect() };
        let temporary = self.0.with_extension("tmp");
        std::fs::write(&temporary, serde_json::to_vec_pretty(&written)?)?;
        std::fs::rename(&temporary, &self.0)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

/// Parses a mirror of either form.
pub(super) fn parse(json: &[u8]) -> serde_json::Result<Vec<StoredRoute>> {
    match serde_json::from_slice(json)? {
        Readable::List(routes) | Readable::Versioned { routes } => Ok(routes),
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::Version;

    use super::*;
    use crate::testing::{name, route};

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let mirror = Mirror::in_folder(&folder.path().join("inference")).unwrap();
        assert!(mirror.read().is_empty());
        mirror.write([&route(2, &[(3, 100)])].into_iter()).unwrap();
        assert_eq!(*mirror.read()[&name()], route(2, &[(3, 100)]));
    }

    #[test]
    fn a_mirror_of_the_first_format_is_read_and_a_damaged_one_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let mirror = Mirror::in_folder(folder.path()).unwrap();
        let first = r#"[{"model": "ratings", "stable": 4, "candidates": [], "salt": "s", "revision": 3}]"#;
        std::fs::write(mirror.path(), first).unwrap();
        assert_eq!(mirror.read()[&name()].stable(), Version(4));
        std::fs::write(mirror.path(), "{").unwrap();
        assert!(mirror.read().is_empty());
    }
}
