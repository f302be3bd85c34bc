//! What the set of the members of a row says about the row. Each member `a` adds `z_a` to the rows
//! that it is in: `s_r = |R(r)|^-½ Σ_{a ∈ R(r)} z_a`. The members of a movie are its raters, and
//! those of a user are the movies that the user has rated.
//!
//! Sets of raters are SVD++ "flipped" (Rendle, Zhang & Koren, "On the difficulty of evaluating
//! baselines", 2019), and sets of rated movies are SVD++ itself (Koren, KDD 2008). Together they
//! are the largest gain over factors on MovieLens. They depend on who rated what, not on the
//! ratings.
//!
//! There are two ways to update the additions, and each is exact:
//!
//! - [`Sets::pass_whole`] holds the whole rows, own parameters and sets together. Then the
//!   coordinates are independent of one another and of the ratings, so threads share them.
//! - [`Sets::pass_own`] holds the own parameters, so that rows move with their sets. It goes
//!   coordinate by coordinate through the residuals. These enter through one number per row, which
//!   is corrected once per coordinate through the Gram matrix of the row.
//!
//! The first is cheap and mixes slowly when sets explain much, where the second mixes fast. A chain
//! alternates them (Yu & Meng, "To center or not to center", JCGS 2011).

use std::thread;

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::hyper::Prior;
use super::random::{Group, stream};
use super::ratings::Side;
use super::shards::Shards;
use super::start::SetsStart;
use crate::kernel::LANES;
use crate::linear::Update;

type Lanes = [f32; LANES];

/// The fewest numbers of all rows for which [`Sets::pass_own`] uses threads.
const FEWEST_CELLS: usize = 1 << 18;

/// The additions of members and their prior.
#[derive(Debug)]
pub(super) struct Sets {
    pub(super) prior: Prior,
    /// The additions `z_a`: for each block of coordinates, `[members]`. Coordinates beyond the last
    /// are 0.
    blocks: Vec<Vec<Lanes>>,
    /// The variances of their conditionals, in the same layout. Only expectations have them.
    variances: Vec<Vec<Lanes>>,
    /// `s_r` after the last [`Sets::pass_whole`]: for each block of coordinates, `[rows]`.
    sums: Vec<Vec<Lanes>>,
    /// `|R(r)|^-½`, `[rows]`, or 0 without members.
    scales: Vec<f32>,
    /// `Σ |R(r)|^-1` over the rows of a member, `[members]`.
    curvatures: Vec<f32>,
    group: Group,
}

/// What [`Sets::pass_own`] reads and changes of the rows. Each has `n` numbers unless stated
/// otherwise.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    pub(super) shards: &'a Shards,
    /// `Σ g x xᵀ` of each row, upper triangle, `[rows, n, n]`.
    pub(super) grams: &'a [f32],
    /// `Σ g x e`, the residuals projected on the members. A pass keeps it up to date.
    pub(super) projected: &'a mut [f64],
    /// `s_r`. A pass keeps it up to date.
    pub(super) sums: &'a mut [f64],
}

/// What addresses the random numbers of a pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw {
    pub(super) seed: u64,
    pub(super) sweep: usize,
}

/// The residual and curvature of a row for one coordinate, scaled by `|R(r)|^-½`. They are always
/// read together, so they are stored side by side.
#[derive(Debug, Clone, Copy, Default)]
struct Slope {
    residual: f64,
    curvature: f64,
}

impl Sets {
    /// Creates additions of 0. `rows` are the rows by their members.
    pub(super) fn new(rows: &Side, members: &Side, prior: Prior, group: Group) -> Self {
        let blocks = prior.mean.len().div_ceil(LANES);
        let zeros = |count: usize| vec![vec![[0.0; LANES]; count]; blocks];
        let scales: Vec<f32> = rows.starts().windows(2).map(|ends| scale(ends[1] - ends[0]) as f32).collect();
        let curvature = |member: usize| members.row(member).0.iter().map(|&row| scales[row as usize].powi(2)).sum();
        let curvatures = (0..members.rows()).map(curvature).collect();
        let (additions, variances, sums) = (zeros(members.rows()), zeros(members.rows()), zeros(rows.rows()));
        Self { prior, blocks: additions, variances, sums, scales, curvatures, group }
    }

    /// Writes `s_r`, `[n]`, of a row with these members.
    pub(super) fn sum(&self, members: &[u32], out: &mut [f64]) {
        gather(&self.blocks, members, scale(members.len()), out);
    }

    /// Writes `s_r`, `[n]`, of a row as [`Self::pass_whole`] has left it. That is as exact as a new
    /// sum, but a sum that is taken again and again collects the rounding errors of all passes.
    pub(super) fn kept_sum(&self, row: usize, out: &mut [f64]) {
        out.iter_mut().zip(coordinates(&self.sums, row, self.prior.mean.len())).for_each(|(out, sum)| *out = sum);
    }

