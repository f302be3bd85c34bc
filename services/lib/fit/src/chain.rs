//! The model `r = offset + b_u + b_i + v_u · (q_i + s_i) + noise`, improved one sweep at a time, by
//! sampling or by expectation.
//!
//! A sweep updates users `[b_u; v_u]` and movies `[b_i; q_i]` as whole rows from their Gaussian
//! conditionals (Salakhutdinov & Mnih 2008), then the sets `s_i` coordinate by coordinate
//! ([`super::sets`]), then noise, offset and priors. The residual of a single rating is never
//! stored. The sums of each movie over its raters have all that the sets, the noise and the offset
//! need.
//!
//! [`Update::Sample`] makes a sweep a Gibbs sweep. [`Update::Expect`] makes it a sweep of
//! mean-field variational EM (Lim & Teh, "Variational Bayesian approach to movie rating
//! prediction", KDD Cup 2007): each parameter has a mean and a variance, and the variances enter
//! every sum. They keep a point estimate from over-fitting: the mode of this model is 0.05 stars
//! worse on MovieLens 100K. Covariances within a row are left out of those sums, because the
//! diagonal alone costs O(n) per rating instead of O(n²).

use marquee_posterior::{Cholesky, Sample};
use rand_distr::{Distribution, StandardNormal};

use super::hyper::{Prior, gamma};
use super::random::{Group, stream};
use super::ratings::Ratings;
use super::sets::{self, Sets};
use super::shards::Shards;
use crate::linear::{Regression, Update, dot, mirror, multiply, update};

/// The parameters of one side, and how the regression of the other side reads them.
#[derive(Debug)]
struct Block {
    prior: Prior,
    /// Bias and own factors, `[rows, n]`: samples or means.
    parameters: Vec<f64>,
    /// The variances of the parameters, `[rows, n]`. Only sweeps by expectation read them.
    variances: Vec<f64>,
    /// `[1; factors]`, sets included, `[rows, n]`.
    x: Vec<f64>,
    /// The variances of `[bias; factors]`, sets included, `[rows, n]`.
    x_variances: Vec<f64>,
    /// Bias, sets included, `[rows]`.
    bias: Vec<f64>,
    shards: Shards,
}

/// Sums over the raters `u` of each movie, with `x = [1; v_u]` and `y` the rating minus the offset
/// and the bias of the user.
#[derive(Debug)]
struct Sums {
    /// `Σ x xᵀ`, `[movies, n, n]`, both triangles.
    grams: Vec<f64>,
    /// `Σ x y`, `[movies, n]`.
    moments: Vec<f64>,
    /// `Σ y²`, `[movies]`.
    squares: Vec<f64>,
}

/// The state of a fit.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    ratings: &'a Ratings,
    n: usize,
    seed: u64,
    sweep: usize,
    offset: f64,
    /// The precision of the noise.
    alpha: f64,
    /// The mean over ratings of the variance of the movie side. It is 0 for samples.
    unknown: f64,
    users: Block,
    movies: Block,
    sets: Sets,
    /// `s_i`, `[movies, n]`.
    set_sums: Vec<f64>,
    sums: Sums,
}

/// The part of one thread in the pass over movies.
struct MovieParts<'a> {
    parameters: &'a mut [f64],
    variances: &'a mut [f64],
    x_variances: &'a mut [f64],
    set_sums: &'a mut [f64],
    grams: &'a mut [f64],
    moments: &'a mut [f64],
    squares: &'a mut [f64],
}

impl Block {
    fn new(rows: usize, prior: Prior, shards: Shards) -> Self {
        let n = prior.mean.len();
        let zeros = || vec![0.0; rows * n];
        let (parameters, variances, x, x_variances) = (zeros(), zeros(), zeros(), zeros());
        Self { prior, parameters, variances, x, x_variances, bias: vec![0.0; rows], shards }
    }

