//! Distributes rows to threads.
//!
//! **Invariant:** the result of a row depends on that row only, so a model does not depend on the
//! number of threads (`shards_cover_every_row_once_whatever_the_number_of_threads`).

use std::ops::Range;
use std::thread;

use super::ratings::Side;

/// Consecutive ranges of rows with about the same work.
#[derive(Debug, Clone)]
pub(super) struct Shards(Vec<Range<usize>>);

impl Shards {
    /// Returns the number of threads of a fit: one per processor, at most 16.
    pub(super) fn threads() -> usize {
        thread::available_parallelism().map_or(1, usize::from).min(16)
    }

    /// Makes one range per thread. A row costs its ratings and one small solve, which costs as much
    /// as `n` ratings.
    pub(super) fn new(side: &Side, n: usize, threads: usize) -> Self {
        let rows = side.rows();
        let work_before = |row: usize| side.starts()[row] + row * n;
        let total = work_before(rows);
        let mut ranges = Vec::with_capacity(threads);
        let mut start = 0;
        for shard in 1..=threads {
            let due = total / threads * shard;
            let mut end = if shard == threads { rows } else { start };
            while end < rows && work_before(end) < due {
                end += 1;
            }
            ranges.push(start..end);
            start = end;
        }
        Self(ranges)
    }

    /// Makes one range of all rows, for work that is too small for threads.
    pub(super) fn one(rows: usize) -> Self {
        Self(std::iter::once(0..rows).collect())
    }

    /// Splits a row-major matrix with `stride` numbers per row into the parts of the shards.
    pub(super) fn split<'a, T>(&self, mut matrix: &'a mut [T], stride: usize) -> Vec<&'a mut [T]> {
        let mut parts = Vec::with_capacity(self.0.len());
        for range in &self.0 {
            let (part, rest) = matrix.split_at_mut(range.len() * stride);
            parts.push(part);
            matrix = rest;
        }
        parts
    }

    /// Works on every shard in a thread of its own, and waits for all of them.
    pub(super) fn run<P: Send>(&self, parts: Vec<P>, work: impl Fn(Range<usize>, P) + Sync) {
        let work = &work;
        thread::scope(|scope| {
            let mut shards = self.0.iter().cloned().zip(parts);
            let last = shards.next_back();
            for (range, part) in shards {
                scope.spawn(move || work(range, part));
            }
            if let Some((range, part)) = last {
                work(range, part);
            }
        });
    }
}

/// Does pieces of work in threads, and returns the results in the order of the pieces.
pub(super) fn in_order<R: Send>(pieces: usize, threads: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let threads = threads.min(pieces).max(1);
    let mut results: Vec<Option<R>> = (0..pieces).map(|_| None).collect();
    let mut shares: Vec<Vec<(usize, &mut Option<R>)>> = (0..threads).map(|_| Vec::new()).collect();
    for (piece, slot) in results.iter_mut().enumerate() {
        shares[piece % threads].push((piece, slot));
    }
    let work = &work;
    let run = move |share: Vec<(usize, &mut Option<R>)>| {
        share.into_iter().for_each(|(piece, slot)| *slot = Some(work(piece)));
    };
    thread::scope(|scope| {
        let last = shares.pop();
        for share in shares {
            scope.spawn(move || run(share));
        }
        run(last.unwrap_or_default());
    });
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::super::Ratings;
    use super::*;

    #[test]
    fn pieces_come_back_in_order_from_any_number_of_threads() {
        for (pieces, threads) in [(0, 2), (1, 4), (7, 1), (7, 3)] {
            assert_eq!(
                in_order(pieces, threads, |piece| piece * piece),
                (0..pieces).map(|n| n * n).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn shards_cover_every_row_once_whatever_the_number_of_threads() {
        let triplets = (0..50u32).flat_map(|user| (0..user % 7).map(move |movie| (user, movie, 3.0))).collect();
        let ratings = Ratings::try_new(50, 7, triplets).unwrap();
        for threads in 1..=8 {
            let shards = Shards::new(ratings.by_user(), 3, threads);
            let mut rows = vec![0.0; 50];
            let parts = shards.split(&mut rows, 1);
            shards.run(parts, |range, part| {
                assert_eq!(range.len(), part.len());
                part.iter_mut().zip(range).for_each(|(cell, row)| *cell += row as f64 + 1.0);
            });
            assert_eq!(rows, (1..=50).map(f64::from).collect::<Vec<_>>());
        }
    }
}
