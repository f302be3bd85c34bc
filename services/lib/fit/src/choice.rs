//! Whether a set of ratings is large enough for the parts of the model.
//!
//! Where people and movies have few ratings each, factors and weights can find what is not there,
//! and then biases alone predict better. Such a set is split at random: the model that predicts a
//! tenth of it best from the others is fitted on all of it. The split is one of the ratings to fit
//! on, so nothing is chosen by looking at the ratings that judge a model.

use marquee_posterior::Posterior;
use rand::RngExt;

use super::random::{Group, stream};
use super::{Algorithm, FitError, FitParameters, How, Observer, Parts, Ratings, Stop, bias, sampling};

/// Sets with fewer ratings for each user and movie are checked. Larger ones gain from every part.
const FEW: usize = 20;

/// The fewest held-out ratings that can tell models apart.
const FEWEST: usize = 200;

/// One rating in this many is held out.
const EVERY: u32 = 10;

/// The sweeps of a model that is only compared.
const SHORT: FitParameters = FitParameters { factors: 1, sweeps: 60, burn_in: 20, samples: 10, seed: 1 };

/// What fits a set best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Biases,
    Factors(Parts),
}

/// Passes on a cancellation and keeps the progress of a comparison to itself.
struct Quiet<'a>(&'a mut dyn Observer);

impl Observer for Quiet<'_> {
    fn progress(&mut self, _done: usize, _total: usize) {}

    fn canceled(&self) -> bool {
        self.0.canceled()
    }
}

/// Returns what fits the ratings best. It looks only where they are few.
pub(super) fn choose(
    ratings: &Ratings,
    parameters: &FitParameters,
    parts: Parts,
    observer: &mut dyn Observer,
) -> Result<Choice, FitError> {
    let all = Choice::Factors(parts);
    if ratings.len() >= FEW * (ratings.users() + ratings.movies()) {
        return Ok(all);
    }
    let (kept, held_out) = split(ratings, parameters.seed);
    if held_out.len() < FEWEST || kept.is_empty() {
        return Ok(all);
    }
    // The simplest first: another one must be better.
    let mut choices = vec![Choice::Biases];
    if parts.noise_weights {
        choices.push(Choice::Factors(Parts { noise_weights: false, ..parts }));
    }
    choices.push(all);
    let mut best = (f64::INFINITY, Choice::Biases);
    for choice in choices {
        let factors = parameters.factors;
        let short = FitParameters { factors, seed: parameters.seed, ..SHORT };
        let mut quiet = Quiet(&mut *observer);
        let fitted = match choice {
            Choice::Biases => bias::fit(&kept, &FitParameters::default_of(Algorithm::Bias), &mut quiet)?,
            Choice::Factors(parts) => {
                let how = How { parts, stop: Stop::AtLast, ..How::default() };
                sampling::fit(&kept, &short, how, &mut quiet)?.posterior
            }
        };
        let error = squared_error(&fitted, &kept, &held_out);
        if error < best.0 {
            best = (error, choice);
        }
    }
    Ok(best.1)
}

/// Holds out a random tenth of the ratings.
fn split(ratings: &Ratings, seed: u64) -> (Ratings, Vec<(u32, u32, f64)>) {
    let (mut kept, mut held_out) = (Vec::with_capacity(ratings.len()), Vec::new());
    for user in 0..ratings.users() {
        let mut random = stream(seed, 0, Group::Split, user);
        let (movies, values) = ratings.by_user().row(user);
        for (&movie, &value) in movies.iter().zip(values) {
            let triplet = (user as u32, movie, f64::from(value));
            if random.random_ratio(1, EVERY) { held_out.push(triplet) } else { kept.push(triplet) }
        }
    }
    let kept = Ratings::try_new(ratings.users(), ratings.movies(), kept);
    (kept.expect("a part of valid ratings is valid"), held_out)
}

/// Returns the mean squared error of held-out ratings, which are sorted by user.
fn squared_error(posterior: &Posterior, kept: &Ratings, held_out: &[(u32, u32, f64)]) -> f64 {
    let mut sum = 0.0;
    for of_user in held_out.chunk_by(|a, b| a.0 == b.0) {
        let (movies, values) = kept.by_user().row(of_user[0].0 as usize);
        let history: Vec<_> =
            movies.iter().zip(values).map(|(&movie, &value)| (movie as usize, f64::from(value))).collect();
        let state = posterior.state(&history);
        for &(_, movie, value) in of_user {
            sum += (posterior.estimate(&state, movie as usize).rating - value).powi(2);
        }
    }
    sum / held_out.len() as f64
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    /// Returns ratings of 3,000 users with 4 each, by biases and, if wanted, by strong factors.
    fn sparse(factor: f64) -> Ratings {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut normal = || -> f64 { StandardNormal.sample(&mut random) };
        let users: Vec<_> = (0..3_000).map(|_| (normal(), normal())).collect();
        let movies: Vec<_> = (0..150).map(|_| (normal(), normal())).collect();
        let mut rated = Vec::new();
        for (user, u) in users.iter().enumerate() {
            for at in 0..4 {
                let movie = (user * 7 + at * 37) % 150;
                let m = movies[movie];
                let value = 3.0 + 0.5 * (u.0 + m.0) + factor * u.1 * m.1 + 0.8 * normal();
                rated.push((user as u32, movie as u32, value));
            }
        }
        Ratings::try_new(3_000, 150, rated).unwrap()
    }

    fn chosen(ratings: &Ratings) -> Choice {
        let parameters = FitParameters { factors: 4, ..FitParameters::default_of(Algorithm::Bayes) };
        choose(ratings, &parameters, Parts::default(), &mut ()).unwrap()
    }

    #[test]
    fn biases_are_enough_where_ratings_tell_no_more() {
        assert_eq!(chosen(&sparse(0.0)), Choice::Biases);
        assert!(matches!(chosen(&sparse(2.0)), Choice::Factors(_)));
    }

    #[test]
    fn the_split_keeps_every_rating_once() {
        let ratings = sparse(0.0);
        let (kept, held_out) = split(&ratings, 1);
        assert_eq!(kept.len() + held_out.len(), ratings.len());
        let share = held_out.len() as f64 / ratings.len() as f64;
        assert!((0.08..0.12).contains(&share), "{share}");
        assert_ne!(split(&ratings, 2).1, held_out);
    }

    #[test]
    fn a_few_ratings_are_not_split() {
        let few = Ratings::try_new(20, 20, (0..20).map(|one| (one, one, 3.0)).collect()).unwrap();
        assert_eq!(chosen(&few), Choice::Factors(Parts::default()));
    }
}
