//! The long-run variance of observations that depend on each other.
//!
//! People rate in sessions, and a model that is better for one person is better for a whole
//! session. Then the mean of n differences varies more than their variance says. The method of
//! batch means estimates how much (J. M. Flegal, G. L. Jones, *Batch means and spectral variance
//! estimators in Markov chain Monte Carlo*, Annals of Statistics 38, 2010): sums over long blocks
//! of consecutive observations are nearly independent, whatever happens inside a block. Blocks grow
//! with the number of observations, because neighbors are merged when there are too many.

use crate::BlockSums;

/// The least number of ratings of the first blocks.
const FIRST_SIZE: u64 = 100;

/// The number of blocks at which neighbors are merged.
const MOST: usize = 32;

/// The number of blocks below which their variance says too little.
const LEAST: usize = 4;

/// How much the uncertainty of a variance from few blocks widens an interval. It is the value for
/// which simulated duels of people in sessions are wrong as rarely as they may be.
const UNCERTAINTY: f64 = 4.0;

impl BlockSums {
    /// Adds the sums of ratings that came after all others.
    pub fn add(&mut self, ratings: u64, difference: f64) {
        self.size = self.size.max(FIRST_SIZE);
        self.open_ratings = self.open_ratings.saturating_add(ratings);
        self.open_difference += difference;
        if self.open_ratings < self.size {
            return;
        }
        self.ratings.push(self.open_ratings);
        self.differences.push(self.open_difference);
        (self.open_ratings, self.open_difference) = (0, 0.0);
        if self.ratings.len() >= MOST {
            self.merge();
        }
    }

    /// Merges each block with its neighbor.
    fn merge(&mut self) {
        self.size *= 2;
        self.ratings = self.ratings.chunks(2).map(|pair| pair.iter().sum()).collect();
        self.differences = self.differences.chunks(2).map(|pair| pair.iter().sum()).collect();
    }

    /// Returns the long-run variance of one rating's difference, or 0 while there are too few
    /// blocks to tell.
    pub fn variance(&self) -> f64 {
        let blocks = self.ratings.len();
        if blocks < LEAST {
            return 0.0;
        }
        let ratings: u64 = self.ratings.iter().sum();
        let mean = self.differences.iter().sum::<f64>() / ratings as f64;
        let squares: f64 =
            self.ratings.iter().zip(&self.differences).map(|(&n, sum)| (sum - n as f64 * mean).powi(2)).sum();
        let free = (blocks - 1) as f64;
        squares / ratings as f64 * blocks as f64 / free * (1.0 + UNCERTAINTY / free)
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn blocks_keep_all_ratings_and_stay_few() {
        let mut blocks = BlockSums::default();
        for index in 0..100_000_u64 {
            blocks.add(1 + index % 3, 0.5);
            assert!(blocks.ratings.len() < MOST);
        }
        let ratings: u64 = blocks.ratings.iter().sum::<u64>() + blocks.open_ratings;
        let difference = blocks.differences.iter().sum::<f64>() + blocks.open_difference;
        assert_eq!((ratings, difference), (199_999, 50_000.0));
        assert!(blocks.size > 1_000, "{}", blocks.size);
    }

    #[test]
    fn sessions_have_a_larger_variance_than_their_ratings() {
        let mut blocks = BlockSums::default();
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..1_000 {
            let sign = if random.random_bool(0.5) { 1.0 } else { -1.0 };
            (0..40).for_each(|_| blocks.add(1, sign));
        }
        // Each session is one observation that counts 40 times, so the variance of a mean is 40
        // times that of independent ratings.
        assert!((20.0..80.0).contains(&blocks.variance()), "{}", blocks.variance());
    }

    #[test]
    fn few_blocks_say_nothing() {
        let mut blocks = BlockSums::default();
        (0..3 * FIRST_SIZE).for_each(|index| blocks.add(1, index as f64));
        assert_eq!(blocks.variance(), 0.0);
    }
}
