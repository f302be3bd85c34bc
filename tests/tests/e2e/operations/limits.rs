//! What the shell that starts a process leaves it: a umask, and few open files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use marquee_e2e::{Launch, until};
use tokio::net::TcpStream;

use super::PROGRAM;

/// A fleet whose shell runs a command before it.
pub(crate) fn limited(folder: &Path, limits: &str) -> Launch {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/operations/limited.sh");
    let variables = [("PROGRAM", PROGRAM), ("LIMITS", limits)];
    let launch = Launch::new(script, folder).set("ingest.unknown_movies=accept");
    launch.variables(variables.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// Returns everything below a folder that other users can read, write or enter.
fn exposed(folder: &Path) -> Result<Vec<String>> {
    let (mut exposed, mut waiting) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(path) = waiting.pop() {
        let metadata = fs::symlink_metadata(&path)?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            exposed.push(format!("{} has the mode {mode:o}", path.display()));
        }
        if metadata.is_dir() {
            waiting.extend(fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?);
        }
    }
    Ok(exposed)
}

#[tokio::test(flavor = "multi_thread")]
async fn other_users_can_read_nothing_of_a_fleet_whatever_its_umask() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let fleet = limited(&data, "umask 000").start().await?;
    let clients = fleet.clients()?;
    let position = clients.rate("user", "movie", 4.0).await?;
    assert_eq!(clients.user("user", &[position]).await?.history.len(), 1);
    for part in ["log", "store", "models", "keys"] {
        ensure!(data.join(part).exists(), "there is no {part}");
    }
    assert_eq!(exposed(&data)?, [""; 0], "while it runs");
    assert_eq!(fleet.stop().await?, Some(0));
    assert_eq!(exposed(&data)?, [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_leave_open_files_for_the_work_of_the_process() -> Result<()> {
    const FILES: usize = 256;
    let folder = tempfile::tempdir()?;
    let said = folder.path().join("said");
    let limits = format!("ulimit -n {FILES}; exec 2>{}", said.display());
    let fleet = limited(&folder.path().join("data"), &limits).start().await?;
    let descriptors = format!("/proc/{}/fd", fleet.addresses().pid);
    let address = fleet.addresses().http.trim_start_matches("http://").to_owned();
    let mut idle = Vec::new();
    for _ in 0..40 {
        for _ in 0..10 {
            idle.push(TcpStream::connect(&address).await?);
        }
        // When this is answered, all earlier connections have been accepted.
        assert_eq!(fleet.http().get("/livez").await?.status, 200);
        // A connection that made room is closed a moment later.
        let open = || fs::read_dir(&descriptors).ok().map(Iterator::count);
        until("files are left", async || open().filter(|open| *open <= FILES - 16)).await?;
    }
    // Many at once.
    idle = try_join_all((0..400).map(|_| TcpStream::connect(&address))).await?;
    let position = fleet.clients()?.rate("user", "movie", 4.0).await?;
    assert_eq!(fleet.clients()?.user("user", &[position]).await?.history.len(), 1);
    assert_eq!(fleet.http().get("/readyz").await?.status, 200);
    drop(idle);
    assert_eq!(fleet.stop().await?, Some(0));
    let said = fs::read_to_string(&said).context("read what it said")?;
    assert!(said.contains("the limit of open files allows fewer connections"), "{said}");
    assert!(!said.contains("could not accept a connection"), "{said}");
    assert!(!said.contains("Too many open files"), "{said}");
    Ok(())
}
