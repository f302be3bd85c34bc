//! The features of a deployment: the one place that names them.

use std::cell::OnceCell;

use marquee_domain::{Moments, MovieId, Timestamp};
use thiserror::Error;

use crate::{Kind, MovieRow, UserRow, UserSummary, Value};

/// A genre's mean counts as much against the user's own as this many ratings more of the user's mean would.
const SHRINKAGE: f64 = 5.0;

/// Whose features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum View {
    /// Of users, by user id.
    User,
    /// Of movies, by movie id.
    Movie,
}

impl View {
    /// Both.
    pub const ALL: [Self; 2] = [Self::User, Self::Movie];

    /// Its name, which stands before its features'.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Movie => "movie",
        }
    }

    /// Name of the id that its values belong to.
    pub fn key(self) -> &'static str {
        match self {
            Self::User => "user_id",
            Self::Movie => "movie_id",
        }
    }
}

/// What is computed. Windows are so many days long; without one, over everything that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Count(Option<u32>),
    Mean(Option<u32>),
    Spread(Option<u32>),
    LastEvent,
    HistoryMovies,
    HistoryRatings,
    HistoryTimes,
    Genres,
    GenreCounts,
    GenreMeans,
    GenreAffinities,
}

/// One feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Its name within its view.
    pub name: String,
    /// What it is, with its unit.
    pub description: String,
    measure: Measure,
}

impl Feature {
    /// Its type.
    pub fn kind(&self) -> Kind {
        match self.measure {
            Measure::Count(_) => Kind::Count,
            Measure::Mean(_) | Measure::Spread(_) => Kind::Number,
            Measure::LastEvent => Kind::Time,
            Measure::HistoryMovies | Measure::Genres => Kind::Texts,
            Measure::HistoryTimes => Kind::Times,
            Measure::GenreCounts => Kind::Counts,
            Measure::HistoryRatings | Measure::GenreMeans | Measure::GenreAffinities => Kind::Numbers,
        }
    }

    /// The length of its window in days, if it has one.
    pub fn window(&self) -> Option<u32> {
        match self.measure {
            Measure::Count(window) | Measure::Mean(window) | Measure::Spread(window) => window,
            _ => None,
        }
    }

    fn needs_history(&self) -> bool {
        matches!(self.measure, Measure::HistoryMovies | Measure::HistoryRatings | Measure::HistoryTimes)
    }
}

/// Everything that a deployment computes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    windows: Vec<u32>,
    history: usize,
    user: Vec<Feature>,
    movie: Vec<Feature>,
}

/// A feature by its place in the definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Whose.
    pub view: View,
    index: usize,
}

/// There is no such feature.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{name}' is no feature: name one as VIEW:FEATURE, for example user:rating_mean")]
pub struct UnknownFeature {
    name: String,
}

