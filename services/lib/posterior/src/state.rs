//! The distribution of a user's state. It follows from sums over the history, so a rating is added
//! or taken away exactly, whatever the length of the history.

use super::{Cholesky, LEAST_USER_NOISE, Movie, PILOTS, Posterior, Sample, USER_NOISE_SHAPE, dot};

/// The state of a user: for each sample, the mean `[n]` and the factored precision `[n, n]` of
/// `[b_u; v_u]` for `g_u = 1`, and the mean of `1 / g_u`.
#[derive(Debug, Clone, PartialEq)]
pub struct UserState {
    n: usize,
    /// `[samples, n]`.
    means: Vec<f64>,
    /// The Cholesky factors of the precisions, `[samples, n, n]`. A variance takes one
    /// substitution, and a covariance matrix would cost as much as 2n of them.
    factored: Vec<f64>,
    /// The mean of `1 / g_u`.
    noise: f64,
    sums: Vec<Sums>,
}

/// The sums over the history that a state follows from, for one sample.
#[derive(Debug, Clone, PartialEq)]
struct Sums {
    /// `Σ g_j x xᵀ`, upper triangle, `[n, n]`.
    gram: Vec<f64>,
    /// `Σ g_j x (r_j − offset − B_j)`, `[n]`.
    moment: Vec<f64>,
    /// `Σ g_j (r_j − offset − B_j)²`.
    squares: f64,
    /// `Σ y_j`, `[n]`.
    additions: Vec<f64>,
    /// The number of rated movies that the model has.
    count: f64,
}

impl Sums {
    fn new(n: usize) -> Self {
        let zeros = || vec![0.0; n];
        Self { gram: vec![0.0; n * n], moment: zeros(), squares: 0.0, additions: zeros(), count: 0.0 }
    }

    /// Adds ratings `sign` times: 1 adds them, and −1 takes them away.
    fn add(&mut self, sample: &Sample, ratings: &[(usize, f64)], sign: f64, panel: &mut Panel) {
        let known =
            |&(movie, rating): &(usize, f64)| Some((sample.movie(movie)?, rating)).filter(|_| rating.is_finite());
        for ratings in ratings.chunks(PANEL) {
            for (movie, rating) in ratings.iter().filter_map(known) {
                panel.push(movie, rating - sample.offset, sign * movie.precision);
                self.additions.iter_mut().zip(movie.addition).for_each(|(sum, y)| *sum += sign * y);
                self.count += sign;
            }
            panel.take(self);
        }
    }

    /// Writes the mean of the user's prior, `[n]`.
    fn prior_mean(&self, sample: &Sample, out: &mut [f64]) {
        let scale = if self.count > 0.0 { 1.0 / self.count.sqrt() } else { 0.0 };
        for (out, (mean, sum)) in out.iter_mut().zip(sample.prior_mean.iter().zip(&self.additions)) {
            *out = mean + scale * sum;
        }
    }
}

/// The side of a tile whose sums stay in registers.
const TILE: usize = 4;

/// The most ratings of a panel.
const PANEL: usize = 64;

/// Rows `z = [1; q; y]` of some ratings, padded to whole tiles, and `w z` beside them.
struct Panel {
    n: usize,
    width: usize,
    rows: Vec<f64>,
    weighted: Vec<f64>,
}

impl Panel {
    fn new(n: usize) -> Self {
        let width = (n + 1).next_multiple_of(TILE);
        Self { n, width, rows: Vec::with_capacity(PANEL * width), weighted: Vec::with_capacity(PANEL * width) }
    }

    /// Adds a rating that is `rating` stars above the offset.
    fn push(&mut self, movie: Movie<'_>, rating: f64, weight: f64) {
        let start = self.rows.len();
        self.rows.push(1.0);
        self.rows.extend(movie.factors);
        self.rows.push(rating - movie.bias);
        self.rows.resize(start + self.width, 0.0);
        self.weighted.extend(self.rows[start..].iter().map(|value| weight * value));
    }

    /// Adds the sums of `w z zᵀ` to those of a user, and empties the panel.
    fn take(&mut self, sums: &mut Sums) {
        let (n, width) = (self.n, self.width);
        for top in (0..width).step_by(TILE) {
            for left in (top..width).step_by(TILE) {
                let tile = self.tile(top, left);
                for (i, row) in (top..=n).zip(&tile) {
                    // What is below the diagonal is there twice.
                    for (j, sum) in (left..=n).zip(row).filter(|(j, _)| *j >= i) {
                        match (i, j) {
                            (i, j) if j < n => sums.gram[i * n + j] += sum,
                            (i, _) if i < n => sums.moment[i] += sum,
                            _ => sums.squares += sum,
                        }
                    }
                }
            }
        }
        self.rows.clear();
        self.weighted.clear();
    }

    fn tile(&self, top: usize, left: usize) -> [[f64; TILE]; TILE] {
        let mut tile = [[0.0; TILE]; TILE];
        for (weighted, row) in self.weighted.chunks_exact(self.width).zip(self.rows.chunks_exact(self.width)) {
            let (Some(a), Some(b)) = (weighted[top..].first_chunk::<TILE>(), row[left..].first_chunk::<TILE>()) else {
                continue;
            };
            for (sums, a) in tile.iter_mut().zip(a) {
                sums.iter_mut().zip(b).for_each(|(sum, b)| *sum += a * b);
            }
        }
        tile
    }
}

/// Solves the regressions of one user.
struct Solver {
    n: usize,
    precision: Vec<f64>,
    prior: Vec<f64>,
    target: Vec<f64>,
    cholesky: Cholesky,
}

