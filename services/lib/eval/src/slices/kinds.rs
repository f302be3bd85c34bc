//! Which slices a rating belongs to.

use std::collections::{BTreeMap, HashMap};

use marquee_domain::{MovieId, UserId};

use super::BY_RATING;
use super::sums::SliceSums;
use crate::summary::{HISTORY, history_name};
use crate::terciles::{NAMES, Terciles};
use crate::{Options, Outcome, Outcomes};

/// The largest number of values of a dimension. The ratings of the rarer values are in one slice.
const VALUES: usize = 64;

/// The name of that slice.
const OTHER: &str = "other";

/// The largest number of levels of a scale that have a slice each. Longer scales have ten ranges.
const LEVELS: usize = 20;

/// The slices, and how a rating finds its own. Slices are numbered from 0; 0 has all ratings.
pub(super) struct Kinds {
    slices: Vec<SliceSums>,
    /// The first slice of each dimension that every rating has.
    history: usize,
    activity: usize,
    popularity: usize,
    rating: usize,
    users: usize,
    movies: usize,
    activities: Terciles,
    popularities: Terciles,
    levels: Levels,
    /// Slices of attributes, by the number of the user.
    of_user: Vec<Vec<usize>>,
    /// Slices of genres, by the number of the movie.
    of_movie: Vec<Vec<usize>>,
}

impl Kinds {
    pub(super) fn new(all: &Outcomes, options: &Options<'_>) -> Self {
        let levels = Levels::new(options);
        let mut slices = Vec::new();
        let mut open = |dimension: &str, names: Vec<String>| {
            let first = slices.len();
            let slice = |name| SliceSums { dimension: dimension.to_owned(), name, by_user: Vec::new() };
            slices.extend(names.into_iter().map(slice));
            first
        };
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        open("all", owned(&["all"]));
        let to = |at: usize| HISTORY.get(at + 1).map(|next| next - 1);
        let history = HISTORY.iter().enumerate().map(|(at, &from)| history_name(from, to(at))).collect();
        let history = open("history", history);
        let activity = open("activity", owned(&NAMES));
        let popularity = open("popularity", owned(&NAMES));
        let rating = open(BY_RATING, levels.names());
        let users = open("users", owned(&["new", "known"]));
        let movies = open("movies", owned(&["new", "known"]));
        let mut of_user = vec![Vec::new(); all.users().len()];
        let mut of_movie = vec![Vec::new(); all.movies().len()];
        if let Some(attributes) = options.attributes {
            let genres = |id: &MovieId| attributes.genres.get(id).map_or(&[][..], Vec::as_slice);
            let values: Vec<&[String]> = all.movies().iter().map(genres).collect();
            assign(&values, &count(all, |one| one.movie), &mut of_movie, |names| open("genre", names));
            for (dimension, groups) in &attributes.groups {
                let group = |id: &UserId| groups.get(id).map_or(&[][..], std::slice::from_ref);
                let values: Vec<&[String]> = all.users().iter().map(group).collect();
                assign(&values, &count(all, |one| one.user), &mut of_user, |names| open(dimension, names));
            }
        }
        let activities = Terciles::new(all.by_user().map(activity_of));
        let popularities = Terciles::new(all.list().iter().map(|one| one.movie_past));
        Self {
            slices,
            history,
            activity,
            popularity,
            rating,
            users,
            movies,
            activities,
            popularities,
            levels,
            of_user,
            of_movie,
        }
    }

