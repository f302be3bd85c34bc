//! Recognizes the files of a data set, and describes the data set before it is read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use marquee_domain::{Movie, Scale};
use sha2::{Digest, Sha256};

use crate::cells::Descriptions;
use crate::columns;
use crate::dialect::Dialect;
use crate::error::Error;
use crate::files::{self, Found};
use crate::movies::{self, Catalog, Drafts};
use crate::names::Field;
use crate::options::{Format, Options};
use crate::ratings::Ratings;
use crate::source::{Entry, Place, SAMPLE};
use crate::survey::Survey;
use crate::understand::{Body, Understood, understand};

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
    parts: Arc<[Entry]>,
    understood: Understood,
    options: Options,
    movies: Vec<Entry>,
    genres: Option<Entry>,
    /// Every file of the folder or archive.
    pub(crate) files: Vec<Entry>,
    path: Option<PathBuf>,
}

/// Opens a folder, a zip archive or a rating file. What a file holds is told by its content.
///
/// # Errors
/// Nothing at the path is a known data set, or it cannot be read.
pub fn open(path: &Path, options: Options) -> Result<Dataset, Error> {
    open_all(&[path.to_owned()], options)
}

/// Opens several files as one data set: the parts of the ratings in this order. A file of movies
/// among them is their catalog.
///
/// # Errors
/// The same as for [`open`].
pub fn open_all(paths: &[PathBuf], options: Options) -> Result<Dataset, Error> {
    let Some(path) = paths.first() else { return Err(Error::Unknown { name: "nothing".to_owned() }) };
    let base = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    let found = files::find(paths, &options)?;
    let mut dataset = Dataset::try_new(&base, found, options)?;
    // The parts of a set are hashed together. The first path names the checkpoint of an import.
    dataset.path = std::fs::canonicalize(path).ok();
    Ok(dataset)
}

/// Opens a zip archive or a single rating file in memory.
///
/// # Errors
/// The same as for [`open`].
pub fn open_bytes(name: &str, bytes: Bytes, options: Options) -> Result<Dataset, Error> {
    let found = files::of_place(name, &Place::Memory(bytes), &options)?;
    Dataset::try_new(name, found, options)
}

impl Dataset {
    fn try_new(base: &str, found: Found, options: Options) -> Result<Self, Error> {
        let Found { ratings, mut movies, genres, files } = found;
        let Some(first) = ratings.first() else { return Err(Error::Unknown { name: base.to_owned() }) };
        let understood = understand(first, &options)?;
        if let Some(given) = &options.movies {
            movies = vec![Entry::file(given)?];
        }
        let (name, scale) =
            identify(stem(base), first, &understood, |known| files.iter().any(|file| file.name == known));
        let mut rating_count = Some(0);
        for part in &ratings {
            let of_part = count(part, &understood)?;
            rating_count = rating_count.zip(of_part).map(|(all, part)| all + part);
        }
        let format = understood.dialect.format;
        let parts = ratings.into();
        Ok(Self { name, scale, format, rating_count, parts, understood, options, movies, genres, files, path: None })
    }

    /// Returns what was understood of the ratings.
    pub fn dialect(&self) -> &Dialect {
        &self.understood.dialect
    }

    /// Returns the names of the files that hold the ratings.
    pub fn rating_files(&self) -> Vec<&str> {
        self.parts.iter().map(|part| part.name.as_str()).collect()
    }

    /// Returns the name of the movie file, if there is one.
    pub fn movie_file(&self) -> Option<&str> {
        self.movies.first().map(|movies| movies.name.as_str())
    }

    /// Returns the absolute path of the folder, archive or file, if it was opened by its path.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the valid movies of the catalog, as [`Self::catalog`] finds them.
    ///
    /// # Errors
    /// The movie file cannot be read.
    pub fn movies(&self) -> Result<Vec<Movie>, Error> {
        Ok(self.catalog()?.movies)
    }

