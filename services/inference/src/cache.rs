//! A bounded cache in two generations: what was not asked for during a whole generation is forgotten. Every operation is constant time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Bounded cache; values are cheap to clone.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    /// Entries of one generation; the cache holds at most two.
    generation: usize,
    entries: Mutex<Generations<K, V>>,
}

#[derive(Debug)]
struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
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
        self.put(&mut entries, key, value.clone());
        Some(value)
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        self.put(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner), key, value);
    }

    fn put(&self, entries: &mut Generations<K, V>, key: K, value: V) {
        if entries.young.len() >= self.generation && !entries.young.contains_key(&key) {
            entries.old = std::mem::take(&mut entries.young);
        }
        entries.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_forgotten() {
        let cache = Cache::new(4);
        for n in 0..100 {
            cache.insert(n, n);
            assert_eq!(cache.get(&0), Some(0), "asked for every time, after {n}");
        }
        assert_eq!(cache.get(&50), None);
        assert_eq!(cache.get(&99), Some(99));
    }
}
