//! Thirds of the ratings by how popular their movies are.
//!
//! The borders between the thirds follow the ratings themselves: a rating is compared with the
//! ratings before it, by how many ratings its movie had. So each third has about as many ratings,
//! whatever the catalog and its age, and the same log gives the same thirds.

use serde::{Deserialize, Serialize};

/// Counts below this have a bucket each. Beyond, an octave has four.
const EXACT: u64 = 16;
const PER_OCTAVE: u64 = 4;

/// A third of the ratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tercile {
    /// The movies with the fewest ratings.
    Low,
    /// The movies between.
    Middle,
    /// The movies with the most ratings.
    High,
}

/// How many ratings came for movies of each number of ratings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Popularity(Vec<u64>);

impl Popularity {
    /// Returns the third of a rating whose movie had this many ratings before it. The first rating
    /// of all is in the middle.
    pub fn tercile(&self, ratings: u64) -> Tercile {
        let bucket = bucket(ratings);
        let below: u64 = self.0.iter().take(bucket).sum();
        let within = self.0.get(bucket).copied().unwrap_or(0);
        let total: u64 = self.0.iter().sum();
        // The middle of the bucket counts, in sixths of the total.
        let place = 3 * (2 * u128::from(below) + u128::from(within));
        let total = 2 * u128::from(total);
        match () {
            () if place < total => Tercile::Low,
            () if place > 2 * total => Tercile::High,
            () => Tercile::Middle,
        }
    }

    /// Adds a rating whose movie had this many ratings before it.
    pub fn add(&mut self, ratings: u64) {
        let bucket = bucket(ratings);
        if self.0.len() <= bucket {
            self.0.resize(bucket + 1, 0);
        }
        self.0[bucket] += 1;
    }
}

/// Returns the bucket of a count; at most 256.
fn bucket(count: u64) -> usize {
    if count < EXACT {
        return count as usize;
    }
    let octave = u64::from(count.ilog2());
    let quarter = (count >> (octave - 2)) & (PER_OCTAVE - 1);
    (EXACT + (octave - u64::from(EXACT.ilog2())) * PER_OCTAVE + quarter) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_grow_with_the_count() {
        let mut last = bucket(0);
        for count in (1..100_000).chain([u64::MAX / 2, u64::MAX]) {
            let next = bucket(count);
            assert!(next >= last, "{count}");
            assert!(count > 100_000 || next <= last + 1, "{count} leaves a bucket out");
            last = next;
        }
        assert!(last <= 256, "{last}");
        assert_eq!((bucket(15), bucket(16), bucket(19), bucket(20), bucket(32)), (15, 16, 16, 17, 20));
    }

    #[test]
    fn each_third_has_about_as_many_ratings() {
        let mut popularity = Popularity::default();
        assert_eq!(popularity.tercile(5), Tercile::Middle);
        let mut counts = [0; 3];
        for n in 0..9_000u64 {
            // Numbers from 0 to 996 without an order.
            let ratings = n * 7_919 % 997;
            counts[popularity.tercile(ratings) as usize] += 1;
            popularity.add(ratings);
        }
        assert!(counts.iter().all(|count| (2_400..3_600).contains(count)), "{counts:?}");
        assert_eq!((popularity.tercile(0), popularity.tercile(5_000)), (Tercile::Low, Tercile::High));
    }
}
