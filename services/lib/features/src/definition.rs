//! The features of a deployment. This is the only place that names and computes them.

use std::cell::OnceCell;

use marquee_domain::{Moments, MovieId, Timestamp};
use thiserror::Error;

use crate::{MovieRow, UserRow, UserSummary, Value, ValueKind};

/// A genre's mean is shrunk towards the user's mean as if the genre had this many more ratings of
/// exactly that mean.
const SHRINKAGE: f64 = 5.0;

/// The entities that features belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum View {
    /// Users, by user id.
    User,
    /// Movies, by movie id.
    Movie,
}

impl View {
    /// Both views.
    pub const ALL: [Self; 2] = [Self::User, Self::Movie];

    /// Returns the name, which prefixes the names of the view's features.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Movie => "movie",
        }
    }

    /// Returns the name of the id that identifies an entity.
    pub fn key(self) -> &'static str {
        match self {
            Self::User => "user_id",
            Self::Movie => "movie_id",
        }
    }
}

/// How a feature is computed. A window is its length in days; `None` means all ratings that count.
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
    /// The name within its view.
    pub name: String,
    /// What the feature is, with its unit.
    pub description: String,
    measure: Measure,
}

impl Feature {
    /// Returns the type.
    pub fn kind(&self) -> ValueKind {
        match self.measure {
            Measure::Count(_) => ValueKind::Count,
            Measure::Mean(_) | Measure::Spread(_) => ValueKind::Number,
            Measure::LastEvent => ValueKind::Time,
            Measure::HistoryMovies | Measure::Genres => ValueKind::Texts,
            Measure::HistoryTimes => ValueKind::Times,
            Measure::GenreCounts => ValueKind::Counts,
            Measure::HistoryRatings | Measure::GenreMeans | Measure::GenreAffinities => ValueKind::Numbers,
        }
    }

    /// Returns the length of the window in days, if the feature has one.
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

/// All features of a deployment.
///
/// **Invariant:** a feature by name and the statistics of the same row rest on the same sums
/// (`statistics_are_the_features_by_name`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    windows: Vec<u32>,
    history: usize,
    user: Vec<Feature>,
    movie: Vec<Feature>,
}

/// A feature, by its index in the definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The feature's view.
    pub view: View,
    index: usize,
}

/// A name that no feature has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown feature '{name}'; expected VIEW:FEATURE, for example user:rating_mean")]
pub struct UnknownFeature {
    name: String,
}