    /// Writes the variances of `s_r`, `[n]`.
    pub(super) fn variance(&self, members: &[u32], out: &mut [f64]) {
        gather(&self.variances, members, scale(members.len()).powi(2), out);
    }

    /// Returns the additions of a member, `[n]`.
    pub(super) fn addition(&self, member: usize) -> impl Iterator<Item = f64> {
        coordinates(&self.blocks, member, self.prior.mean.len())
    }

    /// Returns the state of the sets.
    pub(super) fn state(&self) -> SetsStart {
        let (n, members) = (self.prior.mean.len(), self.curvatures.len());
        let additions = (0..members).flat_map(|member| coordinates(&self.blocks, member, n));
        SetsStart {
            additions: additions.map(|value| value as f32).collect(),
            prior: (self.prior.mean.clone(), self.prior.precision.clone()),
        }
    }

    /// Starts at a state. Members beyond it add the mean of the prior.
    pub(super) fn begin(&mut self, start: &SetsStart) {
        let n = start.prior.0.len();
        let mean: Vec<f32> = start.prior.0.iter().map(|mean| *mean as f32).collect();
        for (number, block) in self.blocks.iter_mut().enumerate() {
            let lanes = number * LANES..n.min((number + 1) * LANES);
            for (member, lane) in block.iter_mut().enumerate() {
                let addition = start.additions.get(member * n..(member + 1) * n).unwrap_or(&mean);
                lane.iter_mut().zip(&addition[lanes.clone()]).for_each(|(lane, value)| *lane = *value);
            }
        }
        (self.prior.mean, self.prior.precision) = start.prior.clone();
    }

    /// Updates the prior of the additions. Members of no row have no information.
    pub(super) fn update_prior(&mut self, members: &Side, threads: usize, how: Update, random: &mut impl Rng) {
        let Self { prior, blocks, variances, .. } = self;
        let n = prior.mean.len();
        let moments = prior.moments(members.rows(), threads, |range, moments| {
            for member in range.filter(|member| !members.row(*member).0.is_empty()) {
                let certain = if how == Update::Sample { 0.0 } else { 1.0 };
                let variances = coordinates(variances, member, n).map(|variance| certain * variance);
                moments.add(coordinates(blocks, member, n), variances, &prior.mean);
            }
        });
        prior.update(&moments, how, random);
    }

    /// Updates every addition given the whole rows, `whole` and `sums` both `[rows, n]`, with this
    /// prior of their own parameters. The new sums are those of [`Self::kept_sum`].
    ///
    /// A row is `N(m + s_r, Λ⁻¹)`. With `D_r = |R(r)|^-½ (row − m − s_r)` and `c = Σ |R(r)|^-1`, an
    /// addition is `N((Λ (Σ D_r + c z_a) + λ μ) / (Λ c + λ), (Λ c + λ)⁻¹)` in each coordinate.
    pub(super) fn pass_whole(
        &mut self,
        members: &Side,
        (whole, sums): (&[f64], &[f64]),
        prior: &Prior,
        how: Update,
        draw: Draw,
    ) {
        let n = self.prior.mean.len();
        let Self { prior: own, blocks, variances, sums: kept, scales, curvatures, group } = self;
        let given = Given { members, whole, sums, n, rows: prior, own, scales, curvatures, how };
        let work = |number: usize, block: Block<'_>| {
            let mut random = stream(draw.seed, draw.sweep, *group, number);
            let first = number * LANES;
            // A last block of one coordinate is common, and an eighth of the memory.
            match n - first {
                1 => given.pass::<1>(first, block, &mut random),
                _ => given.pass::<LANES>(first, block, &mut random),
            }
        };
        let threads = Shards::threads().min(blocks.len());
        let mut shares: Vec<Vec<_>> = (0..threads).map(|_| Vec::new()).collect();
        for (number, ((additions, variances), sums)) in blocks.iter_mut().zip(variances).zip(kept).enumerate() {
            shares[number % threads].push((number, Block { additions, variances, sums }));
        }
        let work = &work;
        thread::scope(|scope| {
            let last = shares.pop();
            for share in shares {
                scope.spawn(move || share.into_iter().for_each(|(number, block)| work(number, block)));
            }
            last.into_iter().flatten().for_each(|(number, block)| work(number, block));
        });
    }

    /// Updates every addition given the own parameters of the rows, for noise of precision `alpha`.
    pub(super) fn pass_own(&mut self, members: &Side, alpha: f64, rows: &mut Rows<'_>, how: Update, draw: Draw) {
        let n = self.prior.mean.len();
        let mut random = stream(draw.seed, draw.sweep, self.group, self.blocks.len());
        let mut slopes = vec![Slope::default(); self.scales.len()];
        let here = Shards::one(self.scales.len());
        // Threads cost more than they gain where a coordinate of all rows takes microseconds.
        let shards = if self.scales.len() * n < FEWEST_CELLS { &here } else { rows.shards };
        rows.step(shards, &self.scales, &mut slopes, (None, Some(0)));
        for f in 0..n {
            self.coordinate(f, members, alpha, &mut slopes, (how, &mut random));
            rows.step(shards, &self.scales, &mut slopes, (Some(f), Some(f + 1).filter(|next| *next < n)));
        }
    }

    fn coordinate(
        &mut self,
        f: usize,
        members: &Side,
        alpha: f64,
        slopes: &mut [Slope],
        (how, random): (Update, &mut impl Rng),
    ) {
        let (mean, precision) = (self.prior.mean[f], self.prior.precision[f]);
        let (block, lane) = (f / LANES, f % LANES);
        let rows = self.blocks[block].iter_mut().zip(&mut self.variances[block]);
        for (member, (addition, variance)) in rows.enumerate() {
            let (rows, _) = members.row(member);
            if rows.is_empty() {
                continue;
            }
            let Slope { residual, curvature } = total(slopes, rows);
            let old = f64::from(addition[lane]);
            let sharpness = alpha * curvature + precision;
            let mut new = (alpha * (residual + curvature * old) + precision * mean) / sharpness;
            if how == Update::Sample {
                let standard: f64 = StandardNormal.sample(random);
                new += standard / sharpness.sqrt();
            }
            variance[lane] = (1.0 / sharpness) as f32;
            addition[lane] = new as f32;
            let change = f64::from(addition[lane]) - old;
            for &row in rows {
                let slope = &mut slopes[row as usize];
                slope.residual -= slope.curvature * change;
            }
        }
    }
}

