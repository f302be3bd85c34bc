//! The prequential evaluation of a model whose movies have biases that move between trainings. It
//! is an arm of its own: serving does not move them.
//!
//! A rating of a movie says something about the movie, too: the movie was rated seldom before, or
//! it is seen differently now. So the bias of a movie is `B_i + d_i`, where `d_i` is 0 at the cut
//! and learns the error of each later rating by a Kalman filter (Kalman 1960) of one number. The
//! users' states learn the ratings themselves, as without it, so that serving could add `d_i` to
//! the score of a movie and change nothing else.

use crate::{Normal, Options, Outcome, Outcomes};

/// By how much the biases of movies move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MovieBias {
    /// The variance of `d_i` for a movie that nobody had rated before the cut, in stars². It is not
    /// negative.
    pub variance: f64,
    /// By how many ratings before the cut the variance is halved. It is positive.
    pub half: f64,
}

impl Default for MovieBias {
    /// Returns the values that were chosen on the ratings between 48 % and 80 % of the time of
    /// MovieLens 100K, in two parts, each predicted by a fit on all ratings before it.
    fn default() -> Self {
        Self { variance: 0.1, half: 5.0 }
    }
}

/// What is known of a movie's `d_i`.
#[derive(Debug, Clone, Copy)]
struct Moved {
    mean: f64,
    variance: f64,
}

/// Returns predictions by time with biases of movies that learn as time goes by. All ratings of an
/// instant are predicted before any of them is learned, so `one_by_one` is `predicted`. The
/// predictions at the cut stay as they are.
#[must_use]
pub fn with_movie_bias(outcomes: &Outcomes, bias: MovieBias, options: &Options<'_>) -> Outcomes {
    let mut moved = outcomes.clone();
    let mut movies: Vec<Option<Moved>> = vec![None; outcomes.movies.len()];
    let mut order: Vec<usize> = (0..moved.list.len()).collect();
    order.sort_by_key(|&place| moved.list[place].at);
    for instant in order.chunk_by(|&a, &b| outcomes.list[a].at == outcomes.list[b].at) {
        for &place in instant {
            let one = &mut moved.list[place];
            let Some(normal) = one.normal else { continue };
            let known = movies[one.movie as usize].get_or_insert_with(|| bias.at_cut(one));
            one.predicted = options.scale.clip(normal.mean + known.mean);
            // Within an instant nothing is learned here.
            one.one_by_one = one.predicted;
            one.normal = Some(Normal {
                mean: normal.mean + known.mean,
                spread: (normal.spread * normal.spread + known.variance).sqrt(),
            });
        }
        for &place in instant {
            let one = &outcomes.list[place];
            if let (Some(normal), Some(known)) = (one.normal, &mut movies[one.movie as usize]) {
                known.learn(one.rating - normal.mean, normal.spread * normal.spread);
            }
        }
    }
    moved
}

impl MovieBias {
    fn at_cut(self, one: &Outcome) -> Moved {
        Moved { mean: 0.0, variance: self.variance / (1.0 + f64::from(one.movie_past) / self.half) }
    }
}

impl Moved {
    /// Learns what the model did not expect of a rating, in stars, with the variance of its
    /// prediction.
    fn learn(&mut self, error: f64, variance: f64) {
        let total = self.variance + variance;
        if total > 0.0 && error.is_finite() && total.is_finite() {
            let gain = self.variance / total;
            self.mean += gain * (error - self.mean);
            self.variance *= 1.0 - gain;
        }
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::{Scale, Timestamp};

    use super::*;
    use crate::testing::{outcome, outcomes};

    fn options() -> Options<'static> {
        Options::new(Scale::try_new(1.0, 5.0, 1.0).unwrap())
    }

    /// Users of their own rate one movie with 5 at these seconds. The model predicts 3 ± 1.
    fn liked(seconds: &[i64]) -> Outcomes {
        let one = |(user, &at): (u32, &i64)| Outcome {
            at: Timestamp::from_seconds(at),
            movie_past: 0,
            ..outcome(user, 0, 5.0, 3.0)
        };
        outcomes((0..).zip(seconds).map(one).collect())
    }

    fn predicted(seconds: &[i64], bias: MovieBias) -> Vec<f64> {
        with_movie_bias(&liked(seconds), bias, &options()).list().iter().map(|one| one.predicted).collect()
    }

    #[test]
    fn a_movie_that_is_liked_more_than_expected_is_predicted_higher_the_next_time() {
        let moves = MovieBias { variance: 1.0, half: 1.0 };
        // The bias after n ratings is 2 n / (n + 1), because all variances are 1.
        let near = |seconds: &[i64], expected: [f64; 3], why: &str| {
            let found = predicted(seconds, moves);
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{why}: {found:?}");
        };
        near(&[1, 2, 3], [3.0, 4.0, 3.0 + 4.0 / 3.0], "one after the other");
        near(&[1, 1, 2], [3.0, 3.0, 3.0 + 4.0 / 3.0], "an instant is predicted as a whole");
        near(&[3, 1, 2], [3.0 + 4.0 / 3.0, 3.0, 4.0], "time counts, and not the user");
        let after = with_movie_bias(&liked(&[1, 2]), moves, &options());
        let spread = |place: usize| after.list()[place].normal.unwrap().spread;
        assert!((spread(0) - 2.0f64.sqrt()).abs() < 1e-12 && (spread(1) - 1.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(after.list()[1].frozen, 3.0);
        assert!(after.list().iter().all(|one| one.one_by_one == one.predicted));
    }

    #[test]
    fn movies_that_are_known_well_hardly_move() {
        let seen = |past: u32| {
            let mut all = liked(&[1, 2]);
            all.list.iter_mut().for_each(|one| one.movie_past = past);
            with_movie_bias(&all, MovieBias { variance: 1.0, half: 1.0 }, &options()).list()[1].predicted
        };
        assert!(seen(0) > seen(1) && seen(1) > seen(100) && seen(100) < 3.05);
    }

    #[test]
    fn without_a_variance_nothing_changes_and_movies_outside_the_model_stay_as_they_are() {
        let mut all = liked(&[1, 2]);
        assert_eq!(with_movie_bias(&all, MovieBias { variance: 0.0, half: 1.0 }, &options()), all);
        all.list.iter_mut().for_each(|one| one.normal = None);
        assert_eq!(with_movie_bias(&all, MovieBias::default(), &options()), all);
    }
}
