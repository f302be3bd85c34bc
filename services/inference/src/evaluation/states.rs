//! User states that evaluations have made, so that the next ratings of a user need no run of the
//! encoder.
//!
//! A state belongs to a version and to the exact history that it was made from. The history is part
//! of the key and is compared, so equal hashes of two histories cannot mix up their states.
//!
//! The cache keeps the state that a question began with and the state after its last step: a
//! question that is asked again finds the first, and the user's next question finds the second.
//! When a user goes on, the state before the last two is dropped. If there is no room, states that
//! a later one has replaced are evicted first, then those that were not used for the longest time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::background::Background;
use crate::metrics::StateMetrics;
use crate::model::{Model, State};

/// Names a state: the digest of the version, and the history.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct StateKey {
    version: Arc<str>,
    /// Each entry that the version knows: the index of the movie, and the bits of the rating.
    history: Arc<[u64]>,
}

/// A state of one user.
#[derive(Debug, Clone)]
pub(super) struct UserState {
    pub(super) state: State,
    /// Runs of the learner since the encoder made it.
    pub(super) learned: usize,
}

/// The states, bounded in bytes. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct States(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The most bytes that the states take. 0: none are kept.
    most: usize,
    cached: Mutex<Cached>,
    metrics: StateMetrics,
}

#[derive(Debug, Default)]
struct Cached {
    entries: HashMap<StateKey, Entry>,
    /// The entries in the order in which they are evicted.
    order: BTreeMap<Rank, StateKey>,
    bytes: usize,
    /// Numbers the uses.
    uses: u64,
}

/// The place of an entry in the order of eviction. Lower ranks are evicted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// No later state has replaced it.
    is_newest: bool,
    used: u64,
}

#[derive(Debug)]
struct Entry {
    value: UserState,
    bytes: usize,
    rank: Rank,
    /// The state that this one was made from.
    before: Option<StateKey>,
}

impl States {
    /// Returns an empty cache that takes at most this many bytes.
    pub(crate) fn new(most: usize, metrics: StateMetrics) -> Self {
        Self(Arc::new(Shared { most, cached: Mutex::default(), metrics }))
    }

    /// Returns whether states are kept.
    pub(super) fn is_on(&self) -> bool {
        self.0.most > 0
    }

    /// Returns the key of a history of (movie index, rating). `None` if its state is not kept.
    pub(super) fn key(&self, model: &Model, history: &[(i64, f32)]) -> Option<StateKey> {
        if !self.is_on() {
            return None;
        }
        let entry = |&(movie, rating): &(i64, f32)| {
            let movie = u32::try_from(movie).ok()?;
            Some(u64::from(movie) << 32 | u64::from(rating.to_bits()))
        };
        let history = history.iter().map(entry).collect::<Option<_>>()?;
        Some(StateKey { version: Arc::clone(&model.digest), history })
    }

    /// Returns the states of some keys.
    pub(super) fn find<'k>(&self, keys: impl Iterator<Item = Option<&'k StateKey>>) -> Vec<Option<UserState>> {
        let mut cached = self.lock();
        let found: Vec<Option<UserState>> = keys.map(|key| cached.find(key?)).collect();
        drop(cached);
        if self.is_on() {
            let hit = found.iter().flatten().count();
            self.0.metrics.hit.inc_by(hit as u64);
            self.0.metrics.missed.inc_by((found.len() - hit) as u64);
        }
        found
    }

    /// Keeps a state. `before` is the state that it was made from.
    pub(super) fn keep(&self, key: StateKey, value: UserState, before: Option<StateKey>) {
        let bytes = weigh(&key, &value.state);
        if bytes > self.0.most {
            return;
        }
        let mut dropped = Vec::new();
        let mut cached = self.lock();
        dropped.extend(cached.replace(before.as_ref()));
        dropped.extend(cached.insert(key, (value, bytes), before));
        while cached.bytes > self.0.most {
            dropped.extend(cached.evict());
        }
        self.measure(&cached);
        // Outside of the lock.
        drop(cached);
        drop(dropped);
    }

    /// Drops the states of a version. A state that a running evaluation keeps later is evicted like
    /// any other.
    pub(super) fn forget(&self, version: &str) {
        let mut cached = self.lock();
        let Cached { entries, order, .. } = &mut *cached;
        let dropped: Vec<(StateKey, Entry)> = entries.extract_if(|key, _| *key.version == *version).collect();
        let bytes: usize = dropped.iter().map(|(_, entry)| entry.bytes).sum();
        for (_, entry) in &dropped {
            order.remove(&entry.rank);
        }
        cached.bytes -= bytes;
        self.measure(&cached);
        drop(cached);
        // Thousands of entries.
        drop(Background::new(dropped));
    }

    fn measure(&self, cached: &Cached) {
        self.0.metrics.bytes.set(i64::try_from(cached.bytes).unwrap_or(i64::MAX));
    }

    fn lock(&self) -> MutexGuard<'_, Cached> {
        self.0.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cached {
    fn find(&mut self, key: &StateKey) -> Option<UserState> {
        let used = self.next_use();
        let entry = self.rank(key, |rank| rank.used = used)?;
        Some(entry.value.clone())
    }

    /// Notes that a later state replaces one. Drops the state that the replaced one was made from.
    fn replace(&mut self, key: Option<&StateKey>) -> Option<Entry> {
        let before = self.rank(key?, |rank| rank.is_newest = false)?.before.take()?;
        // Another user with the same ratings may need it.
        let is_replaced = self.entries.get(&before).is_some_and(|entry| !entry.rank.is_newest);
        if is_replaced { self.remove(&before) } else { None }
    }

    /// Adds an entry. Returns the entry that it replaced.
    fn insert(&mut self, key: StateKey, (value, bytes): (UserState, usize), before: Option<StateKey>) -> Option<Entry> {
        let replaced = self.remove(&key);
        let rank = Rank { is_newest: true, used: self.next_use() };
        self.bytes += bytes;
        self.order.insert(rank, key.clone());
        self.entries.insert(key, Entry { value, bytes, rank, before });
        replaced
    }

    /// Changes the place of an entry in the order of eviction, and returns the entry.
    fn rank(&mut self, key: &StateKey, change: impl FnOnce(&mut Rank)) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(key)?;
        let place = self.order.remove(&entry.rank)?;
        change(&mut entry.rank);
        self.order.insert(entry.rank, place);
        Some(entry)
    }

    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    fn evict(&mut self) -> Option<Entry> {
        let (_, key) = self.order.pop_first()?;
        self.remove(&key)
    }

    fn remove(&mut self, key: &StateKey) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.rank);
        self.bytes -= entry.bytes;
        Some(entry)
    }
}

