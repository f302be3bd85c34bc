//! A small set of row ranges: the rows of a file that were refused.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The most ranges. Beyond it, the gap between the last two is closed: sending rows again is
/// harmless.
const MOST: usize = 1_000;

/// Disjoint ranges in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u64, u64)>")]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl TryFrom<Vec<(u64, u64)>> for Ranges {
    type Error = &'static str;

    fn try_from(ranges: Vec<(u64, u64)>) -> Result<Self, Self::Error> {
        let has_rows = ranges.iter().all(|(start, end)| start < end);
        let is_ascending = ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0);
        if has_rows && is_ascending { Ok(Self(ranges)) } else { Err("the ranges of rows are not in ascending order") }
    }
}

impl Ranges {
    /// Returns the ranges.
    pub(super) fn iter(&self) -> impl Iterator<Item = Range<u64>> {
        self.0.iter().map(|&(start, end)| start..end)
    }

    /// Returns the number of rows in the ranges.
    pub(super) fn rows(&self) -> u64 {
        self.iter().map(|range| range.end.saturating_sub(range.start)).sum()
    }

    /// Adds rows.
    pub(super) fn insert(&mut self, rows: Range<u64>) {
        if rows.is_empty() {
            return;
        }
        let touches = |&&(start, end): &&(u64, u64)| start <= rows.end && rows.start <= end;
        let start = self.0.iter().find(touches).map_or(rows.start, |first| first.0.min(rows.start));
        let end = self.0.iter().rev().find(touches).map_or(rows.end, |last| last.1.max(rows.end));
        self.0.retain(|known| !touches(&known));
        let at = self.0.partition_point(|known| known.0 < start);
        self.0.insert(at, (start, end));
        if self.0.len() > MOST
            && let (Some(last), Some(before)) = (self.0.pop(), self.0.last_mut())
        {
            before.1 = last.1;
        }
    }

    /// Removes rows.
    pub(super) fn remove(&mut self, rows: Range<u64>) {
        if rows.is_empty() {
            return;
        }
        let left = self.0.iter().flat_map(|&(start, end)| [(start, end.min(rows.start)), (start.max(rows.end), end)]);
        self.0 = left.filter(|(start, end)| start < end).collect();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ranges_are_a_set_of_rows() {
        let (mut ranges, mut rows) = (Ranges::default(), BTreeSet::new());
        for step in 0_u64..2_000 {
            let start = step * 7_919 % 200;
            let range = start..start + step * 31 % 17;
            if step % 3 == 0 {
                ranges.remove(range.clone());
                rows.retain(|row| !range.contains(row));
            } else {
                ranges.insert(range.clone());
                rows.extend(range);
            }
            assert_eq!(ranges.iter().flatten().collect::<BTreeSet<_>>(), rows, "step {step}");
            let all: Vec<_> = ranges.iter().collect();
            assert!(all.windows(2).all(|pair| pair[0].end < pair[1].start), "{all:?}");
        }
        assert_eq!(ranges.rows(), rows.len() as u64);
    }

    #[test]
    fn their_number_is_bounded_and_no_row_is_lost() {
        let mut ranges = Ranges::default();
        (0..5_000).for_each(|row| ranges.insert(row * 2..row * 2 + 1));
        assert_eq!(ranges.iter().count(), MOST);
        assert!((0..5_000).all(|row| ranges.iter().any(|range| range.contains(&(row * 2)))));
    }
}
