//! Rows of ratings, put together by a number: by user or by movie.

/// Rows by group. The rows of a group keep their order.
#[derive(Debug)]
pub(crate) struct Groups {
    /// Where each group starts in `rows`, and the number of rows.
    starts: Vec<usize>,
    rows: Vec<u32>,
}

impl Groups {
    /// Puts rows together. `numbers` has the group of each row; all are below `count`.
    pub(crate) fn of(numbers: impl Iterator<Item = u32> + Clone, count: usize) -> Self {
        let mut starts = vec![0; count + 1];
        let mut total = 0;
        for number in numbers.clone() {
            starts[number as usize + 1] += 1;
            total += 1;
        }
        for group in 0..count {
            starts[group + 1] += starts[group];
        }
        let mut next = starts.clone();
        let mut rows = vec![0; total];
        // A set has at most `u32::MAX` rows.
        for (row, number) in numbers.enumerate() {
            let place = &mut next[number as usize];
            rows[*place] = row as u32;
            *place += 1;
        }
        Self { starts, rows }
    }

    /// Returns all rows as one group.
    pub(crate) fn whole(rows: usize) -> Self {
        Self { starts: vec![0, rows], rows: (0..rows as u32).collect() }
    }

    /// Returns the rows of a group.
    pub(crate) fn get(&self, group: usize) -> &[u32] {
        &self.rows[self.starts[group]..self.starts[group + 1]]
    }

    /// Returns the rows of each group.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.starts.windows(2).map(|ends| &self.rows[ends[0]..ends[1]])
    }

    /// Sorts the rows of each group. Rows with equal keys keep their order.
    pub(crate) fn sort_by_key<K: Ord>(&mut self, key: impl Fn(usize) -> K) {
        for group in 0..self.starts.len() - 1 {
            let (from, to) = (self.starts[group], self.starts[group + 1]);
            self.rows[from..to].sort_by_key(|row| key(*row as usize));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_put_together_and_keep_their_order() {
        let mut groups = Groups::of([1, 0, 3, 1, 1].into_iter(), 4);
        assert_eq!(groups.iter().collect::<Vec<_>>(), [&[1][..], &[0, 3, 4], &[], &[2]]);
        groups.sort_by_key(|row| std::cmp::Reverse(row / 3));
        assert_eq!(groups.get(1), [3, 4, 0]);
        assert_eq!(Groups::whole(3).get(0), [0, 1, 2]);
    }
}
