//! The data sets and the folds of a run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use marquee_datasets::{Dataset, Options};
use tempfile::TempDir;

use crate::arguments::Arguments;
use crate::fold::{Fold, Rated};
use crate::peers;
use crate::plan::Folds;
use crate::prequential::Timeline;

/// Random folds of MovieLens 100K.
const RANDOM: usize = 5;

/// One rating in this number is held out of MovieLens 1M.
const HELD_OUT: usize = 10;

/// A temporary folder with the folds of this run.
#[derive(Debug)]
pub(crate) struct Workplace<'a> {
    folder: TempDir,
    arguments: &'a Arguments,
}

impl<'a> Workplace<'a> {
    /// Creates an empty folder.
    pub(crate) fn new(arguments: &'a Arguments) -> Result<Self> {
        Ok(Self { folder: tempfile::Builder::new().prefix("bench-model-").tempdir()?, arguments })
    }

    /// Returns the folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes folds, if they are not there yet, and returns their folders.
    pub(crate) fn folds(&self, folds: Folds) -> Result<Vec<PathBuf>> {
        let paths = paths(folds, self.path());
        if paths.iter().all(|path| path.join("shape.json").is_file()) {
            return Ok(paths);
        }
        let made = match folds {
            Folds::None => Vec::new(),
            Folds::Official => official(&ml_100k(self.arguments)?)?,
            Folds::Random => {
                let (ratings, shape) = ratings(&ml_100k(self.arguments)?)?;
                let order = self.permutation(ratings.len())?;
                (0..RANDOM).map(|first| Fold::of_order(&ratings, shape, &order, first, RANDOM)).collect()
            }
            Folds::Million => {
                let (ratings, shape) = ratings(&ml_1m(self.arguments)?)?;
                let order = self.permutation(ratings.len())?;
                vec![Fold::of_order(&ratings, shape, &order, 0, HELD_OUT)]
            }
            Folds::Temporal => vec![Timeline::read(&open(&ml_100k(self.arguments)?)?)?.fold()?],
        };
        for (fold, path) in made.iter().zip(&paths) {
            fold.write(path)?;
        }
        Ok(paths)
    }

    /// Returns the order into which numpy shuffles this number of ratings. Published figures use
    /// it.
    fn permutation(&self, count: usize) -> Result<Vec<u32>> {
        let file = self.path().join(format!("permutation-{count}"));
        let output = Command::new(peers::python()?)
            .args(["-W", "ignore"])
            .arg(peers::script())
            .args(["permutation", &count.to_string()])
            .arg(&file)
            .output()
            .context("run the Python of the peers")?;
        let reason = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "numpy shuffled nothing: {}", reason.trim());
        let bytes = std::fs::read(&file)?;
        let order: Vec<u32> = bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        ensure!((0..count as u32).eq(sorted), "{} is no permutation of {count} ratings", file.display());
        Ok(order)
    }
}

/// Returns the folders of folds below the folder of a run.
pub(crate) fn paths(folds: Folds, work: &Path) -> Vec<PathBuf> {
    match folds {
        Folds::None => Vec::new(),
        Folds::Official => (1..=5).map(|fold| work.join(format!("u{fold}"))).collect(),
        Folds::Random => (0..RANDOM).map(|fold| work.join(format!("random-{fold}"))).collect(),
        Folds::Million => vec![work.join("ml-1m")],
        Folds::Temporal => vec![work.join("temporal")],
    }
}

/// Returns the path of MovieLens 100K: as named, beside the checkout, or in the cache.
pub(crate) fn ml_100k(arguments: &Arguments) -> Result<PathBuf> {
    let cached = cache().map(|cache| cache.join("marquee/movielens-100k"));
    let places = [arguments.ml_100k.clone(), Some(beside("ml-100k")), cached];
    let found = places.into_iter().flatten().find(|path| path.exists());
    found.context("MovieLens 100K was not found: run `make movielens`, or name it with --ml-100k")
}

