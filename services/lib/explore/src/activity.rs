//! How many ratings users give and movies get, with the long tail.

use serde::Serialize;

/// Points of a curve over ranks.
const POINTS: usize = 120;

/// The activity of users or of movies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Activity {
    /// The number of users, or of movies.
    pub count: u64,
    /// The mean number of ratings.
    pub mean: f64,
    /// The numbers of ratings at quantiles, each with its share: 0.05, 0.25, 0.5, 0.75, 0.95 and
    /// 0.99.
    pub quantiles: Vec<(f64, u64)>,
    /// The largest number of ratings.
    pub most: u64,
    /// How many have one rating.
    pub singles: u64,
    /// The share of the ratings that the most active hold: of 1 %, 10 % and 20 % of them.
    pub top: Vec<(f64, f64)>,
    /// The Gini coefficient: 0 where all have as many, near 1 where one has all (Gini 1912).
    pub gini: f64,
    /// Ranks, from 1, and the number of ratings at each, at most 120 of them.
    pub ranks: Vec<(u64, u64)>,
}

impl Activity {
    /// Describes numbers of ratings, of which there is at least one above 0.
    pub(crate) fn of(mut counts: Vec<u64>) -> Self {
        counts.sort_unstable_by(|left, right| right.cmp(left));
        let (count, all) = (counts.len(), counts.iter().sum::<u64>());
        // The nearest rank, so that every quantile is a number that somebody has.
        let at = |share: f64| counts[count - ((share * count as f64).ceil() as usize).clamp(1, count)];
        let held = |share: f64| {
            let first = ((share * count as f64).ceil() as usize).clamp(1, count);
            counts[..first].iter().sum::<u64>() as f64 / all.max(1) as f64
        };
        // Over ascending values, with ranks from 1.
        let weighted: f64 = (1..).zip(counts.iter().rev()).map(|(rank, value)| f64::from(rank) * *value as f64).sum();
        let gini = 2.0 * weighted / (count as f64 * all.max(1) as f64) - (count as f64 + 1.0) / count as f64;
        let mut ranks: Vec<(u64, u64)> = Vec::new();
        for point in 0..POINTS {
            // At equal distances on a logarithmic axis.
            let rank = (count as f64).powf(point as f64 / (POINTS - 1) as f64).round() as usize;
            let rank = rank.clamp(1, count);
            if ranks.last().is_none_or(|(last, _)| (*last as usize) < rank) {
                ranks.push((rank as u64, counts[rank - 1]));
            }
        }
        Self {
            count: count as u64,
            mean: all as f64 / count as f64,
            quantiles: [0.05, 0.25, 0.5, 0.75, 0.95, 0.99].map(|share| (share, at(share))).to_vec(),
            most: counts[0],
            singles: counts.iter().filter(|count| **count == 1).count() as u64,
            top: [0.01, 0.1, 0.2].map(|share| (share, held(share))).to_vec(),
            gini: gini.max(0.0),
            ranks,
        }
    }

    /// Returns the number of ratings at a quantile that is listed.
    pub fn quantile(&self, share: f64) -> u64 {
        self.quantiles.iter().find(|(known, _)| *known == share).map_or(0, |(_, count)| *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_known_numbers() {
        let activity = Activity::of(vec![1, 1, 2, 6]);
        assert_eq!((activity.count, activity.mean, activity.most, activity.singles), (4, 2.5, 6, 2));
        assert_eq!((activity.quantile(0.25), activity.quantile(0.5), activity.quantile(0.99)), (1, 1, 6));
        assert_eq!(activity.top, [(0.01, 0.6), (0.1, 0.6), (0.2, 0.6)]);
        // Half the mean difference of all pairs, with themselves too, over the mean: 2 / (2 × 2.5).
        assert!((activity.gini - 0.4).abs() < 1e-12, "{}", activity.gini);
        assert_eq!(activity.ranks, [(1, 6), (2, 2), (3, 1), (4, 1)]);
    }

    #[test]
    fn equal_numbers_have_no_tail_and_one_is_enough() {
        assert!(Activity::of(vec![3; 50]).gini.abs() < 1e-12);
        let one = Activity::of(vec![7]);
        assert_eq!((one.gini, one.quantile(0.05), &one.ranks[..]), (0.0, 7, &[(1, 7)][..]));
    }

    #[test]
    fn a_long_curve_has_its_ends_and_few_points() {
        let activity = Activity::of((1..=100_000).collect());
        assert!(activity.ranks.len() <= POINTS, "{}", activity.ranks.len());
        assert_eq!((activity.ranks[0], *activity.ranks.last().expect("a point")), ((1, 100_000), (100_000, 1)));
    }
}
