//! The file in the data folder that names the addresses of a running fleet, for programs that start
//! one on ports that the system picks.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::listeners::Bound;

const FILE: &str = "addresses.json";

/// The addresses of a running fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// The address of the gRPC listener, as `http://HOST:PORT`, or with `https` if it is encrypted.
    pub grpc: String,
    /// The address of the HTTP listener, likewise.
    pub http: String,
    /// The address of the admin listener, likewise, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<String>,
    /// The id of the process.
    pub pid: u32,
}

impl Addresses {
    /// Returns the addresses of a fleet in this process.
    pub(super) fn of_this_process(scheme: &str, bound: Bound) -> Self {
        let shown = |address: SocketAddr| format!("{scheme}://{address}");
        let (grpc, http) = (shown(bound.grpc), shown(bound.http));
        Self { grpc, http, admin: bound.admin.map(shown), pid: std::process::id() }
    }

    /// Reads the addresses that a fleet on this data folder has written. Returns `None` if the file
    /// does not exist or is not complete.
    pub fn read(data_dir: &Path) -> Option<Self> {
        let path = data_dir.join(FILE);
        // A pipe would be waited for.
        let bytes = if path.is_file() { std::fs::read(path).ok()? } else { return None };
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes the addresses, and the data folder if it does not exist.
    pub(crate) fn write(&self, data_dir: &Path) -> Result<()> {
        let temporary = data_dir.join(format!("{FILE}.tmp"));
        std::fs::create_dir_all(data_dir)
            .and_then(|()| std::fs::write(&temporary, serde_json::to_vec_pretty(self)?))
            .and_then(|()| std::fs::rename(temporary, data_dir.join(FILE)))
            .with_context(|| format!("write the addresses into {}", data_dir.display()))
    }

    /// Removes the file of this process, which is about to end. The file of another process that
    /// shares the folder stays.
    pub(crate) fn remove(data_dir: &Path) {
        if Self::read(data_dir).is_some_and(|addresses| addresses.pid == std::process::id()) {
            // The worst case is a file that names a process that has ended.
            let _ = std::fs::remove_file(data_dir.join(FILE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_back_until_they_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("new");
        assert_eq!(Addresses::read(&data), None);
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let bound = Bound { grpc: address(1), http: address(2), admin: Some(address(3)) };
        let addresses = Addresses::of_this_process("https", bound);
        addresses.write(&data).expect("written");
        assert_eq!(Addresses::read(&data), Some(addresses));
        Addresses::remove(&data);
        assert_eq!(Addresses::read(&data), None);
    }

    #[test]
    fn the_file_of_another_process_in_the_same_folder_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let bound = Bound { grpc: address, http: address, admin: None };
        let other = Addresses { pid: 0, ..Addresses::of_this_process("http", bound) };
        other.write(folder.path()).expect("written");
        Addresses::remove(folder.path());
        assert_eq!(Addresses::read(folder.path()), Some(other));
    }
}
