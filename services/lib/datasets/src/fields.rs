//! The names that publishers give to the fields of ratings and movies.

/// Returns the form in which names are compared: `movie_id`, `movieId` and `MovieID` are equal.
pub(crate) fn canonical(name: &str) -> String {
    name.trim().trim_start_matches('\u{feff}').chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

/// Names of the user column.
pub(crate) const USER: &[&str] = &["user", "userid"];
/// Names of the movie column.
pub(crate) const MOVIE: &[&str] = &["movie", "movieid", "item", "itemid"];
/// Names of the rating column.
pub(crate) const RATING: &[&str] = &["rating"];
/// Names of the time column.
pub(crate) const TIMESTAMP: &[&str] = &["timestamp", "ratedat"];
/// Names of the title column.
pub(crate) const TITLE: &[&str] = &["title", "movietitle"];
/// Names of the genres column.
pub(crate) const GENRES: &[&str] = &["genres", "genre"];
/// Names of the column with the release year.
pub(crate) const YEAR: &[&str] = &["year"];
/// Names of the column with the release date.
pub(crate) const RELEASE: &[&str] = &["releasedate"];

/// Returns the position of the first column with one of `names`.
pub(crate) fn position<'a>(mut columns: impl Iterator<Item = &'a str>, names: &[&str]) -> Option<usize> {
    columns.position(|column| names.contains(&canonical(column).as_str()))
}

/// The positions of the fields of a rating among the columns of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Positions {
    pub(crate) user: usize,
    pub(crate) movie: usize,
    pub(crate) rating: usize,
    pub(crate) timestamp: Option<usize>,
}

impl Positions {
    /// Finds the columns by name.
    pub(crate) fn find(file: &str, columns: &[&str]) -> Result<Self, crate::Error> {
        let find = |field, names, expected| {
            let missing = || crate::Error::NoColumn { name: file.to_owned(), field, expected };
            position(columns.iter().copied(), names).ok_or_else(missing)
        };
        Ok(Self {
            user: find("user", USER, "`user_id`")?,
            movie: find("movie", MOVIE, "`movie_id` or `item_id`")?,
            rating: find("rating", RATING, "`rating`")?,
            timestamp: position(columns.iter().copied(), TIMESTAMP),
        })
    }
}

/// Decodes text that may be older than UTF-8, as in MovieLens 100K and 1M. Text that is not UTF-8
/// is read as Latin-1.
pub(crate) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}
