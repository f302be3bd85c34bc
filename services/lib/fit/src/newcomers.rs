//! What is expected of movies that nobody has rated: what is known of movies that were new lately,
//! and of movies of the same genres and years.
//!
//! The prior of the movies is not the right answer. It is about a movie at random, and most movies
//! are obscure. The first rating of a movie is more often about a popular one, and movies that are
//! new are watched first by those who want to see them. So the level and the spread of newcomers
//! are those of the movies whose first rating is recent, each counted as often as it was rated.
//! What genres and years add comes from all rated movies, by ridge regression on the movies' states
//! in each sample.

use std::collections::BTreeMap;

use marquee_domain::{Movie, Rating};
use marquee_posterior::{Cholesky, Posterior, Sample};
use rand_distr::{Distribution, StandardNormal};

use super::random::{Group, stream};
use super::ratings::Ratings;
use super::snapshot::MovieIndex;

/// What is known of movies besides who rated them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Newcomers {
    /// The number of ratings of a movie if its first rating is recent, or else 0, `[movies]`.
    pub recent: Vec<f64>,
    /// What is known of each movie, such as 1 for each of its genres, `[movies, features]`,
    /// row-major. It may have no features.
    pub features: Vec<f32>,
}

/// The share of the ratings that is recent.
const RECENT: f64 = 0.2;

impl Newcomers {
    /// Returns what ratings, oldest first, and a catalog say of the movies of an index: which are
    /// new, their genres and their decades. Where ratings have no times, no movie is newer than
    /// another.
    pub fn new<'a>(
        index: &MovieIndex,
        ratings: &[Rating],
        has_times: bool,
        catalog: impl Iterator<Item = &'a Movie> + Clone,
    ) -> Self {
        let old = if has_times { (ratings.len() as f64 * (1.0 - RECENT)) as usize } else { 0 };
        let mut recent = vec![0.0; index.len()];
        let mut is_old = vec![false; index.len()];
        for (place, rating) in ratings.iter().enumerate() {
            let Some(movie) = index.get(&rating.movie) else { continue };
            if place < old {
                is_old[movie as usize] = true;
            } else if !is_old[movie as usize] {
                recent[movie as usize] += 1.0;
            }
        }
        let mut columns: BTreeMap<Feature<'_>, usize> =
            catalog.clone().flat_map(features).map(|name| (name, 0)).collect();
        columns.values_mut().zip(0..).for_each(|(column, number)| *column = number);
        let mut table = vec![0.0; index.len() * columns.len()];
        for movie in catalog {
            let Some(row) = index.get(&movie.id) else { continue };
            for feature in features(movie) {
                table[row as usize * columns.len() + columns[&feature]] = 1.0;
            }
        }
        Self { recent, features: table }
    }
}

/// What is known of a movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Feature<'a> {
    Genre(&'a str),
    Decade(i32),
}

fn features(movie: &Movie) -> impl Iterator<Item = Feature<'_>> {
    let genres = movie.genres.iter().map(|genre| Feature::Genre(genre));
    genres.chain(movie.year.map(|year| Feature::Decade(year.div_euclid(10))))
}

/// By how many ratings a movie is known half.
const HALF_KNOWN: f64 = 5.0;

/// How many movies' worth of doubt there is about what a feature adds.
const RIDGE: f64 = 10.0;

/// How many movies' worth of doubt there is about whether recent movies differ from all others.
const FEW: f64 = 10.0;

/// Replaces what the samples say of movies that nobody has rated. Tables of another length than the
/// movies are not used.
#[must_use]
pub fn with_newcomers(mut posterior: Posterior, ratings: &Ratings, newcomers: &Newcomers, seed: u64) -> Posterior {
    let counts: Vec<f64> = (0..ratings.movies()).map(|movie| ratings.by_movie().row(movie).0.len() as f64).collect();
    let has_rows = posterior.movies == counts.len() && newcomers.recent.len() == counts.len();
    if !has_rows || ratings.is_empty() || !newcomers.features.len().is_multiple_of(counts.len()) {
        return posterior;
    }
    let unrated: Vec<usize> = (0..counts.len()).filter(|&movie| counts[movie] == 0.0).collect();
    if unrated.is_empty() {
        return posterior;
    }
    let n = posterior.factors + 1;
    let design = Design::new(&counts, &newcomers.features);
    let samples = posterior.samples.len();
    let noise = Noise { seed, samples, n };
    let noise: Vec<Vec<f64>> = unrated.iter().map(|&movie| noise.of(movie)).collect();
    for (number, sample) in posterior.samples.iter_mut().enumerate() {
        let effects = design.effects(sample, &counts, n);
        let [level, variance] = level(sample, &design, &effects, (&counts, &newcomers.recent), n);
        for (&movie, noise) in unrated.iter().zip(&noise) {
            let explained = design.explained(&effects, movie, n);
            for i in 0..n {
                let value = level[i] + explained[i] + noise[number * n + i] * variance[i].sqrt();
                *coordinate(sample, movie, i) = value;
            }
        }
    }
    posterior
}