impl Solver {
    fn new(n: usize) -> Self {
        let zeros = || vec![0.0; n];
        Self { n, precision: vec![0.0; n * n], prior: zeros(), target: zeros(), cholesky: Cholesky::new(n) }
    }

    /// Factors the precision of a user, and writes the mean of the state, `[n]`.
    fn solve(&mut self, sample: &Sample, sums: &Sums, mean: &mut [f64]) {
        let n = self.n;
        let alpha = sample.noise_precision;
        sums.prior_mean(sample, &mut self.prior);
        for i in 0..n {
            let row = i * n + i..(i + 1) * n;
            self.precision[row.clone()].iter_mut().zip(&sums.gram[row]).for_each(|(a, gram)| *a = alpha * gram);
            self.precision[i * n + i] += sample.prior_precision[i];
            self.target[i] = alpha * sums.moment[i] + sample.prior_precision[i] * self.prior[i];
        }
        self.cholesky.factor(&self.precision);
        mean.copy_from_slice(&self.target);
        self.cholesky.solve(mean);
    }

    /// Returns the errors that remain after [`Self::solve`], with this mean: `q` of
    /// [`USER_NOISE_SHAPE`].
    fn remaining(&self, sample: &Sample, sums: &Sums, mean: &[f64]) -> f64 {
        let of_prior = self.prior.iter().zip(&sample.prior_precision).map(|(mean, precision)| mean * mean * precision);
        sample.noise_precision * sums.squares + of_prior.sum::<f64>() - dot(&self.target, mean)
    }
}

impl Posterior {
    /// Returns the state of a user with these ratings, given as (movie index, stars). Ignores
    /// movies that the model does not have and ratings that are not finite. The state of an empty
    /// history is the prior.
    ///
    /// With `x = [1; Q_j]`, `Λ = diag(prior_precision)` and `p = prior_mean + |N|^-½ Σ y_j`,
    /// `A = alpha Σ g_j x xᵀ + Λ` and `b = Λ p + alpha Σ g_j x (r_j − offset − B_j)`. The mean is
    /// `A⁻¹ b`, and the covariance is `h A⁻¹`, where `h` is the mean of `1 / g_u`. The `q` of
    /// [`USER_NOISE_SHAPE`] is `alpha Σ g_j (r_j − offset − B_j)² + pᵀ Λ p − bᵀ A⁻¹ b`. Takes
    /// O(samples · (history · n² + n³)) time.
    pub fn state(&self, history: &[(usize, f64)]) -> UserState {
        let n = self.state_len();
        let mut state = UserState {
            n,
            means: vec![0.0; self.samples.len() * n],
            factored: vec![0.0; self.samples.len() * n * n],
            noise: 1.0,
            sums: vec![Sums::new(n); self.samples.len()],
        };
        state.update(self, history, &[]);
        state
    }
}

impl UserState {
    /// Iterates over the samples: the mean `[n]` and the Cholesky factor of the precision `[n, n]`
    /// of `[b_u; v_u]` for `g_u = 1`.
    pub(crate) fn samples(&self) -> impl ExactSizeIterator<Item = (&[f64], &[f64])> {
        self.means.chunks_exact(self.n).zip(self.factored.chunks_exact(self.n * self.n))
    }

    /// Returns the mean of `1 / g_u`: by how much the variance of the noise of this user's ratings
    /// is larger than usual.
    pub fn noise(&self) -> f64 {
        self.noise
    }

    /// Adds one more rating, in stars. Ignores a movie that the model does not have and a rating
    /// that is not finite. See [`Self::update`].
    pub fn learn(&mut self, posterior: &Posterior, movie: usize, rating: f64) {
        self.update(posterior, &[(movie, rating)], &[]);
    }

    /// Adds ratings, given as (movie index, stars), and takes others away, which the state must
    /// contain. Takes O(samples · (ratings · n² + n³)) time.
    ///
    /// **Invariant:** the result equals [`Posterior::state`] of the changed history, up to rounding
    /// (held by `learning_one_by_one_equals_recomputing` and `what_is_taken_away_leaves_no_trace`).
    pub fn update(&mut self, posterior: &Posterior, added: &[(usize, f64)], taken_away: &[(usize, f64)]) {
        let mut all = added.iter().chain(taken_away);
        debug_assert!(all.all(|(movie, _)| *movie < posterior.movies), "indices come from the model's table");
        let n = self.n;
        if posterior.state_len() != n {
            return;
        }
        let mut panel = Panel::new(n);
        for (sample, sums) in posterior.samples.iter().zip(&mut self.sums) {
            sums.add(sample, added, 1.0, &mut panel);
            sums.add(sample, taken_away, -1.0, &mut panel);
        }
        let mut solver = Solver::new(n);
        let (mut remaining, mut pilots) = (0.0, 0);
        let out = self.means.chunks_exact_mut(n).zip(self.factored.chunks_exact_mut(n * n));
        for ((sample, sums), (mean, factored)) in posterior.samples.iter().zip(&self.sums).zip(out) {
            solver.solve(sample, sums, mean);
            factored.copy_from_slice(solver.cholesky.factored());
            if pilots < PILOTS {
                remaining += solver.remaining(sample, sums, mean);
                pilots += 1;
            }
        }
        if posterior.has_user_noise && pilots > 0 {
            let count = self.sums.first().map_or(0.0, |sums| sums.count);
            let prior = 2.0 * USER_NOISE_SHAPE;
            let noise = (prior + remaining / pilots as f64) / (prior + count - 2.0);
            self.noise = noise.max(LEAST_USER_NOISE);
        }
    }
}
