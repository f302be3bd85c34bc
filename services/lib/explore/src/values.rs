//! How often each rating was given.

use serde::Serialize;

/// Values up to this many are counted one by one; more are counted in as many ranges as [`RANGES`].
const VALUES: usize = 64;

/// Ranges of a continuous scale.
const RANGES: usize = 40;

/// A value, or a range of values, and how often it was given.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// The value, or the lower end of the range.
    pub from: f32,
    /// The upper end of the range; that of the last range belongs to it. The value itself if it is
    /// one value.
    pub to: f32,
    /// The number of ratings.
    pub ratings: u64,
}

/// The distribution of the ratings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distribution {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
    /// The lowest value.
    pub min: f32,
    /// The highest value.
    pub max: f32,
    /// The values in ascending order, or ranges of them if there are more than 64 values.
    pub bins: Vec<Bin>,
}

impl Distribution {
    /// Counts values, which are finite.
    pub(crate) fn of(values: impl Iterator<Item = f32> + Clone) -> Self {
        let (mut count, mut mean, mut squares) = (0_u64, 0.0_f64, 0.0_f64);
        let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
        let mut distinct: Vec<f32> = Vec::new();
        for value in values.clone() {
            // Welford's recurrence, which loses no digits where the deviation is small.
            count += 1;
            let off = f64::from(value) - mean;
            mean += off / count as f64;
            squares += off * (f64::from(value) - mean);
            (min, max) = (min.min(value), max.max(value));
            if distinct.len() <= VALUES
                && let Err(place) = distinct.binary_search_by(|known| known.total_cmp(&value))
            {
                distinct.insert(place, value);
            }
        }
        let mut bins = if distinct.len() <= VALUES {
            distinct.into_iter().map(|value| Bin { from: value, to: value, ratings: 0 }).collect()
        } else {
            // In double precision, where the difference of two of them is always finite.
            let (low, width) = (f64::from(min), f64::from(max) - f64::from(min));
            let end = |number: usize| (low + width * (number as f64 / RANGES as f64)) as f32;
            (0..RANGES).map(|number| Bin { from: end(number), to: end(number + 1), ratings: 0 }).collect::<Vec<_>>()
        };
        for value in values {
            let at = place(&bins, value);
            bins[at].ratings += 1;
        }
        Self { mean, deviation: (squares / count.max(1) as f64).sqrt(), min, max, bins }
    }

    /// Returns the number of the bin of a value.
    pub(crate) fn place(&self, value: f32) -> usize {
        place(&self.bins, value)
    }

    /// Returns the names of the bins.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |bin: &Bin| if bin.from == bin.to { bin.from.to_string() } else { format!("{:.2}", bin.from) };
        self.bins.iter().map(name).collect()
    }
}

/// Returns the last bin that starts at or below a value.
fn place(bins: &[Bin], value: f32) -> usize {
    bins.partition_point(|bin| bin.from <= value).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_counted_one_by_one() {
        let distribution = Distribution::of([4.0, 3.5, 4.0, 0.5].into_iter());
        let bins: Vec<(f32, u64)> = distribution.bins.iter().map(|bin| (bin.from, bin.ratings)).collect();
        assert_eq!(bins, [(0.5, 1), (3.5, 1), (4.0, 2)]);
        assert_eq!((distribution.mean, distribution.min, distribution.max), (3.0, 0.5, 4.0));
        assert!((distribution.deviation - (8.5_f64 / 4.0).sqrt()).abs() < 1e-12);
        assert_eq!(distribution.names(), ["0.5", "3.5", "4"]);
    }

    #[test]
    fn ranges_of_the_largest_numbers_are_finite() {
        let values: Vec<f32> = (0..100_u8).map(|number| (f32::from(number) - 50.0) / 50.0 * f32::MAX).collect();
        let distribution = Distribution::of(values.iter().copied());
        assert!(distribution.bins.iter().all(|bin| bin.from.is_finite() && bin.to.is_finite()));
        assert!(distribution.bins.iter().all(|bin| bin.ratings < 5), "{:?}", distribution.bins);
    }

    #[test]
    fn a_continuous_scale_is_counted_in_ranges_that_hold_every_value() {
        let values: Vec<f32> = (0..=1_000_u16).map(|number| f32::from(number) / 100.0 - 5.0).collect();
        let distribution = Distribution::of(values.iter().copied());
        assert_eq!(distribution.bins.len(), RANGES);
        assert_eq!(distribution.bins.iter().map(|bin| bin.ratings).sum::<u64>(), 1_001);
        assert!(distribution.bins.iter().all(|bin| (24..=27).contains(&bin.ratings)), "{:?}", distribution.bins);
        assert_eq!(distribution.place(5.0), RANGES - 1, "the highest value belongs to the last range");
    }
}
