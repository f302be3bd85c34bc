//! Rounds over a list of records, with faults at each call.

use std::collections::BTreeSet;
use std::task::Poll;

use marquee_ports::memory::{Fault, MemoryObjects, Step};
use marquee_ports::{ErrorKind, ObjectKey, ObjectStore as _};
use serde_json::Value;

use super::*;
use crate::destination::Destination as _;
use crate::testing::{List, Memory};

fn record(number: u64) -> String {
    format!(
        r#"{{"user_id": "u{}", "movie_id": {}, "rating": {}, "rated_at": {}}}"#,
        number % 7,
        number % 11,
        number % 5 + 1,
        1_700_000_000 + number
    )
}

fn list(count: u64) -> List {
    let list = List::default();
    (0..count).for_each(|number| list.push(record(number)));
    list
}

async fn round(collector: &mut Collector) -> Result<Collected, Error> {
    let mut report = Collected::default();
    collector.round(&mut report).await.map(|()| report)
}

async fn stored(objects: &MemoryObjects, key: &str) -> Value {
    let key = ObjectKey::try_new(key).expect("a key");
    let read = match objects.get(&key).await {
        Err(_) => objects.get(&key).await,
        read => read,
    };
    serde_json::from_slice(&read.expect("read").expect("there").bytes).expect("JSON")
}

/// The numbers of the records in all raw files, by the files.
async fn raw_records(objects: &MemoryObjects) -> Vec<i64> {
    let mut numbers = Vec::new();
    // A fault of the script may be left, and happen here.
    let listed = match objects.list(None).await {
        Err(_) => objects.list(None).await,
        listed => listed,
    };
    for entry in listed.expect("listed") {
        if !entry.key.as_str().ends_with(".parquet") {
            continue;
        }
        let read = match objects.get(&entry.key).await {
            Err(_) => objects.get(&entry.key).await,
            read => read,
        };
        let bytes = read.expect("read").expect("there").bytes;
        let table = marquee_parquet::read(bytes).expect("a file");
        let Some(marquee_parquet::Column::Int64(column)) = table.column("record") else { panic!("no numbers") };
        numbers.extend(column.iter().flatten());
    }
    numbers
}

#[tokio::test(start_paused = true)]
async fn what_is_new_is_stored_sent_and_remembered() {
    let (list, objects, fleet) = (list(25), MemoryObjects::default(), Memory::default());
    let report = round(&mut list.collector(&objects, &fleet, "batch = 10")).await.expect("collected");
    assert_eq!((report.records, report.batches, report.accepted, report.rejected, report.movies), (25, 3, 25, 0, 11));
    assert_eq!((fleet.len(), fleet.movies.lock().expect("whole").len()), (25, 11));
    assert_eq!(raw_records(&objects).await, (1..=25).collect::<Vec<i64>>());
    let state = stored(&objects, "collect/shop.json").await;
    assert_eq!((&state["position"], &state["records"], &state["batches"]), (&25.into(), &25.into(), &3.into()));
    assert_eq!(state["recognized"]["columns"][0], serde_json::json!(["user", "user_id"]));

    list.push(record(25));
    let report = round(&mut list.collector(&objects, &fleet, "batch = 10")).await.expect("collected");
    assert_eq!((report.records, report.accepted, fleet.len()), (1, 1, 26));
    let report = round(&mut list.collector(&objects, &fleet, "batch = 10")).await.expect("collected");
    assert_eq!((report.records, report.batches), (0, 0));
}

/// Every call of the source, the object store and the destination fails once, before or after its
/// effect, and each time another collector goes on.
#[tokio::test(start_paused = true)]
async fn a_collector_that_stops_at_any_call_loses_and_doubles_nothing() {
    let kinds = [Fault::Fail(ErrorKind::Unavailable), Fault::FailAfter(ErrorKind::Unavailable)];
    let mut stops = 0;
    for fault in kinds {
        for place in 0..3 {
            for number in 1..40 {
                let (list, objects, fleet) = (list(35), MemoryObjects::default(), Memory::default());
                let faults = [objects.faults(), &fleet.faults, &list.faults][place].clone();
                faults.add(Step::at(number, fault));
                let mut rounds = 0;
                loop {
                    rounds += 1;
                    // A new one each time, as after a kill.
                    let mut collector = list.collector(&objects, &fleet, "batch = 10");
                    collector.setup.patience = Duration::ZERO;
                    match round(&mut collector).await {
                        Ok(_) => break,
                        Err(_) => stops += 1,
                    }
                    assert!(rounds < 5, "{fault:?} at call {number} of port {place} never ends");
                }
                let case = format!("{fault:?} at call {number} of port {place}");
                assert_eq!(fleet.len(), 35, "{case}");
                let numbers = raw_records(&objects).await;
                assert_eq!(numbers, (1..=35).collect::<Vec<i64>>(), "{case}: each record is in one raw file");
                let state = stored(&objects, "collect/shop.json").await;
                assert_eq!((&state["position"], &state["accepted"]), (&35.into(), &35.into()), "{case}");
            }
        }
    }
    assert!(stops > 40, "only {stops} faults ended a round");
}

