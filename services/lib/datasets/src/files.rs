//! Finds the files of a data set: in a folder, in an archive, or as they are given.

use std::path::{Path, PathBuf};

use crate::archive;
use crate::error::Error;
use crate::options::{Format, Options};
use crate::source::{Entry, Place};
use crate::understand::understand;
use crate::unpack;

/// The names of rating files, in the order of preference.
const RATINGS: [&str; 15] = [
    "u.data",
    "ratings.dat",
    "ratings_no_timestamp.dat",
    "ratings.csv",
    "ratings.parquet",
    "ratings.ndjson",
    "ratings.jsonl",
    "ratings.json",
    "ratings.tsv",
    "movielens100k_data.parquet.brotli",
    "rating.csv",
    "ratings.txt",
    "bx-book-ratings.csv",
    "book-ratings.csv",
    "ratings_small.csv",
];

/// The names of movie files, in the order of preference.
const MOVIES: [&str; 20] = [
    "u.item",
    "movies.dat",
    "movies.csv",
    "movies.parquet",
    "items.parquet",
    "movies.ndjson",
    "movies.jsonl",
    "movies.json",
    "movies.tsv",
    "movielens100k_items.parquet.brotli",
    "movie.csv",
    "movie_titles.csv",
    "movie_titles.txt",
    "items.csv",
    "books.csv",
    "bx-books.csv",
    "bx_books.csv",
    "anime.csv",
    "movies_metadata.csv",
    "titles.csv",
];

/// The deepest folder that is looked into. Hive makes one for each partition column.
const DEEPEST: usize = 6;

/// The most files of a folder.
const MOST: usize = 100_000;

/// The files of a data set.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The parts of the ratings, in order.
    pub(crate) ratings: Vec<Entry>,
    pub(crate) movies: Vec<Entry>,
    /// The names of the genres of MovieLens 100K.
    pub(crate) genres: Option<Entry>,
    /// All files.
    pub(crate) files: Vec<Entry>,
}