/// Returns the path of MovieLens 1M: as named, or beside the checkout.
fn ml_1m(arguments: &Arguments) -> Result<PathBuf> {
    let places = [arguments.ml_1m.clone(), Some(beside("ml-1m"))];
    let found = places.into_iter().flatten().find(|path| path.exists());
    found.context("MovieLens 1M was not found: download ml-1m.zip, and name it with --ml-1m")
}

fn beside(name: &str) -> PathBuf {
    let data = std::env::var_os("MARQUEE_TEST_DATA").map(PathBuf::from);
    data.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data")).join(name)
}

fn cache() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

/// Opens a data set.
pub(crate) fn open(path: &Path) -> Result<Dataset> {
    marquee_datasets::open(path, Options::default()).with_context(|| format!("open {}", path.display()))
}

/// Returns the ratings of a data set in the order of its file, and the numbers of users and movies.
/// Users and movies are counted as they come.
fn ratings(path: &Path) -> Result<(Vec<Rated>, (usize, usize))> {
    let (mut users, mut movies) = (HashMap::new(), HashMap::new());
    let mut ratings = Vec::new();
    for row in open(path)?.ratings()? {
        let row = row?;
        let next = users.len() as u32;
        let user = *users.entry(row.user).or_insert(next);
        let next = movies.len() as u32;
        let movie = *movies.entry(row.movie).or_insert(next);
        ratings.push((user, movie, row.rating));
    }
    Ok((ratings, (users.len(), movies.len())))
}

/// Reads the folds that MovieLens 100K comes with.
fn official(folder: &Path) -> Result<Vec<Fold>> {
    if !folder.join("u1.base").is_file() {
        let fix = "name the unpacked folder of ml-100k.zip with --ml-100k";
        bail!("{} has no official folds, only the original files have: {fix}", folder.display());
    }
    let part = |name: String| -> Result<Vec<Rated>> {
        let path = folder.join(name);
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let rating = |line: &str| -> Option<Rated> {
            let mut fields = line.split('\t');
            let (user, movie) = (fields.next()?.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?);
            Some((user.checked_sub(1)?, movie.checked_sub(1)?, fields.next()?.parse().ok()?))
        };
        let ratings: Option<Vec<Rated>> = text.lines().map(rating).collect();
        ratings.with_context(|| format!("{} has a line that is no rating", path.display()))
    };
    let parts = (1..=5).map(|fold| Ok((part(format!("u{fold}.base"))?, part(format!("u{fold}.test"))?)));
    let parts = parts.collect::<Result<Vec<_>>>()?;
    // Every fold has all ratings, in one part or the other.
    let all = || parts.iter().take(1).flat_map(|(train, test)| train.iter().chain(test));
    let users = all().map(|rating| rating.0 as usize + 1).max().unwrap_or_default();
    let movies = all().map(|rating| rating.1 as usize + 1).max().unwrap_or_default();
    Ok(parts.into_iter().map(|(train, test)| Fold { users, movies, train, test }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_official_folds_are_read_and_a_folder_without_them_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        assert!(official(folder.path()).unwrap_err().to_string().contains("--ml-100k"));
        for fold in 1..=5 {
            std::fs::write(folder.path().join(format!("u{fold}.base")), "1\t2\t5\t900\n3\t1\t4\t901\n").unwrap();
            std::fs::write(folder.path().join(format!("u{fold}.test")), "2\t2\t1\t902\n").unwrap();
        }
        let folds = official(folder.path()).unwrap();
        let expected = Fold { users: 3, movies: 2, train: vec![(0, 1, 5.0), (2, 0, 4.0)], test: vec![(1, 1, 1.0)] };
        assert_eq!((folds.len(), &folds[4]), (5, &expected));
        std::fs::write(folder.path().join("u2.test"), "0\t2\t1\t902\n").unwrap();
        assert!(official(folder.path()).unwrap_err().to_string().contains("u2.test"));
    }
}
