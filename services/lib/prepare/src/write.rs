//! Writes a prepared set into a folder: `ratings/part-00000.parquet` and so on, or
//! `ratings/split=NAME/part-00000.parquet` of a set that is split, `movies.parquet`, and beside
//! them the report and the plan. Readers of data sets pass over names that start with `_`.
//!
//! **Invariant:** the folder appears with all its files or not at all
//! (`a_folder_that_cannot_be_replaced_stays_as_it_is`). Two moments are exceptions if the machine
//! stops in them: an empty folder that was there before has the report last, and a folder that is
//! being replaced is `.prepare-*/old` beside its place.

mod columns;
mod place;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use marquee_domain::Movie;
use sha2::{Digest as _, Sha256};

use crate::plan::Movies;
use crate::rating::Rating;
use crate::report::File;
use crate::{Error, Prepared, READING, Report, Watch};

/// The names of the report and the plan.
const REPORT: &str = "_report.json";
const REPORT_TEXT: &str = "_report.md";
const PLAN: &str = "_plan.toml";

impl Prepared {
    /// Writes the set into a folder, which must not exist, or be empty. With `replace` it may also
    /// be a folder that an earlier preparation wrote. Returns the report with the files. Blocks.
    ///
    /// # Errors
    /// The folder has something else, a file cannot be written, or the watch ended it. Then the
    /// folder is as it was.
    pub fn write(&self, folder: &Path, replace: bool, watch: &dyn Watch) -> Result<Report, Error> {
        let place = place::check(folder, replace)?;
        let failed = |source| Error::Write { path: folder.to_owned(), source };
        // On the same file system, so that it can be renamed.
        let workshop = place.workshop().map_err(failed)?;
        // The workshop is for this user only. A folder inside it has the usual permissions.
        let mut writer = Writer { root: workshop.path().join("new"), files: Vec::new() };
        std::fs::create_dir(&writer.root).map_err(failed)?;
        self.write_ratings(&mut writer, watch)?;
        self.write_movies(&mut writer)?;
        let Writer { root, mut files } = writer;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let report = Report { files, ..self.report.clone() };
        let texts = [(REPORT, report.json()), (REPORT_TEXT, report.markdown()), (PLAN, self.plan.text().to_owned())];
        for (name, text) in texts {
            let path = root.join(name);
            store(&path, text.as_bytes()).map_err(|source| Error::Write { path, source })?;
        }
        if watch.canceled() {
            return Err(Error::Canceled);
        }
        place.fill(workshop, &root, |from, to| std::fs::rename(from, to))?;
        Ok(report)
    }

    fn write_ratings(&self, writer: &mut Writer, watch: &dyn Watch) -> Result<(), Error> {
        let (set, layout) = (&self.set, self.plan.output);
        let folders: Vec<String> = match &set.parts {
            None => vec!["ratings".to_owned()],
            Some(parts) => parts.names.iter().map(|name| format!("ratings/split={name}")).collect(),
        };
        let (total, mut written) = (set.ratings.len(), 0);
        for (folder, number) in folders.iter().zip(0_u8..) {
            let is_in_part = |row: usize| set.parts.as_ref().is_none_or(|parts| parts.of.get(row) == Some(&number));
            let mut rows = set.ratings.iter().enumerate().filter(|(row, _)| is_in_part(*row)).map(|(_, one)| one);
            for part in 0.. {
                let ratings: Vec<&Rating> = rows.by_ref().take(layout.part_rows as usize).collect();
                if ratings.is_empty() {
                    break;
                }
                if watch.canceled() {
                    return Err(Error::Canceled);
                }
                let path = format!("{folder}/part-{part:05}.{}", layout.format.extension());
                writer.write(path, &columns::of_ratings(set, &ratings), layout.format)?;
                written += ratings.len();
                watch.advanced(READING + (1.0 - READING) * written as f64 / total as f64);
            }
        }
        Ok(())
    }

    fn write_movies(&self, writer: &mut Writer) -> Result<(), Error> {
        let (set, layout) = (&self.set, self.plan.output);
        let rated: HashSet<&str> = match layout.movies {
            Movies::All => HashSet::new(),
            Movies::Rated => set.ratings.iter().map(|one| set.movies.names()[one.movie as usize].as_ref()).collect(),
        };
        let is_written = |movie: &&Movie| layout.movies == Movies::All || rated.contains(movie.id.as_str());
        let movies: Vec<&Movie> = set.catalog.iter().filter(is_written).collect();
        if movies.is_empty() {
            return Ok(());
        }
        let path = format!("movies.{}", layout.format.extension());
        writer.write(path, &columns::of_movies(set, &movies), layout.format)
    }
}

/// Checks that a folder may become that of the output, as [`Prepared::write`] does, so that it is
/// known before the work.
///
/// # Errors
/// The folder has something else, or it cannot be read.
pub fn check_folder(folder: &Path, replace: bool) -> Result<(), Error> {
    place::check(folder, replace).map(|_| ())
}

/// Writes a file to the disk.
fn store(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Writes files below a folder, and keeps their digests.
struct Writer {
    root: PathBuf,
    files: Vec<File>,
}

impl Writer {
    fn write(
        &mut self,
        path: String,
        table: &marquee_parquet::Table,
        format: crate::plan::FileFormat,
    ) -> Result<(), Error> {
        let place = self.root.join(&path);
        let bytes = columns::encode(table, format).map_err(|source| Error::Encode { path: place.clone(), source })?;
        let written = place.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| store(&place, &bytes));
        written.map_err(|source| Error::Write { path: place, source })?;
        let (rows, sha256) = (table.rows() as u64, hex::encode(Sha256::digest(&bytes)));
        self.files.push(File { path, rows, bytes: bytes.len() as u64, sha256 });
        Ok(())
    }
}
