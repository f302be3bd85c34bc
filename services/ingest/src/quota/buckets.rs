//! A bucket for each client, with a bound on their number.
//!
//! A full bucket is equal to a new one, so dropping it changes nothing. When a new client comes and
//! the bound is reached, the bucket that has been full for the longest time is dropped. While no
//! bucket is full, new clients share one bucket, so inventing names gains no more than that.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use super::bucket::{Bucket, Limit};
use crate::client::ClientName;
use crate::settings::Quota;

/// The buckets of all clients.
#[derive(Debug)]
pub(super) struct Buckets {
    /// The limit of clients that no setting names. `None`: they have no limit.
    limit: Option<Limit>,
    /// Clients that settings name. Their number is bounded, so they are never dropped.
    named: BTreeMap<ClientName, Option<Bucket>>,
    most: usize,
    known: HashMap<ClientName, Bucket>,
    /// The buckets of `known`, in the order in which they become full.
    by_full: BTreeSet<(Instant, ClientName)>,
    shared: Option<Bucket>,
}

impl Buckets {
    pub(super) fn new(settings: &Quota, now: Instant) -> Self {
        let limit = |rate| Limit::new(rate, settings.burst);
        let bucket = |rate| limit(rate).map(|limit| Bucket::new(limit, now));
        let named = settings.overrides.iter().map(|(name, &rate)| (name.clone(), bucket(rate)));
        Self {
            limit: limit(settings.ratings_per_second),
            named: named.collect(),
            most: settings.clients.get() as usize,
            known: HashMap::new(),
            by_full: BTreeSet::new(),
            shared: bucket(settings.ratings_per_second),
        }
    }

    /// Returns whether no client has a limit.
    pub(super) fn unlimited(&self) -> bool {
        self.limit.is_none() && self.named.values().all(Option::is_none)
    }

    /// Runs a function on the bucket of a client. Returns `None` for a client without a limit.
    pub(super) fn with<T>(
        &mut self,
        client: &ClientName,
        now: Instant,
        act: impl FnOnce(&mut Bucket) -> T,
    ) -> Option<T> {
        if let Some(bucket) = self.named.get_mut(client) {
            return bucket.as_mut().map(act);
        }
        let limit = self.limit?;
        let (name, mut bucket) = match self.known.remove_entry(client) {
            Some(entry) => {
                self.by_full.remove(&(entry.1.full_at(), entry.0.clone()));
                entry
            }
            None if self.has_room(now) => (client.clone(), Bucket::new(limit, now)),
            None => {
                tracing::debug!(%client, clients = self.most, "every bucket is in use: the client shares one with others");
                return self.shared.as_mut().map(act);
            }
        };
        let answer = act(&mut bucket);
        self.by_full.insert((bucket.full_at(), name.clone()));
        self.known.insert(name, bucket);
        Some(answer)
    }

    /// Returns whether one more client can be remembered, after dropping a full bucket if
    /// necessary.
    fn has_room(&mut self, now: Instant) -> bool {
        if self.known.len() < self.most {
            return true;
        }
        match self.by_full.first() {
            Some((full_at, _)) if *full_at <= now => {
                if let Some((_, name)) = self.by_full.pop_first() {
                    self.known.remove(&name);
                }
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn quota(rate: u32, burst: u32, clients: u32) -> Quota {
        let clients = NonZeroU32::new(clients).expect("some");
        Quota { ratings_per_second: rate, burst, clients, ..Quota::default() }
    }

    fn name(text: &str) -> ClientName {
        text.parse().expect("a name")
    }

    fn take(buckets: &mut Buckets, client: &str, cost: u64, now: Instant) -> bool {
        buckets.with(&name(client), now, |bucket| bucket.take(cost, now).is_ok()).unwrap_or(true)
    }

    #[test]
    fn clients_do_not_take_each_others_ratings() {
        let now = Instant::now();
        let mut buckets = Buckets::new(&quota(10, 5, 10), now);
        assert!(take(&mut buckets, "ann", 5, now));
        assert!(!take(&mut buckets, "ann", 1, now));
        assert!(take(&mut buckets, "bob", 5, now));
    }

    #[test]
    fn a_named_client_has_a_rate_of_its_own_or_none() {
        let now = Instant::now();
        let overrides = [("slow", 1), ("free", 0)].map(|(client, rate)| (name(client), rate)).into();
        let mut buckets = Buckets::new(&Quota { overrides, ..quota(10, 0, 10) }, now);
        assert!(take(&mut buckets, "ann", 20, now) && !take(&mut buckets, "ann", 1, now));
        assert!(take(&mut buckets, "slow", 2, now) && !take(&mut buckets, "slow", 1, now));
        assert!((0..1_000).all(|_| take(&mut buckets, "free", 1_000, now)));
        assert!(!buckets.unlimited());
    }

    #[test]
    fn without_a_rate_only_named_clients_have_a_limit() {
        let now = Instant::now();
        assert!(Buckets::new(&Quota::default(), now).unlimited());
        let overrides = [(name("slow"), 1)].into();
        let mut buckets = Buckets::new(&Quota { overrides, ..Quota::default() }, now);
        assert!(take(&mut buckets, "slow", 2, now) && !take(&mut buckets, "slow", 1, now));
        assert!((0..1_000).all(|_| take(&mut buckets, "ann", 1_000, now)));
        assert!(buckets.known.is_empty(), "a client without a limit is not remembered");
    }

    #[test]
    fn the_bucket_that_has_been_full_for_the_longest_makes_room() {
        let start = Instant::now();
        let mut buckets = Buckets::new(&quota(10, 10, 2), start);
        assert!(take(&mut buckets, "ann", 1, start) && take(&mut buckets, "bob", 10, start));
        let later = start + Duration::from_millis(100);
        assert!(take(&mut buckets, "cid", 10, later), "ann is full again and goes");
        assert!(!take(&mut buckets, "bob", 2, later), "bob is not forgotten");
        assert!(!take(&mut buckets, "cid", 1, later));
        assert_eq!(buckets.known.len(), 2);
    }

    #[test]
    fn while_all_are_busy_new_names_share_one_bucket() {
        let now = Instant::now();
        let mut buckets = Buckets::new(&quota(10, 10, 2), now);
        assert!(take(&mut buckets, "ann", 5, now) && take(&mut buckets, "bob", 5, now));
        assert!(take(&mut buckets, "cid", 6, now));
        assert!(!take(&mut buckets, "dan", 6, now), "cid took it");
        assert!(take(&mut buckets, "dan", 4, now));
        assert!(take(&mut buckets, "ann", 5, now), "a known client keeps its bucket");
    }

    proptest! {
        #[test]
        fn whatever_names_come_memory_is_bounded_and_so_is_what_all_of_them_get(
            most in 1..5u32,
            calls in prop::collection::vec((0..300u64, 0..12usize, 1..=10u64), 1..200),
        ) {
            let start = Instant::now();
            let mut buckets = Buckets::new(&quota(10, 10, most), start);
            let (mut millis, mut granted) = (0, 0);
            for (later, client, cost) in calls {
                millis += later;
                let now = start + Duration::from_millis(millis);
                if take(&mut buckets, &format!("client-{client}"), cost, now) {
                    granted += cost;
                }
                prop_assert!(buckets.known.len() <= most as usize);
                prop_assert_eq!(buckets.known.len(), buckets.by_full.len());
                // A client in the place of another one goes on where that one stopped. One more
                // bucket is shared.
                prop_assert!(granted * 1_000 <= (u64::from(most) + 1) * (10_000 + 10 * millis));
            }
        }
    }
}
