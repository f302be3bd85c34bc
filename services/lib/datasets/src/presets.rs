//! Recognizes files of well-known publishers and programs by their content, and knows what their
//! columns mean where the names alone would mislead.

use marquee_domain::Scale;

use crate::dialect::Values;
use crate::names::{Field, canonical};

/// What is known about a publisher's files.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Preset {
    /// The name for people.
    pub(crate) name: &'static str,
    /// The lowest and highest rating and the step, or `None` if they differ between files.
    pub(crate) scale: Option<(f64, f64, f64)>,
    /// The values that mean "not rated".
    pub(crate) unrated: &'static [f64],
    /// Whether movies are known by title and year, because the files have no id of the movie.
    pub(crate) from_title: bool,
    /// Whether the file is the list of one person and names no user.
    pub(crate) is_personal: bool,
    /// Fields whose usual columns hold something else.
    pub(crate) not: &'static [Field],
}

/// The names of the columns by which a preset is recognized, in canonical form, and the preset.
type Known = (&'static [&'static str], Preset);

const PLAIN: Preset = Preset { name: "", scale: None, unrated: &[], from_title: false, is_personal: false, not: &[] };

const KNOWN: [Known; 12] = [
    (
        &["letterboxduri", "rating"],
        Preset {
            name: "Letterboxd",
            scale: Some((0.5, 5.0, 0.5)),
            unrated: &[0.0],
            from_title: true,
            is_personal: true,
            ..PLAIN
        },
    ),
    (
        &["const", "yourrating"],
        Preset { name: "IMDb", scale: Some((1.0, 10.0, 1.0)), unrated: &[0.0], is_personal: true, ..PLAIN },
    ),
    (
        &["const", "yourated"],
        Preset { name: "IMDb", scale: Some((1.0, 10.0, 1.0)), unrated: &[0.0], is_personal: true, ..PLAIN },
    ),
    (
        &["movie.ids.trakt", "rating"],
        Preset { name: "Trakt", scale: Some((1.0, 10.0, 1.0)), is_personal: true, ..PLAIN },
    ),
    (
        &["ratedat", "traktid", "rating"],
        Preset { name: "Trakt", scale: Some((1.0, 10.0, 1.0)), is_personal: true, ..PLAIN },
    ),
    (
        &["reviewerid", "asin", "overall"],
        Preset { name: "Amazon reviews 2018", scale: Some((1.0, 5.0, 1.0)), not: REVIEW, ..PLAIN },
    ),
    (
        &["userid", "parentasin", "rating"],
        Preset { name: "Amazon reviews 2023", scale: Some((1.0, 5.0, 1.0)), not: REVIEW, ..PLAIN },
    ),
    (
        &["userid", "isbn", "bookrating"],
        Preset { name: "Book-Crossing", scale: Some((1.0, 10.0, 1.0)), unrated: &[0.0], ..PLAIN },
    ),
    (&["userid", "bookid", "rating"], Preset { name: "goodbooks", scale: Some((1.0, 5.0, 1.0)), ..PLAIN }),
    (
        &["userid", "animeid", "rating"],
        Preset { name: "MyAnimeList", scale: Some((1.0, 10.0, 1.0)), unrated: &[-1.0, 0.0], ..PLAIN },
    ),
    (&["userid", "jokeid", "rating"], JESTER),
    (&["userid", "movieid", "rating", "timestamp"], Preset { name: "GroupLens", ..PLAIN }),
];

/// In reviews, the title is that of the review.
const REVIEW: &[Field] = &[Field::Title, Field::Year, Field::Genres];

/// Files that are known by their form.
pub(crate) const NETFLIX: Preset = Preset { name: "Netflix Prize", scale: Some((1.0, 5.0, 1.0)), ..PLAIN };
pub(crate) const JESTER: Preset = Preset { name: "Jester", scale: Some((-10.0, 10.0, 0.0)), ..PLAIN };
const MOVIE_TWEETINGS: Preset = Preset { name: "MovieTweetings", scale: Some((0.0, 10.0, 1.0)), ..PLAIN };
pub(crate) const GROUPLENS: Preset = Preset { name: "GroupLens", ..PLAIN };

impl Preset {
    /// Returns the scale of the ratings.
    pub(crate) fn scale(&self) -> Option<Scale> {
        let (min, max, step) = self.scale?;
        Scale::try_new(min, max, step).ok()
    }
}

/// Recognizes a publisher by the names of the columns.
pub(crate) fn by_columns<'a>(names: impl Iterator<Item = &'a str>) -> Option<Preset> {
    let names: Vec<&str> = names.collect();
    if names.iter().any(|name| name.ends_with(":token")) {
        return Some(Preset { name: "RecBole", ..PLAIN });
    }
    let names: Vec<String> = names.iter().map(|name| canonical(name)).collect();
    let has = |wanted: &&str| names.iter().any(|name| name == wanted);
    let found = KNOWN.iter().find(|(wanted, _)| wanted.iter().all(&has));
    // Many files have the columns of GroupLens. Only those with no others are theirs.
    let is_theirs = |preset: &Preset| !matches!(preset.name, "GroupLens" | "goodbooks") || names.len() <= 4;
    found.map(|(_, preset)| *preset).filter(is_theirs)
}

/// Recognizes a publisher of a file with `::` by its values: MovieTweetings has the scale of IMDb,
/// and its ids with their zeros.
pub(crate) fn of_double_colons<'a>(values: Option<Values>, mut movies: impl Iterator<Item = &'a str>) -> Preset {
    let is_imdb = |id: &str| id.len() >= 7 && id.starts_with('0');
    if values.is_some_and(|values| values.max > 5.0) || movies.any(is_imdb) { MOVIE_TWEETINGS } else { GROUPLENS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_are_recognized_by_their_columns() {
        for (header, name) in [
            ("Date,Name,Year,Letterboxd URI,Rating", Some("Letterboxd")),
            ("Const,Your Rating,Date Rated,Title,URL", Some("IMDb")),
            ("rated_at,rating,type,movie.title,movie.ids.trakt", Some("Trakt")),
            ("overall,reviewerID,asin,unixReviewTime", Some("Amazon reviews 2018")),
            ("rating,title,asin,parent_asin,user_id,timestamp", Some("Amazon reviews 2023")),
            ("User-ID,ISBN,Book-Rating", Some("Book-Crossing")),
            ("user_id,book_id,rating", Some("goodbooks")),
            ("user_id,anime_id,rating", Some("MyAnimeList")),
            ("user_id:token,item_id:token,rating:float", Some("RecBole")),
            ("userId,movieId,rating,timestamp", Some("GroupLens")),
            ("userId,movieId,rating,timestamp,mood", None),
            ("user,film,stars", None),
        ] {
            assert_eq!(by_columns(header.split(',')).map(|preset| preset.name), name, "{header}");
        }
    }

    #[test]
    fn tweeted_ratings_are_told_from_those_of_grouplens() {
        let values = |max| Some(Values { min: 1.0, max, step: 1.0 });
        let name = |max, movie| of_double_colons(values(max), [movie].into_iter()).name;
        assert_eq!(
            [name(5.0, "1193"), name(10.0, "1193"), name(5.0, "0114508")],
            ["GroupLens", "MovieTweetings", "MovieTweetings"]
        );
    }
}
