//! Where a chain was, so that the fit of other ratings can start there instead of from nothing.
//!
//! A state has what a sweep reads before it writes it: the rows of the movies, the additions of the
//! sets, the weights and the priors. The rows of users follow from these in the first update.

use thiserror::Error;

use super::Parts;

/// The state of a chain after its last sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    pub(crate) factors: usize,
    pub(crate) parts: Parts,
    /// The sweeps so far. Random numbers are addressed by sweep, so none is used twice.
    pub(crate) sweep: usize,
    pub(crate) offset: f64,
    /// The precision of the noise.
    pub(crate) alpha: f64,
    pub(crate) users: SideStart,
    pub(crate) movies: SideStart,
}

/// The state of one side.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct SideStart {
    /// Own parameters and sets together, `[rows, n]`. Empty for users.
    pub(crate) whole: Vec<f32>,
    /// The weights of the rows, `[rows]`.
    pub(crate) weights: Vec<f64>,
    /// The mean and precision of the prior of the own parameters, `[n]` each.
    pub(crate) prior: (Vec<f64>, Vec<f64>),
    /// Absent in a model without these sets.
    pub(crate) sets: Option<SetsStart>,
}

/// The state of the sets of one side.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct SetsStart {
    /// What the members add, `[members, n]`.
    pub(crate) additions: Vec<f32>,
    /// The mean and precision of the prior of the additions, `[n]` each.
    pub(crate) prior: (Vec<f64>, Vec<f64>),
}

/// Why a fit cannot start from a state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartError {
    /// A value is NaN, infinite, or not positive where it must be.
    #[error("the warm start has an invalid number in {0}: fit without it")]
    Invalid(&'static str),
    /// A table has another number of values than its fit needs.
    #[error("the warm start has {found} values in {field} and needs {expected}: fit without it")]
    Shape {
        /// The table.
        field: &'static str,
        /// The number of values that the fit needs. A state may have fewer rows than the ratings.
        expected: usize,
        /// The number of values in the state.
        found: usize,
    },
    /// The state is of a model with other factors.
    #[error("the warm start has {found} factors and the fit has {expected}: fit without it, or with {found} factors")]
    Factors {
        /// The number of factors of the fit.
        expected: usize,
        /// The number of factors of the state.
        found: usize,
    },
    /// The state is of a model with other parts.
    #[error("the warm start is of a model with other parts: fit without it")]
    Parts,
}

impl Start {
    /// Checks that a fit of this many users and movies can start here. There may be more of them
    /// than in the state: new ones start at the priors.
    ///
    /// # Errors
    /// [`StartError`] names the field that does not fit.
    pub(crate) fn check(&self, users: usize, movies: usize, factors: usize, parts: Parts) -> Result<(), StartError> {
        if self.factors != factors {
            return Err(StartError::Factors { expected: factors, found: self.factors });
        }
        if self.parts != parts {
            return Err(StartError::Parts);
        }
        if !self.offset.is_finite() {
            return Err(StartError::Invalid("offset"));
        }
        positive("alpha", &[self.alpha])?;
        let n = factors + 1;
        let rows = self.movies.weights.len();
        if self.movies.whole.len() != rows * n {
            return Err(StartError::Shape { field: "movies", expected: rows * n, found: self.movies.whole.len() });
        }
        finite("movies", &self.movies.whole)?;
        let names = ["user weights", "prior of users", "additions of movies to users", "prior of the sets of users"];
        self.users.check(users, self.movies.weights.len(), n, (parts.user_sets, names))?;
        let names = ["movie weights", "prior of movies", "additions of users to movies", "prior of the sets of movies"];
        self.movies.check(movies, self.users.weights.len(), n, (parts.movie_sets, names))
    }
}