/// The future of a round is dropped at each of its waits, as when the process ends.
#[tokio::test(start_paused = true)]
async fn a_round_that_is_dropped_at_any_wait_loses_and_doubles_nothing() {
    let mut cut = 0;
    for waits in 0..60 {
        let (list, objects, fleet) = (list(25), MemoryObjects::default(), Memory::default());
        let mut collector = list.collector(&objects, &fleet, "batch = 5");
        let mut report = Collected::default();
        {
            let mut round = Box::pin(collector.round(&mut report));
            let mut polls = 0;
            // The runtime polls again when the round is woken, so also after work on other threads.
            let is_cut = std::future::poll_fn(|context| {
                if polls == waits {
                    return Poll::Ready(true);
                }
                polls += 1;
                round.as_mut().poll(context).map(|_| false)
            })
            .await;
            cut += u32::from(is_cut);
        }
        round(&mut list.collector(&objects, &fleet, "batch = 5")).await.expect("collected");
        assert_eq!(fleet.len(), 25, "after {waits} waits");
        assert_eq!(raw_records(&objects).await, (1..=25).collect::<Vec<i64>>(), "after {waits} waits");
    }
    // How often a round waits depends on how fast other threads are.
    assert!((1..60).contains(&cut), "{cut} rounds were cut: not all waits were tried");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_away_is_asked_again_with_growing_pauses() {
    let (list, objects, fleet) = (list(5), MemoryObjects::default(), Memory::default());
    (1..=4).for_each(|number| list.faults.add(Step::at(number, Fault::Fail(ErrorKind::Unavailable))));
    let began = tokio::time::Instant::now();
    let report = round(&mut list.collector(&objects, &fleet, "")).await.expect("collected");
    assert_eq!((report.retries, report.accepted), (4, 5));
    assert!(began.elapsed() >= Duration::from_secs(4), "it waits as long as the source asks");
    let mut collector = list.collector(&objects, &fleet, "");
    (1..200).for_each(|number| list.faults.add(Step::at(number, Fault::Fail(ErrorKind::Unavailable))));
    let error = round(&mut collector).await.expect_err("away for good");
    assert_eq!(error.to_string(), "source shop failed");
}

#[tokio::test(start_paused = true)]
async fn records_that_cannot_be_used_are_counted_named_and_kept() {
    let (list, objects, fleet) = (list(3), MemoryObjects::default(), Memory::default());
    list.push("nothing");
    list.push(r#"{"user_id": "ann", "movie_id": 1, "rating": 9, "rated_at": 1700000000}"#);
    list.push(r#"{"user_id": "ann", "movie_id": 1}"#);
    let report = round(&mut list.collector(&objects, &fleet, "")).await.expect("collected");
    assert_eq!((report.records, report.accepted, report.rejected), (6, 3, 3));
    assert_eq!(report.reasons, [("OFF_SCALE".to_owned(), 1), ("UNREADABLE".to_owned(), 2)].into());
    assert_eq!((report.rejections[0].place.as_str(), report.rejections[0].reason.as_str()), ("record 3", "UNREADABLE"));
    assert!(report.rejections[2].message.starts_with("rating is missing"), "{report:?}");
    let kept = fleet.unreadable.lock().expect("whole").clone();
    assert_eq!(kept[0], ("record 3".to_owned(), "nothing".to_owned()));
    assert_eq!(stored(&objects, "collect/shop.json").await["rejected"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_needed_column_that_is_gone_stops_the_source_and_other_changes_do_not() {
    let (mut list, objects, fleet) = (list(3), MemoryObjects::default(), Memory::default());
    list.is_uniform = true;
    round(&mut list.collector(&objects, &fleet, "")).await.expect("collected");
    list.push(r#"{"user_id": "ann", "movie_id": 1, "rating": 4, "rated_at": 1700000009, "device": "tv"}"#);
    let report = round(&mut list.collector(&objects, &fleet, "")).await.expect("collected");
    assert_eq!(report.drift.iter().map(ToString::to_string).collect::<Vec<_>>(), ["column device is new (text)"]);

    list.push(r#"{"user_id": "ann", "movie_id": 2, "stars": 4, "rated_at": 1700000010}"#);
    for drifts in [2, 0] {
        let mut report = Collected::default();
        let error = list.collector(&objects, &fleet, "").round(&mut report).await.expect_err("gone");
        assert!(matches!(&error, Error::Gone { column, .. } if column == "rating"), "{error}");
        assert_eq!(report.drift.len(), drifts, "it is told once: {report:?}");
    }
    assert_eq!(fleet.len(), 4, "nothing is taken");
    let state = stored(&objects, "collect/shop.json").await;
    assert_eq!((&state["position"], state["drift"].as_array().map(Vec::len)), (&4.into(), Some(3)));
    // The fix that the error names.
    let report = round(&mut list.collector(&objects, &fleet, "columns = { rating = \"stars\" }")).await;
    assert_eq!(report.expect("collected").accepted, 1);
}

#[tokio::test(start_paused = true)]
async fn other_records_may_come_before_the_first_rating_if_its_columns_are_named() {
    let (list, objects, fleet) = (List::default(), MemoryObjects::default(), Memory::default());
    list.push(r#"{"event": "login", "who": "ann"}"#);
    let error = round(&mut list.collector(&objects, &fleet, "")).await.expect_err("no ratings");
    assert!(matches!(error, Error::Unrecognized { .. }), "{error}");
    let named = "batch = 1\ncolumns = { user = \"who\", movie = \"film\", rating = \"stars\" }";
    list.push(r#"{"event": "rated", "who": "ann", "film": "heat", "stars": 4, "at": "2024-05-01"}"#);
    let report = round(&mut list.collector(&objects, &fleet, named)).await.expect("collected");
    assert_eq!((report.records, report.accepted, report.rejected), (2, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn records_without_a_time_keep_their_order_over_batches() {
    let (list, objects, fleet) = (List::default(), MemoryObjects::default(), Memory::default());
    for number in 0..6 {
        list.push(format!(r#"{{"user": "ann", "movie": "m", "rating": {}}}"#, number % 5 + 1));
    }
    round(&mut list.collector(&objects, &fleet, "batch = 2")).await.expect("collected");
    let ratings = fleet.ratings.lock().expect("whole");
    let values: Vec<f64> = ratings.values().map(|(value, _)| *value).collect();
    assert_eq!(values, [1.0, 2.0, 3.0, 4.0, 5.0, 1.0]);
    let times: BTreeSet<_> = ratings.keys().map(|(_, _, time)| time.seconds()).collect();
    assert_eq!(times.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn movies_are_added_as_described_and_a_source_of_movies_replaces_them() {
    let (list, objects, fleet) = (List::default(), MemoryObjects::default(), Memory::default());
    list.push(r#"{"user": "ann", "movie_id": 1, "title": "Heat (1995)", "rating": 4, "ts": 1700000000}"#);
    list.push(r#"{"user": "ann", "movie_id": 2, "rating": 4, "ts": 1700000001}"#);
    round(&mut list.collector(&objects, &fleet, "")).await.expect("collected");
    let title = |id: &str| fleet.movies.lock().expect("whole").get(id).map(|movie| movie.title.clone());
    assert_eq!((title("1"), title("2")), (Some("Heat".to_owned()), Some(String::new())));

    let (films, objects) = (List::default(), MemoryObjects::default());
    films.push(r#"{"id": 2, "title": "Ronin", "year": 1998}"#);
    films.push(r#"{"title": "no id"}"#);
    let report = round(&mut films.collector(&objects, &fleet, "content = \"movies\"")).await.expect("collected");
    assert_eq!((report.movies, report.rejected, title("2")), (1, 1, Some("Ronin".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_look_stores_and_sends_nothing() {
    let (list, objects, fleet) = (list(3), MemoryObjects::default(), Memory::default());
    list.push(r#"{"user_id": "ann", "movie_id": 1, "rating": 9, "rated_at": 1700000000}"#);
    list.push("nothing");
    let mut collector = list.collector(&objects, &fleet, "");
    let scale = fleet.scale().await.expect("a scale");
    let look = collector.look(Some(&scale)).await.expect("a look");
    assert_eq!((look.records, look.unreadable, look.rows.len()), (5, 1, 5));
    assert_eq!((look.rows[0].user.as_str(), look.rows[0].rating), ("u0", Some(1.0)));
    assert!(look.rows[3].error.as_deref().is_some_and(|error| error.starts_with("rating ")), "{look:?}");
    assert!(look.rows[4].error.is_some() && look.rows[4].user.is_empty());
    assert!(look.understood.contains(&("rating".to_owned(), "`rating`".to_owned())));
    assert!(objects.list(None).await.expect("listed").is_empty() && fleet.len() == 0);
}
