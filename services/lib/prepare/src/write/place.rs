//! The place of the output: what may be there before, and how the new files get there.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tempfile::TempDir;

use super::{PLAN, REPORT, REPORT_TEXT};
use crate::Error;

/// Where the output goes.
#[derive(Debug)]
pub(super) enum Place {
    /// Nothing is there.
    New(PathBuf),
    /// An empty folder. It stays, as it may be a mount point or the folder of this process.
    Empty(PathBuf),
    /// A folder that an earlier preparation wrote.
    Old(PathBuf),
}

/// Checks that a folder may become that of the output.
pub(super) fn check(folder: &Path, replace: bool) -> Result<Place, Error> {
    let refuse = |problem: String| Err(Error::Folder { path: folder.to_owned(), problem });
    let failed = |source| Error::Write { path: folder.to_owned(), source };
    let is_empty = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Place::New(folder.to_owned())),
        Err(error) => return Err(failed(error)),
    };
    // A link to a folder stays a link.
    let real = folder.canonicalize().map_err(failed)?;
    if is_empty {
        return Ok(Place::Empty(real));
    }
    let Some(listed) = listed(&real) else {
        return refuse("has files that were not prepared: give another folder".to_owned());
    };
    if !replace {
        return refuse("has a prepared set: give another folder, or --replace".to_owned());
    }
    if let Some(foreign) = foreign(&real, &real, &listed).map_err(failed)? {
        let foreign = foreign.display();
        return refuse(format!("also has {foreign}, which its report does not list: move it, or give another folder"));
    }
    if !can_move(&real) {
        return refuse("cannot be replaced as a whole: empty it first, or give a folder inside it".to_owned());
    }
    Ok(Place::Old(real))
}

/// Returns the files that the report of a folder lists, and the report, or `None` without one.
fn listed(folder: &Path) -> Option<BTreeSet<PathBuf>> {
    let report: Json = serde_json::from_slice(&std::fs::read(folder.join(REPORT)).ok()?).ok()?;
    report.get("plan_sha256")?;
    let files = report.get("files")?.as_array()?.iter();
    let paths = files.map(|file| file.get("path").and_then(Json::as_str).map(PathBuf::from));
    paths.chain([REPORT, REPORT_TEXT, PLAN].map(|name| Some(PathBuf::from(name)))).collect()
}

/// Returns something below a folder that is not listed.
fn foreign(root: &Path, folder: &Path, listed: &BTreeSet<PathBuf>) -> io::Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let inside = path.strip_prefix(root).unwrap_or(&path);
        let is_folder = entry.file_type()?.is_dir();
        let is_listed = match is_folder {
            true => listed.iter().any(|file| file.starts_with(inside)),
            false => listed.contains(inside),
        };
        if !is_listed {
            return Ok(Some(inside.to_owned()));
        }
        if is_folder && let Some(found) = foreign(root, &path, listed)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Returns whether a folder can be renamed without harm: it is no mount point, and this process
/// does not run in it.
fn can_move(real: &Path) -> bool {
    let is_here = std::env::current_dir().is_ok_and(|here| here.starts_with(real));
    !is_here && real.parent().is_some_and(|parent| is_same_device(real, parent))
}

#[cfg(unix)]
fn is_same_device(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let device = |path: &Path| path.metadata().map(|about| about.dev()).ok();
    device(one) == device(other)
}

#[cfg(not(unix))]
fn is_same_device(_: &Path, _: &Path) -> bool {
    true
}

/// Returns the folder that a path is in.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

/// Makes the names in a folder last where the file system can.
fn sync(folder: &Path) {
    let _ = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
}

impl Place {
    fn path(&self) -> &Path {
        let (Self::New(path) | Self::Empty(path) | Self::Old(path)) = self;
        path
    }

    /// Makes a folder for the work, from which files can be renamed to the place.
    pub(super) fn workshop(&self) -> io::Result<TempDir> {
        let folder = if let Self::Empty(path) = self { path } else { parent(self.path()) };
        std::fs::create_dir_all(folder)?;
        tempfile::Builder::new().prefix(".prepare-").tempdir_in(folder)
    }