/// Returns about how many bytes an entry takes.
fn weigh(key: &StateKey, state: &State) -> usize {
    // The length of texts is not counted.
    let width = |tensor: &marquee_onnx::Tensor| tensor.kind().size().unwrap_or(64);
    let tensors: usize = state.iter().map(|(name, tensor)| 192 + name.len() + width(tensor) * tensor.len()).sum();
    // A later entry may hold the history too, when this one is gone.
    512 + 16 * key.history.len() + tensors
}

#[cfg(test)]
mod tests {
    use marquee_kit::Metrics;
    use marquee_onnx::Tensor;

    use super::*;
    use crate::testing::{Kind, model};

    /// A state of about 1,000 bytes.
    fn value(learned: usize) -> UserState {
        let tensor = Tensor::from_vec(vec![1, 64], vec![learned as f32; 64]).expect("fits");
        UserState { state: Arc::new(vec![("a".to_owned(), tensor)]), learned }
    }

    fn states(most: usize) -> States {
        States::new(most, StateMetrics::register(&Metrics::default()))
    }

    /// Returns the key of a history with one entry.
    fn key(states: &States, version: u64, movie: i64) -> StateKey {
        states.key(&model(version, Kind::default()), &[(movie, 3.0)]).expect("it is on")
    }

    fn has(states: &States, key: &StateKey) -> bool {
        states.find([Some(key)].into_iter())[0].is_some()
    }

    #[test]
    fn the_bytes_of_all_states_stay_within_the_bound() {
        let states = states(20_000);
        for n in 0..1_000 {
            let before = (n % 3 > 0).then(|| key(&states, 1, (n - 1) % 70));
            states.keep(key(&states, 1, n % 70), value(1), before);
            if n % 7 == 0 {
                has(&states, &key(&states, 1, n % 11));
            }
            let cached = states.lock();
            let sum: usize = cached.entries.values().map(|entry| entry.bytes).sum();
            assert!(cached.bytes == sum && sum <= 20_000, "after {n}: {sum}");
            assert!(cached.order.iter().all(|(rank, key)| cached.entries[key].rank == *rank), "after {n}");
            assert_eq!(cached.order.len(), cached.entries.len(), "after {n}");
        }
        let many: Vec<(i64, f32)> = (0..2_000).map(|movie| (movie, 3.0)).collect();
        let large = states.key(&model(1, Kind::default()), &many).expect("it is on");
        states.keep(large.clone(), value(0), None);
        assert!(!has(&states, &large), "it is larger than the cache");
    }

    #[test]
    fn what_a_later_state_has_replaced_is_evicted_before_what_is_old() {
        let most = 6 * weigh(&key(&states(1), 1, 0), &value(0).state);
        let states = states(most);
        for n in 0..4 {
            states.keep(key(&states, 1, n), value(0), None);
        }
        states.keep(key(&states, 1, 10), value(0), Some(key(&states, 1, 3)));
        states.keep(key(&states, 1, 20), value(0), None);
        states.keep(key(&states, 1, 21), value(0), None);
        assert!(!has(&states, &key(&states, 1, 3)), "replaced");
        assert!((0..3).all(|n| has(&states, &key(&states, 1, n))));
        states.keep(key(&states, 1, 22), value(0), None);
        assert!(!has(&states, &key(&states, 1, 10)), "not used for the longest time");
        assert!(has(&states, &key(&states, 1, 0)));
    }

    #[test]
    fn the_last_two_states_of_a_user_are_kept() {
        let states = states(1 << 20);
        for n in 1..5 {
            states.keep(key(&states, 1, n), value(n as usize), Some(key(&states, 1, n - 1)));
            let kept: Vec<bool> = (1..=n).map(|n| has(&states, &key(&states, 1, n))).collect();
            assert_eq!(kept, (1..=n).map(|earlier| earlier + 2 > n).collect::<Vec<_>>());
        }
        let found = states.find([Some(&key(&states, 1, 4))].into_iter()).remove(0).expect("kept");
        assert_eq!((found.learned, &found.state), (4, &value(4).state));
    }

    #[test]
    fn a_version_that_goes_takes_its_states_with_it() {
        let states = states(1 << 20);
        for version in [1, 2] {
            states.keep(key(&states, version, 0), value(0), None);
        }
        states.forget(&model(1, Kind::default()).digest);
        assert_eq!([1, 2].map(|version| has(&states, &key(&states, version, 0))), [false, true]);
        assert_eq!(states.lock().bytes, weigh(&key(&states, 2, 0), &value(0).state));
    }

    #[test]
    fn a_cache_without_bytes_is_off() {
        let states = states(0);
        assert_eq!(states.key(&model(1, Kind::default()), &[(0, 3.0)]), None);
        assert!(!states.is_on());
    }
}
