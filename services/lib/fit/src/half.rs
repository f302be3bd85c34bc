//! One side of the model, users or movies: the parameters of its rows, their prior, their sets and
//! the weights of their ratings. Both sides are updated alike.

use marquee_posterior::Cholesky;
use rand_distr::{Distribution, StandardNormal};

use super::hyper::{Prior, gamma};
use super::random::{Group, stream};
use super::ratings::Side;
use super::sets::{Draw, Rows, Sets};
use super::shards::Shards;
use crate::kernel::{Published, Regression};
use crate::linear::{Update, dot, multiply_upper, update};

/// The degrees of freedom of the noise: weights are `Gamma(ν / 2, ν / 2)`, and the noise of a
/// rating is nearly Student's t with ν. The value was fixed beforehand and is not tuned.
pub(super) const FREEDOM: f64 = 8.0;

/// The most bytes of Gram matrices that a side keeps so that its sets can move with its rows. The
/// sets of a larger side only follow its rows, and such a chain mixes more slowly.
const GRAMS: usize = 256 << 20;

/// What a side is made with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) factors: usize,
    pub(super) seed: u64,
    pub(super) threads: usize,
    /// Whether each row has a weight of its own.
    pub(super) has_weights: bool,
    /// Whether the members of a row say something about it.
    pub(super) has_sets: bool,
}

/// What a side needs to know for an update.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    pub(super) sweep: usize,
    pub(super) offset: f64,
    /// The precision of the noise.
    pub(super) alpha: f64,
    pub(super) how: Update,
    /// Whether the sets also move with their rows.
    pub(super) moves_rows: bool,
}

/// Weighted sums over all ratings, with `w = g_u g_i`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    /// `Σ w e`.
    pub(super) sum: f64,
    /// `Σ w e²`, expected.
    pub(super) squares: f64,
    /// `Σ w`.
    pub(super) weights: f64,
}

/// A side.
#[derive(Debug)]
pub(super) struct Half<'a> {
    n: usize,
    seed: u64,
    side: &'a Side,
    members: &'a Side,
    pub(super) prior: Prior,
    /// Own bias and factors, `[rows, n]`: samples or means.
    pub(super) own: Vec<f64>,
    /// The variances of the own parameters, `[rows, n]`. Only expectations have them.
    pub(super) variances: Vec<f64>,
    /// `s_r`, `[rows, n]`.
    pub(super) set_sums: Vec<f64>,
    /// `g_r`, `[rows]`.
    pub(super) weights: Vec<f64>,
    pub(super) sets: Option<Sets>,
    /// The side as the other one reads it.
    pub(super) published: Published,
    /// The variance of what is predicted for a rating of the row, due to what is not known of the
    /// row, `[rows]`. It is 0 for samples.
    pub(super) unknown: Vec<f64>,
    /// `Σ g x xᵀ` of each row, `[rows, n, n]`, or empty.
    grams: Vec<f32>,
    /// `Σ g x e` of each row, `[rows, n]`.
    projected: Vec<f64>,
    /// The sums of each row, `[rows, 3]`.
    totals: Vec<f64>,
    shards: Shards,
    has_weights: bool,
    group: (Group, Group),
}

/// The part of one thread.
struct Part<'a> {
    own: &'a mut [f64],
    variances: &'a mut [f64],
    set_sums: &'a mut [f64],
    weights: &'a mut [f64],
    unknown: &'a mut [f64],
    grams: &'a mut [f32],
    projected: &'a mut [f64],
    totals: &'a mut [f64],
}

impl<'a> Half<'a> {
    /// Starts with parameters of 0. `side` has the rows, and `members` the rows of each member.
    pub(super) fn new(side: &'a Side, members: &'a Side, plan: Plan, group: (Group, Group)) -> Self {
        let Plan { factors, seed, threads, has_weights, has_sets } = plan;
        let (n, rows) = (factors + 1, side.rows());
        // The start only changes the number of sweeps. These priors have the size that ratings of
        // one to five stars lead to.
        let prior = || {
            let mut precision = vec![10.0; n];
            precision[0] = 4.0;
            Prior::new(precision)
        };
        let keeps = has_sets && rows.saturating_mul(n * n * size_of::<f32>()) <= GRAMS;
        Self {
            n,
            seed,
            side,
            members,
            prior: prior(),
            own: vec![0.0; rows * n],
            variances: vec![0.0; rows * n],
            set_sums: vec![0.0; rows * n],
            weights: vec![1.0; rows],
            sets: has_sets.then(|| Sets::new(side, members, prior(), group.1)),
            published: Published::new(rows, factors),
            unknown: vec![0.0; rows],
            grams: vec![0.0; if keeps { rows * n * n } else { 0 }],
            projected: vec![0.0; rows * n],
            totals: vec![0.0; rows * 3],
            shards: Shards::new(side, n, threads),
            has_weights,
            group,
        }
    }

