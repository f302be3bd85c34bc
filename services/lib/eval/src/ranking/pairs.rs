//! Counts ordered pairs in O(n log n) time.

/// The number of pairs with different ratings, and how many of them have predictions in the same
/// order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Concordance {
    concordant: u64,
    comparable: u64,
}

impl Concordance {
    pub(super) fn add(&mut self, other: Self) {
        self.concordant += other.concordant;
        self.comparable += other.comparable;
    }

    /// Returns the share of concordant pairs, or `None` without pairs.
    pub(super) fn share(&self) -> Option<f64> {
        (self.comparable > 0).then(|| self.concordant as f64 / self.comparable as f64)
    }
}

/// Counts the concordant pairs of a user's predictions and ratings.
///
/// Ratings are added from the lowest to the highest. A rating is then concordant with every added
/// one of a lower prediction, and a Fenwick tree counts those.
pub(super) fn concordance(pairs: impl Iterator<Item = (f64, f64)>) -> Concordance {
    let mut pairs: Vec<(f64, f64)> = pairs.collect();
    let mut scores: Vec<f64> = pairs.iter().map(|(score, _)| *score).collect();
    scores.sort_unstable_by(f64::total_cmp);
    pairs.sort_unstable_by(|a, b| a.1.total_cmp(&b.1));
    let mut added = Counts(vec![0; scores.len() + 1]);
    let (mut result, mut count) = (Concordance::default(), 0u64);
    for equal in pairs.chunk_by(|a, b| a.1 == b.1) {
        let below = |score: f64| scores.partition_point(|other| other.total_cmp(&score).is_lt());
        for (score, _) in equal {
            result.concordant += added.below(below(*score));
            result.comparable += count;
        }
        for (score, _) in equal {
            added.add(below(*score));
        }
        count += equal.len() as u64;
    }
    result
}

/// Returns the number of pairs in which the first is above the second. Equal ones count half.
pub(super) fn rank_sum(mut above: Vec<(f64, bool)>, mut below: Vec<(f64, bool)>) -> f64 {
    above.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    below.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut lower, mut not_higher, mut sum) = (0, 0, 0.0);
    for (score, _) in above {
        while below.get(lower).is_some_and(|other| other.0.total_cmp(&score).is_lt()) {
            lower += 1;
        }
        while below.get(not_higher).is_some_and(|other| other.0.total_cmp(&score).is_le()) {
            not_higher += 1;
        }
        sum += 0.5 * (lower + not_higher) as f64;
    }
    sum
}

/// Counts of numbers from 0, with sums of those below a number (Fenwick, 1994).
struct Counts(Vec<u64>);

impl Counts {
    fn add(&mut self, number: usize) {
        let mut at = number + 1;
        while let Some(count) = self.0.get_mut(at) {
            *count += 1;
            at += at & at.wrapping_neg();
        }
    }

    /// Returns how many numbers below this one were added.
    fn below(&self, number: usize) -> u64 {
        let (mut at, mut sum) = (number, 0);
        while at > 0 {
            sum += self.0.get(at).copied().unwrap_or(0);
            at &= at - 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pairs_are_counted_as_by_their_definition(
            pairs in prop::collection::vec((0u8..6, 0u8..5), 0..40),
        ) {
            let pairs: Vec<(f64, f64)> =
                pairs.into_iter().map(|(score, rating)| (f64::from(score) / 2.0, f64::from(rating))).collect();
            let mut expected = Concordance::default();
            for one in &pairs {
                for other in &pairs {
                    if one.1 > other.1 {
                        expected.comparable += 1;
                        expected.concordant += u64::from(one.0 > other.0);
                    }
                }
            }
            prop_assert_eq!(concordance(pairs.iter().copied()), expected);
            let part = |liked: bool| -> Vec<(f64, bool)> {
                let inside = pairs.iter().filter(|(_, rating)| (*rating >= 3.0) == liked);
                inside.map(|(score, _)| (*score, liked)).collect()
            };
            let mut sum = 0.0;
            for (liked, _) in part(true) {
                for (other, _) in part(false) {
                    sum += if liked > other { 1.0 } else if liked == other { 0.5 } else { 0.0 };
                }
            }
            prop_assert_eq!(rank_sum(part(true), part(false)), sum);
        }
    }
}