/// A user's row, or its beginning.
#[derive(Clone, Copy)]
enum User<'a> {
    Whole(&'a UserRow),
    Summary(&'a UserSummary),
}

impl Definition {
    /// Features with sliding windows of so many days, and histories of so many ratings.
    pub fn new(windows: &[u32], history: usize) -> Self {
        let feature = |name: &str, description: &str, measure| Feature {
            name: name.to_owned(),
            description: description.to_owned(),
            measure,
        };
        let moments = |whose: &str| {
            let mut all = Vec::new();
            for window in std::iter::once(None).chain(windows.iter().copied().map(Some)) {
                let (suffix, when) = match window {
                    None => (String::new(), "that count".to_owned()),
                    Some(days) => (format!("_{days}d"), format!("that count, of the last {days} days")),
                };
                let named = |part: &str, what: &str, measure| {
                    feature(&format!("rating_{part}{suffix}"), &format!("{what} {whose} ratings {when}"), measure)
                };
                all.push(named("count", "how many", Measure::Count(window)));
                all.push(named("mean", "mean in stars of", Measure::Mean(window)));
                all.push(named("spread", "standard deviation in stars of", Measure::Spread(window)));
            }
            all.push(feature("last_event_at", "when the newest event happened", Measure::LastEvent));
            all
        };
        let mut user = moments("the user's");
        user.extend([
            feature("history_movies", "movies of the newest ratings, oldest first", Measure::HistoryMovies),
            feature("history_ratings", "stars of the newest ratings, oldest first", Measure::HistoryRatings),
            feature("history_times", "times of the newest ratings, oldest first", Measure::HistoryTimes),
            feature("genres", "genres rated, by name", Measure::Genres),
            feature("genre_counts", "how many ratings, by genre", Measure::GenreCounts),
            feature("genre_means", "mean in stars, by genre", Measure::GenreMeans),
            feature(
                "genre_affinities",
                "how much more than the user's mean, in stars shrunk towards 0, by genre",
                Measure::GenreAffinities,
            ),
        ]);
        Self { windows: windows.to_vec(), history, user, movie: moments("the movie's") }
    }

    /// A view's features, in order.
    pub fn features(&self, view: View) -> &[Feature] {
        match view {
            View::User => &self.user,
            View::Movie => &self.movie,
        }
    }

    /// Every feature of a view.
    pub fn all(&self, view: View) -> Vec<Column> {
        (0..self.features(view).len()).map(|index| Column { view, index }).collect()
    }

    /// Finds a feature by its name, `VIEW:FEATURE`.
    pub fn find(&self, name: &str) -> Result<Column, UnknownFeature> {
        let unknown = || UnknownFeature { name: name.to_owned() };
        let (view, feature) = name.split_once(':').ok_or_else(unknown)?;
        let view = View::ALL.into_iter().find(|known| known.name() == view).ok_or_else(unknown)?;
        let index = self.features(view).iter().position(|known| known.name == feature).ok_or_else(unknown)?;
        Ok(Column { view, index })
    }

    /// The feature of a column.
    pub fn feature(&self, column: Column) -> &Feature {
        &self.features(column.view)[column.index]
    }

    /// Its whole name.
    pub fn name(&self, column: Column) -> String {
        format!("{}:{}", column.view.name(), self.feature(column).name)
    }

    /// A user's summary is not enough for one of these.
    pub fn need_history(&self, columns: &[Column]) -> bool {
        columns.iter().any(|&column| column.view == View::User && self.feature(column).needs_history())
    }

    /// What features of a user are worth; windows end at `as_of`. Those of other views are left out.
    pub fn of_user(&self, columns: &[Column], row: &UserRow, as_of: Timestamp) -> Vec<Option<Value>> {
        self.user_values(columns, User::Whole(row), as_of)
    }

    /// The same of a row's beginning, which knows no history.
    pub fn of_summary(&self, columns: &[Column], row: &UserSummary, as_of: Timestamp) -> Vec<Option<Value>> {
        self.user_values(columns, User::Summary(row), as_of)
    }

    fn user_values(&self, columns: &[Column], row: User<'_>, as_of: Timestamp) -> Vec<Option<Value>> {
        let summary = match row {
            User::Whole(row) => row.summary(),
            User::Summary(summary) => summary,
        };
        let history = OnceCell::new();
        let history = || match row {
            User::Whole(row) => history.get_or_init(|| row.history(self.history)).as_slice(),
            User::Summary(_) => &[],
        };
        let own = columns.iter().filter(|column| column.view == View::User);
        own.map(|&column| user_value(self.feature(column).measure, summary, history, as_of)).collect()
    }

    /// What features of a movie are worth; windows end at `as_of`. Those of other views are left out.
    pub fn of_movie(&self, columns: &[Column], row: &MovieRow, as_of: Timestamp) -> Vec<Option<Value>> {
        self.of_sums(columns, &self.sums(row, as_of))
    }

    /// What a row comes to at an instant: far smaller than the row, and still mergeable.
    pub fn sums(&self, row: &MovieRow, as_of: Timestamp) -> Sums {
        let mut sums = Sums::default();
        self.add(row, as_of, &mut sums);
        sums
    }

    /// Adds what another partition's row comes to.
    pub fn add(&self, row: &MovieRow, as_of: Timestamp, sums: &mut Sums) {
        sums.all = sums.all.merged(row.moments);
        sums.windows.resize(self.windows.len(), Moments::default());
        for (sum, &days) in sums.windows.iter_mut().zip(&self.windows) {
            *sum = sum.merged(row.tiles.window(days, as_of));
        }
        sums.event_time = sums.event_time.max(row.event_time);
    }

    /// What features of a movie are worth by its sums over all partitions.
    pub fn of_sums(&self, columns: &[Column], sums: &Sums) -> Vec<Option<Value>> {
        let over = |window: Option<u32>| match window {
            None => sums.all,
            Some(days) => {
                let place = self.windows.iter().position(|&known| known == days);
                place.and_then(|place| sums.windows.get(place)).copied().unwrap_or_default()
            }
        };
        let own = columns.iter().filter(|column| column.view == View::Movie);
        own.map(|&column| moments_value(self.feature(column).measure, over, sums.event_time)).collect()
    }
}

/// What was given over the windows of a definition that end at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    all: Moments,
    windows: Vec<Moments>,
    event_time: Option<Timestamp>,
}

fn moments_value(
    measure: Measure,
    over: impl Fn(Option<u32>) -> Moments,
    event_time: Option<Timestamp>,
) -> Option<Value> {
    match measure {
        Measure::Count(window) => Some(Value::Count(over(window).count())),
        Measure::Mean(window) => Value::mean(over(window)),
        Measure::Spread(window) => Value::spread(over(window)),
        Measure::LastEvent => event_time.map(Value::Time),
        _ => None,
    }
}