    /// Updates the rows and their weights given the other side. Returns the sums over all ratings
    /// with the new rows.
    pub(super) fn update_rows(&mut self, other: &Half<'_>, context: Context) -> Totals {
        let n = self.n;
        let Context { sweep, offset, alpha, how, .. } = context;
        let (seed, side, has_weights, group) = (self.seed, self.side, self.has_weights, self.group.0);
        let keeps = self.keeps(context);
        let (parts, prior, sets, shards) = self.parts();
        shards.run(parts, |range, part| {
            let mut regression = Regression::new(n - 1);
            let mut cholesky = Cholesky::new(n);
            let mut precision = vec![0.0; n * n];
            let (mut whole, mut explained) = (vec![0.0; n], vec![0.0; n]);
            for (at, row) in range.enumerate() {
                let cells = at * n..(at + 1) * n;
                let (own, variances) = (&mut part.own[cells.clone()], &mut part.variances[cells.clone()]);
                let set_sum = &mut part.set_sums[cells.clone()];
                let mut random = stream(seed, sweep, group, row);
                let (partners, values) = side.row(row);
                if partners.is_empty() {
                    prior.fill(own, variances, how, &mut random);
                    part.unknown[at] = if how == Update::Expect { prior.doubt(&other.prior) } else { 0.0 };
                    continue;
                }
                regression.sum(&other.published, partners, values, offset);
                if how == Update::Expect {
                    regression.add_variances(&other.published, partners);
                }
                let strength = alpha * part.weights[at];
                for (i, whole) in whole.iter_mut().enumerate() {
                    let cells = i * n + i..(i + 1) * n;
                    precision[cells.clone()]
                        .iter_mut()
                        .zip(&regression.gram[cells])
                        .for_each(|(a, g)| *a = strength * g);
                    precision[i * n + i] += prior.precision[i];
                    *whole = strength * regression.moment[i] + prior.precision[i] * (prior.mean[i] + set_sum[i]);
                }
                cholesky.factor(&precision);
                update(&mut cholesky, &mut whole, variances, how, &mut random);
                own.iter_mut().zip(whole.iter().zip(&*set_sum)).for_each(|(own, (whole, set))| *own = whole - set);

                multiply_upper(&regression.gram, &whole, &mut explained);
                let projected = &mut part.projected[cells];
                projected.iter_mut().zip(regression.moment.iter().zip(&explained)).for_each(|(p, (m, e))| *p = m - e);
                let known = dot(&whole, &regression.moment) + dot(&whole, projected);
                let mut squares = (regression.squares - known).max(0.0);
                if how == Update::Expect {
                    let of_set = sets.map(|sets| {
                        sets.variance(partners, &mut explained);
                        &explained
                    });
                    let unknown: f64 = (0..n)
                        .map(|i| (variances[i] + of_set.map_or(0.0, |set| set[i])) * regression.gram[i * n + i])
                        .sum();
                    part.unknown[at] = unknown / regression.gram[0].max(f64::MIN_POSITIVE);
                    squares += unknown;
                } else {
                    part.unknown[at] = 0.0;
                }
                if has_weights {
                    let (shape, rate) = (FREEDOM + partners.len() as f64, FREEDOM + alpha * squares);
                    part.weights[at] = match how {
                        Update::Sample => gamma(shape / 2.0, rate / 2.0, &mut random),
                        Update::Expect => shape / rate,
                    };
                }
                let weight = part.weights[at];
                part.totals[at * 3..][..3].copy_from_slice(&[
                    weight * projected[0],
                    weight * squares,
                    weight * regression.gram[0],
                ]);
                if keeps {
                    projected.iter_mut().for_each(|p| *p *= weight);
                    let gram = &mut part.grams[at * n * n..][..n * n];
                    gram.iter_mut().zip(&regression.gram).for_each(|(kept, g)| *kept = (weight * g) as f32);
                }
            }
        });
        let mut totals = Totals::default();
        for row in self.totals.chunks_exact(3) {
            totals.sum += row[0];
            totals.squares += row[1];
            totals.weights += row[2];
        }
        totals
    }

    /// Whether the sets also move with their rows, for which they need what the update of the rows
    /// leaves behind. An expectation is most accurate that way.
    fn keeps(&self, context: Context) -> bool {
        !self.grams.is_empty() && (context.moves_rows || context.how == Update::Expect)
    }

