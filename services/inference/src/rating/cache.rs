//! A cache that is bounded in entries and in bytes.
//!
//! Which entry is evicted is decided by `quick_cache` with a variant of CLOCK-Pro. An entry that is
//! read again stays when many others are read once. A lock covers a part of the entries, and reads
//! share it.

use std::fmt;
use std::hash::{Hash, RandomState};

use quick_cache::Weighter;
use quick_cache::sync::{Cache as Entries, DefaultLifecycle};

/// Returns how many bytes an entry takes.
type Weigh<K, V> = fn(&K, &V) -> usize;

/// The most that a cache holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Capacity {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

/// A bounded cache. Values are cheap to clone.
pub(crate) struct Cache<K, V> {
    entries: Entries<K, Weighed<V>, Stored, RandomState>,
    weigh: Weigh<K, V>,
    /// What an entry counts at least, so that there are not too many small ones.
    least: u64,
}

/// A value and what its entry counts. It is counted once, because every eviction reads it.
#[derive(Clone)]
struct Weighed<V> {
    weight: u64,
    value: V,
}

/// Weighs an entry by what is stored beside its value.
#[derive(Clone)]
struct Stored;

impl<K, V> Weighter<K, Weighed<V>> for Stored {
    fn weight(&self, _: &K, value: &Weighed<V>) -> u64 {
        value.weight
    }
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    pub(crate) fn new(capacity: Capacity, weigh: Weigh<K, V>) -> Self {
        let (most, bytes) = (capacity.entries.max(1), capacity.bytes as u64);
        let entries = Entries::with(most, bytes, Stored, RandomState::new(), DefaultLifecycle::default());
        Self { entries, weigh, least: bytes.div_ceil(most as u64).max(1) }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.entries.get(key).map(|found| found.value)
    }

    /// Stores an entry. One that is larger than a part of the cache is not stored.
    pub(crate) fn insert(&self, key: K, value: V) {
        let weight = ((self.weigh)(&key, &value) as u64).max(self.least);
        self.entries.insert(key, Weighed { weight, value });
    }

    /// Returns the number of entries.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the bytes that all entries count.
    pub(crate) fn bytes(&self) -> u64 {
        self.entries.weight()
    }
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("least", &self.least).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_and_the_number_of_all_entries_stay_within_the_bounds() {
        let cache = Cache::new(Capacity { entries: 20, bytes: 1_000 }, |_: &usize, value: &usize| *value);
        for n in 0..1_000 {
            // The same keys come again with other sizes.
            cache.insert(n % 40, n % 300);
            assert!(cache.bytes() <= 1_000 && cache.len() <= 20, "after {n}");
        }
        cache.insert(7, 1_001);
        assert_eq!(cache.get(&7), None, "it is larger than the cache, and an older value is not kept");
        let small = Cache::new(Capacity { entries: 20, bytes: 1_000 }, |_: &usize, _: &usize| 1);
        (0..100).for_each(|n| small.insert(n, n));
        assert_eq!(small.len(), 20);
    }

    #[test]
    fn an_entry_that_is_read_stays_while_others_pass() {
        let cache = Cache::new(Capacity { entries: 100, bytes: 100_000 }, |_, _| 1);
        for n in 0..10_000 {
            cache.insert(n, n);
            assert_eq!(cache.get(&0), Some(0), "read every time, after {n}");
        }
        assert_eq!(cache.get(&5_000), None);
    }

    #[test]
    fn an_evicted_value_is_not_dropped_under_the_lock() {
        /// Reads the cache while it is dropped, which would block for ever under the lock.
        #[derive(Clone)]
        struct Reader(std::sync::Arc<Cache<u32, Option<Reader>>>, std::sync::mpsc::Sender<usize>);
        impl Drop for Reader {
            fn drop(&mut self) {
                let _ = self.1.send(self.0.len());
            }
        }
        let cache = std::sync::Arc::new(Cache::new(Capacity { entries: 2, bytes: 1_000 }, |_, _| 1));
        let (send, dropped) = std::sync::mpsc::channel();
        let reader = || Some(Reader(std::sync::Arc::clone(&cache), send.clone()));
        (0..100).for_each(|n| cache.insert(n, reader()));
        assert!(dropped.recv().expect("dropped") <= 2);
    }
}