/// A user's row, or its summary.
#[derive(Clone, Copy)]
enum User<'a> {
    Whole(&'a UserRow),
    Summary(&'a UserSummary),
}

impl Definition {
    /// Returns the features for sliding windows of these lengths in days, and for histories of at
    /// most `history` ratings.
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
                all.push(named("count", "number of", Measure::Count(window)));
                all.push(named("mean", "mean in stars of", Measure::Mean(window)));
                all.push(named("spread", "standard deviation in stars of", Measure::Spread(window)));
            }
            all.push(feature("last_event_at", "time of the newest rating, also if it was removed", Measure::LastEvent));
            all
        };
        let mut user = moments("the user's");
        user.extend([
            feature("history_movies", "movies of the newest ratings, oldest first", Measure::HistoryMovies),
            feature("history_ratings", "stars of the newest ratings, oldest first", Measure::HistoryRatings),
            feature("history_times", "times of the newest ratings, oldest first", Measure::HistoryTimes),
            feature("genres", "genres rated, by name", Measure::Genres),
            feature("genre_counts", "number of ratings, by genre", Measure::GenreCounts),
            feature("genre_means", "mean in stars, by genre", Measure::GenreMeans),
            feature(
                "genre_affinities",
                "mean above the user's own mean, in stars shrunk towards 0, by genre",
                Measure::GenreAffinities,
            ),
        ]);
        Self { windows: windows.to_vec(), history, user, movie: moments("the movie's") }
    }

    /// Returns the features of a view, in order.
    pub fn features(&self, view: View) -> &[Feature] {
        match view {
            View::User => &self.user,
            View::Movie => &self.movie,
        }
    }

    /// Returns the columns of all features of a view.
    pub fn all(&self, view: View) -> Vec<Column> {
        (0..self.features(view).len()).map(|index| Column { view, index }).collect()
    }

    /// Finds a feature by its full name, `VIEW:FEATURE`.
    ///
    /// # Errors
    /// No feature has this name.
    pub fn find(&self, name: &str) -> Result<Column, UnknownFeature> {
        let unknown = || UnknownFeature { name: name.to_owned() };
        let (view, feature) = name.split_once(':').ok_or_else(unknown)?;
        let view = View::ALL.into_iter().find(|known| known.name() == view).ok_or_else(unknown)?;
        let index = self.features(view).iter().position(|known| known.name == feature).ok_or_else(unknown)?;
        Ok(Column { view, index })
    }

    /// Returns the feature of a column.
    pub fn feature(&self, column: Column) -> &Feature {
        &self.features(column.view)[column.index]
    }

    /// Returns the full name of a column's feature.
    pub fn name(&self, column: Column) -> String {
        format!("{}:{}", column.view.name(), self.feature(column).name)
    }

    /// Whether one of these features needs a user's whole row and not only its summary.
    pub fn need_history(&self, columns: &[Column]) -> bool {
        columns.iter().any(|&column| column.view == View::User && self.feature(column).needs_history())
    }

    /// Returns the values of the user features among `columns`. Windows end at `as_of`.
    pub fn of_user(&self, columns: &[Column], row: &UserRow, as_of: Timestamp) -> Vec<Option<Value>> {
        self.user_values(columns, User::Whole(row), as_of)
    }

    /// Returns the values of the user features among `columns` from a summary, which has no
    /// history.
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
            User::Whole(row) => history.get_or_init(|| self.history(row)).as_slice(),
            User::Summary(_) => &[],
        };
        let own = columns.iter().filter(|column| column.view == View::User);
        own.map(|&column| user_value(self.feature(column).measure, summary, history, as_of)).collect()
    }

    /// Returns the values of the movie features among `columns`. Windows end at `as_of`.
    pub fn of_movie(&self, columns: &[Column], row: &MovieRow, as_of: Timestamp) -> Vec<Option<Value>> {
        self.of_sums(columns, &self.sums(row, as_of))
    }

    /// Returns the sums of a movie's row over the windows that end at `as_of`. They are far smaller
    /// than the row and can still be merged.
    pub fn sums(&self, row: &MovieRow, as_of: Timestamp) -> Sums {
        let mut sums = Sums::default();
        self.add(row, as_of, &mut sums);
        sums
    }

    /// Adds the sums of another partition's row.
    pub fn add(&self, row: &MovieRow, as_of: Timestamp, sums: &mut Sums) {
        sums.all = sums.all.merged(row.moments);
        sums.windows.resize(self.windows.len(), Moments::default());
        for (sum, &days) in sums.windows.iter_mut().zip(&self.windows) {
            *sum = sum.merged(row.tiles.window(days, as_of));
        }
        sums.event_time = sums.event_time.max(row.event_time);
    }

    /// Returns the values of the movie features among `columns` from the sums over all partitions.
    pub fn of_sums(&self, columns: &[Column], sums: &Sums) -> Vec<Option<Value>> {
        let over = |window| self.sum(sums, window);
        let own = columns.iter().filter(|column| column.view == View::Movie);
        own.map(|&column| moments_value(self.feature(column).measure, over, sums.event_time)).collect()
    }

    /// Returns the sum over a window, or over all ratings.
    fn sum(&self, sums: &Sums, window: Option<u32>) -> Moments {
        let Some(days) = window else { return sums.all };
        let index = self.windows.iter().position(|&length| length == days);
        index.and_then(|index| sums.windows.get(index)).copied().unwrap_or_default()
    }

    /// Returns a user's newest ratings that count, oldest first.
    pub fn history<'a>(&self, row: &'a UserRow) -> Vec<(&'a MovieId, f64, Timestamp)> {
        row.history(self.history)
    }

    /// Returns a user's statistics. Windows end at `as_of`.
    pub fn user_statistics<'a>(&self, summary: &'a UserSummary, as_of: Timestamp) -> Statistics<'a> {
        let window = |&days: &u32| (days, summary_sum(summary, Some(days), as_of));
        Statistics {
            all_time: summary_sum(summary, None, as_of),
            windows: self.windows.iter().map(window).collect(),
            genres: summary.genres.iter().map(|(genre, &moments)| (genre.as_str(), moments)).collect(),
        }
    }

    /// Returns a movie's statistics from its sums over all partitions.
    ///
    /// The sums are built with [`Definition::add`], from [`Sums::default`] and each partition's
    /// row.
    pub fn movie_statistics(&self, sums: &Sums) -> Statistics<'static> {
        let window = |&days: &u32| (days, self.sum(sums, Some(days)));
        Statistics {
            all_time: self.sum(sums, None),
            windows: self.windows.iter().map(window).collect(),
            genres: Vec::new(),
        }
    }
}

/// The moments of a user's or a movie's ratings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics<'a> {
    /// The moments of all ratings that count.
    pub all_time: Moments,
    /// The length in days and the moments of each window, in the order of the definition.
    pub windows: Vec<(u32, Moments)>,
    /// The moments by genre, in the order of names. Empty for a movie.
    pub genres: Vec<(&'a str, Moments)>,
}

/// A movie's moments over the windows of a definition that end at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    all: Moments,
    windows: Vec<Moments>,
    event_time: Option<Timestamp>,
}

impl Sums {
    /// Returns the newest time of a rating that was applied.
    pub fn event_time(&self) -> Option<Timestamp> {
        self.event_time
    }
}

/// Returns the sum of a user's ratings over a window that ends at `as_of`, or over all ratings.
fn summary_sum(summary: &UserSummary, window: Option<u32>, as_of: Timestamp) -> Moments {
    window.map_or(summary.moments, |days| summary.tiles.window(days, as_of))
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
            let over = |window| summary_sum(row, window, as_of);
            return moments_value(measure, over, row.event_time);
        }
    })
}

#[cfg(test)]
mod tests;
