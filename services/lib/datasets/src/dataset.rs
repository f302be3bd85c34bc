//! Recognizes the files of a data set, and describes the data set before it is read.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use marquee_domain::{Movie, Scale};
use marquee_parquet::Batches;

use crate::layout::Format;
use crate::source::{Entry, Place, SAMPLE};
use crate::{Error, Ratings, archive, movies};

/// The names of rating files, in the order of preference.
const RATINGS: &[&str] = &[
    "u.data",
    "ratings.dat",
    "ratings_no_timestamp.dat",
    "ratings.csv",
    "ratings.parquet",
    "ratings.ndjson",
    "ratings.jsonl",
    "ratings.tsv",
    "movielens100k_data.parquet.brotli",
];

/// The names of movie files, in the order of preference.
const MOVIES: &[&str] = &[
    "u.item",
    "movies.dat",
    "movies.csv",
    "movies.parquet",
    "items.parquet",
    "movies.ndjson",
    "movies.jsonl",
    "movies.tsv",
    "movielens100k_items.parquet.brotli",
];

/// Facts that the names of the files do not tell.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The format of the rating file, if its name does not tell it.
    pub format: Option<Format>,
    /// The movie file, if it is not in the folder of the rating file.
    pub movies: Option<PathBuf>,
}

/// A data set: ratings, and usually the movies that they rate.
#[derive(Debug)]
pub struct Dataset {
    /// The publisher's name of the data set, or else the name of the folder or file.
    pub name: String,
    /// The rating scale, if it is known for this data set.
    pub scale: Option<Scale>,
    /// The format of the rating file.
    pub format: Format,
    /// The number of ratings. It is exact for Parquet. Otherwise it is estimated from the size of
    /// the file and the length of its first lines.
    pub rating_count: Option<u64>,
    ratings: Entry,
    movies: Option<Entry>,
    genres: Option<Entry>,
    /// Every file of the folder or archive.
    pub(crate) files: Vec<Entry>,
    path: Option<PathBuf>,
}

/// Opens a folder, a zip archive or a single rating file.
///
/// # Errors
/// Nothing at the path is a known data set, or it cannot be read.
pub fn open(path: &Path, options: Options) -> Result<Dataset, Error> {
    let base = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    let failed = |source| Error::Read { name: path.display().to_string(), source };
    let mut dataset = if std::fs::metadata(path).map_err(failed)?.is_dir() {
        let mut files = Vec::new();
        for file in std::fs::read_dir(path).map_err(failed)? {
            let file = file.map_err(failed)?.path();
            if file.is_file() {
                files.push(Entry::file(&file)?);
            }
        }
        // The order in which a system lists a folder is arbitrary.
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Dataset::of_files(&base, &files, options.format)?
    } else {
        let mut dataset = single(&base, Place::File(path.to_owned()), options.format)?;
        if options.movies.is_none() && dataset.movies.is_none() {
            dataset.find_movies_beside(path);
        }
        dataset
    };
    dataset.path = std::fs::canonicalize(path).ok();
    if let Some(movies) = options.movies {
        dataset.movies = Some(Entry::file(&movies)?);
    }
    Ok(dataset)
}

/// Opens a zip archive or a single rating file in memory. The extension of `name` tells which, as
/// for a file.
///
/// # Errors
/// The same as for [`open`].
pub fn open_bytes(name: &str, bytes: Bytes, options: Options) -> Result<Dataset, Error> {
    let mut dataset = single(name, Place::Memory(bytes), options.format)?;
    if let Some(movies) = options.movies {
        dataset.movies = Some(Entry::file(&movies)?);
    }
    Ok(dataset)
}

fn single(name: &str, place: Place, format: Option<Format>) -> Result<Dataset, Error> {
    if name.to_lowercase().ends_with(".zip") {
        return Dataset::of_files(name, &archive::entries(name, &place)?, format);
    }
    let entry = Entry::plain(name, place)?;
    let unknown = || Error::Unknown { name: name.to_owned() };
    let format = format.or_else(|| Format::of(&entry.name)).ok_or_else(unknown)?;
    Dataset::try_new(stem(name), entry, format, &[])
}

impl Dataset {
    fn of_files(name: &str, files: &[Entry], format: Option<Format>) -> Result<Self, Error> {
        let ratings = RATINGS.iter().find_map(|known| files.iter().find(|file| file.name == *known));
        let unknown = || Error::Unknown { name: name.to_owned() };
        let ratings = ratings.ok_or_else(unknown)?;
        let format = format.or_else(|| Format::of(&ratings.name)).ok_or_else(unknown)?;
        Self::try_new(stem(name), ratings.clone(), format, files)
    }

