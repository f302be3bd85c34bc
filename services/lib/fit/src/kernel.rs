//! Sums of products over gathered rows: the Gram matrices that most of a fit's time goes into.
//!
//! A row is `√g [q; 1; y]`, padded to a multiple of [`LANES`] single-precision numbers. Its Gram
//! matrix therefore holds every sum of a weighted regression. Rows are gathered in panels that stay
//! in the nearest cache, and summed in square tiles that stay in registers. The sums of panels are
//! added in double precision, so a long row loses no digits.
//!
//! **Invariant:** the result does not depend on the machine
//! (`every_way_to_add_a_panel_gives_the_same_bits`). Wider registers only hold more of the same
//! lanes, and no product is fused with a sum.

mod tiles;

use self::tiles::Registers;
use super::shards::Shards;

/// The numbers of a tile's side.
pub(crate) const LANES: usize = 8;

/// The rows of a panel.
const PANEL: usize = 128;

/// The rows of one side as a regression of the other side reads them.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    factors: usize,
    width: usize,
    /// `√g [q; 1; 0]`, `[rows, width]`.
    rows: Vec<f32>,
    /// The biases in stars, `[rows]`.
    bias: Vec<f64>,
    /// `g` times the variances of `[bias; q]`, `[rows, n]`. Only sweeps by expectation read them.
    variances: Vec<f64>,
}

impl Published {
    pub(crate) fn new(rows: usize, factors: usize) -> Self {
        let width = (factors + 2).next_multiple_of(LANES);
        let mut published = Self {
            factors,
            width,
            rows: vec![0.0; rows * width],
            bias: vec![0.0; rows],
            variances: vec![0.0; rows * (factors + 1)],
        };
        published.rows.chunks_exact_mut(width).for_each(|row| row[factors] = 1.0);
        published
    }

    /// Splits the rows into the parts of shards.
    pub(crate) fn split(&mut self, shards: &Shards) -> Vec<Part<'_>> {
        let Self { factors, width, rows, bias, variances } = self;
        let (factors, width) = (*factors, *width);
        let parts = shards.split(rows, width).into_iter().zip(shards.split(bias, 1));
        let parts = parts.zip(shards.split(variances, factors + 1));
        parts.map(|((rows, bias), variances)| Part { factors, width, rows, bias, variances }).collect()
    }
}

/// Some of the rows of a side. They are counted from the first one of the part.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    factors: usize,
    width: usize,
    rows: &'a mut [f32],
    bias: &'a mut [f64],
    variances: &'a mut [f64],
}

impl Part<'_> {
    /// Publishes a row: `[bias; q]` and the weight `g` of its ratings.
    pub(crate) fn set(&mut self, row: usize, whole: impl Iterator<Item = f64>, weight: f64) {
        let root = weight.sqrt();
        let out = &mut self.rows[row * self.width..][..self.width];
        let mut whole = whole;
        self.bias[row] = whole.next().unwrap_or_default();
        out.iter_mut().zip(whole).for_each(|(out, value)| *out = (root * value) as f32);
        out[self.factors] = root as f32;
    }

    /// Publishes the variances of a row.
    pub(crate) fn set_variances(&mut self, row: usize, variances: impl Iterator<Item = f64>, weight: f64) {
        let n = self.factors + 1;
        let out = &mut self.variances[row * n..][..n];
        out.iter_mut().zip(variances).for_each(|(out, variance)| *out = weight * variance);
    }
}

/// The sums of a weighted linear regression on rows `x = [1; q]`, `[n]`, with targets `y`.
#[derive(Debug, Clone)]
pub(crate) struct Regression {
    /// `Σ g x xᵀ`, upper triangle, row-major `[n, n]`.
    pub(crate) gram: Vec<f64>,
    /// `Σ g x y`, `[n]`.
    pub(crate) moment: Vec<f64>,
    /// `Σ g y²`.
    pub(crate) squares: f64,
    n: usize,
    width: usize,
    panel: Vec<f32>,
    sums: Vec<f64>,
    registers: Registers,
}

impl Regression {
    /// Creates the sums over no rows of this many factors.
    pub(crate) fn new(factors: usize) -> Self {
        let (n, width) = (factors + 1, (factors + 2).next_multiple_of(LANES));
        Self {
            gram: vec![0.0; n * n],
            moment: vec![0.0; n],
            squares: 0.0,
            n,
            width,
            panel: vec![0.0; PANEL * width],
            sums: vec![0.0; width * width],
            registers: Registers::of_machine(),
        }
    }

