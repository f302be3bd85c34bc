//! `marquee data`: versions of data sets in the format of DVC. It runs in this process and calls no
//! fleet.

mod remote;
mod results;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clap::{Args, Subcommand};
use marquee_cli::{Error, Output};
use marquee_kit::signals;
use marquee_versions::{Pointer, RemoteConfig, Repository};

use super::progress::Progress;
use results::{CheckedOut, Compared, Listed, Made, Moved};

/// The longest time from a signal to the end: the copy of a large file.
const LONGEST_STOP: Duration = Duration::from_secs(60);

/// Arguments of `data`.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Make this folder a repository of data, as `dvc init` does.
    Init {
        /// Where contents are pushed to: a folder, or s3://BUCKET/PREFIX.
        #[arg(long, value_name = "URL")]
        remote: Option<String>,
        /// The address of an S3-compatible server.
        #[arg(long, value_name = "URL", requires = "remote")]
        endpoint: Option<String>,
    },
    /// Make a version of files and folders. Commit the `.dvc` files with Git.
    Snapshot {
        /// The files and folders.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// List the data sets, and whether the workspace has their versions.
    List,
    /// Show which files differ from the version, or between two versions.
    Diff {
        /// The files and folders. [default: all data sets]
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Compare with the version of this Git revision.
        #[arg(long, value_name = "REVISION")]
        from: Option<String>,
        /// Compare the version of this Git revision, not the workspace.
        #[arg(long, value_name = "REVISION")]
        to: Option<String>,
    },
    /// Bring versions from the cache into the workspace.
    Checkout {
        /// The files and folders. [default: all data sets]
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// The version of this Git revision. [default: what the `.dvc` files say]
        #[arg(long, value_name = "REVISION")]
        revision: Option<String>,
        /// Overwrite contents that no version has.
        #[arg(long)]
        force: bool,
    },
    /// Copy the contents of versions to the remote.
    Push(MoveArgs),
    /// Copy the contents of versions from the remote, and bring them into the workspace.
    Pull {
        #[command(flatten)]
        of: MoveArgs,
        /// Overwrite contents that no version has.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Args)]
struct MoveArgs {
    /// The files and folders. [default: all data sets]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The remote: a folder, or s3://BUCKET/PREFIX. [default: that of `.dvc/config`]
    #[arg(long, value_name = "URL")]
    remote: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(args: DataArgs, output: Output) -> Result<()> {
    let here = std::env::current_dir().context("look at the current folder")?;
    run_in(&here, args, output).await
}

async fn run_in(here: &Path, args: DataArgs, output: Output) -> Result<()> {
    if let DataCommand::Init { remote, endpoint } = &args.command {
        let options = endpoint.iter().map(|url| ("endpointurl".to_owned(), url.clone())).collect();
        // A folder is typed as seen from here, and the configuration is read from `.dvc`.
        let whole = |url: &String| if url.contains("://") { url.clone() } else { here.join(url).display().to_string() };
        let remote = remote.as_ref().map(|url| RemoteConfig { url: whole(url), options });
        let repository = Repository::init(here, remote.as_ref())?;
        output.note(&format!("repository {}", repository.root().display()));
        return Ok(());
    }
    let repository = Repository::find(here).map_err(usage)?;
    let stop = signals::watch(LONGEST_STOP).context("watch for signals")?;
    let progress = Progress::new(output, stop.clone(), "data");
    let work = Work { here: here.to_owned(), repository, progress: progress.clone() };
    let done = match args.command {
        DataCommand::Push(MoveArgs { paths, remote }) => work.push(&paths, remote).await,
        DataCommand::Pull { of: MoveArgs { paths, remote }, force } => work.pull(paths, remote, force).await,
        command => {
            let done = tokio::task::spawn_blocking(move || work.blocking(command));
            done.await.context("wait for the work on data")?
        }
    };
    progress.end();
    // A signal from here on ends the process at once.
    stop.cancel();
    done.map_err(usage)?.show(output)
}

/// Turns what was typed wrong into wrong usage.
fn usage(error: marquee_versions::Error) -> anyhow::Error {
    use marquee_versions::Error as Versions;
    match error {
        Versions::NoRepository(_) | Versions::Outside(_) | Versions::Nothing(_) | Versions::NoRemote => {
            Error::Usage(error.to_string()).into()
        }
        error => anyhow!(error),
    }
}

/// What a command returns.
#[derive(Debug)]
enum Done {
    Made(Made),
    Listed(Listed),
    Compared(Compared),
    CheckedOut(CheckedOut),
    Moved(Moved),
}

impl Done {
    fn show(self, output: Output) -> Result<()> {
        match self {
            Self::Made(made) => output.show(&made)?,
            Self::Listed(listed) => output.show(&listed)?,
            Self::Compared(compared) => output.show(&compared)?,
            Self::CheckedOut(checked_out) => output.show(&checked_out)?,
            Self::Moved(moved) => output.show(&moved)?,
        }
        Ok(())
    }
}

/// The work on a repository.
#[derive(Debug)]
struct Work {
    here: PathBuf,
    repository: Repository,
    progress: Progress,
}

impl Work {
    /// Does what reads and writes files here only. Blocks.
    fn blocking(&self, command: DataCommand) -> Result<Done, marquee_versions::Error> {
        match command {
            DataCommand::Snapshot { paths } => {
                let made = paths.iter().map(|path| self.repository.snapshot(&self.here.join(path), &self.progress));
                Ok(Done::Made(Made::new(made.collect::<Result<_, _>>()?, self.repository.root())))
            }
            DataCommand::Diff { paths, from, to } => self.diff(paths, from.as_deref(), to.as_deref()),
            DataCommand::Checkout { paths, revision, force } => {
                let mut done = CheckedOut::default();
                for path in self.paths(paths)? {
                    let pointer = self.version(&path, revision.as_deref())?;
                    let pointer =
                        pointer.ok_or_else(|| marquee_versions::Error::Nothing(self.shown(&path).to_owned()))?;
                    done.add(self.shown(&path), self.repository.checkout(&path, &pointer, force, &self.progress)?);
                }
                Ok(Done::CheckedOut(done))
            }
            // The others were done before.
            _ => Ok(Done::Listed(Listed::new(self.repository.sets(&self.progress)?))),
        }
    }

    fn diff(&self, paths: Vec<PathBuf>, from: Option<&str>, to: Option<&str>) -> Result<Done, marquee_versions::Error> {
        let mut compared = Compared::default();
        for path in self.paths(paths)? {
            let old = self.version(&path, from)?;
            let changes = match to {
                None => self.repository.changes(&path, old.as_ref(), &self.progress)?,
                Some(_) => {
                    let new = self.version(&path, to)?;
                    self.repository.changes_between(&path, old.as_ref(), new.as_ref())?
                }
            };
            compared.add(self.shown(&path), changes);
        }
        Ok(Done::Compared(compared))
    }

    async fn push(&self, paths: &[PathBuf], remote: Option<String>) -> Result<Done, marquee_versions::Error> {
        let sets = self.versions(paths.to_vec())?;
        let remote = remote::connect(&self.repository, remote, &self.here).await?;
        let moved = self.repository.push(&sets, &remote, &self.progress).await?;
        Ok(Done::Moved(Moved::new("pushed", moved)))
    }

    async fn pull(
        self,
        paths: Vec<PathBuf>,
        remote: Option<String>,
        force: bool,
    ) -> Result<Done, marquee_versions::Error> {
        let sets = self.versions(paths)?;
        let remote = remote::connect(&self.repository, remote, &self.here).await?;
        let moved = self.repository.pull(&sets, &remote, &self.progress).await?;
        let checkout = move || {
            let root = self.repository.root();
            let checkout = |(path, pointer): &(PathBuf, Pointer)| {
                self.repository.checkout(&root.join(path), pointer, force, &self.progress).map(drop)
            };
            sets.iter().try_for_each(checkout)
        };
        match tokio::task::spawn_blocking(checkout).await {
            Ok(done) => done?,
            Err(_) => return Err(marquee_versions::Error::Canceled),
        }
        Ok(Done::Moved(Moved::new("pulled", moved)))
    }

    /// Returns the paths that were typed, or those of all data sets.
    fn paths(&self, typed: Vec<PathBuf>) -> Result<Vec<PathBuf>, marquee_versions::Error> {
        if typed.is_empty() {
            return self.repository.paths();
        }
        Ok(typed.into_iter().map(|path| self.here.join(path)).collect())
    }

    /// Returns the versions that the pointers name, with the paths from the repository on.
    fn versions(&self, typed: Vec<PathBuf>) -> Result<Vec<(PathBuf, Pointer)>, marquee_versions::Error> {
        let version = |path: PathBuf| Ok((self.shown(&path).to_owned(), self.repository.pointer(&path)?));
        self.paths(typed)?.into_iter().map(version).collect()
    }

    /// Returns the version of a Git revision, or what the pointer says. `None` if the revision has
    /// no pointer.
    fn version(&self, path: &Path, revision: Option<&str>) -> Result<Option<Pointer>, marquee_versions::Error> {
        match revision {
            None => self.repository.pointer(path).map(Some),
            Some(revision) => self.repository.pointer_at(path, revision),
        }
    }

    /// Returns a path from the repository on.
    fn shown<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(self.repository.root()).unwrap_or(path)
    }
}