impl Rows<'_> {
    /// Moves the rows with the coordinate that has just been updated, and writes the slopes for the
    /// next one. Threads share the rows, which do not depend on one another.
    fn step(
        &mut self,
        shards: &Shards,
        scales: &[f32],
        slopes: &mut [Slope],
        (last, next): (Option<usize>, Option<usize>),
    ) {
        let grams = self.grams;
        let n = self.sums.len() / slopes.len().max(1);
        let parts = shards.split(slopes, 1).into_iter().zip(shards.split(self.projected, n));
        let parts = parts.zip(shards.split(self.sums, n)).collect();
        shards.run(parts, |range, ((slopes, projected), sums)| {
            let rows = projected.chunks_exact_mut(n).zip(sums.chunks_exact_mut(n));
            for (row, (slope, (projected, sums))) in range.zip(slopes.iter_mut().zip(rows)) {
                let (scale, gram) = (f64::from(scales[row]), &grams[row * n * n..][..n * n]);
                if let Some(f) = last.filter(|_| slope.curvature > 0.0) {
                    let moved = scale * (scale * projected[f] - slope.residual) / slope.curvature;
                    sums[f] += moved;
                    for (i, projected) in projected.iter_mut().enumerate() {
                        *projected -= f64::from(gram[i.min(f) * n + i.max(f)]) * moved;
                    }
                }
                if let Some(f) = next {
                    let curvature = f64::from(gram[f * n + f]);
                    *slope = Slope { residual: scale * projected[f], curvature: scale * scale * curvature };
                }
            }
        });
    }
}

/// Adds up the slopes of some rows. There are four sums, because one addition would have to wait
/// for the one before. Their order is fixed.
fn total(slopes: &[Slope], rows: &[u32]) -> Slope {
    let add = |sum: &mut Slope, row: u32| {
        let slope = slopes[row as usize];
        sum.residual += slope.residual;
        sum.curvature += slope.curvature;
    };
    let mut sums = [Slope::default(); 4];
    let (fours, rest) = rows.as_chunks::<4>();
    for rows in fours {
        sums.iter_mut().zip(rows).for_each(|(sum, row)| add(sum, *row));
    }
    sums.iter_mut().zip(rest).for_each(|(sum, row)| add(sum, *row));
    let [a, b, c, d] = sums;
    Slope {
        residual: (a.residual + b.residual) + (c.residual + d.residual),
        curvature: (a.curvature + b.curvature) + (c.curvature + d.curvature),
    }
}

/// What [`Sets::pass_whole`] writes for a block of coordinates.
#[derive(Debug)]
struct Block<'a> {
    /// `[members]`.
    additions: &'a mut [Lanes],
    /// `[members]`.
    variances: &'a mut [Lanes],
    /// `s_r`, `[rows]`.
    sums: &'a mut [Lanes],
}

