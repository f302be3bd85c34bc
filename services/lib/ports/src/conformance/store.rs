//! The suite of the online store.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::{Offset, Partition};
use proptest::prelude::*;

use super::{Fixture, check_sequences, runtime};
use crate::{ErrorKind, Lease, OnlineStore, Row, RowKey, Write};

type Store = dyn OnlineStore;

const P0: Partition = Partition(0);
const P1: Partition = Partition(1);

/// A fixture whose back-end can lose writes that it acknowledged, as a killed server does.
#[async_trait]
pub trait LosingFixture: Fixture<Store> {
    /// Makes the back-end that was opened last forget its newest writes: at least the last apply,
    /// but not all. Open stores and leases stay open.
    async fn lose_newest_writes(&self);
}

/// Runs all cases, one after another.
pub async fn suite(fixture: &impl Fixture<Store>) {
    a_row_comes_back_as_it_was(fixture).await;
    rows_come_in_the_order_of_the_keys(fixture).await;
    only_a_newer_write_changes_a_row(fixture).await;
    of_two_writes_of_a_key_the_newer_stays(fixture).await;
    replaying_a_partition_changes_nothing(fixture).await;
    the_marker_never_goes_back(fixture).await;
    a_bad_key_is_refused_and_nothing_of_its_batch_written(fixture).await;
    partitions_are_applied_at_the_same_time(fixture).await;
    one_key_of_two_partitions_names_two_rows(fixture).await;
    rows_and_markers_survive_a_reopen(fixture).await;
    a_lease_follows_its_own_writes(fixture).await;
    a_newer_lease_fences_the_older_one(fixture).await;
    a_marker_read_has_no_effect_on_a_lease(fixture).await;
}

/// Runs the cases of a back-end that may lose its newest writes.
pub async fn loss_suite(fixture: &impl LosingFixture) {
    a_loss_ends_the_lease_and_a_replay_restores_the_rows(fixture).await;
    a_marker_read_between_a_loss_and_an_apply_does_not_hide_the_loss(fixture).await;
}

fn write(key: &str, value: &str, applied: u64) -> Write {
    Write { key: key.to_owned().into(), value: value.to_owned().into(), applied: Offset(applied) }
}

fn row(value: &str, applied: u64) -> Option<Row> {
    Some(Row { value: value.to_owned().into(), applied: Offset(applied) })
}

async fn lease(store: &Arc<Store>, source: Partition) -> Box<dyn Lease> {
    store.lease(source).await.expect("lease")
}

/// Applies one batch with a lease of its own.
async fn apply(store: &Arc<Store>, source: Partition, writes: Vec<Write>, next: u64) -> usize {
    lease(store, source).await.apply(writes, Offset(next)).await.expect("apply")
}

fn key(source: Partition, key: impl Into<Bytes>) -> RowKey {
    RowKey { source, key: key.into() }
}

/// Reads rows of the first partition.
async fn get(store: &Arc<Store>, keys: &[&str]) -> Vec<Option<Row>> {
    let keys: Vec<RowKey> = keys.iter().map(|&text| key(P0, text.to_owned())).collect();
    store.get(&keys).await.expect("get")
}

async fn marker(store: &Arc<Store>, source: Partition) -> u64 {
    store.marker(source).await.expect("marker").0
}

/// A value is any bytes, also none and also large.
pub async fn a_row_comes_back_as_it_was(fixture: &impl Fixture<Store>) {
    let store = fixture.empty().await;
    let large: Bytes = (0..300_000u32).map(|n| n as u8).collect::<Vec<_>>().into();
    let (longest, binary) = (Bytes::from(vec![b'k'; 512]), Bytes::from_static(&[0, 255, b'\n', 0]));
    let writes = vec![
        write("empty", "", 0),
        Write { key: longest.clone(), value: large.clone(), applied: Offset(u64::MAX / 2) },
        Write { key: binary.clone(), value: binary.clone(), applied: Offset(7) },
    ];
    assert_eq!(apply(&store, P0, writes, 8).await, 3);
    assert_eq!(get(&store, &["empty"]).await, [row("", 0)]);
    let found = store.get(&[key(P0, longest), key(P0, binary.clone())]).await.expect("get");
    assert_eq!(found[0], Some(Row { value: large, applied: Offset(u64::MAX / 2) }));
    assert_eq!(found[1], Some(Row { value: binary, applied: Offset(7) }));
}