    /// Writes the parameters, plus what the sets add, in the layout that the other side reads.
    fn publish(&mut self, set_sums: Option<&[f64]>) {
        let n = self.prior.mean.len();
        self.x.copy_from_slice(&self.parameters);
        if let Some(sums) = set_sums {
            self.x.iter_mut().zip(sums).for_each(|(x, s)| *x += s);
        }
        for (x, bias) in self.x.chunks_exact_mut(n).zip(&mut self.bias) {
            *bias = std::mem::replace(&mut x[0], 1.0);
        }
    }
}

impl<'a> Chain<'a> {
    /// Starts with small random factors and no biases, with one thread per processor, at most 16.
    pub(super) fn new(ratings: &'a Ratings, factors: usize, seed: u64) -> Self {
        Self::with_threads(ratings, factors, seed, Shards::threads())
    }

    fn with_threads(ratings: &'a Ratings, factors: usize, seed: u64, threads: usize) -> Self {
        let n = factors + 1;
        // The start only changes the number of sweeps. These priors have the size that ratings of
        // one to five stars lead to.
        let prior = || {
            let mut precision = vec![10.0; n];
            precision[0] = 4.0;
            Prior::new(precision)
        };
        let (users, movies) = (ratings.users(), ratings.movies());
        let mut chain = Self {
            ratings,
            n,
            seed,
            sweep: 0,
            offset: ratings.mean(),
            alpha: 1.0,
            unknown: 0.0,
            users: Block::new(users, prior(), Shards::new(ratings.by_user(), n, threads)),
            movies: Block::new(movies, prior(), Shards::new(ratings.by_movie(), n, threads)),
            sets: Sets::new(users, prior()),
            set_sums: vec![0.0; movies * n],
            sums: Sums { grams: vec![0.0; movies * n * n], moments: vec![0.0; movies * n], squares: vec![0.0; movies] },
        };
        let mut random = stream(seed, 0, Group::Start, 0);
        for row in chain.movies.parameters.chunks_exact_mut(n) {
            for value in &mut row[1..] {
                let noise: f64 = StandardNormal.sample(&mut random);
                *value = 0.1 * noise;
            }
        }
        chain.movies.publish(None);
        chain
    }

    /// Updates everything once.
    pub(super) fn sweep(&mut self, how: Update) {
        self.sweep += 1;
        self.pass_users(how);
        self.pass_movies(how);
        let mut projected = self.projected_residuals();
        let mut movies = sets::Movies { grams: &self.sums.grams, projected: &mut projected, sums: &mut self.set_sums };
        let mut random = stream(self.seed, self.sweep, Group::Sets, 0);
        self.sets.pass(self.ratings, self.alpha, &mut movies, how, &mut random);
        self.movies.publish(Some(&self.set_sums));
        match how {
            Update::Sample => self.draw_hyper(&projected),
            Update::Expect => self.expect_hyper(&projected),
        }
    }

    /// Returns the present movie side. The variance of an expected movie counts as noise.
    pub(super) fn sample(&self) -> Sample {
        Sample {
            offset: self.offset,
            noise_precision: 1.0 / (1.0 / self.alpha + self.unknown),
            prior_mean: self.users.prior.mean.clone(),
            prior_precision: self.users.prior.precision.clone(),
            movie_bias: self.movies.bias.clone(),
            factors: self.movies.x.chunks_exact(self.n).flat_map(|x| &x[1..]).copied().collect(),
        }
    }

    /// Returns the prior mean of a movie's bias and factors, `[n]`.
    pub(super) fn movie_prior_mean(&self) -> &[f64] {
        &self.movies.prior.mean
    }

