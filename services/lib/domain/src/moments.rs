//! Count, mean and standard deviation of ratings, with exact addition, removal and merging.

use serde::{Deserialize, Serialize};

/// Sums are kept in ten-thousandths of a star. Integers add to the same result in any order, so
/// that the stream, a backfill and a replay agree to the last bit.
const UNITS_PER_STAR: f64 = 10_000.0;

/// The moments of a set of ratings.
///
/// **Invariant:** merging is associative and commutative, and removing is the inverse of adding
/// (`order_does_not_matter_and_removing_is_exact`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Moments {
    count: i64,
    sum: i64,
    sum_of_squares: i128,
}

impl Moments {
    /// Returns the moments of one rating, in stars.
    pub fn of(value: f64) -> Self {
        let units = (value * UNITS_PER_STAR).round() as i64;
        Self { count: 1, sum: units, sum_of_squares: i128::from(units) * i128::from(units) }
    }

    /// Returns the moments of both sets together.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            sum_of_squares: self.sum_of_squares + other.sum_of_squares,
        }
    }

    /// Returns the moments of this set without the other, which must be part of it.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self {
            count: self.count - other.count,
            sum: self.sum - other.sum,
            sum_of_squares: self.sum_of_squares - other.sum_of_squares,
        }
    }

    /// Returns the number of ratings.
    pub fn count(&self) -> u64 {
        u64::try_from(self.count).unwrap_or(0)
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the mean in stars, or 0 for an empty set.
    pub fn mean(&self) -> f64 {
        if self.count <= 0 { 0.0 } else { self.sum as f64 / self.count as f64 / UNITS_PER_STAR }
    }

    /// Returns the population standard deviation in stars, or 0 for an empty set.
    pub fn spread(&self) -> f64 {
        if self.count <= 0 {
            return 0.0;
        }
        // Exact in integers before the one division: equal ratings have spread 0 and no rounding
        // error.
        let scaled = self.sum_of_squares * i128::from(self.count) - i128::from(self.sum) * i128::from(self.sum);
        (scaled.max(0) as f64).sqrt() / self.count as f64 / UNITS_PER_STAR
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mean_and_spread_are_those_of_the_ratings() {
        let all = [1.0, 2.0, 3.0, 4.0].iter().fold(Moments::default(), |all, &value| all.merged(Moments::of(value)));
        assert_eq!(all.count(), 4);
        assert!((all.mean() - 2.5).abs() < 1e-12);
        assert!((all.spread() - 1.25f64.sqrt()).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_removing_is_exact(
            values in prop::collection::vec(0.5f64..5.0, 0..50),
            extra in 0.5f64..5.0,
        ) {
            let sum = |values: &[f64]| values.iter().fold(Moments::default(), |all, &value| all.merged(Moments::of(value)));
            let mut reversed = values.clone();
            reversed.reverse();
            prop_assert_eq!(sum(&values), sum(&reversed));
            prop_assert_eq!(sum(&values).merged(Moments::of(extra)).without(Moments::of(extra)), sum(&values));
        }
    }
}
