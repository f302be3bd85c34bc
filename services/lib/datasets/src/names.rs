//! The names that publishers give to the columns of ratings and movies.

use std::fmt;
use std::str::FromStr;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// The id of the user.
    User,
    /// The id of the movie.
    Movie,
    /// The value of the rating.
    Rating,
    /// The time of the rating.
    Time,
    /// The title of the movie.
    Title,
    /// The year of release.
    Year,
    /// The genres.
    Genres,
    /// The date of release.
    Release,
}

/// The number of fields.
pub(crate) const FIELDS: usize = 8;

/// The fields that a file of ratings may have.
pub(crate) const OF_RATINGS: [Field; 7] =
    [Field::User, Field::Movie, Field::Rating, Field::Time, Field::Title, Field::Year, Field::Genres];

const USER: &[&str] = &[
    "userid",
    "uid",
    "useridx",
    "reviewerid",
    "customerid",
    "raterid",
    "memberid",
    "viewerid",
    "profileid",
    "user",
    "user.id",
    "user.userid",
    "user.ids.slug",
    "user.slug",
    "username",
    "user.username",
    "user.login",
    "user.name",
    "reviewername",
    "customer",
    "reviewer",
    "rater",
    "viewer",
    "profilename",
    "login",
    "u",
];
const MOVIE: &[&str] = &[
    "movieid",
    "filmid",
    "itemid",
    "mid",
    "iid",
    "parentasin",
    "productid",
    "asin",
    "const",
    "tconst",
    "imdbid",
    "movie.ids.imdb",
    "movie.ids.trakt",
    "movie.id",
    "movie.movieid",
    "show.ids.imdb",
    "show.ids.trakt",
    "item.id",
    "product.id",
    "film.id",
    "tmdbid",
    "traktid",
    "bookid",
    "isbn",
    "jokeid",
    "animeid",
    "showid",
    "titleid",
    "gameid",
    "businessid",
    "movie",
    "film",
    "item",
    "product",
    "book",
    "i",
];
const RATING: &[&str] = &[
    "rating",
    "yourrating",
    "userrating",
    "myrating",
    "bookrating",
    "movierating",
    "overall",
    "overallrating",
    "yourated",
    "stars",
    "starrating",
    "score",
    "userscore",
    "ratingvalue",
    "ratingscore",
    "rating.value",
    "ratings",
    "rate",
    "grade",
    "r",
];
const TIME: &[&str] = &[
    "timestamp",
    "ratedat",
    "unixreviewtime",
    "daterated",
    "watcheddate",
    "ratingtimestamp",
    "ratingtime",
    "ratingdate",
    "reviewtime",
    "reviewdate",
    "datetime",
    "eventtime",
    "unixtime",
    "time",
    "date",
    "createdat",
    "created",
    "updatedat",
    "addedat",
    "ts",
    "t",
    "when",
];
const TITLE: &[&str] = &[
    "title",
    "movietitle",
    "filmtitle",
    "moviename",
    "filmname",
    "primarytitle",
    "itemtitle",
    "booktitle",
    "name",
    "movie.title",
    "show.title",
    "originaltitle",
];
const YEAR: &[&str] = &[
    "year",
    "releaseyear",
    "yearofrelease",
    "startyear",
    "movieyear",
    "movie.year",
    "show.year",
    "yearofpublication",
    "originalpublicationyear",
];
const GENRES: &[&str] = &["genres", "genre", "movie.genres", "listedin", "class"];
const RELEASE: &[&str] = &["releasedate", "videoreleasedate", "premiered"];

/// The names of the id column of a file of movies, beside those in a file of ratings.
const ID: &str = "id";

/// How telling it is: less than the other names, and more than an object under the name of a field.
const LEAST_TELLING: usize = usize::MAX - 2;

impl Field {
    /// Every field.
    pub(crate) const ALL: [Self; FIELDS] =
        [Self::User, Self::Movie, Self::Rating, Self::Time, Self::Title, Self::Year, Self::Genres, Self::Release];

    /// Returns the name, as errors and the command line use it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Movie => "movie",
            Self::Rating => "rating",
            Self::Time => "timestamp",
            Self::Title => "title",
            Self::Year => "year",
            Self::Genres => "genres",
            Self::Release => "release_date",
        }
    }

    /// Returns the known names of its column, the most telling first.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::User => USER,
            Self::Movie => MOVIE,
            Self::Rating => RATING,
            Self::Time => TIME,
            Self::Title => TITLE,
            Self::Year => YEAR,
            Self::Genres => GENRES,
            Self::Release => RELEASE,
        }
    }

    /// Returns how telling a canonical name is for this field, 0 being best, or `None` if it does
    /// not name the field.
    pub(crate) fn rank(self, canonical: &str) -> Option<usize> {
        self.names().iter().position(|known| *known == canonical)
    }

    /// The same for the column of a file of movies, where `id` is the id of the movie.
    pub(crate) fn rank_in_movies(self, canonical: &str) -> Option<usize> {
        if self == Self::Movie && canonical == ID { Some(LEAST_TELLING) } else { self.rank(canonical) }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|field| field.name() == text || field.rank(&canonical(text)) == Some(0));
        let alias = (text == "time").then_some(Self::Time);
        found.or(alias).ok_or_else(|| {
            format!("'{text}' is no field; give one of user, movie, rating, timestamp, title, year or genres")
        })
    }
}

