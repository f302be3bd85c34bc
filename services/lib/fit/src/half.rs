//! One side of the model, users or movies: the parameters of its rows, their prior, their sets and
//! the weights of their ratings. Both sides are updated alike.

use marquee_posterior::Cholesky;
use rand_distr::{Distribution, StandardNormal};

use super::hyper::{Prior, gamma};
use super::random::{Group, stream};
use super::ratings::Side;
use super::sets::{Draw, Rows, Sets};
use super::shards::Shards;
use super::start::SideStart;
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
    threads: usize,
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
            threads,
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
                let (partners, values) = side.row(row);
                // Nothing depends on such a row. Its parameters are drawn when they are wanted.
                if partners.is_empty() {
                    continue;
                }
                let cells = at * n..(at + 1) * n;
                let (own, variances) = (&mut part.own[cells.clone()], &mut part.variances[cells.clone()]);
                let set_sum = &mut part.set_sums[cells.clone()];
                let mut random = stream(seed, sweep, group, row);
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
            let (grams, projected, sums) = (&self.grams[..], &mut self.projected[..], &mut self.set_sums[..]);
            let mut rows = Rows { shards: &self.shards, grams, projected, sums };
            sets.pass_own(self.members, context.alpha, &mut rows, context.how, draw);
            if context.how == Update::Expect {
                return;
            }
        }
        // The sums are computed from scratch now and then, so that rounding errors of many sweeps
        // can't add up.
        let is_from_scratch = context.moves_rows || context.how == Update::Expect;
        let (side, shards) = (self.side, &self.shards);
        let mut whole = std::mem::take(&mut self.own);
        let parts = shards.split(&mut whole, n).into_iter().zip(shards.split(&mut self.set_sums, n));
        shards.run(parts.collect(), |_, (whole, sums)| {
            whole.iter_mut().zip(&*sums).for_each(|(own, sum)| *own += sum);
        });
        sets.pass_whole(self.members, (&whole, &self.set_sums), &self.prior, context.how, draw);
        let parts = shards.split(&mut whole, n).into_iter().zip(shards.split(&mut self.set_sums, n));
        let sets = &*sets;
        shards.run(parts.collect(), |range, (whole, sums)| {
            for (row, (own, sum)) in range.zip(whole.chunks_exact_mut(n).zip(sums.chunks_exact_mut(n))) {
                if is_from_scratch {
                    sets.sum(side.row(row).0, sum)
                } else {
                    sets.kept_sum(row, sum)
                }
                own.iter_mut().zip(sum).for_each(|(own, sum)| *own -= *sum);
            }
        });
        self.own = whole;
    }

    /// Updates the priors of the own parameters and of the additions. Rows without ratings have no
    /// information.
    pub(super) fn update_priors(&mut self, context: Context) {
        let n = self.n;
        let mut random = stream(self.seed, context.sweep, Group::Hyper, self.group.0 as usize);
        let Self { prior, own, variances, side, .. } = self;
        let how = context.how;
        let moments = prior.moments(side.rows(), self.threads, |rows, moments| {
            for row in rows.filter(|row| !side.row(*row).0.is_empty()) {
                let cells = row * n..(row + 1) * n;
                let certain = if how == Update::Sample { 0.0 } else { 1.0 };
                let variances = variances[cells.clone()].iter().map(|variance| certain * variance);
                moments.add(own[cells].iter().copied(), variances, &prior.mean);
            }
        });
        prior.update(&moments, how, &mut random);
        if let Some(sets) = &mut self.sets {
            sets.update_prior(self.members, self.threads, how, &mut random);
        }
    }

    /// Shows the rows to the other side.
    pub(super) fn publish(&mut self, how: Update) {
        let n = self.n;
        let Self { side, own, set_sums, variances, weights, sets, published, shards, .. } = self;
        let (parts, sets) = (published.split(shards), sets.as_ref());
        shards.run(parts, |range, mut part| {
            let mut of_set = vec![0.0; n];
            for (at, row) in range.enumerate() {
                let (members, _) = side.row(row);
                if members.is_empty() {
                    continue;
                }
                let cells = row * n..(row + 1) * n;
                let whole = own[cells.clone()].iter().zip(&set_sums[cells.clone()]).map(|(own, set)| own + set);
                part.set(at, whole, weights[row]);
                if how == Update::Expect {
                    if let Some(sets) = sets {
                        sets.variance(members, &mut of_set);
                    }
                    let variances = variances[cells].iter().zip(&of_set).map(|(own, set)| own + set);
                    part.set_variances(at, variances, weights[row]);
                }
            }
        });
    }

    /// Returns the mean of a row with ratings of the usual noise, `[n]`, given the other side.
    pub(super) fn expected(&self, other: &Half<'_>, row: usize, (offset, alpha): (f64, f64)) -> Vec<f64> {
        let n = self.n;
        let (partners, values) = self.side.row(row);
        let mut regression = Regression::new(n - 1);
        regression.sum(&other.published, partners, values, offset);
        let mut precision: Vec<f64> = regression.gram.iter().map(|gram| alpha * gram).collect();
        let mut whole = vec![0.0; n];
        for (i, whole) in whole.iter_mut().enumerate() {
            precision[i * n + i] += self.prior.precision[i];
            let mean = self.prior.mean[i] + self.set_sums[row * n + i];
            *whole = alpha * regression.moment[i] + self.prior.precision[i] * mean;
        }
        let mut cholesky = Cholesky::new(n);
        cholesky.factor(&precision);
        cholesky.solve(&mut whole);
        whole
    }

    /// Returns the state of the side. Only movies need their rows.
    pub(super) fn state(&self, with_rows: bool) -> SideStart {
        let rows = if with_rows { self.side.rows() } else { 0 };
        SideStart {
            whole: (0..rows).flat_map(|row| self.whole(row)).map(|value| value as f32).collect(),
            weights: self.weights.clone(),
            prior: (self.prior.mean.clone(), self.prior.precision.clone()),
            sets: self.sets.as_ref().map(Sets::state),
        }
    }

    /// Starts at a state, which has been checked. Rows beyond it are at their priors.
    pub(super) fn begin(&mut self, start: &SideStart) {
        let n = self.n;
        self.weights[..start.weights.len()].copy_from_slice(&start.weights);
        (self.prior.mean, self.prior.precision) = start.prior.clone();
        if let (Some(sets), Some(start)) = (&mut self.sets, &start.sets) {
            sets.begin(start);
        }
        let Self { side, sets, set_sums, own, prior, shards, .. } = self;
        let sets = sets.as_ref();
        let parts = shards.split(own, n).into_iter().zip(shards.split(set_sums, n));
        shards.run(parts.collect(), |range, (own, sums)| {
            for (row, (own, sum)) in range.zip(own.chunks_exact_mut(n).zip(sums.chunks_exact_mut(n))) {
                if let Some(sets) = sets {
                    sets.sum(side.row(row).0, sum);
                }
                match start.whole.get(row * n..(row + 1) * n) {
                    Some(whole) => {
                        let rest = whole.iter().zip(&*sum).map(|(whole, sum)| f64::from(*whole) - sum);
                        own.iter_mut().zip(rest).for_each(|(own, rest)| *own = rest);
                    }
                    None => own.copy_from_slice(&prior.mean),
                }
            }
        });
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
