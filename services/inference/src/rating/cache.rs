//! A bounded cache in two generations: an entry that is not read during a whole generation is
//! evicted. Every operation takes constant time, and the entries of a generation are freed on a
//! blocking thread.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use crate::background::Background;

/// A bounded cache. Values are cheap to clone.
#[derive(Debug)]
pub(crate) struct Cache<K: Send + 'static, V: Send + 'static> {
    /// The number of entries of one generation. The cache holds at most two generations.
    generation: usize,
    entries: Mutex<Generations<K, V>>,
}

#[derive(Debug)]
struct Generations<K: Send + 'static, V: Send + 'static> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash + Clone + Send, V: Clone + Send> Cache<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        let entries = Mutex::new(Generations { young: HashMap::new(), old: HashMap::new() });
        Self { generation: (capacity / 2).max(1), entries }
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

    /// Stores an entry and returns the generation that it evicted.
    fn put(&self, entries: &mut Generations<K, V>, key: K, value: V) -> Option<Background<HashMap<K, V>>> {
        let full = entries.young.len() >= self.generation && !entries.young.contains_key(&key);
        let evicted = full.then(|| std::mem::replace(&mut entries.old, std::mem::take(&mut entries.young)));
        entries.young.insert(key, value);
        evicted.map(Background::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_are_read_stay_and_the_others_are_evicted() {
        let cache = Cache::new(4);
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
        let cache = std::sync::Arc::new(Cache::new(2));
        let freed = std::sync::Arc::new(std::sync::Barrier::new(2));
        cache.insert(0, Some(Reader(std::sync::Arc::clone(&cache), std::sync::Arc::clone(&freed))));
        cache.insert(1, None);
        cache.insert(2, None);
        tokio::task::spawn_blocking(move || freed.wait()).await.expect("freed");
    }
}