    /// Renames the new files in the workshop to the place.
    pub(super) fn fill(
        &self,
        workshop: TempDir,
        new: &Path,
        rename: impl Fn(&Path, &Path) -> io::Result<()>,
    ) -> Result<(), Error> {
        let failed = |source| Error::Write { path: self.path().to_owned(), source };
        match self {
            Self::New(path) => rename(new, path).map_err(failed)?,
            Self::Empty(path) => fill_empty(path, new, rename).map_err(failed)?,
            Self::Old(path) => {
                // Hours may have passed.
                check(path, true)?;
                let old = workshop.path().join("old");
                rename(path, &old).map_err(failed)?;
                if let Err(source) = rename(new, path) {
                    if rename(&old, path).is_err() {
                        let old = workshop.keep().join("old");
                        return Err(Error::Moved { path: path.clone(), old, source });
                    }
                    return Err(failed(source));
                }
            }
        }
        sync(self.path());
        sync(parent(self.path()));
        Ok(())
    }
}

/// Renames files into an empty folder, the report last. What is there is taken away on a failure.
fn fill_empty(folder: &Path, new: &Path, rename: impl Fn(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
    let names = std::fs::read_dir(new)?.map(|entry| entry.map(|entry| entry.file_name()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort_by_key(|name| name == REPORT);
    for (at, name) in names.iter().enumerate() {
        // A rename would replace a file that came since.
        let target = folder.join(name);
        let done = match target.symlink_metadata() {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => rename(&new.join(name), &target),
        };
        if let Err(error) = done {
            for name in &names[..at] {
                // The workshop, and what is in it, is removed by the caller.
                let _ = std::fs::rename(folder.join(name), new.join(name));
            }
            return Err(error);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    fn prepared(folder: &Path) {
        put(&folder.join(REPORT), r#"{"plan_sha256": "0", "files": [{"path": "ratings/part-00000.csv"}]}"#);
        put(&folder.join("ratings/part-00000.csv"), "old");
    }

    #[test]
    fn a_folder_with_foreign_files_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out");
        prepared(&out);
        assert!(matches!(check(&out, true), Ok(Place::Old(_))));
        for foreign in ["thesis.txt", "ratings/own.csv", "more/deep/own.csv"] {
            put(&out.join(foreign), "mine");
            let error = check(&out, true).expect_err(foreign).to_string();
            assert!(error.contains(" also has ") && error.contains("does not list"), "{error}");
            std::fs::remove_file(out.join(foreign)).expect("removed");
        }
        for report in ["{}", "[]", "mine", r#"{"files": []}"#] {
            put(&out.join(REPORT), report);
            let error = check(&out, true).expect_err(report).to_string();
            assert!(error.ends_with("has files that were not prepared: give another folder"), "{error}");
        }
        let here = std::env::current_dir().expect("a folder");
        assert!(!can_move(&here) && !can_move(Path::new("/")));
    }

    #[test]
    fn an_old_set_that_cannot_be_put_back_is_kept_and_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out");
        prepared(&out);
        let place = check(&out, true).expect("a place");
        let workshop = place.workshop().expect("a workshop");
        let new = workshop.path().join("new");
        put(&new.join("ratings/part-00000.csv"), "new");
        let only_away = |from: &Path, to: &Path| match to.ends_with("old") {
            true => std::fs::rename(from, to),
            false => Err(io::ErrorKind::PermissionDenied.into()),
        };
        let error = place.fill(workshop, &new, only_away).expect_err("no rename");
        let Error::Moved { old, .. } = &error else { panic!("{error:?}") };
        assert_eq!(std::fs::read_to_string(old.join("ratings/part-00000.csv")).expect("the old set"), "old");
        assert!(error.to_string().contains(&old.display().to_string()), "{error}");
    }

    #[test]
    fn an_empty_folder_stays_and_gets_all_files_or_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let fill = |fails: &'static str| {
            let place = check(folder.path(), false).expect("a place");
            let workshop = place.workshop().expect("a workshop");
            let new = workshop.path().join("new");
            for name in [REPORT, PLAN, "ratings/part-00000.csv"] {
                put(&new.join(name), "new");
            }
            place.fill(workshop, &new, |from, to| match to.ends_with(fails) {
                true => Err(io::ErrorKind::PermissionDenied.into()),
                false => std::fs::rename(from, to),
            })
        };
        assert!(fill(REPORT).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
        fill("none").expect("filled");
        assert!(folder.path().join("ratings/part-00000.csv").is_file());
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 3);
    }
}