fn user_value<'a>(
    measure: Measure,
    row: &UserSummary,
    history: impl Fn() -> &'a [(&'a MovieId, f64, Timestamp)],
    as_of: Timestamp,
) -> Option<Value> {
    let genres = || row.genres.values();
    let affinity = |genre: &Moments| {
        let count = genre.count() as f64;
        count / (count + SHRINKAGE) * (genre.mean() - row.moments.mean())
    };
    Some(match measure {
        Measure::HistoryMovies => Value::Texts(history().iter().map(|(movie, ..)| movie.as_str().to_owned()).collect()),
        Measure::HistoryRatings => Value::Numbers(history().iter().map(|&(_, rating, _)| rating).collect()),
        Measure::HistoryTimes => Value::Times(history().iter().map(|&(.., at)| at).collect()),
        Measure::Genres => Value::Texts(row.genres.keys().cloned().collect()),
        Measure::GenreCounts => Value::Counts(genres().map(Moments::count).collect()),
        Measure::GenreMeans => Value::Numbers(genres().map(Moments::mean).collect()),
        Measure::GenreAffinities => Value::Numbers(genres().map(affinity).collect()),
        _ => {
            let over = |window: Option<u32>| window.map_or(row.moments, |days| row.tiles.window(days, as_of));
            return moments_value(measure, over, row.event_time);
        }
    })
}

#[cfg(test)]
mod tests {
    use marquee_domain::{Rating, UserId};

    use super::*;

    fn row() -> UserRow {
        let mut row = UserRow::default();
        for (offset, (movie, value, day, genre)) in
            [("a", 5.0, 1, "Drama"), ("b", 3.0, 40, "Comedy"), ("c", 4.0, 41, "Drama")].into_iter().enumerate()
        {
            let rating = Rating {
                user: UserId::try_new("u").expect("valid"),
                movie: MovieId::try_new(movie).expect("valid"),
                value,
                rated_at: Timestamp::from_seconds(day * 86_400),
            };
            row.rate(&rating, &[genre.to_owned()], offset as u64);
        }
        row
    }

    fn value(row: &UserRow, name: &str) -> Option<Value> {
        let definition = Definition::new(&[7, 30], 2);
        let column = definition.find(name).expect("known");
        definition.of_user(&[column], row, Timestamp::from_seconds(42 * 86_400)).pop().expect("one value")
    }

    #[test]
    fn every_feature_is_what_its_description_says() {
        let row = row();
        assert_eq!(value(&row, "user:rating_count"), Some(Value::Count(3)));
        assert_eq!(value(&row, "user:rating_mean"), Some(Value::Number(4.0)));
        assert_eq!(value(&row, "user:rating_count_7d"), Some(Value::Count(2)));
        assert_eq!(value(&row, "user:rating_mean_30d"), Some(Value::Number(3.5)));
        assert_eq!(value(&row, "user:rating_spread_7d"), Some(Value::Number(0.5)));
        assert_eq!(value(&row, "user:last_event_at"), Some(Value::Time(Timestamp::from_seconds(41 * 86_400))));
        assert_eq!(value(&row, "user:history_movies"), Some(Value::Texts(vec!["b".to_owned(), "c".to_owned()])));
        assert_eq!(value(&row, "user:genres"), Some(Value::Texts(vec!["Comedy".to_owned(), "Drama".to_owned()])));
        assert_eq!(value(&row, "user:genre_counts"), Some(Value::Counts(vec![1, 2])));
        let Some(Value::Numbers(affinities)) = value(&row, "user:genre_affinities") else { panic!("numbers") };
        assert!((affinities[0] + 1.0 / 6.0).abs() < 1e-12 && (affinities[1] - 0.5 * 2.0 / 7.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_known_has_no_value() {
        let nobody = UserRow::default();
        assert_eq!(value(&nobody, "user:rating_count"), Some(Value::Count(0)));
        assert_eq!(value(&nobody, "user:rating_mean"), None);
        assert_eq!(value(&nobody, "user:last_event_at"), None);
        assert_eq!(value(&nobody, "user:genres"), Some(Value::Texts(Vec::new())));
    }

    #[test]
    fn names_lead_to_features_and_others_to_nothing() {
        let definition = Definition::new(&[7], 10);
        for view in View::ALL {
            for column in definition.all(view) {
                assert_eq!(definition.find(&definition.name(column)), Ok(column));
            }
        }
        for unknown in ["rating_mean", "user:", "user:rating_mean_8d", "movie:genres", "who:rating_mean"] {
            let error = definition.find(unknown).expect_err(unknown).to_string();
            assert!(error.contains(unknown), "{error}");
        }
    }

    #[test]
    fn a_summary_says_what_the_whole_row_says_but_for_the_history() {
        let (row, definition) = (row(), Definition::new(&[7], 10));
        let columns: Vec<Column> =
            definition.all(View::User).into_iter().filter(|&column| !definition.need_history(&[column])).collect();
        let as_of = Timestamp::from_seconds(42 * 86_400);
        assert_eq!(definition.of_summary(&columns, row.summary(), as_of), definition.of_user(&columns, &row, as_of));
    }
}
