//! Which files make a data set, and what is known about it before it is read.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use marquee_domain::{Movie, Scale};
use marquee_parquet::Batches;

use crate::layout::Format;
use crate::source::{Entry, Place, SAMPLE};
use crate::{Error, Ratings, archive, movies};

/// Files of ratings, in the order of preference.
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

/// Files of movies, in the order of preference.
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

/// What the names of files leave open.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Format of the rating file, where its name does not say.
    pub format: Option<Format>,
    /// The list of movies, where it does not lie beside the ratings.
    pub movies: Option<PathBuf>,
}

/// Ratings, and with luck the movies they rate.
#[derive(Debug)]
pub struct Dataset {
    /// What the publisher calls it, else the name of the folder or file.
    pub name: String,
    /// The scale, where the data set is one whose scale is known.
    pub scale: Option<Scale>,
    /// Format of the rating file.
    pub format: Format,
    /// How many ratings there are: exact for Parquet, else judged by the size of the file and the length of its first lines.
    pub rating_count: Option<u64>,
    ratings: Entry,
    movies: Option<Entry>,
    genres: Option<Entry>,
}

/// Opens a folder, a zip archive or a single rating file.
///
/// # Errors
/// Nothing there is known, or what is known cannot be read.
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
        // The order in which a folder is listed is not its files' order.
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Dataset::of_files(&base, &files, options.format)?
    } else {
        single(&base, Place::File(path.to_owned()), options.format)?
    };
    if let Some(movies) = options.movies {
        dataset.movies = Some(Entry::file(&movies)?);
    }
    Ok(dataset)
}

/// Opens a zip archive or a single rating file that is in memory; `name` says which it is, as a file name would.
///
/// # Errors
/// As [`open`].
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
        Ok(Self { name, scale, format, rating_count, ratings, movies, genres })
    }

    /// The movies of the catalogue, the first of each id; none if the data set has no list of them.
    ///
    /// # Errors
    /// The list cannot be read, or one of its entries is no movie: it is named by line.
    pub fn movies(&self) -> Result<Vec<Movie>, Error> {
        match &self.movies {
            None => Ok(Vec::new()),
            Some(movies) => movies::read(movies, self.genres.as_ref()),
        }
    }

    /// The ratings, from the start of the file.
    ///
    /// # Errors
    /// The file cannot be opened, or lacks a column.
    pub fn ratings(&self) -> Result<Ratings, Error> {
        Ratings::open(&self.ratings, self.format)
    }

    /// Bytes of the rating file as it is stored.
    pub fn total_bytes(&self) -> u64 {
        self.ratings.stored_bytes()
    }

    /// Tells whether a file is still the one that an interrupted import began with: SHA-256, in hexadecimal, over the name of the rating file
    /// and the size and the first and last 64 KiB of it or of its archive.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn fingerprint(&self) -> Result<String, Error> {
        self.ratings.fingerprint().map_err(|source| Error::Read { name: self.ratings.name.clone(), source })
    }
}

/// Name without folder and extensions, in lower case.
fn stem(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name).to_lowercase();
    let stem = base.split_once('.').map_or(base.as_str(), |(stem, _)| stem);
    if stem.is_empty() { base } else { stem.to_owned() }
}

/// Name and scale of the data sets that are known by their files, whatever their folder is called.
fn identify(name: String, ratings: &Entry, format: Format, has: impl Fn(&str) -> bool) -> (String, Option<Scale>) {
    let stars = |step: f64| Scale::try_new(step, 5.0, step).ok();
    match (ratings.name.as_str(), format) {
        ("u.data", _) => ("ml-100k".to_owned(), stars(1.0)),
        // MovieLens 10M came with half stars and with tags.
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
