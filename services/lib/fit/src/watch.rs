//! What a fit has reached after each sweep, for people who look at it. Nothing of it changes the
//! fit.

use super::chain::Chain;

/// A rating that a fit is watched by. It is not among those that are fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watched {
    /// The user's index. `None`: the user is not in the fit, and is predicted like any of the
    /// prior.
    pub user: Option<u32>,
    /// The movie's index.
    pub movie: u32,
    /// Stars.
    pub rating: f64,
}

/// What a fit has reached after a sweep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SweepFigures {
    /// The standard deviation of the noise of a rating, in stars.
    pub noise: f64,
    /// The root mean squared error on the watched ratings, in stars: of the average of all samples
    /// after burn-in, and until then of the state of the chain. The users have what the fitted
    /// ratings say of them, and learn nothing from the watched ones. `None` without such ratings.
    pub held_out: Option<f64>,
    /// By which share of the noise the error would shrink if the fit went on for ever. `None` after
    /// sweeps at which a fit does not decide whether to end.
    pub gain: Option<f64>,
}

/// The predictions for watched ratings.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    ratings: &'a [Watched],
    /// The sums of the predictions of all samples, `[ratings]`.
    sums: Vec<f64>,
    samples: f64,
}

impl<'a> Watch<'a> {
    pub(super) fn new(ratings: &'a [Watched]) -> Self {
        Self { ratings, sums: vec![0.0; ratings.len()], samples: 0.0 }
    }

    /// Returns the figures after a sweep. `is_sample`: its predictions count for the average.
    pub(super) fn after(&mut self, chain: &Chain<'_>, is_sample: bool) -> SweepFigures {
        if is_sample {
            self.samples += 1.0;
        }
        let mut squares = 0.0;
        for (rating, sum) in self.ratings.iter().zip(&mut self.sums) {
            let mut predicted = chain.predicted(rating.user, rating.movie as usize);
            if is_sample {
                *sum += predicted;
                predicted = *sum / self.samples;
            }
            squares += (rating.rating - predicted).powi(2);
        }
        let count = self.ratings.len() as f64;
        let held_out = (count > 0.0).then(|| (squares / count).sqrt());
        SweepFigures { noise: chain.noise(), held_out, gain: None }
    }
}