    /// Returns the movies of the catalog. Without a movie file they are those that the ratings
    /// describe by a title. The result is empty if neither exists.
    ///
    /// # Errors
    /// The movie file cannot be read.
    pub fn catalog(&self) -> Result<Catalog, Error> {
        if !self.movies.is_empty() {
            return movies::read(&self.movies, self.genres.as_ref(), &self.options);
        }
        let has_titles = self.understood.dialect.columns.iter().any(|(field, _)| *field == Field::Title);
        if !has_titles {
            return Ok(Catalog::default());
        }
        let descriptions = Arc::<Mutex<Descriptions>>::default();
        let mut understood = self.understood.clone();
        understood.reading.descriptions = Some(Arc::clone(&descriptions));
        for _ in Ratings::open(Arc::clone(&self.parts), understood, self.options.clone())? {}
        let mut drafts = Drafts::default();
        self.parts.first().into_iter().for_each(|first| drafts.file(&first.name));
        if let Ok(described) = descriptions.lock() {
            described.rows.iter().for_each(|(line, cells)| drafts.push(movies::draft(*line, cells)));
        }
        Ok(drafts.finish())
    }

    /// Returns the ratings from the start of the file on.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn ratings(&self) -> Result<Ratings, Error> {
        Ratings::open(Arc::clone(&self.parts), self.understood.clone(), self.options.clone())
    }

    /// Reads all ratings and compares them with a scale, before any of them is lost.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn survey(&self, scale: &Scale) -> Result<Survey, Error> {
        Ok(Survey::of(self.ratings()?, scale))
    }

    /// Returns the size of the rating files as they are stored.
    pub fn total_bytes(&self) -> u64 {
        self.parts.iter().map(Entry::stored_bytes).sum()
    }

    /// Returns a fingerprint, by which an import that continues recognizes its files and how they
    /// are read. It is the SHA-256 in hexadecimal of the options, and for each rating file of its
    /// name, and of the size, the time of the last change, and the first and last 64 KiB of the
    /// file, or of the archive that contains it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn fingerprint(&self) -> Result<String, Error> {
        let mut hash = Sha256::new();
        // The movie file changes no row.
        let reading = Options { movies: None, ..self.options.clone() };
        hash.update(format!("{reading:?}"));
        for part in self.parts.iter() {
            part.fingerprint(&mut hash).map_err(|source| Error::Read { name: part.name.clone(), source })?;
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
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
fn identify(
    name: String,
    ratings: &Entry,
    understood: &Understood,
    has: impl Fn(&str) -> bool,
) -> (String, Option<Scale>) {
    let stars = |step: f64| Scale::try_new(step, 5.0, step).ok();
    let format = understood.dialect.format;
    if understood.reading.map.is_some() {
        return (name, None);
    }
    let preset = understood.preset.filter(|preset| preset.name != "GroupLens");
    if let Some(preset) = preset {
        return (name, preset.scale());
    }
    match (ratings.name.as_str(), format) {
        ("u.data", _) => ("ml-100k".to_owned(), stars(1.0)),
        // MovieLens 10M introduced half stars and tags.
        ("ratings.dat", _) if has("tags.dat") => ("ml-10m".to_owned(), stars(0.5)),
        ("ratings.dat" | "ratings_no_timestamp.dat", Format::DoubleColons) => ("ml-1m".to_owned(), stars(1.0)),
        ("ratings.csv", Format::Csv) if has("links.csv") || name.starts_with("ml-") => (name, stars(0.5)),
        (_, Format::Parquet) if name.starts_with("movielens-100k") || ratings.name.starts_with("movielens100k") => {
            ("movielens-100k".to_owned(), stars(1.0))
        }
        _ => (name, None),
    }
}

fn count(ratings: &Entry, understood: &Understood) -> Result<Option<u64>, Error> {
    let layout = match &understood.body {
        Body::Columns(_) => {
            return Ok(Some(columns::open(ratings, &[], 1)?.rows()));
        }
        Body::Separated(_, layout) => Some(layout),
        Body::Json(..) => None,
    };
    let sample = ratings.sample()?;
    let ending = if understood.dialect.returns { b'\r' } else { b'\n' };
    let lines = sample.bytes.iter().filter(|byte| **byte == ending).count() as u64;
    if sample.bytes.len() < SAMPLE {
        let before = layout.map_or(0, |layout| layout.skip);
        let last = u64::from(sample.bytes.last().is_some_and(|byte| *byte != ending));
        return Ok(Some((lines + last).saturating_sub(before)));
    }
    let estimate = |bytes: u64| (bytes as f64 / sample.bytes.len() as f64 * lines as f64) as u64;
    Ok(ratings.unpacked_bytes(&sample).map(estimate))
}