    fn pass_users(&mut self, how: Update) {
        let n = self.n;
        let Self { seed, sweep, offset, alpha, ratings, .. } = *self;
        let Block { prior, parameters, variances, shards, .. } = &mut self.users;
        let (movies, prior) = (&self.movies, &*prior);
        let parts = shards.split(parameters, n).into_iter().zip(shards.split(variances, n)).collect();
        shards.run(parts, |range, (parameters, variances)| {
            let mut regression = Regression::new(n);
            let mut cholesky = Cholesky::new(n);
            let rows = parameters.chunks_exact_mut(n).zip(variances.chunks_exact_mut(n));
            for (user, (theta, variance)) in range.zip(rows) {
                let (rated, values) = ratings.by_user().row(user);
                regression.clear();
                let targets = rated.iter().zip(values).map(|(&movie, r)| r - offset - movies.bias[movie as usize]);
                regression.add(&movies.x, rated, targets);
                if how == Update::Expect {
                    regression.add_variances(&movies.x_variances, rated);
                }
                theta.copy_from_slice(&regression.moment);
                condition(&mut regression.gram, theta, alpha, prior);
                cholesky.factor(&regression.gram);
                let mut random = stream(seed, sweep, Group::Users, user);
                update(&mut cholesky, theta, variance, how, &mut random);
            }
        });
        self.users.publish(None);
        self.users.x_variances.copy_from_slice(&self.users.variances);
    }

    fn movie_parts(&mut self) -> (Vec<MovieParts<'_>>, &Prior, &Shards, &Block, &Sets) {
        let n = self.n;
        let Block { prior, parameters, variances, x_variances, shards, .. } = &mut self.movies;
        let mut set_sums = shards.split(&mut self.set_sums, n).into_iter();
        let mut variances = shards.split(variances, n).into_iter();
        let mut x_variances = shards.split(x_variances, n).into_iter();
        let mut grams = shards.split(&mut self.sums.grams, n * n).into_iter();
        let mut moments = shards.split(&mut self.sums.moments, n).into_iter();
        let mut squares = shards.split(&mut self.sums.squares, 1).into_iter();
        let mut parts = Vec::new();
        for parameters in shards.split(parameters, n) {
            parts.push(MovieParts {
                parameters,
                variances: variances.next().unwrap_or_default(),
                x_variances: x_variances.next().unwrap_or_default(),
                set_sums: set_sums.next().unwrap_or_default(),
                grams: grams.next().unwrap_or_default(),
                moments: moments.next().unwrap_or_default(),
                squares: squares.next().unwrap_or_default(),
            });
        }
        (parts, prior, shards, &self.users, &self.sets)
    }

    fn pass_movies(&mut self, how: Update) {
        let n = self.n;
        let Self { seed, sweep, offset, alpha, ratings, .. } = *self;
        let (parts, prior, shards, users, sets) = self.movie_parts();
        shards.run(parts, |range, part| {
            let mut regression = Regression::new(n);
            let mut cholesky = Cholesky::new(n);
            let mut explained = vec![0.0; n];
            for (row, movie) in range.enumerate() {
                let at = row * n..(row + 1) * n;
                let (raters, values) = ratings.by_movie().row(movie);
                regression.clear();
                let targets = raters.iter().zip(values).map(|(&user, r)| r - offset - users.bias[user as usize]);
                regression.add(&users.x, raters, targets);
                if how == Update::Expect {
                    regression.add_variances(&users.x_variances, raters);
                }
                mirror(&mut regression.gram, n);
                part.grams[row * n * n..][..n * n].copy_from_slice(&regression.gram);
                part.moments[at.clone()].copy_from_slice(&regression.moment);
                part.squares[row] = regression.squares;
                // Computed from scratch in each sweep, so that rounding errors of thousands of
                // updates can't add up.
                let set_sum = &mut part.set_sums[at.clone()];
                sets.sum(raters, set_sum);
                multiply(&regression.gram, set_sum, &mut explained);
                let theta = &mut part.parameters[at.clone()];
                for (theta, (moment, explained)) in theta.iter_mut().zip(regression.moment.iter().zip(&explained)) {
                    *theta = moment - explained;
                }
                condition(&mut regression.gram, theta, alpha, prior);
                cholesky.factor(&regression.gram);
                let mut random = stream(seed, sweep, Group::Movies, movie);
                let variances = &mut part.variances[at.clone()];
                update(&mut cholesky, theta, variances, how, &mut random);
                if how == Update::Expect {
                    let x_variances = &mut part.x_variances[at];
                    sets.variance(raters, x_variances);
                    x_variances.iter_mut().zip(&*variances).for_each(|(x, own)| *x += own);
                }
            }
        });
    }