    fn try_new(name: String, ratings: Entry, format: Format, files: &[Entry]) -> Result<Self, Error> {
        let find = |name: &str| files.iter().find(|file| file.name == name);
        let movies = MOVIES.iter().find_map(|known| find(known)).cloned();
        let (name, scale) = identify(name, &ratings, format, |known| find(known).is_some());
        let rating_count = count(&ratings, format)?;
        let genres = find("u.genre").cloned();
        let files = files.to_vec();
        Ok(Self { name, scale, format, rating_count, ratings, movies, genres, files, path: None })
    }

    /// Uses the list of movies in the folder of a rating file, as if the folder had been opened.
    /// Other data sets may be in the folder as well, so the format must be that of the ratings.
    fn find_movies_beside(&mut self, path: &Path) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let beside = |name: &str| {
            let found = [name.to_owned(), format!("{name}.gz")].into_iter().map(|name| folder.join(name));
            found.into_iter().find(|path| path.is_file()).and_then(|path| Entry::file(&path).ok())
        };
        let of_format = |name: &&&str| match Format::of(name) {
            // `u.item` has a layout of its own.
            None => self.format == Format::Tabs,
            format => format == Some(self.format),
        };
        self.movies = MOVIES.iter().filter(of_format).find_map(|name| beside(name));
        if self.movies.is_some() {
            self.genres = beside("u.genre");
        }
    }

    /// Returns the name of the movie file, if there is one.
    pub fn movie_file(&self) -> Option<&str> {
        self.movies.as_ref().map(|movies| movies.name.as_str())
    }

    /// Returns the absolute path of the folder, archive or file, if it was opened by its path.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the movies of the catalog. If an id occurs twice, the first movie counts. The result
    /// is empty if the data set has no movie file.
    ///
    /// # Errors
    /// The movie file cannot be read, or an entry is not valid. The error names its line.
    pub fn movies(&self) -> Result<Vec<Movie>, Error> {
        match &self.movies {
            None => Ok(Vec::new()),
            Some(movies) => movies::read(movies, self.genres.as_ref()),
        }
    }

    /// Returns the ratings from the start of the file on.
    ///
    /// # Errors
    /// The file cannot be opened, or it lacks a column.
    pub fn ratings(&self) -> Result<Ratings, Error> {
        Ratings::open(&self.ratings, self.format)
    }

    /// Returns the size of the rating file as it is stored.
    pub fn total_bytes(&self) -> u64 {
        self.ratings.stored_bytes()
    }

    /// Returns a fingerprint, by which an import that continues recognizes its file. It is the
    /// SHA-256 in hexadecimal of the rating file's name, and of the size, the time of the last
    /// change, and the first and last 64 KiB of the file, or of the archive that contains it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn fingerprint(&self) -> Result<String, Error> {
        self.ratings.fingerprint().map_err(|source| Error::Read { name: self.ratings.name.clone(), source })
    }
}

/// Returns a name without folder and extensions, in lower case.
fn stem(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name).to_lowercase();
    let stem = base.split_once('.').map_or(base.as_str(), |(stem, _)| stem);
    if stem.is_empty() { base } else { stem.to_owned() }
}

/// Returns the name and the scale of a data set that is known by its files, whatever its folder is
/// called.
fn identify(name: String, ratings: &Entry, format: Format, has: impl Fn(&str) -> bool) -> (String, Option<Scale>) {
    let stars = |step: f64| Scale::try_new(step, 5.0, step).ok();
    match (ratings.name.as_str(), format) {
        ("u.data", _) => ("ml-100k".to_owned(), stars(1.0)),
        // MovieLens 10M introduced half stars and tags.
        ("ratings.dat", _) if has("tags.dat") => ("ml-10m".to_owned(), stars(0.5)),
        ("ratings.dat" | "ratings_no_timestamp.dat", _) => ("ml-1m".to_owned(), stars(1.0)),
        ("ratings.csv", Format::Csv) if has("links.csv") || name.starts_with("ml-") => (name, stars(0.5)),
        (_, Format::Parquet) if name.starts_with("movielens-100k") || ratings.name.starts_with("movielens100k") => {
            ("movielens-100k".to_owned(), stars(1.0))
        }
        _ => (name, None),
    }
}

fn count(ratings: &Entry, format: Format) -> Result<Option<u64>, Error> {
    if format == Format::Parquet {
        let options = marquee_parquet::Options { columns: Some(Vec::new()), ..Default::default() };
        let batches = Batches::open(ratings.random_access()?, options);
        let batches = batches.map_err(|source| Error::Parquet { name: ratings.name.clone(), source })?;
        return Ok(Some(batches.rows()));
    }
    let sample = ratings.sample()?;
    let lines = sample.iter().filter(|byte| **byte == b'\n').count() as u64;
    if sample.len() < SAMPLE {
        let header = u64::from(format == Format::Csv);
        let last = u64::from(sample.last().is_some_and(|byte| *byte != b'\n'));
        return Ok(Some((lines + last).saturating_sub(header)));
    }
    let estimate = |bytes: u64| (bytes as f64 / sample.len() as f64 * lines as f64) as u64;
    Ok(ratings.unpacked_bytes().map(estimate))
}