    /// Replaces the sums by those over some rows of a side, with the ratings of their pairs. A
    /// target is a rating minus the offset and the bias of the row.
    pub(crate) fn sum(&mut self, side: &Published, rows: &[u32], ratings: &[f32], offset: f64) {
        let width = self.width;
        self.sums.fill(0.0);
        for (rows, ratings) in rows.chunks(PANEL).zip(ratings.chunks(PANEL)) {
            let panel = &mut self.panel[..rows.len() * width];
            for ((&row, &rating), out) in rows.iter().zip(ratings).zip(panel.chunks_exact_mut(width)) {
                let row = row as usize;
                out.copy_from_slice(&side.rows[row * width..][..width]);
                let target = f64::from(rating) - offset - side.bias[row];
                out[side.factors + 1] = out[side.factors] * target as f32;
            }
            self.registers.add(panel, width, &mut self.sums);
        }
        self.take();
    }

    /// Copies the sums out of the padded matrix, in the order `[1; q]`.
    fn take(&mut self) {
        let (n, width) = (self.n, self.width);
        let factors = n - 1;
        let at = |i: usize, j: usize| self.sums[i * width + j];
        self.gram[0] = at(factors, factors);
        self.moment[0] = at(factors, factors + 1);
        self.squares = at(factors + 1, factors + 1);
        for i in 0..factors {
            self.gram[1 + i] = at(i, factors);
            self.moment[1 + i] = at(i, factors + 1);
            self.gram[(1 + i) * n + 1 + i..(2 + i) * n].copy_from_slice(&self.sums[i * width + i..i * width + factors]);
        }
    }

    /// Adds what uncertain rows add in expectation: their variances to the diagonal and to `Σ g
    /// y²`. The first variance of a row is that of its own offset in `y`, because the leading 1 of
    /// a row is certain.
    pub(crate) fn add_variances(&mut self, side: &Published, rows: &[u32]) {
        let n = self.n;
        let mut added = vec![0.0; n];
        for &row in rows {
            let variances = &side.variances[row as usize * n..][..n];
            added.iter_mut().zip(variances).for_each(|(sum, variance)| *sum += variance);
        }
        self.squares += added[0];
        for (i, added) in added.iter().enumerate().skip(1) {
            self.gram[i * n + i] += added;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ratings;
    use super::*;

    /// Returns 300 rows with small, irregular numbers.
    fn published(factors: usize) -> Published {
        let mut published = Published::new(300, factors);
        let ratings = Ratings::try_new(300, 1, (0..300).map(|row| (row, 0, 3.0)).collect()).unwrap();
        let mut row = 0;
        for mut part in published.split(&Shards::new(ratings.by_user(), 3, 2)) {
            for at in 0..part.bias.len() {
                let value = |i: usize| ((row * 31 + i * 17) % 23) as f64 / 10.0 - 1.0;
                part.set(at, (0..=factors).map(value), 0.5 + (row % 4) as f64 / 3.0);
                part.set_variances(at, (0..=factors).map(|i| 0.1 + value(i).abs()), 2.0);
                row += 1;
            }
        }
        published
    }

    #[test]
    fn a_regression_sums_what_the_definition_says() {
        for (factors, count) in [(1, 3), (6, 128), (7, 129), (16, 290)] {
            let side = published(factors);
            let n = factors + 1;
            let rows: Vec<u32> = (0..count).map(|row| (row * 7) % 300).collect();
            let ratings: Vec<f32> = (0..count).map(|row| (row % 5) as f32 + 1.0).collect();
            let mut regression = Regression::new(factors);
            regression.sum(&side, &[1, 2], &[1.0, 2.0], 0.0);
            regression.sum(&side, &rows, &ratings, 3.5);
            let weight = |row: u32| 0.5 + f64::from(row % 4) / 3.0;
            let x =
                |row: u32, i: usize| if i == 0 { 1.0 } else { f64::from((row * 31 + i as u32 * 17) % 23) / 10.0 - 1.0 };
            let y = |at: usize| f64::from(ratings[at]) - 3.5 - (f64::from((rows[at] * 31) % 23) / 10.0 - 1.0);
            let near = |found: f64, direct: f64| {
                assert!((found - direct).abs() < 1e-4 * (1.0 + direct.abs()), "{found} {direct}")
            };
            for i in 0..n {
                for j in i..n {
                    near(regression.gram[i * n + j], rows.iter().map(|&row| weight(row) * x(row, i) * x(row, j)).sum());
                }
                near(
                    regression.moment[i],
                    rows.iter().enumerate().map(|(at, &row)| weight(row) * x(row, i) * y(at)).sum(),
                );
            }
            near(regression.squares, rows.iter().enumerate().map(|(at, &row)| weight(row) * y(at) * y(at)).sum());
            let before = (regression.gram.clone(), regression.squares);
            regression.add_variances(&side, &rows);
            let variance =
                |row: u32, i: usize| 2.0 * (0.1 + (f64::from((row * 31 + i as u32 * 17) % 23) / 10.0 - 1.0).abs());
            near(regression.squares - before.1, rows.iter().map(|&row| variance(row, 0)).sum());
            for i in 1..n {
                near(regression.gram[i * n + i] - before.0[i * n + i], rows.iter().map(|&row| variance(row, i)).sum());
            }
        }
    }
}
