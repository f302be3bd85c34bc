//! Fences around the usual values: what is beyond them is an outlier.

use serde::{Deserialize, Serialize};

/// How fences are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// Interquartile ranges below the lower and above the upper quartile (Tukey, Exploratory Data
    /// Analysis, 1977). Quartiles are interpolated between values.
    Iqr,
    /// Standard deviations of the population from the mean.
    ZScore,
}

/// Which outliers are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    /// Those below and those above.
    #[default]
    Both,
    /// Those below.
    Below,
    /// Those above.
    Above,
}

/// The smallest and the largest usual value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fence {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Fence {
    /// Finds the fence of some values, which it sorts. Returns `None` where they do not vary, or
    /// for the quartiles where the middle half of them does not vary: then nothing is an outlier.
    pub(crate) fn of(method: Method, limit: f64, side: Side, values: &mut [f64]) -> Option<Self> {
        let (low, high, unit) = match method {
            Method::Iqr => {
                values.sort_unstable_by(f64::total_cmp);
                let (low, high) = (quantile(values, 0.25)?, quantile(values, 0.75)?);
                (low, high, high - low)
            }
            Method::ZScore => {
                let (mean, deviation) = moments(values.iter().copied())?;
                (mean, mean, deviation)
            }
        };
        if !unit.is_finite() || unit <= 0.0 {
            return None;
        }
        let low = if side == Side::Above { f64::NEG_INFINITY } else { low - limit * unit };
        let high = if side == Side::Below { f64::INFINITY } else { high + limit * unit };
        Some(Self { low, high })
    }

    pub(crate) fn has(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// Returns a quantile of sorted values, interpolated, or `None` without values.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

/// Returns the mean and the standard deviation of the population, or `None` without values.
pub(crate) fn moments(values: impl Iterator<Item = f64> + Clone) -> Option<(f64, f64)> {
    let (mut count, mut sum) = (0_u64, 0.0);
    for value in values.clone() {
        count += 1;
        sum += value;
    }
    if count == 0 {
        return None;
    }
    let mean = sum / count as f64;
    let squares: f64 = values.map(|value| (value - mean) * (value - mean)).sum();
    Some((mean, (squares / count as f64).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_are_where_their_definitions_put_them() {
        // The quartiles of 1 to 9 are 3 and 7.
        let mut values: Vec<f64> = (1..=9).rev().map(f64::from).collect();
        let fence = Fence::of(Method::Iqr, 1.5, Side::Both, &mut values);
        assert_eq!(fence, Some(Fence { low: -3.0, high: 13.0 }));
        let fence = Fence::of(Method::Iqr, 0.5, Side::Above, &mut values).expect("a fence");
        assert!(fence.has(-1e9) && fence.has(9.0) && !fence.has(9.1));
        // The mean of 2, 4, 4, 4, 5, 5, 7, 9 is 5, the deviation 2.
        let mut values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        let fence = Fence::of(Method::ZScore, 1.5, Side::Both, &mut values);
        assert_eq!(fence, Some(Fence { low: 2.0, high: 8.0 }));
        let fence = Fence::of(Method::ZScore, 1.5, Side::Below, &mut values).expect("a fence");
        assert!(fence.has(1e9) && !fence.has(1.9));
    }

    #[test]
    fn what_does_not_vary_has_no_fence() {
        for method in [Method::Iqr, Method::ZScore] {
            assert_eq!(Fence::of(method, 3.0, Side::Both, &mut []), None);
            assert_eq!(Fence::of(method, 3.0, Side::Both, &mut [4.0; 9]), None);
            assert_eq!(Fence::of(method, 3.0, Side::Both, &mut [f64::MAX, f64::MIN]), None, "{method:?}");
        }
        assert_eq!(Fence::of(Method::Iqr, 3.0, Side::Both, &mut [4.0, 4.0, 4.0, 4.0, 9.0]), None);
    }
}