/// Standard normal numbers for the samples of a movie, whose mean over the samples is 0. Otherwise
/// movies of which nothing is known would be ranked by chance.
struct Noise {
    seed: u64,
    samples: usize,
    n: usize,
}

impl Noise {
    fn of(&self, movie: usize) -> Vec<f64> {
        let mut random = stream(self.seed, 0, Group::Unrated, movie);
        let mut all: Vec<f64> = (0..self.samples * self.n).map(|_| StandardNormal.sample(&mut random)).collect();
        for i in 0..self.n {
            let mean = all[i..].iter().step_by(self.n).sum::<f64>() / self.samples as f64;
            all[i..].iter_mut().step_by(self.n).for_each(|value| *value -= mean);
        }
        all
    }
}

/// The features of all movies, centered at those of the rated ones, and the regression on them.
struct Design {
    width: usize,
    centered: Vec<f64>,
    solver: Cholesky,
}

impl Design {
    fn new(counts: &[f64], features: &[f32]) -> Self {
        let width = features.len() / counts.len();
        let mut mean = vec![0.0; width];
        let total: f64 = counts.iter().map(|count| known(*count)).sum();
        for (row, count) in features.chunks_exact(width.max(1)).zip(counts) {
            mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += known(*count) * f64::from(*value) / total);
        }
        let centered: Vec<f64> =
            features.iter().zip(mean.iter().cycle()).map(|(value, mean)| f64::from(*value) - mean).collect();
        let mut gram = vec![0.0; width * width];
        for (row, count) in centered.chunks_exact(width.max(1)).zip(counts) {
            for (i, x) in row.iter().enumerate() {
                let weighted = known(*count) * x;
                gram[i * width..(i + 1) * width].iter_mut().zip(row).for_each(|(sum, x)| *sum += weighted * x);
            }
        }
        (0..width).for_each(|i| gram[i * width + i] += RIDGE);
        let mut solver = Cholesky::new(width);
        solver.factor(&gram);
        Self { width, centered, solver }
    }

    /// Returns what each feature adds, `[n, features]`.
    fn effects(&self, sample: &Sample, counts: &[f64], n: usize) -> Vec<f64> {
        let mut effects = vec![0.0; n * self.width];
        if self.width == 0 {
            return effects;
        }
        let mean = mean_of(sample, counts.iter().map(|count| known(*count)), n);
        for ((movie, row), count) in self.centered.chunks_exact(self.width).enumerate().zip(counts) {
            if *count == 0.0 {
                continue;
            }
            for (i, (effects, mean)) in effects.chunks_exact_mut(self.width).zip(&mean).enumerate() {
                let target = known(*count) * (value(sample, movie, i) - mean);
                effects.iter_mut().zip(row).for_each(|(sum, x)| *sum += target * x);
            }
        }
        effects.chunks_exact_mut(self.width).for_each(|effects| self.solver.solve(effects));
        effects
    }

    /// Returns what the features of a movie add, `[n]`.
    fn explained(&self, effects: &[f64], movie: usize, n: usize) -> Vec<f64> {
        if self.width == 0 {
            return vec![0.0; n];
        }
        let row = &self.centered[movie * self.width..][..self.width];
        let add = |effects: &[f64]| effects.iter().zip(row).map(|(effect, x)| effect * x).sum();
        effects.chunks_exact(self.width).map(add).collect()
    }
}