impl SideStart {
    /// Checks everything but the rows. `members` is the number of rows of the other side.
    fn check(
        &self,
        rows: usize,
        members: usize,
        n: usize,
        (has_sets, [weights, prior, additions, of_sets]): (bool, [&'static str; 4]),
    ) -> Result<(), StartError> {
        if self.weights.len() > rows {
            return Err(StartError::Shape { field: weights, expected: rows, found: self.weights.len() });
        }
        positive(weights, &self.weights)?;
        gaussian(prior, &self.prior, n)?;
        match &self.sets {
            Some(sets) if has_sets => {
                if sets.additions.len() != members * n {
                    let (expected, found) = (members * n, sets.additions.len());
                    return Err(StartError::Shape { field: additions, expected, found });
                }
                finite(additions, &sets.additions)?;
                gaussian(of_sets, &sets.prior, n)
            }
            None if !has_sets => Ok(()),
            _ => Err(StartError::Parts),
        }
    }
}

fn gaussian(field: &'static str, (mean, precision): &(Vec<f64>, Vec<f64>), n: usize) -> Result<(), StartError> {
    for values in [mean, precision] {
        if values.len() != n {
            return Err(StartError::Shape { field, expected: n, found: values.len() });
        }
    }
    if mean.iter().any(|value| !value.is_finite()) {
        return Err(StartError::Invalid(field));
    }
    positive(field, precision)
}

fn finite(field: &'static str, values: &[f32]) -> Result<(), StartError> {
    if values.iter().all(|value| value.is_finite()) { Ok(()) } else { Err(StartError::Invalid(field)) }
}

fn positive(field: &'static str, values: &[f64]) -> Result<(), StartError> {
    let is_positive = |value: &f64| value.is_finite() && *value > 0.0;
    if values.iter().all(is_positive) { Ok(()) } else { Err(StartError::Invalid(field)) }
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, FitError, FitParameters, How, Ratings, Stop, fit_how};
    use super::*;

    fn ratings(users: u32, movies: u32) -> Ratings {
        let pairs = (0..users).flat_map(|user| (0..movies).map(move |movie| (user, movie)));
        let rated = pairs.filter(|(user, movie)| (user * 7 + movie * 3) % 4 != 0);
        let rated =
            rated.map(|(user, movie)| (user, movie, f64::from((user * 5 + movie * 11 + user * movie) % 5) + 1.0));
        Ratings::try_new(users as usize, movies as usize, rated.collect()).unwrap()
    }

    const PARAMETERS: FitParameters = FitParameters { factors: 2, sweeps: 60, burn_in: 20, samples: 10, seed: 3 };

    fn fitted(ratings: &Ratings, start: Option<&Start>) -> Result<crate::Fitted, FitError> {
        let how = How { stop: Stop::AtLast, start, ..How::default() };
        fit_how(ratings, Algorithm::Bayes, &PARAMETERS, how, &mut ())
    }

    #[test]
    fn a_fit_goes_on_where_another_has_ended_with_new_users_and_movies() {
        let end = fitted(&ratings(40, 30), None).unwrap().end.unwrap();
        let more = ratings(50, 33);
        let (cold, warm) = (fitted(&more, None).unwrap(), fitted(&more, Some(&end)).unwrap());
        assert_ne!(cold, warm);
        assert_eq!(warm, fitted(&more, Some(&end)).unwrap(), "the same start gives the same bits");
        let after = warm.end.unwrap();
        // The burn-in is short, and the numbers of sweeps go on.
        assert_eq!(after.sweep, 60 + 10 + 40);
        let noise = |fitted: &crate::Posterior| -> f64 {
            fitted.samples.iter().map(|sample| 1.0 / sample.noise_precision).sum::<f64>() / 10.0
        };
        let (cold, warm) = (noise(&cold.posterior), noise(&warm.posterior));
        assert!((cold / warm - 1.0).abs() < 0.25, "{cold} {warm}");
    }

    #[test]
    fn a_start_that_is_not_valid_is_refused_by_name() {
        let ratings = ratings(40, 30);
        let end = fitted(&ratings, None).unwrap().end.unwrap();
        let refused = |change: &dyn Fn(&mut Start)| -> String {
            let mut start = end.clone();
            change(&mut start);
            match fitted(&ratings, Some(&start)) {
                Err(FitError::Start(reason)) => reason.to_string(),
                other => panic!("{other:?}"),
            }
        };
        let invalid = |field: &str| format!("the warm start has an invalid number in {field}: fit without it");
        assert_eq!(refused(&|start| start.movies.whole[7] = f32::NAN), invalid("movies"));
        assert_eq!(refused(&|start| start.offset = f64::INFINITY), invalid("offset"));
        assert_eq!(refused(&|start| start.alpha = 0.0), invalid("alpha"));
        assert_eq!(refused(&|start| start.users.weights[0] = -1.0), invalid("user weights"));
        assert_eq!(refused(&|start| start.movies.prior.1[0] = f64::NAN), invalid("prior of movies"));
        let nan_set = |start: &mut Start| start.users.sets.as_mut().unwrap().additions[3] = f32::NAN;
        assert_eq!(refused(&nan_set), invalid("additions of movies to users"));
        let shape = |field: &str, found: usize, expected: usize| {
            format!("the warm start has {found} values in {field} and needs {expected}: fit without it")
        };
        assert_eq!(refused(&|start| start.movies.whole.truncate(80)), shape("movies", 80, 90));
        assert_eq!(refused(&|start| start.users.weights.push(1.0)), shape("user weights", 41, 40));
        let short_set = |start: &mut Start| start.movies.sets.as_mut().unwrap().additions.truncate(6);
        assert_eq!(refused(&short_set), shape("additions of users to movies", 6, 120));
        let factors = "the warm start has 5 factors and the fit has 2: fit without it, or with 5 factors";
        assert_eq!(refused(&|start| start.factors = 5), factors);
        let parts = "the warm start is of a model with other parts: fit without it";
        assert_eq!(refused(&|start| start.parts.user_sets = false), parts);
        assert_eq!(refused(&|start| start.users.sets = None), parts);
    }
}
