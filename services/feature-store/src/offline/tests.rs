//! Computations from a log in memory, with paused time.

use marquee_domain::Timestamp;
use marquee_features::{Value, View};
use marquee_kit::Kind;
use marquee_ports::{OnlineStore, RowKey};

use super::*;
use crate::entity::Entity;
use crate::testing::{World, movie_id, user_id};

const LATER: Timestamp = Timestamp::from_seconds(100);

/// A world with some ratings that are all applied.
async fn world(users: usize) -> (World, Arc<Offline>) {
    let world = World::new(2);
    for n in 0..users {
        for movie in ["one", "two"] {
            world.rate(&format!("user-{n}"), movie, 4.0).await;
        }
    }
    let service = world.start().await;
    world.context.health.ready().await;
    let offline = Arc::clone(&service.history().offline);
    (world, offline)
}

#[tokio::test(start_paused = true)]
async fn a_join_has_pages_and_holds_its_permit_until_it_is_dropped() {
    let (_world, offline) = world(3).await;
    let columns = ["user:rating_count", "movie:rating_count"].map(|name| offline.definition.find(name).unwrap());
    // The events were ingested at second 2.
    let instant = |n: usize| {
        let entity = Entity { user: Some(user_id(&format!("user-{}", n % 4))), movie: Some(movie_id("one")) };
        Instant { entity, at: if n.is_multiple_of(2) { LATER } else { Timestamp::from_seconds(1) } }
    };
    let rows: Vec<Instant> = (0..PAGE + 1).map(instant).collect();
    let request = JoinRequest { rows, columns: columns.to_vec(), ignore_ingestion: false };
    let mut join = offline.join(request).await.expect("it starts");
    let first = join.next_page().await.expect("a page");
    assert_eq!(first.len(), PAGE);
    let expected = |user, movie| vec![Some(Value::Count(user)), Some(Value::Count(movie))];
    assert_eq!(first[..3], [expected(2, 3), expected(0, 0), expected(2, 3)]);
    let busy = offline.check(0, 0, LATER).await.expect_err("the join is not complete");
    assert_eq!(busy.kind(), Kind::ResourceExhausted);
    assert_eq!(join.next_page().await.map(|page| page.len()), Some(1));
    assert!(join.next_page().await.is_none());
    drop(join);
    offline.check(0, 0, LATER).await.expect("the permit is free");
}

#[tokio::test(start_paused = true)]
async fn a_backfill_has_every_user_once_and_movies_over_all_partitions() {
    let (_world, offline) = world(PAGE + 100).await;
    let request = |view: View| BackfillRequest {
        view,
        columns: vec![offline.definition.find(&format!("{}:rating_count", view.name())).unwrap()],
        as_of: LATER,
        ignore_ingestion: false,
    };
    let mut users = std::collections::BTreeSet::new();
    let mut backfill = offline.backfill(request(View::User)).await.expect("it starts");
    while let Some(page) = backfill.next_page().await.expect("a page") {
        assert!((1..=PAGE).contains(&page.len()));
        for (id, values) in page {
            assert_eq!(values, [Some(Value::Count(2))]);
            assert!(users.insert(id));
        }
    }
    assert_eq!(users.len(), PAGE + 100);
    drop(backfill);
    let mut backfill = offline.backfill(request(View::Movie)).await.expect("it starts");
    let all = Some(Value::Count(PAGE as u64 + 100));
    let expected = ["one", "two"].map(|id| (id.to_owned(), vec![all.clone()]));
    assert_eq!(backfill.next_page().await.expect("a page"), Some(expected.to_vec()));
    assert_eq!(backfill.next_page().await.expect("no page"), None);
}

#[tokio::test(start_paused = true)]
async fn a_check_finds_a_row_that_differs_from_the_log() {
    let (world, offline) = world(4).await;
    let report = offline.check(0, 0, LATER).await.expect("a report");
    assert_eq!((report.users, report.movies, report.different), (4, 2, 0));
    assert!(report.values > 0 && report.events == 8, "{report:?}");
    // Another lease writes the row of one user over that of another.
    let [one, other] = ["user-0", "user-1"].map(|user| user_key(&offline, user));
    let rows = world.store.get(&[one.clone(), other]).await.unwrap();
    let (Some(own), Some(mut wrong)) = (rows[0].clone(), rows[1].clone()) else { panic!("both have rows") };
    wrong.applied = own.applied.next();
    let mut lease = world.store.lease(one.source).await.unwrap();
    let next = lease.marker();
    let write = marquee_ports::Write { key: one.key, value: wrong.value, applied: wrong.applied };
    lease.apply(vec![write], next).await.unwrap();
    let report = offline.check(0, 0, LATER).await.expect("a report");
    assert!(report.different > 0 && report.skews.iter().all(|skew| skew.id == "user-0"), "{report:?}");
}

fn user_key(offline: &Offline, user: &str) -> RowKey {
    offline.rows.user_key(&user_id(user))
}