/// As many answers as keys, whether a key has a row, has none, or comes twice.
pub async fn rows_come_in_the_order_of_the_keys(fixture: &impl Fixture<Store>) {
    let store = fixture.empty().await;
    assert_eq!(get(&store, &[]).await, []);
    assert_eq!(get(&store, &["nobody"]).await, [None]);
    let writes = (0..5_000).map(|n| write(&format!("user {n}"), &format!("row {n}"), n)).collect();
    assert_eq!(apply(&store, P0, writes, 5_000).await, 5_000);
    let names: Vec<String> = (0..5_000).rev().map(|n| format!("user {n}")).collect();
    let mut keys: Vec<&str> = names.iter().map(String::as_str).collect();
    keys.insert(1, "nobody");
    keys.push("user 17");
    let found = get(&store, &keys).await;
    assert_eq!(found.len(), 5_002);
    assert_eq!(found[..3], [row("row 4999", 4_999), None, row("row 4998", 4_998)]);
    assert_eq!(found[5_000..], [row("row 0", 0), row("row 17", 17)]);
}

/// A write that is as old as the row, or older, is already contained in it.
pub async fn only_a_newer_write_changes_a_row(fixture: &impl Fixture<Store>) {
    let store = fixture.empty().await;
    assert_eq!(apply(&store, P0, vec![write("a", "five", 5)], 6).await, 1);
    assert_eq!(apply(&store, P0, vec![write("a", "five again", 5)], 6).await, 0);
    assert_eq!(apply(&store, P0, vec![write("a", "four", 4), write("b", "six", 6)], 7).await, 1);
    assert_eq!(get(&store, &["a", "b"]).await, [row("five", 5), row("six", 6)]);
    assert_eq!(apply(&store, P0, vec![write("a", "seven", 7)], 8).await, 1);
    assert_eq!(get(&store, &["a"]).await, [row("seven", 7)]);
}

/// Also within one batch, in either order.
pub async fn of_two_writes_of_a_key_the_newer_stays(fixture: &impl Fixture<Store>) {
    let store = fixture.empty().await;
    let writes = vec![write("up", "1", 1), write("up", "2", 2), write("down", "4", 4), write("down", "3", 3)];
    apply(&store, P0, writes, 5).await;
    assert_eq!(get(&store, &["up", "down"]).await, [row("2", 2), row("4", 4)]);
}

/// At-least-once delivery has the effect of exactly-once.
pub async fn replaying_a_partition_changes_nothing(fixture: &impl Fixture<Store>) {
    let store = fixture.empty().await;
    let batch =
        |from: u64| (from..from + 10).map(|n| write(&format!("{}", n % 7), &format!("{n}"), n)).collect::<Vec<_>>();
    for from in [0, 10, 20] {
        apply(&store, P0, batch(from), from + 10).await;
    }
    let keys = ["0", "1", "2", "3", "4", "5", "6"];
    let (rows, next) = (get(&store, &keys).await, marker(&store, P0).await);
    for from in [0, 10, 20] {
        assert_eq!(apply(&store, P0, batch(from), from + 10).await, 0);
    }
    assert_eq!((get(&store, &keys).await, marker(&store, P0).await), (rows, next));
}

/// Each partition has its own marker, which starts at 0. An apply without rows moves it too.
pub async fn the_marker_never_goes_back(fixture: &impl Fixture<Store>) {
    let store = fixture.empty().await;
    assert_eq!((marker(&store, P0).await, marker(&store, P1).await), (0, 0));
    assert_eq!(apply(&store, P0, Vec::new(), 10).await, 0);
    apply(&store, P0, vec![write("a", "late", 3)], 4).await;
    assert_eq!((marker(&store, P0).await, marker(&store, P1).await), (10, 0));
    apply(&store, P1, Vec::new(), 2).await;
    assert_eq!((marker(&store, P0).await, marker(&store, P1).await), (10, 2));
}

/// Keys have 1 to 512 bytes. No key makes the store panic.
pub async fn a_bad_key_is_refused_and_nothing_of_its_batch_written(fixture: &impl Fixture<Store>) {
    let store = fixture.empty().await;
    for length in [0, 513, 70_000] {
        let bad = Bytes::from(vec![b'k'; length]);
        let writes = vec![write("good", "1", 1), Write { key: bad.clone(), value: Bytes::new(), applied: Offset(2) }];
        let error = lease(&store, P0).await.apply(writes, Offset(3)).await.expect_err("a bad key");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(store.get(&[key(P0, bad), key(P0, "good")]).await.expect("get"), [None, None]);
        assert_eq!(marker(&store, P0).await, 0);
    }
}

/// Writers of different partitions do not disturb each other.
pub async fn partitions_are_applied_at_the_same_time(fixture: &impl Fixture<Store>) {
    let store = fixture.empty().await;
    let mut writers = tokio::task::JoinSet::new();
    for partition in 0..4 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let mut lease = lease(&store, Partition(partition)).await;
            for n in 0..50 {
                let writes = (0..3).map(|k| write(&format!("{partition}/{k}"), &format!("{n}"), n)).collect();
                assert_eq!(lease.apply(writes, Offset(n + 1)).await.expect("apply"), 3);
            }
        });
    }
    writers.join_all().await;
    for partition in 0..4 {
        assert_eq!(marker(&store, Partition(partition)).await, 50);
        for k in 0..3 {
            let keys = [key(Partition(partition), format!("{partition}/{k}"))];
            assert_eq!(store.get(&keys).await.expect("get"), [row("49", 49)]);
        }
    }
}

