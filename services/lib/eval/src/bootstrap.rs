//! Draws users with replacement, and reads intervals from the resamples.

use std::thread;

use serde::{Deserialize, Serialize};

use crate::Bootstrap;
use crate::random::Random;

/// The largest number of threads.
const THREADS: usize = 16;

/// An interval of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
}

/// Computes figures of each resample of users. `figures` gets how often each user was drawn.
///
/// The sums of each user are made once by the caller, so that a resample costs a pass over users
/// and not over ratings. The result has the order of the resamples and does not depend on the
/// number of threads.
pub(crate) fn resample<T: Send>(users: usize, bootstrap: Bootstrap, figures: impl Fn(&[f64]) -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let share = bootstrap.resamples.div_ceil(threads).max(1);
    let work = |from: usize| -> Vec<T> {
        let mut drawn = vec![0.0; users];
        let one = |resample: usize| {
            draw(&mut drawn, Random::new(bootstrap.seed, resample as u64));
            figures(&drawn)
        };
        (from..(from + share).min(bootstrap.resamples)).map(one).collect()
    };
    thread::scope(|scope| {
        let work = &work;
        let starts = (0..bootstrap.resamples).step_by(share);
        let shares: Vec<_> = starts.map(|from| scope.spawn(move || work(from))).collect();
        let join = |share: thread::ScopedJoinHandle<'_, Vec<T>>| {
            share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        shares.into_iter().flat_map(join).collect()
    })
}

/// Draws as many users as there are.
fn draw(drawn: &mut [f64], mut random: Random) {
    drawn.fill(0.0);
    for _ in 0..drawn.len() {
        drawn[random.below(drawn.len())] += 1.0;
    }
}

/// Returns the value below which this share of the resamples lies, between neighbors by linear
/// interpolation. Resamples in which the figure is not a number are left out. Returns `None` if
/// these are more than half.
pub(crate) fn quantile(values: impl Iterator<Item = f64>, share: f64) -> Option<f64> {
    quantiles(values, [share]).map(|[value]| value)
}

/// Returns the central 95 % interval of resampled values, or `None` as in [`quantile`].
pub(crate) fn interval(values: impl Iterator<Item = f64>) -> Option<Range> {
    quantiles(values, [0.025, 0.975]).map(|[lower, upper]| Range { lower, upper })
}

fn quantiles<const N: usize>(values: impl Iterator<Item = f64>, shares: [f64; N]) -> Option<[f64; N]> {
    let all: Vec<f64> = values.collect();
    let mut sorted: Vec<f64> = all.iter().copied().filter(|value| value.is_finite()).collect();
    if sorted.is_empty() || sorted.len() * 2 < all.len() {
        return None;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    Some(shares.map(|share| {
        let place = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
        let (low, part) = (sorted[place as usize], place.fract());
        let high = sorted.get(place as usize + 1).copied().unwrap_or(low);
        low + part * (high - low)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_their_neighbors() {
        let values = || [4.0, 1.0, 3.0, 2.0, 5.0].into_iter();
        assert_eq!(quantile(values(), 0.5), Some(3.0));
        assert_eq!(quantile(values(), 0.625), Some(3.5));
        assert_eq!((quantile(values(), 0.0), quantile(values(), 1.0)), (Some(1.0), Some(5.0)));
        let range = interval(values()).unwrap();
        assert!((range.lower - 1.1).abs() < 1e-12 && (range.upper - 4.9).abs() < 1e-12);
        assert_eq!(quantile([f64::NAN, 2.0].into_iter(), 0.9), Some(2.0));
        assert_eq!((quantile([f64::NAN, f64::NAN, 2.0].into_iter(), 0.9), interval([].into_iter())), (None, None));
    }

    #[test]
    fn as_many_users_are_drawn_as_there_are() {
        let bootstrap = Bootstrap { resamples: 37, seed: 5 };
        let all = resample(10, bootstrap, <[f64]>::to_vec);
        assert_eq!(all.len(), 37);
        assert!(all.iter().all(|drawn| drawn.iter().sum::<f64>() == 10.0));
        assert_eq!(all, resample(10, bootstrap, <[f64]>::to_vec));
        assert_ne!(all, resample(10, Bootstrap { seed: 6, ..bootstrap }, <[f64]>::to_vec));
        assert!(all.windows(2).any(|pair| pair[0] != pair[1]));
        assert!(resample(10, Bootstrap { resamples: 0, seed: 0 }, <[f64]>::len).is_empty());
    }

    #[test]
    fn the_interval_of_a_mean_has_the_width_of_the_normal_approximation() {
        // 400 users with 0 and 1 in turn: the mean is 0.5 and its deviation 0.025.
        let bootstrap = Bootstrap { resamples: 2_000, seed: 0 };
        let mean = |drawn: &[f64]| drawn.iter().skip(1).step_by(2).sum::<f64>() / 400.0;
        let range = interval(resample(400, bootstrap, mean).into_iter()).unwrap();
        let half = 1.96 * 0.025;
        assert!((range.lower - 0.5 + half).abs() < 0.006 && (range.upper - 0.5 - half).abs() < 0.006, "{range:?}");
    }
}