/// What [`Sets::pass_whole`] reads.
#[derive(Debug, Clone, Copy)]
struct Given<'a> {
    members: &'a Side,
    /// The whole rows, `[rows, n]`.
    whole: &'a [f64],
    /// `s_r`, `[rows, n]`.
    sums: &'a [f64],
    n: usize,
    /// The prior of the rows' own parameters.
    rows: &'a Prior,
    /// The prior of the additions.
    own: &'a Prior,
    scales: &'a [f32],
    curvatures: &'a [f32],
    how: Update,
}

impl Given<'_> {
    /// Updates the additions of at most `L` coordinates, from `first` on.
    fn pass<const L: usize>(
        &self,
        first: usize,
        Block { additions, variances, sums }: Block<'_>,
        random: &mut impl Rng,
    ) {
        let (n, scales) = (self.n, self.scales);
        let lanes = first..n.min(first + L);
        let lane = |values: &[f64]| {
            let mut out = [0.0; L];
            out.iter_mut().zip(&values[lanes.clone()]).for_each(|(out, value)| *out = *value as f32);
            out
        };
        let mut rest: Vec<[f32; L]> = Vec::with_capacity(scales.len());
        let rows = self.whole.chunks_exact(n).zip(self.sums.chunks_exact(n));
        rest.extend(rows.zip(scales).map(|((row, sum), scale)| {
            let (row, sum, mean) = (&row[lanes.clone()], &sum[lanes.clone()], &self.rows.mean[lanes.clone()]);
            let mut out = [0.0; L];
            for (out, ((row, sum), mean)) in out.iter_mut().zip(row.iter().zip(sum).zip(mean)) {
                *out = scale * (row - mean - sum) as f32;
            }
            out
        }));
        let (rows_precision, precision) = (lane(&self.rows.precision), lane(&self.own.precision));
        let mean = lane(&self.own.mean);
        let additions = additions.iter_mut().zip(variances).zip(self.curvatures);
        for (member, ((addition, variance), curvature)) in additions.enumerate() {
            let (rows, _) = self.members.row(member);
            if rows.is_empty() {
                continue;
            }
            let mut total = [0.0_f32; L];
            for &row in rows {
                let rest = &rest[row as usize];
                total.iter_mut().zip(rest).for_each(|(total, rest)| *total += rest);
            }
            let mut change = [0.0_f32; L];
            for l in 0..lanes.len() {
                let sharpness = rows_precision[l] * curvature + precision[l];
                let target = rows_precision[l] * (total[l] + curvature * addition[l]) + precision[l] * mean[l];
                let mut new = target / sharpness;
                if self.how == Update::Sample {
                    let noise: f32 = StandardNormal.sample(random);
                    new += noise / sharpness.sqrt();
                }
                variance[l] = 1.0 / sharpness;
                change[l] = new - addition[l];
                addition[l] = new;
            }
            for &row in rows {
                let (rest, scale) = (&mut rest[row as usize], scales[row as usize]);
                let square = scale * scale;
                rest.iter_mut().zip(&change).for_each(|(rest, change)| *rest -= square * change);
            }
        }
        let rows = self.whole.chunks_exact(n).zip(scales).zip(sums.iter_mut().zip(&rest));
        for ((row, scale), (sums, rest)) in rows.filter(|((_, scale), _)| **scale > 0.0) {
            let (row, mean) = (&row[lanes.clone()], &self.rows.mean[lanes.clone()]);
            for (sum, ((row, mean), rest)) in sums.iter_mut().zip(row.iter().zip(mean).zip(rest)) {
                *sum = (row - mean - f64::from(rest / scale)) as f32;
            }
        }
    }
}

/// Iterates over the `n` numbers of a member.
fn coordinates(blocks: &[Vec<Lanes>], member: usize, n: usize) -> impl Iterator<Item = f64> {
    blocks.iter().flat_map(move |block| block[member]).take(n).map(f64::from)
}

/// Writes the scaled sums of the members' numbers.
fn gather(blocks: &[Vec<Lanes>], members: &[u32], scale: f64, out: &mut [f64]) {
    for (block, out) in blocks.iter().zip(out.chunks_mut(LANES)) {
        let mut total = [0.0_f32; LANES];
        for &member in members {
            total.iter_mut().zip(&block[member as usize]).for_each(|(total, value)| *total += value);
        }
        out.iter_mut().zip(total).for_each(|(out, total)| *out = scale * f64::from(total));
    }
}

/// Returns `|R|^-½`, or 0 without members.
fn scale(members: usize) -> f64 {
    if members > 0 { 1.0 / (members as f64).sqrt() } else { 0.0 }
}
