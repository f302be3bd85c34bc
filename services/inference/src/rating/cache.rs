//! A cache in two generations, bounded in entries and in bytes: an entry that is not read during a
//! whole generation is evicted. Every operation takes constant time, and the entries of a
//! generation are freed on a blocking thread.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use crate::background::Background;

/// Returns about how many bytes an entry takes.
type Weigh<K, V> = fn(&K, &V) -> usize;

/// The most that a cache holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Capacity {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

/// A bounded cache. Values are cheap to clone.
#[derive(Debug)]
pub(crate) struct Cache<K: Send + 'static, V: Send + 'static> {
    /// The size of one generation. The cache holds at most two generations.
    generation: Capacity,
    weigh: Weigh<K, V>,
    entries: Mutex<Generations<K, V>>,
}

#[derive(Debug)]
struct Generations<K: Send + 'static, V: Send + 'static> {
    young: HashMap<K, V>,
    /// The bytes of the young entries.
    bytes: usize,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash + Clone + Send, V: Clone + Send> Cache<K, V> {
    pub(crate) fn new(capacity: Capacity, weigh: Weigh<K, V>) -> Self {
        let entries = Mutex::new(Generations { young: HashMap::new(), bytes: 0, old: HashMap::new() });
        let generation = Capacity { entries: (capacity.entries / 2).max(1), bytes: capacity.bytes / 2 };
        Self { generation, weigh, entries }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = entries.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = entries.old.remove_entry(key)?;
        let evicted = self.put(&mut entries, key, value.clone());
        drop(entries);
        drop(evicted);
        Some(value)
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        let evicted = self.put(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner), key, value);
        // Outside of the lock.
        drop(evicted);
    }

    /// Stores an entry and returns the generation that it evicted. An entry that is larger than a
    /// generation is not stored.
    fn put(&self, entries: &mut Generations<K, V>, key: K, value: V) -> Option<Background<HashMap<K, V>>> {
        let weight = (self.weigh)(&key, &value);
        let replaced = entries.young.remove(&key).map_or(0, |value| (self.weigh)(&key, &value));
        entries.bytes -= replaced;
        if weight > self.generation.bytes {
            return None;
        }
        let is_full = entries.young.len() >= self.generation.entries || entries.bytes + weight > self.generation.bytes;
        let evicted = is_full.then(|| {
            entries.bytes = 0;
            std::mem::replace(&mut entries.old, std::mem::take(&mut entries.young))
        });
        entries.bytes += weight;
        entries.young.insert(key, value);
        evicted.map(Background::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(entries: usize) -> Capacity {
        Capacity { entries, bytes: 1_000 }
    }

    #[test]
    fn the_bytes_of_all_entries_stay_within_the_bound() {
        let cache = Cache::new(Capacity { entries: 1_000, bytes: 100 }, |_: &usize, value: &usize| *value);
        for n in 0..1_000 {
            // The same keys come again with other sizes.
            cache.insert(n % 40, n % 30);
            let held = cache.entries.lock().expect("no panic");
            let young: usize = held.young.values().sum();
            assert_eq!(held.bytes, young, "after {n}");
            assert!(young + held.old.values().sum::<usize>() <= 100, "after {n}");
        }
        cache.insert(7, 51);
        assert_eq!(cache.get(&7), None, "it is larger than a generation, and an older value is not kept");
    }

    #[test]
    fn entries_that_are_read_stay_and_the_others_are_evicted() {
        let cache = Cache::new(entries(4), |_, _| 1);
        for n in 0..100 {
            cache.insert(n, n);
            assert_eq!(cache.get(&0), Some(0), "read every time, after {n}");
        }
        assert_eq!(cache.get(&50), None);
        assert_eq!(cache.get(&99), Some(99));
    }

    #[tokio::test]
    async fn an_evicted_generation_is_not_freed_under_the_lock() {
        /// Reads the cache while it is freed, which would block for ever under the lock.
        #[derive(Clone)]
        struct Reader(std::sync::Arc<Cache<u32, Option<Reader>>>, std::sync::Arc<std::sync::Barrier>);
        impl Drop for Reader {
            fn drop(&mut self) {
                drop(self.0.entries.lock());
                self.1.wait();
            }
        }
        let cache = std::sync::Arc::new(Cache::new(entries(2), |_, _| 1));
        let freed = std::sync::Arc::new(std::sync::Barrier::new(2));
        cache.insert(0, Some(Reader(std::sync::Arc::clone(&cache), std::sync::Arc::clone(&freed))));
        cache.insert(1, None);
        cache.insert(2, None);
        tokio::task::spawn_blocking(move || freed.wait()).await.expect("freed");
    }
}