/// Each partition has its own rows.
pub async fn one_key_of_two_partitions_names_two_rows(fixture: &impl Fixture<Store>) {
    let store = fixture.empty().await;
    assert_eq!(apply(&store, P0, vec![write("a", "zero", 5)], 6).await, 1);
    assert_eq!(apply(&store, P1, vec![write("a", "one", 1)], 2).await, 1);
    let found = store.get(&[key(P1, "a"), key(P0, "a"), key(Partition(2), "a")]).await.expect("get");
    assert_eq!(found, [row("one", 1), row("zero", 5), None]);
}

/// Closing in order loses nothing.
pub async fn rows_and_markers_survive_a_reopen(fixture: &impl Fixture<Store>) {
    let mut store = fixture.empty().await;
    for round in 0..3 {
        apply(&store, P0, vec![write("a", &format!("{round}"), round)], round + 1).await;
        store = fixture.reopen(store).await;
        assert_eq!(get(&store, &["a"]).await, [row(&format!("{round}"), round)]);
        assert_eq!((marker(&store, P0).await, marker(&store, P1).await), (round + 1, 0));
    }
}

/// A lease starts at the marker and moves with what it applies.
pub async fn a_lease_follows_its_own_writes(fixture: &impl Fixture<Store>) {
    let store = fixture.empty().await;
    apply(&store, P0, Vec::new(), 7).await;
    let mut lease = lease(&store, P0).await;
    assert_eq!((lease.partition(), lease.marker()), (P0, Offset(7)));
    lease.apply(vec![write("a", "8", 8)], Offset(9)).await.expect("apply");
    assert_eq!(lease.marker(), Offset(9));
    lease.apply(Vec::new(), Offset(3)).await.expect("an old batch again");
    assert_eq!((lease.marker(), marker(&store, P0).await), (Offset(9), 9));
}

/// The older lease writes nothing, now and later, and leases of other partitions stay.
pub async fn a_newer_lease_fences_the_older_one(fixture: &impl Fixture<Store>) {
    let store = fixture.empty().await;
    let (mut older, mut other) = (lease(&store, P0).await, lease(&store, P1).await);
    older.apply(vec![write("a", "1", 1)], Offset(2)).await.expect("apply");
    let mut newer = lease(&store, P0).await;
    for attempt in 0..2 {
        let error = older.apply(vec![write("a", "zombie", 9)], Offset(10)).await.expect_err("it is fenced");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!((get(&store, &["a"]).await, marker(&store, P0).await), (vec![row("1", 1 + attempt)], 2 + attempt));
        newer.apply(vec![write("a", "1", 2 + attempt)], Offset(3 + attempt)).await.expect("it has the lease");
    }
    other.apply(vec![write("a", "1", 1)], Offset(2)).await.expect("another partition");
}

/// Reading a marker neither ends nor moves a lease.
pub async fn a_marker_read_has_no_effect_on_a_lease(fixture: &impl Fixture<Store>) {
    let store = fixture.empty().await;
    let mut lease = lease(&store, P0).await;
    for n in 0..3 {
        assert_eq!(marker(&store, P0).await, n);
        lease.apply(vec![write("a", &format!("{n}"), n)], Offset(n + 1)).await.expect("apply");
        assert_eq!((lease.marker(), marker(&store, P0).await), (Offset(n + 1), n + 1));
    }
}

/// How many events the cases about losses apply before the loss.
const BEFORE_LOSS: u64 = 200;

fn event(n: u64) -> Vec<Write> {
    vec![write(&format!("k{}", n % 20), &format!("{n}"), n)]
}

/// Applies [`BEFORE_LOSS`] events one by one, then loses the newest of them.
async fn apply_and_lose(fixture: &impl LosingFixture) -> (Arc<Store>, Box<dyn Lease>) {
    let store = fixture.empty().await;
    let mut lease = lease(&store, P0).await;
    for n in 0..BEFORE_LOSS {
        lease.apply(event(n), Offset(n + 1)).await.expect("apply");
    }
    fixture.lose_newest_writes().await;
    (store, lease)
}

