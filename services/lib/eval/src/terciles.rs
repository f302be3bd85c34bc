//! Thirds by a count: how many ratings a user or a movie has.

use std::collections::BTreeMap;

/// The names of the thirds, from the smallest counts on.
pub(crate) const NAMES: [&str; 3] = ["low", "middle", "high"];

/// The third of each count.
#[derive(Debug)]
pub(crate) struct Terciles(BTreeMap<u32, usize>);

impl Terciles {
    /// Divides counts into thirds. Equal counts stay together: they are in the third that has the
    /// middle of them. If all counts are equal, all are in the middle.
    pub(crate) fn new(counts: impl Iterator<Item = u32>) -> Self {
        let mut of: BTreeMap<u32, usize> = BTreeMap::new();
        counts.for_each(|count| *of.entry(count).or_default() += 1);
        let total: usize = of.values().sum();
        let mut below = 0;
        for number in of.values_mut() {
            // The middle of the equal counts, in sixths of the total.
            let place = 3 * (2 * below + *number);
            below += *number;
            *number = usize::from(place >= 2 * total) + usize::from(place > 4 * total);
        }
        Self(of)
    }

    /// Returns the third of a count that was given: 0, 1 or 2.
    pub(crate) fn of(&self, count: u32) -> usize {
        self.0.get(&count).copied().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_third_has_as_many_and_equal_counts_stay_together() {
        let thirds = |counts: &[u32]| {
            let terciles = Terciles::new(counts.iter().copied());
            counts.iter().map(|count| terciles.of(*count)).collect::<Vec<_>>()
        };
        assert_eq!(thirds(&[1, 2, 3, 4, 5, 6]), [0, 0, 1, 1, 2, 2]);
        assert_eq!(thirds(&[9, 1, 5]), [2, 0, 1]);
        assert_eq!(thirds(&[7, 7, 7]), [1, 1, 1]);
        assert_eq!(thirds(&[0, 0, 0, 0, 1, 2]), [1, 1, 1, 1, 2, 2]);
        assert_eq!(thirds(&[3]), [1]);
        assert!(thirds(&[]).is_empty());
    }
}