/// Finds the files at some paths.
pub(crate) fn find(paths: &[PathBuf], options: &Options) -> Result<Found, Error> {
    if let [path] = paths {
        let failed = |source| Error::Read { name: path.display().to_string(), source };
        let base = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
        if std::fs::metadata(path).map_err(failed)?.is_dir() {
            return choose(&base, &folder(path)?, options);
        }
        let mut found = of_place(&base, &Place::File(path.clone()), options)?;
        if found.movies.is_empty() && options.movies.is_none() {
            beside(&mut found, path);
        }
        return Ok(found);
    }
    let mut found = Found::default();
    for path in paths {
        let part = find(std::slice::from_ref(path), &Options { movies: Some(path.clone()), ..options.clone() });
        match part {
            Ok(part) if part.ratings.iter().all(|entry| !MOVIES.contains(&entry.name.as_str())) => {
                found.ratings.extend(part.ratings);
                found.movies.extend(part.movies);
            }
            Ok(part) => found.movies.extend(part.ratings),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Finds the files in an archive, or takes a single file.
pub(crate) fn of_place(name: &str, place: &Place, options: &Options) -> Result<Found, Error> {
    let entry = Entry::plain(name, place.clone())?;
    if unpack::is_zip(&entry.start()?) || entry.name.ends_with(".zip") {
        let entries = archive::entries(name, place)?;
        if entries.iter().any(|entry| entry.name == "workbook.xml") {
            return Err(Error::Packing { name: name.to_owned(), reason: "is an Excel workbook; save it as CSV" });
        }
        return choose(name, &entries, options);
    }
    Ok(Found { files: vec![entry.clone()], ratings: vec![entry], ..Found::default() })
}

/// Returns the files of a folder and of the folders inside, without hidden files and those that
/// Spark keeps for itself.
fn folder(path: &Path) -> Result<Vec<Entry>, Error> {
    let mut waiting = vec![(path.to_owned(), Vec::new())];
    let mut entries = Vec::new();
    while let Some((folder, folders)) = waiting.pop() {
        let failed = |source| Error::Read { name: folder.display().to_string(), source };
        for file in std::fs::read_dir(&folder).map_err(failed)? {
            let file = file.map_err(failed)?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with(['.', '_']) {
                continue;
            }
            if file.is_dir() && folders.len() < DEEPEST {
                let inner = [folders.clone(), vec![name]].concat();
                waiting.push((file, inner));
            } else if file.is_file() && entries.len() < MOST {
                let mut entry = Entry::file(&file)?;
                entry.folders.clone_from(&folders);
                entries.push(entry);
            }
        }
    }
    // The order in which a system lists a folder is arbitrary.
    entries.sort_by(|a, b| (a.folders.len(), &a.folders, &a.name).cmp(&(b.folders.len(), &b.folders, &b.name)));
    Ok(entries)
}

/// Chooses the ratings and the movies among files, those of outer folders first.
fn choose(base: &str, entries: &[Entry], options: &Options) -> Result<Found, Error> {
    let files = entries.to_vec();
    let named =
        |names: &[&str]| names.iter().find_map(|known| entries.iter().find(|entry| entry.name == *known)).cloned();
    let genres = named(&["u.genre"]);
    let mut movies: Vec<Entry> = named(&MOVIES).into_iter().collect();
    if movies.is_empty() {
        movies = entries.iter().filter(|entry| is_of_movies(entry)).cloned().collect();
    }
    if let Some(ratings) = named(&RATINGS) {
        return Ok(Found { ratings: vec![ratings], movies, genres, files });
    }
    let candidates: Vec<&Entry> =
        entries.iter().filter(|entry| !is_known_other(entry) && !is_of_movies(entry)).collect();
    let mut sets: Vec<(String, Vec<Entry>)> = Vec::new();
    for entry in candidates {
        let key = series(entry);
        match sets.iter_mut().find(|(known, _)| *known == key) {
            Some((_, entries)) => entries.push(entry.clone()),
            None => sets.push((key, vec![entry.clone()])),
        }
    }
    let mut first_error = None;
    sets.retain(|(_, entries)| {
        let first = entries.iter().find(|entry| entry.stored_bytes() > 0);
        match first.map(|first| understand(first, options)) {
            Some(Ok(_)) => true,
            Some(Err(error)) => {
                if !matches!(error, Error::Unknown { .. }) {
                    first_error.get_or_insert(error);
                }
                false
            }
            None => false,
        }
    });
    // Several sets may have the columns of ratings. Their names tell which are meant.
    for word in ["rating", "movie"] {
        let named: Vec<_> = sets.iter().filter(|(key, _)| key.contains(word)).cloned().collect();
        if sets.len() > 1 && !named.is_empty() {
            sets = named;
        }
    }
    match &sets[..] {
        [(_, ratings)] => {
            let ratings = ratings.iter().filter(|entry| entry.stored_bytes() > 0).cloned().collect();
            Ok(Found { ratings, movies, genres, files })
        }
        [] => Err(first_error.unwrap_or_else(|| Error::Unknown { name: base.to_owned() })),
        several => {
            let files =
                several.iter().filter_map(|(_, entries)| entries.first()).map(|entry| entry.name.clone()).collect();
            Err(Error::SeveralFiles { name: base.to_owned(), files })
        }
    }
}

/// Returns what the parts of one set have in common: the folder without partitions, and the name
/// without numbers. Spark and Hadoop call all their files parts.
fn series(entry: &Entry) -> String {
    let folders: Vec<&str> = entry.folders.iter().map(String::as_str).filter(|folder| !folder.contains('=')).collect();
    let (stem, extension) = entry.name.split_once('.').unwrap_or((&entry.name, ""));
    let is_part = stem.starts_with("part-") || stem.starts_with("000");
    let stem: String = stem.chars().filter(|c| !c.is_ascii_digit()).collect();
    let stem = if is_part { "part".to_owned() } else { stem };
    let extension = extension.rsplit('.').next().unwrap_or_default();
    format!("{}/{stem}.{extension}", folders.join("/").to_lowercase())
}

/// Returns whether a file holds movies by its name, or by that of the folder with its parts.
fn is_of_movies(entry: &Entry) -> bool {
    let is_folder = |folder: &String| {
        let name = folder.split('.').next().unwrap_or_default();
        ["movies", "items"].iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    let is_part = entry.name.starts_with("part-") || entry.name.starts_with("000");
    let is_data = Format::of(&entry.name).is_some() || entry.name.ends_with(".item");
    MOVIES.contains(&entry.name.as_str())
        || entry.name.ends_with(".item")
        || is_data && is_part && entry.folders.last().is_some_and(is_folder)
}

/// Returns whether a file belongs to a known data set and holds no ratings.
fn is_known_other(entry: &Entry) -> bool {
    let name = entry.name.as_str();
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let is_text = matches!(extension, "md" | "html" | "pdf" | "txt" | "") && stem.contains("readme");
    let is_other = matches!(
        extension,
        "crc" | "md" | "pdf" | "html" | "png" | "jpg" | "sql" | "py" | "ipynb" | "user" | "genre" | "info"
    );
    let is_known = ["users", "tags", "links", "genome-scores", "genome-tags", "keywords", "credits", "u.occupation"];
    is_text || is_other || is_known.contains(&stem)
}

/// Uses the list of movies in the folder of a rating file, as if the folder had been opened. Other
/// data sets may be in the folder as well, so the format must be that of the ratings.
fn beside(found: &mut Found, path: &Path) {
    let Some(ratings) = found.ratings.first() else { return };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = |name: &str| {
        let names = ["", ".gz", ".zst"].into_iter().map(|extension| folder.join(format!("{name}{extension}")));
        names.into_iter().find(|path| path.is_file()).and_then(|path| Entry::file(&path).ok())
    };
    let format = Format::of(&ratings.name);
    let of_format = |name: &&&str| match Format::of(name) {
        // `u.item` has a layout of its own.
        None => format == Some(Format::Tabs),
        of_movies => of_movies == format,
    };
    let of_recbole = ratings.name.strip_suffix(".inter").and_then(|stem| beside(&format!("{stem}.item")));
    let movies = of_recbole.or_else(|| MOVIES.iter().filter(of_format).find_map(|name| beside(name)));
    if movies.is_some() {
        found.genres = beside("u.genre");
    }
    found.movies.extend(movies);
}
