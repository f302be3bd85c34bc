//! Count, sum and sum of squares of a quantity over ratings, and what follows from them.

use serde::{Deserialize, Serialize};

/// Sums are kept in units of 10⁻¹². Integers add to the same result in any order.
const UNITS: f64 = 1e12;

/// Values beyond this are cut, so that sums do not overflow.
const LARGEST: f64 = 1e6;

/// The half-width of a central 95 % interval of the normal distribution, in standard deviations.
const WIDTH: f64 = 1.959_963_984_540_054;

/// The sums of a quantity.
///
/// **Invariant:** merging is associative and commutative, and the sums are within 10⁻⁹ of those in
/// floating point, for each rating (`sums_merge_in_any_order`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sums {
    count: u64,
    sum: i128,
    squares: i128,
}

/// A mean or a difference with a central 95 % interval, for one look at a fixed number of ratings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
}

impl Sums {
    /// Returns the sums of one value, which must be a number.
    pub fn of(value: f64) -> Self {
        let value = value.clamp(-LARGEST, LARGEST);
        Self { count: 1, sum: units(value), squares: units(value * value) }
    }

    /// Returns the sums of two disjoint sets of ratings together.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            sum: self.sum.saturating_add(other.sum),
            squares: self.squares.saturating_add(other.squares),
        }
    }

    /// Returns the sums of the quantity with the other sign.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { sum: self.sum.saturating_neg(), ..self }
    }

    /// Returns the number of ratings.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the sum.
    pub fn sum(&self) -> f64 {
        self.sum as f64 / UNITS
    }

    /// Returns the sum of the squares.
    pub fn sum_of_squares(&self) -> f64 {
        self.squares as f64 / UNITS
    }

    /// Returns the mean. Returns `None` without ratings.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum() / self.count as f64)
    }

    /// Returns the mean with its interval. Returns `None` with fewer than two ratings.
    pub fn interval(&self) -> Option<Interval> {
        let value = self.mean().filter(|_| self.count > 1)?;
        let count = self.count as f64;
        let variance = ((self.sum_of_squares() - self.sum() * value) / (count - 1.0)).max(0.0);
        let half = WIDTH * (variance / count).sqrt();
        Some(Interval { value, lower: value - half, upper: value + half })
    }

    /// Returns the root of the mean with its interval, for a quantity that is never below 0.
    /// Returns `None` with fewer than two ratings.
    pub fn root(&self) -> Option<Interval> {
        let Interval { value, lower, upper } = self.interval()?;
        let root = |mean: f64| mean.max(0.0).sqrt();
        Some(Interval { value: root(value), lower: root(lower), upper: root(upper) })
    }
}

/// Returns the difference of two root mean squares with its interval, from the sums of the
/// differences of the squares. Returns `None` with fewer than two ratings.
///
/// √b − √a = (b − a) / (√b + √a), and the variation of the denominator is small beside that of the
/// numerator.
pub(super) fn root_difference(difference: Sums, stable: Sums, other: Sums) -> Option<Interval> {
    let Interval { value, lower, upper } = difference.interval()?;
    let roots = stable.mean()?.max(0.0).sqrt() + other.mean()?.max(0.0).sqrt();
    let scale = if roots > 0.0 { 1.0 / roots } else { 0.0 };
    Some(Interval { value: value * scale, lower: lower * scale, upper: upper * scale })
}

/// Returns a value in units. The cast of NaN is 0.
fn units(value: f64) -> i128 {
    (value * UNITS).round() as i128
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sums(values: &[f64]) -> Sums {
        values.iter().fold(Sums::default(), |all, value| all.merged(Sums::of(*value)))
    }

    proptest! {
        #[test]
        fn sums_merge_in_any_order(values in prop::collection::vec(-25.0f64..25.0, 0..60), cut in 0usize..60) {
            let all = sums(&values);
            let (one, other) = values.split_at(cut.min(values.len()));
            prop_assert_eq!(sums(other).merged(sums(one)), all);
            let close = |exact: f64, kept: f64| (exact - kept).abs() <= 1e-9 * values.len().max(1) as f64;
            prop_assert!(close(values.iter().sum(), all.sum()));
            prop_assert!(close(values.iter().map(|value| value * value).sum(), all.sum_of_squares()));
            prop_assert_eq!(all.negated().negated(), all);
        }
    }

    #[test]
    fn an_interval_is_that_of_the_normal_distribution() {
        assert_eq!((sums(&[]).mean(), sums(&[1.0]).interval()), (None, None));
        let Interval { value, lower, upper } = sums(&[1.0, 2.0, 3.0, 4.0]).interval().unwrap();
        // The variance is 5/3, that of the mean 5/12.
        let half = WIDTH * (5.0f64 / 12.0).sqrt();
        assert!((value - 2.5).abs() < 1e-12 && (upper - value - half).abs() < 1e-9);
        assert!((value - lower - half).abs() < 1e-9);
        let equal = sums(&[2.0; 9]).interval().unwrap();
        assert_eq!((equal.lower, equal.value, equal.upper), (2.0, 2.0, 2.0));
    }

    #[test]
    fn the_difference_of_roots_is_in_stars() {
        let (stable, other) = (sums(&[1.0; 5]), sums(&[4.0; 5]));
        let difference = root_difference(sums(&[3.0; 5]), stable, other).unwrap();
        assert!((difference.value - 1.0).abs() < 1e-12);
        let nothing = sums(&[0.0; 2]);
        assert_eq!(root_difference(nothing, nothing, nothing).unwrap().value, 0.0);
    }

    #[test]
    fn values_beyond_the_limit_are_cut_and_nothing_overflows() {
        let mut all = Sums::of(f64::MAX);
        assert_eq!(all.sum(), LARGEST);
        for _ in 0..64 {
            all = all.merged(all);
        }
        assert_eq!((all.count(), all.squares), (u64::MAX, i128::MAX));
        assert_eq!(Sums::of(f64::NAN).sum(), 0.0);
    }
}