/// The lease does not write after the loss, not even once the lost events are applied again.
pub async fn a_loss_ends_the_lease_and_a_replay_restores_the_rows(fixture: &impl LosingFixture) {
    let (store, mut lost) = apply_and_lose(fixture).await;
    let error = lost.apply(event(BEFORE_LOSS), Offset(BEFORE_LOSS + 1)).await.expect_err("the marker is behind");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let mut lease = lease(&store, P0).await;
    let from = lease.marker().0;
    assert!((1..BEFORE_LOSS).contains(&from), "{from} is no beginning");
    for n in from.saturating_sub(20)..from {
        let stored = get(&store, &[&format!("k{}", n % 20)]).await.remove(0);
        assert!(stored.is_some_and(|row| row.applied >= Offset(n)), "event {n} is below the marker {from} and lost");
    }
    for n in from..BEFORE_LOSS + 20 {
        lease.apply(event(n), Offset(n + 1)).await.expect("apply");
    }
    lost.apply(event(BEFORE_LOSS + 20), Offset(BEFORE_LOSS + 21)).await.expect_err("its lease has ended");
    for n in BEFORE_LOSS..BEFORE_LOSS + 20 {
        assert_eq!(get(&store, &[&format!("k{}", n % 20)]).await, [row(&format!("{n}"), n)]);
    }
    assert_eq!(marker(&store, P0).await, BEFORE_LOSS + 20);
}

/// Anybody may read the marker at any time, for example to check the features.
pub async fn a_marker_read_between_a_loss_and_an_apply_does_not_hide_the_loss(fixture: &impl LosingFixture) {
    let (store, mut lost) = apply_and_lose(fixture).await;
    let from = marker(&store, P0).await;
    assert!(from < BEFORE_LOSS, "nothing is lost");
    let error = lost.apply(event(BEFORE_LOSS), Offset(BEFORE_LOSS + 1)).await.expect_err("the marker is behind");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(marker(&store, P0).await, from, "events {from} to {BEFORE_LOSS} would never be applied again");
}

#[derive(Debug, Clone)]
enum Step {
    /// Takes a new lease of a partition.
    Lease(u32),
    /// Partition, (key, applied) pairs, next.
    Apply(u32, Vec<(u8, u64)>, u64),
    Get(Vec<u8>),
    Reopen,
}

/// Compares random leases, applies, reads and reopens with a map. Call it outside any runtime.
pub fn random_operations_follow_the_model(fixture: &impl Fixture<Store>, cases: u32) {
    let runtime = runtime();
    let step = prop_oneof![
        6 => (0..2u32, prop::collection::vec((0..6u8, 0..40u64), 0..6), 0..40u64)
            .prop_map(|(source, writes, next)| Step::Apply(source, writes, next)),
        4 => prop::collection::vec(0..6u8, 0..8).prop_map(Step::Get),
        1 => (0..2u32).prop_map(Step::Lease),
        1 => Just(Step::Reopen),
    ];
    check_sequences(cases, &prop::collection::vec(step, 1..30), |steps| runtime.block_on(follow(fixture, steps)));
}

async fn follow(fixture: &impl Fixture<Store>, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut store = fixture.empty().await;
    let mut rows: BTreeMap<(u32, String), (String, u64)> = BTreeMap::new();
    let mut markers = [0; 2];
    let mut leases = [lease(&store, P0).await, lease(&store, P1).await];
    for (index, step) in steps.into_iter().enumerate() {
        match step {
            Step::Lease(source) => leases[source as usize] = lease(&store, Partition(source)).await,
            Step::Apply(source, writes, next) => {
                let writes: Vec<_> = writes
                    .iter()
                    .map(|(name, applied)| ((source, name.to_string()), format!("{index} {applied}"), *applied))
                    .collect();
                let asked = writes.iter().map(|((_, name), value, applied)| write(name, value, *applied)).collect();
                leases[source as usize].apply(asked, Offset(next)).await.expect("apply");
                for (key, value, applied) in writes {
                    if rows.get(&key).is_none_or(|(_, stored)| *stored < applied) {
                        rows.insert(key, (value, applied));
                    }
                }
                markers[source as usize] = next.max(markers[source as usize]);
            }
            Step::Get(keys) => {
                let keys: Vec<(u32, String)> =
                    keys.iter().flat_map(|name| [(0, name.to_string()), (1, name.to_string())]).collect();
                let asked: Vec<RowKey> =
                    keys.iter().map(|(source, name)| key(Partition(*source), name.clone())).collect();
                let found = store.get(&asked).await.expect("get");
                let wanted: Vec<_> =
                    keys.iter().map(|key| rows.get(key).and_then(|(value, applied)| row(value, *applied))).collect();
                prop_assert_eq!(found, wanted);
            }
            Step::Reopen => {
                drop(leases);
                store = fixture.reopen(store).await;
                leases = [lease(&store, P0).await, lease(&store, P1).await];
            }
        }
        prop_assert_eq!([leases[0].marker().0, leases[1].marker().0], markers);
        prop_assert_eq!([marker(&store, P0).await, marker(&store, P1).await], markers);
    }
    Ok(())
}
