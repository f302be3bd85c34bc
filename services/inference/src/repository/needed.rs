//! Decides which versions are loaded. Has no side effects.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use marquee_domain::ModelName;
use marquee_model::Stamp;

use super::{Key, Limits};

/// What is loaded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Needed {
    /// In the order in which it is loaded: what routes name comes first.
    pub(super) loaded: Vec<Key>,
    /// What would be loaded too if there were more memory.
    pub(super) left_out: BTreeSet<Key>,
}

/// Returns what is needed: the versions that routes name, those that were asked for, and the newest
/// ones. The versions of routes are always loaded. The others are loaded as far as memory allows:
/// first those that were asked for last, then the newest ones. `asked` begins with the oldest one.
pub(super) fn needed<'a>(
    routed: &BTreeSet<Key>,
    asked: impl DoubleEndedIterator<Item = &'a Key>,
    stored: &'a BTreeMap<Key, Stamp>,
    limits: &Limits,
) -> Needed {
    let mut newest: Vec<(usize, &Key)> = Vec::new();
    let mut counts: HashMap<&ModelName, usize> = HashMap::new();
    for key in stored.keys().rev() {
        let count = counts.entry(&key.0).or_default();
        *count += 1;
        if *count <= limits.keep {
            newest.push((*count, key));
        }
    }
    // The newest version of each model comes before the second newest of any.
    newest.sort_by_key(|(count, _)| *count);
    let mut needed = Needed { loaded: routed.iter().cloned().collect(), left_out: BTreeSet::new() };
    let mut used = bytes(routed.iter(), stored);
    for key in asked.rev().chain(newest.into_iter().map(|(_, key)| key)) {
        if needed.loaded.contains(key) || needed.left_out.contains(key) {
            continue;
        }
        let with = used.saturating_add(bytes([key].into_iter(), stored));
        if limits.bytes == 0 || with <= limits.bytes {
            used = with;
            needed.loaded.push(key.clone());
        } else {
            needed.left_out.insert(key.clone());
        }
    }
    needed
}

/// Returns how many bytes the files of versions have.
pub(super) fn bytes<'a>(keys: impl Iterator<Item = &'a Key>, stored: &BTreeMap<Key, Stamp>) -> u64 {
    keys.filter_map(|key| stored.get(key)).fold(0, |sum, stamp| sum.saturating_add(stamp.bytes))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::key;

    fn limits(bytes: u64) -> Limits {
        Limits { loads: 1, deadline: Duration::MAX, keep: 3, bytes }
    }

    /// Returns the versions that are loaded and those that are left out, of five with 10 bytes.
    fn numbers(routed: &[u64], asked: &[u64], bytes: u64) -> (Vec<u64>, Vec<u64>) {
        let stored = (1..=5).map(|version| (key(version), Stamp { content: 0, bytes: 10 })).collect();
        let routed = routed.iter().map(|version| key(*version)).collect();
        let asked: Vec<Key> = asked.iter().map(|version| key(*version)).collect();
        let Needed { loaded, left_out } = needed(&routed, asked.iter(), &stored, &limits(bytes));
        let number = |key: Key| key.1.0;
        (loaded.into_iter().map(number).collect(), left_out.into_iter().map(number).collect())
    }

    #[test]
    fn what_routes_name_is_always_loaded_and_the_rest_as_far_as_it_fits() {
        assert_eq!(numbers(&[1], &[2], 0), (vec![1, 2, 5, 4, 3], vec![]));
        assert_eq!(numbers(&[1], &[], 30), (vec![1, 5, 4], vec![3]));
        assert_eq!(numbers(&[1, 2], &[], 10), (vec![1, 2], vec![3, 4, 5]));
    }

    #[test]
    fn versions_that_were_asked_for_last_come_before_others() {
        assert_eq!(numbers(&[1], &[2, 3], 30), (vec![1, 3, 2], vec![4, 5]));
        assert_eq!(numbers(&[1], &[2, 3], 20), (vec![1, 3], vec![2, 4, 5]));
    }
}
