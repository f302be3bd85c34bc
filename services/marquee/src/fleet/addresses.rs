//! The file in the data folder that names the addresses of a running fleet, for programs that start
//! one on ports that the system picks.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

const FILE: &str = "addresses.json";

/// The addresses of a running fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// The address of the gRPC listener, as `http://HOST:PORT`.
    pub grpc: String,
    /// The address of the HTTP listener, as `http://HOST:PORT`.
    pub http: String,
    /// The id of the process.
    pub pid: u32,
}

impl Addresses {
    /// Returns the addresses of a fleet in this process.
    pub(crate) fn of_this_process(grpc: SocketAddr, http: SocketAddr) -> Self {
        Self { grpc: format!("http://{grpc}"), http: format!("http://{http}"), pid: std::process::id() }
    }

    /// Reads the addresses that a fleet on this data folder has written. Returns `None` if the file
    /// does not exist or is not complete.
    pub fn read(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(data_dir.join(FILE)).ok()?).ok()
    }

    /// Writes the addresses, and the data folder if it does not exist.
    pub(crate) fn write(&self, data_dir: &Path) -> Result<()> {
        let temporary = data_dir.join(format!("{FILE}.tmp"));
        std::fs::create_dir_all(data_dir)
            .and_then(|()| std::fs::write(&temporary, serde_json::to_vec_pretty(self)?))
            .and_then(|()| std::fs::rename(temporary, data_dir.join(FILE)))
            .with_context(|| format!("write the addresses into {}", data_dir.display()))
    }

    /// Removes the file of a fleet that has ended.
    pub(crate) fn remove(data_dir: &Path) {
        // A file that does not exist is what is wanted.
        let _ = std::fs::remove_file(data_dir.join(FILE));
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
        let addresses = Addresses::of_this_process(address(1), address(2));
        addresses.write(&data).expect("written");
        assert_eq!(Addresses::read(&data), Some(addresses));
        Addresses::remove(&data);
        assert_eq!(Addresses::read(&data), None);
    }
}