/// Returns the form in which names are compared: `movie_id`, `movieId`, `Movie ID` and `MovieID`
/// are equal. The types that RecBole writes behind names are left out: `user_id:token`. Dots stay,
/// because they separate the parts of nested names.
pub(crate) fn canonical(name: &str) -> String {
    let name = match name.split_once(':') {
        Some((name, "token" | "float" | "token_seq" | "float_seq")) => name,
        _ => name,
    };
    name.chars().filter(|c| c.is_alphanumeric() || *c == '.').flat_map(char::to_lowercase).collect()
}

/// The column of each field, by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Columns([Option<usize>; FIELDS]);

impl Columns {
    /// Finds the most telling column of each field. `named` are columns that the user named.
    pub(crate) fn find<'a>(
        names: impl Iterator<Item = &'a str>,
        named: &[(Field, String)],
        rank: fn(Field, &str) -> Option<usize>,
    ) -> Self {
        let mut best: [Option<(usize, usize)>; FIELDS] = [None; FIELDS];
        for (index, name) in names.enumerate() {
            let canonical = canonical(name);
            for (field, best) in Field::ALL.into_iter().zip(&mut best) {
                let given = named.iter().find(|(given, _)| *given == field).map(|(_, given)| given);
                let rank = match given {
                    Some(given) if given == name => Some(0),
                    Some(given) if self::canonical(given) == canonical => Some(1),
                    Some(_) => None,
                    None => rank(field, &canonical),
                };
                if let Some(rank) = rank
                    && best.is_none_or(|(_, known)| rank < known)
                {
                    *best = Some((index, rank));
                }
            }
        }
        Self(best.map(|best| best.map(|(index, _)| index)))
    }

    pub(crate) fn get(&self, field: Field) -> Option<usize> {
        self.0.get(field as usize).copied().flatten()
    }

    pub(crate) fn set(&mut self, field: Field, column: Option<usize>) {
        if let Some(slot) = self.0.get_mut(field as usize) {
            *slot = column;
        }
    }

    /// Returns the number of fields that a rating needs and that have a column.
    pub(crate) fn known(&self) -> usize {
        [Field::User, Field::Movie, Field::Rating, Field::Time]
            .into_iter()
            .filter(|field| self.get(*field).is_some())
            .count()
    }

    /// Returns the fields that have a column, with its position.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Field, usize)> + '_ {
        Field::ALL.into_iter().filter_map(|field| Some((field, self.get(field)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(header: &str, named: &[(Field, String)]) -> [Option<usize>; 4] {
        let columns = Columns::find(header.split(','), named, Field::rank);
        [Field::User, Field::Movie, Field::Rating, Field::Time].map(|field| columns.get(field))
    }

    #[test]
    fn the_most_telling_column_is_that_of_a_field() {
        for (header, expected) in [
            ("userId,movieId,rating,timestamp", [Some(0), Some(1), Some(2), Some(3)]),
            ("rating,item_id,user_id", [Some(2), Some(1), Some(0), None]),
            ("user,user_id,item,item_id,rating,timestamp", [Some(1), Some(3), Some(4), Some(5)]),
            ("User ID,Movie ID,Rating,Time Stamp", [Some(0), Some(1), Some(2), Some(3)]),
            ("user_id:token,item_id:token,rating:float,timestamp:float", [Some(0), Some(1), Some(2), Some(3)]),
            (",userId,movieId,rating", [Some(1), Some(2), Some(3), None]),
            ("User-ID,ISBN,Book-Rating", [Some(0), Some(1), Some(2), None]),
            ("asin,user_id,parent_asin,rating,timestamp", [Some(1), Some(2), Some(3), Some(4)]),
            ("1,2,3,4", [None; 4]),
        ] {
            assert_eq!(find(header, &[]), expected, "{header}");
        }
    }

    #[test]
    fn a_column_that_the_user_names_wins() {
        let named = [(Field::User, "who rated".to_owned()), (Field::Rating, "Points".to_owned())];
        assert_eq!(find("user_id,movie,rating,points,Who Rated", &named), [Some(4), Some(1), Some(3), None]);
    }

    #[test]
    fn fields_are_read_from_the_command_line() {
        for (text, field) in
            [("user", Field::User), ("time", Field::Time), ("timestamp", Field::Time), ("movie_id", Field::Movie)]
        {
            assert_eq!(text.parse(), Ok(field));
        }
        assert!("plot".parse::<Field>().is_err_and(|reason| reason.contains("one of user")));
    }
}