    /// Returns `Σ_u x_u e_ui` of every movie, `[movies, n]`, where `e` is the residual of a rating.
    fn projected_residuals(&self) -> Vec<f64> {
        let n = self.n;
        let mut projected = vec![0.0; self.sums.moments.len()];
        let mut total = vec![0.0; n];
        for (movie, out) in projected.chunks_exact_mut(n).enumerate() {
            let at = movie * n..(movie + 1) * n;
            let parts = self.movies.parameters[at.clone()].iter().zip(&self.set_sums[at.clone()]);
            total.iter_mut().zip(parts).for_each(|(total, (own, set))| *total = own + set);
            multiply(&self.sums.grams[movie * n * n..][..n * n], &total, out);
            out.iter_mut().zip(&self.sums.moments[at]).for_each(|(out, moment)| *out = moment - *out);
        }
        projected
    }

    /// Returns `Σ e` and `Σ e²` over all ratings. With `θ` the whole vector of a movie, `Σ e² = Σ
    /// y² − θ · Σ x y − θ · Σ x e`, and `Σ e` is the projection on the leading 1 of the raters.
    fn totals(&self, projected: &[f64]) -> (f64, f64) {
        let n = self.n;
        let (mut sum, mut squares) = (0.0, 0.0);
        for movie in 0..self.ratings.movies() {
            let at = movie * n..(movie + 1) * n;
            let (moment, rest) = (&self.sums.moments[at.clone()], &projected[at.clone()]);
            let (x, bias) = (&self.movies.x[at][1..], self.movies.bias[movie]);
            let explained = bias * (moment[0] + rest[0]) + dot(x, &moment[1..]) + dot(x, &rest[1..]);
            squares += self.sums.squares[movie] - explained;
            sum += rest[0];
        }
        (sum, squares.max(0.0))
    }

    fn draw_hyper(&mut self, projected: &[f64]) {
        let mut random = stream(self.seed, self.sweep, Group::Hyper, 0);
        let count = self.ratings.len() as f64;
        let (sum, squares) = self.totals(projected);
        self.unknown = 0.0;
        self.alpha = gamma((1.0 + count) / 2.0, (1.0 + squares) / 2.0, &mut random);
        let sharpness = self.alpha * count + 1.0;
        let noise: f64 = StandardNormal.sample(&mut random);
        self.offset = self.alpha * (sum + count * self.offset) / sharpness + noise / sharpness.sqrt();
        self.users.prior.draw(&self.users.parameters, self.ratings.by_user(), &mut random);
        self.movies.prior.draw(&self.movies.parameters, self.ratings.by_movie(), &mut random);
        self.sets.prior.draw(&self.sets.additions, self.ratings.by_user(), &mut random);
    }

    fn expect_hyper(&mut self, projected: &[f64]) {
        let n = self.n;
        let count = self.ratings.len() as f64;
        let (sum, squares) = self.totals(projected);
        let mut unknown = 0.0;
        for (gram, variances) in self.sums.grams.chunks_exact(n * n).zip(self.movies.x_variances.chunks_exact(n)) {
            unknown += (0..n).map(|i| gram[i * n + i] * variances[i]).sum::<f64>();
        }
        self.unknown = unknown / count;
        self.alpha = (1.0 + count) / (1.0 + squares + unknown);
        self.offset += sum / count;
        let Self { users, movies, sets, ratings, .. } = self;
        users.prior.expect(&users.parameters, &users.variances, ratings.by_user());
        movies.prior.expect(&movies.parameters, &movies.variances, ratings.by_movie());
        sets.prior.expect(&sets.additions, &sets.variances, ratings.by_user());
    }
}

/// Turns sums over ratings into the precision and information vector of a conditional, in place.
fn condition(gram: &mut [f64], moment: &mut [f64], alpha: f64, prior: &Prior) {
    let n = moment.len();
    gram.iter_mut().for_each(|g| *g *= alpha);
    for (i, moment) in moment.iter_mut().enumerate() {
        gram[i * n + i] += prior.precision[i];
        *moment = alpha * *moment + prior.precision[i] * prior.mean[i];
    }
}

#[cfg(test)]
mod tests;
