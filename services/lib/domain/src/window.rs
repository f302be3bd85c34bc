//! Sliding windows over ratings, made of mergeable daily tiles.
//!
//! A window of D days that ends at an instant covers the day of that instant and the D − 1 days
//! before it. Its head moves with every rating and its tail moves by whole days (a "sawtooth"
//! window). One set of tiles serves windows of every length.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Moments, Timestamp};

/// Moments by day.
///
/// **Invariant:** a day without ratings has no tile, so that equal contents are equal tiles
/// (`a_removed_rating_leaves_no_tile`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tiles(BTreeMap<i64, Moments>);

impl Tiles {
    /// Adds a rating that was given at a time.
    pub fn add(&mut self, at: Timestamp, value: f64) {
        let tile = self.0.entry(at.day()).or_default();
        *tile = tile.merged(Moments::of(value));
        if tile.is_empty() {
            self.0.remove(&at.day());
        }
    }

    /// Removes a rating that was given at a time.
    pub fn remove(&mut self, at: Timestamp, value: f64) {
        if let Some(tile) = self.0.get_mut(&at.day()) {
            *tile = tile.without(Moments::of(value));
            if tile.is_empty() {
                self.0.remove(&at.day());
            }
        }
    }

    /// Adds the tiles of another set.
    pub fn merge(&mut self, other: &Self) {
        for (&day, &moments) in &other.0 {
            let tile = self.0.entry(day).or_default();
            *tile = tile.merged(moments);
            if tile.is_empty() {
                self.0.remove(&day);
            }
        }
    }

    /// Returns the moments of the window of `days` days that ends at an instant.
    pub fn window(&self, days: u32, end: Timestamp) -> Moments {
        let last = end.day();
        let first = last - i64::from(days) + 1;
        if first > last {
            return Moments::default();
        }
        self.0.range(first..=last).fold(Moments::default(), |all, (_, &tile)| all.merged(tile))
    }

    /// Returns the number of days with a tile.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no tile.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_window_holds_its_last_days_and_nothing_else() {
        let start = Timestamp::from_seconds(1_000 * 86_400);
        let mut tiles = Tiles::default();
        for day in 0..10u32 {
            tiles.add(start.plus(DAY * day), f64::from(day % 5) + 1.0);
        }
        let end = start.plus(DAY * 9);
        assert_eq!(tiles.window(7, end).count(), 7);
        assert_eq!(tiles.window(1, end).mean(), 5.0);
        assert_eq!(tiles.window(30, end).count(), 10);
        assert_eq!(tiles.window(7, end.plus(DAY * 100)).count(), 0);
    }

    #[test]
    fn a_removed_rating_leaves_no_tile() {
        let at = Timestamp::from_seconds(86_400);
        let mut tiles = Tiles::default();
        tiles.add(at, 4.0);
        tiles.remove(at, 4.0);
        assert_eq!(tiles, Tiles::default());
    }
}