/// Returns the mean and the variance of what features do not explain of newcomers, `[n]` each.
fn level(
    sample: &Sample,
    design: &Design,
    effects: &[f64],
    (counts, recent): (&[f64], &[f64]),
    n: usize,
) -> [Vec<f64>; 2] {
    let rest = |movie: usize| -> Vec<f64> {
        let explained = design.explained(effects, movie, n);
        explained.iter().enumerate().map(|(i, explained)| value(sample, movie, i) - explained).collect()
    };
    let mut all = Level::new(n);
    let mut newest = Level::new(n);
    for movie in (0..counts.len()).filter(|&movie| counts[movie] > 0.0) {
        let rest = rest(movie);
        all.add(&rest, counts[movie]);
        newest.add(&rest, recent[movie]);
    }
    // Few recent movies say little, and then newcomers are like all others.
    let share = newest.effective() / (newest.effective() + FEW);
    let [all, newest] = [all.finish(), newest.finish()];
    let mix = |at: usize| -> Vec<f64> {
        all[at].iter().zip(&newest[at]).map(|(all, newest)| all + share * (newest - all)).collect()
    };
    [mix(0), mix(1)]
}

/// Weighted sums of states.
struct Level {
    weight: f64,
    squared_weights: f64,
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl Level {
    fn new(n: usize) -> Self {
        Self { weight: 0.0, squared_weights: 0.0, sums: vec![0.0; n], squares: vec![0.0; n] }
    }

    fn add(&mut self, state: &[f64], weight: f64) {
        self.weight += weight;
        self.squared_weights += weight * weight;
        for ((sum, square), value) in self.sums.iter_mut().zip(&mut self.squares).zip(state) {
            *sum += weight * value;
            *square += weight * value * value;
        }
    }

    /// Returns of how many equally rated movies the sums are worth.
    fn effective(&self) -> f64 {
        if self.squared_weights > 0.0 { self.weight * self.weight / self.squared_weights } else { 0.0 }
    }

    /// Returns mean and variance.
    fn finish(&self) -> [Vec<f64>; 2] {
        let weight = self.weight.max(f64::MIN_POSITIVE);
        let mean: Vec<f64> = self.sums.iter().map(|sum| sum / weight).collect();
        let variance = self.squares.iter().zip(&mean).map(|(square, mean)| (square / weight - mean * mean).max(0.0));
        let variance = variance.collect();
        [mean, variance]
    }
}

/// Returns how well a movie is known, from 0 to 1.
fn known(count: f64) -> f64 {
    count / (count + HALF_KNOWN)
}

fn mean_of(sample: &Sample, weights: impl Iterator<Item = f64>, n: usize) -> Vec<f64> {
    let mut level = Level::new(n);
    for (movie, weight) in weights.enumerate().filter(|(_, weight)| *weight > 0.0) {
        let state: Vec<f64> = (0..n).map(|i| value(sample, movie, i)).collect();
        level.add(&state, weight);
    }
    let [mean, _] = level.finish();
    mean
}

/// Returns a movie's bias (coordinate 0) or one of its factors (from 1).
fn value(sample: &Sample, movie: usize, i: usize) -> f64 {
    let factors = sample.factors.len() / sample.movie_bias.len();
    if i == 0 { sample.movie_bias[movie] } else { sample.factors[movie * factors + i - 1] }
}

/// Returns the same to write to.
pub(super) fn coordinate(sample: &mut Sample, movie: usize, i: usize) -> &mut f64 {
    let factors = sample.factors.len() / sample.movie_bias.len();
    match i {
        0 => &mut sample.movie_bias[movie],
        _ => &mut sample.factors[movie * factors + i - 1],
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::{MovieId, Timestamp, UserId};

    use super::*;

    fn id(movie: u32) -> MovieId {
        MovieId::try_new(&format!("m{movie:03}")).unwrap()
    }

    fn rating(movie: u32, at: i64) -> Rating {
        let user = UserId::try_new(&format!("u{at}")).unwrap();
        Rating { user, movie: id(movie), value: 3.0, rated_at: Timestamp::from_seconds(at) }
    }

    fn movie(number: u32, year: Option<i32>, genres: &[&str]) -> Movie {
        Movie { id: id(number), title: String::new(), year, genres: genres.iter().map(|&one| one.to_owned()).collect() }
    }

    #[test]
    fn movies_are_new_whose_first_rating_is_recent() {
        let index = MovieIndex::new((0..4).map(id).collect::<Vec<_>>().iter());
        let ratings: Vec<Rating> =
            [0, 0, 1, 0, 1, 0, 1, 0, 2, 2].iter().zip(0..).map(|(&m, at)| rating(m, at)).collect();
        let catalog =
            [movie(0, Some(1994), &["Drama"]), movie(2, None, &["Comedy", "Drama"]), movie(9, Some(1950), &[])];
        let known = Newcomers::new(&index, &ratings, true, catalog.iter());
        assert_eq!(known.recent, [0.0, 0.0, 2.0, 0.0]);
        // Comedy, Drama, the fifties and the nineties.
        let rows = [[0.0, 1.0, 0.0, 1.0], [0.0; 4], [1.0, 1.0, 0.0, 0.0], [0.0; 4]];
        assert_eq!(known.features, rows.concat());
        let timeless = Newcomers::new(&index, &ratings, false, [].iter());
        assert_eq!((timeless.recent, timeless.features.len()), (vec![5.0, 3.0, 2.0, 0.0], 0));
    }

    /// Returns a model of 120 movies, of which the last 20 have no rating. Dramas are a star better
    /// than others, and movies from 80 on half a star.
    fn world() -> (Posterior, Ratings, Newcomers) {
        let number = |at: u32| f64::from(at * 37 % 101) / 101.0 - 0.5;
        let bias = |movie: u32| f64::from(movie % 2) + if movie >= 80 { 0.5 } else { 0.0 } + 0.2 * number(movie);
        let sample = |seed: u32| Sample {
            movie_bias: (0..120).map(|movie| if movie < 100 { bias(movie) } else { -9.0 }).collect(),
            factors: (0..120).map(|movie| number(movie * 3 + seed)).collect(),
            ..Sample::default()
        };
        let samples = (0..16).map(sample).collect();
        let rated = (0..100u32).flat_map(|movie| (0..30u32).map(move |user| (user, movie, 3.0)));
        let ratings = Ratings::try_new(30, 120, rated.collect()).unwrap();
        let newcomers = Newcomers {
            recent: (0..120).map(|movie| if (80..100).contains(&movie) { 30.0 } else { 0.0 }).collect(),
            features: (0..120).map(|movie| (movie % 2) as f32).collect(),
        };
        (Posterior { movies: 120, factors: 1, samples, ..Posterior::default() }, ratings, newcomers)
    }

    #[test]
    fn newcomers_are_like_recent_movies_of_their_genre() {
        let (before, ratings, newcomers) = world();
        let after = with_newcomers(before.clone(), &ratings, &newcomers, 1);
        for (before, after) in before.samples.iter().zip(&after.samples) {
            assert_eq!(before.movie_bias[..100], after.movie_bias[..100], "rated movies stay as they are");
        }
        let mean = |movie: usize| after.samples.iter().map(|sample| sample.movie_bias[movie]).sum::<f64>() / 16.0;
        // Recent movies are 0.4 stars above the mean of all. Twenty of them count two thirds.
        let level = 0.6 + 0.4 * 20.0 / 30.0;
        // A feature of half of a hundred movies that are nearly known has this share of its effect.
        let known = 100.0 * 0.25 * 30.0 / 35.0;
        let genre = known / (known + 10.0);
        for movie in 100..120 {
            let expected = level + genre * ((movie % 2) as f64 - 0.5);
            assert!((mean(movie) - expected).abs() < 0.05, "{movie}: {} {expected}", mean(movie));
        }
        assert!((mean(100) - mean(118)).abs() < 1e-9, "the same is expected of movies of which the same is known");
        let spread: f64 = after.samples.iter().map(|sample| (sample.movie_bias[104] - mean(104)).powi(2)).sum();
        assert!(spread > 0.01, "what is not known differs from sample to sample");
        assert_eq!(after, with_newcomers(before, &ratings, &newcomers, 1));
    }

    #[test]
    fn tables_of_another_length_are_not_used() {
        let (before, ratings, newcomers) = world();
        let short = Newcomers { recent: vec![1.0; 7], ..newcomers.clone() };
        assert_eq!(with_newcomers(before.clone(), &ratings, &short, 1), before);
        let ragged = Newcomers { features: vec![1.0; 121], ..newcomers.clone() };
        assert_eq!(with_newcomers(before.clone(), &ratings, &ragged, 1), before);
        let none = Newcomers { features: Vec::new(), ..newcomers };
        assert_ne!(with_newcomers(before.clone(), &ratings, &none, 1), before);
    }
}