    fn parts(&mut self) -> (Vec<Part<'_>>, &Prior, Option<&Sets>, &Shards) {
        let n = self.n;
        let Self { own, variances, set_sums, weights, unknown, grams, projected, totals, shards, .. } = self;
        let gram = if grams.is_empty() { 0 } else { n * n };
        let mut variances = shards.split(variances, n).into_iter();
        let mut set_sums = shards.split(set_sums, n).into_iter();
        let mut weights = shards.split(weights, 1).into_iter();
        let mut unknown = shards.split(unknown, 1).into_iter();
        let mut grams = shards.split(grams, gram).into_iter();
        let mut projected = shards.split(projected, n).into_iter();
        let mut totals = shards.split(totals, 3).into_iter();
        let mut parts = Vec::new();
        for own in shards.split(own, n) {
            parts.push(Part {
                own,
                variances: variances.next().unwrap_or_default(),
                set_sums: set_sums.next().unwrap_or_default(),
                weights: weights.next().unwrap_or_default(),
                unknown: unknown.next().unwrap_or_default(),
                grams: grams.next().unwrap_or_default(),
                projected: projected.next().unwrap_or_default(),
                totals: totals.next().unwrap_or_default(),
            });
        }
        (parts, &self.prior, self.sets.as_ref(), shards)
    }

    /// Updates the additions of the members, and the sums of the sets with them. `moved` is by how
    /// much the offset has changed since the rows were updated.
    pub(super) fn update_sets(&mut self, context: Context, moved: f64) {
        let n = self.n;
        let keeps = self.keeps(context);
        let Some(sets) = &mut self.sets else { return };
        let draw = Draw { seed: self.seed, sweep: context.sweep };
        if keeps {
            // The residuals are smaller by what the offset has grown.
            for (projected, gram) in self.projected.chunks_exact_mut(n).zip(self.grams.chunks_exact(n * n)) {
                projected.iter_mut().zip(gram).for_each(|(projected, g)| *projected -= moved * f64::from(*g));
            }
            let mut rows = Rows { grams: &self.grams, projected: &mut self.projected, sums: &mut self.set_sums };
            sets.pass_own(self.members, context.alpha, &mut rows, context.how, draw);
            if context.how == Update::Expect {
                return;
            }
        }
        // The sums are computed from scratch below. So rounding errors of many sweeps can't add up.
        let mut whole = std::mem::take(&mut self.own);
        whole.iter_mut().zip(&self.set_sums).for_each(|(own, set)| *own += set);
        sets.pass_whole(self.members, (&whole, &self.set_sums), &self.prior, context.how, draw);
        let side = self.side;
        let parts = self.shards.split(&mut self.set_sums, n);
        let sets = &*sets;
        self.shards.run(parts, |range, part| {
            for (row, sum) in range.zip(part.chunks_exact_mut(n)) {
                sets.sum(side.row(row).0, sum);
            }
        });
        whole.iter_mut().zip(&self.set_sums).for_each(|(own, set)| *own -= set);
        self.own = whole;
    }

    /// Updates the priors of the own parameters and of the additions.
    pub(super) fn update_priors(&mut self, context: Context) {
        let mut random = stream(self.seed, context.sweep, Group::Hyper, self.group.0 as usize);
        match context.how {
            Update::Sample => self.prior.draw(&self.own, self.side, &mut random),
            Update::Expect => self.prior.expect(&self.own, &self.variances, self.side),
        }
        if let Some(sets) = &mut self.sets {
            sets.update_prior(self.members, context.how, &mut random);
        }
    }

    /// Shows the rows to the other side.
    pub(super) fn publish(&mut self, how: Update) {
        let n = self.n;
        let mut of_set = vec![0.0; n];
        for row in 0..self.side.rows() {
            let cells = row * n..(row + 1) * n;
            let whole = self.own[cells.clone()].iter().zip(&self.set_sums[cells.clone()]).map(|(own, set)| own + set);
            let weight = self.weights[row];
            self.published.set(row, whole, weight);
            if how == Update::Expect {
                if let Some(sets) = &self.sets {
                    sets.variance(self.side.row(row).0, &mut of_set);
                }
                let variances = self.variances[cells].iter().zip(&of_set).map(|(own, set)| own + set);
                self.published.set_variances(row, variances, weight);
            }
        }
    }

    /// Returns own parameters and sets together, `[n]`.
    pub(super) fn whole(&self, row: usize) -> impl Iterator<Item = f64> {
        let cells = row * self.n..(row + 1) * self.n;
        self.own[cells.clone()].iter().zip(&self.set_sums[cells]).map(|(own, set)| own + set)
    }

    /// Returns what the set of one member of whom nothing is known adds to a row, `[n]`.
    pub(super) fn of_one_member(&self) -> impl Iterator<Item = f64> {
        (0..self.n).map(|i| self.sets.as_ref().map_or(0.0, |sets| sets.prior.mean[i]))
    }

    /// Starts with small random factors.
    pub(super) fn scatter(&mut self) {
        let mut random = stream(self.seed, 0, Group::Start, 0);
        for row in self.own.chunks_exact_mut(self.n) {
            for value in &mut row[1..] {
                let noise: f64 = StandardNormal.sample(&mut random);
                *value = 0.1 * noise;
            }
        }
    }
}