    /// Returns the sums of every slice.
    pub(super) fn sums(mut self, all: &Outcomes) -> Vec<SliceSums> {
        for user in all.by_user() {
            let activity = self.activity + self.activities.of(activity_of(user));
            for one in user {
                let history = HISTORY.iter().rposition(|&from| one.history >= from).unwrap_or(0);
                let own = [
                    0,
                    self.history + history,
                    activity,
                    self.popularity + self.popularities.of(one.movie_past),
                    self.rating + self.levels.of(one.rating),
                    self.users + usize::from(one.user_past > 0),
                    self.movies + usize::from(one.movie_past > 0),
                ];
                let of_user = self.of_user.get(one.user as usize).into_iter().flatten();
                let of_movie = self.of_movie.get(one.movie as usize).into_iter().flatten();
                for &slice in own.iter().chain(of_user).chain(of_movie) {
                    self.slices[slice].add(one);
                }
            }
        }
        self.slices
    }
}

/// Returns how many ratings a user has, in the past and predicted.
fn activity_of(user: &[Outcome]) -> u32 {
    user.first().map_or(0, |first| first.user_past + user.len() as u32)
}

/// Counts outcomes by number.
fn count(all: &Outcomes, number: fn(&Outcome) -> u32) -> HashMap<usize, u64> {
    let mut counts = HashMap::new();
    all.list().iter().for_each(|one| *counts.entry(number(one) as usize).or_default() += 1);
    counts
}

/// Opens a slice for each of the most frequent values, and adds it to the users or movies that have
/// the value. `ratings` is the number of ratings of each user or movie.
fn assign(
    values: &[&[String]],
    ratings: &HashMap<usize, u64>,
    slices: &mut [Vec<usize>],
    open: impl FnOnce(Vec<String>) -> usize,
) {
    let mut frequencies: BTreeMap<&str, u64> = BTreeMap::new();
    for (number, names) in values.iter().enumerate() {
        for name in *names {
            *frequencies.entry(name).or_default() += ratings.get(&number).copied().unwrap_or(0);
        }
    }
    let mut names: Vec<(&str, u64)> = frequencies.into_iter().filter(|(_, ratings)| *ratings > 0).collect();
    names.sort_by_key(|(_, ratings)| std::cmp::Reverse(*ratings));
    let is_cut = names.len() > VALUES;
    names.truncate(VALUES);
    // In the order of the names, with the rest at the end.
    let mut names: Vec<String> = names.into_iter().map(|(name, _)| name.to_owned()).collect();
    names.sort_unstable();
    let places: HashMap<String, usize> = names.iter().cloned().zip(0..).collect();
    let other = names.len();
    if is_cut {
        names.push(OTHER.to_owned());
    }
    let first = open(names);
    for (own, names) in slices.iter_mut().zip(values) {
        let found = names.iter().filter_map(|name| places.get(name).copied().or(is_cut.then_some(other)));
        let mut found: Vec<usize> = found.map(|place| first + place).collect();
        found.sort_unstable();
        found.dedup();
        own.extend(found);
    }
}

/// The slices by rating.
struct Levels {
    min: f64,
    /// The width of a slice.
    width: f64,
    /// The number of slices.
    count: usize,
    /// The width of a level.
    step: f64,
}

impl Levels {
    fn new(options: &Options<'_>) -> Self {
        let (scale, levels) = (options.scale, options.scale.levels());
        let (min, step) = (scale.min(), scale.resolution());
        if levels <= LEVELS {
            return Self { min, width: step, count: levels, step };
        }
        Self { min, width: (scale.max() - min) / 10.0, count: 10, step }
    }

    fn names(&self) -> Vec<String> {
        // Without the digits of rounding.
        let number = |value: f64| ((value * 1e6).round() / 1e6).to_string();
        let name = |slice: usize| {
            let from = self.min + slice as f64 * self.width;
            let is_level = self.width == self.step;
            if is_level { number(from) } else { format!("{}–{}", number(from), number(from + self.width)) }
        };
        (0..self.count).map(name).collect()
    }

    fn of(&self, rating: f64) -> usize {
        let is_level = self.width == self.step;
        let place = (rating - self.min) / self.width + if is_level { 0.5 } else { 1e-6 };
        // The cast of a negative number or NaN is 0.
        (place as usize).min(self.count - 1)
    }
}
