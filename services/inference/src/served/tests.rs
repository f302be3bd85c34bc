//! Served predictions over a log in memory.

use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{Offset, Partition, Position, Variant, Version};
use marquee_ports::memory::{Fault, MemoryLog, Step};
use marquee_ports::{ErrorKind, Record, Topic};

use super::*;
use crate::testing::{movie, name, user, within};

const SETTINGS: PredictionSettings = PredictionSettings { enabled: true, sample: 1.0, queue: 3 };

fn shown(id: &str, predictions: usize) -> Shown {
    let prediction =
        |index| Prediction { movie: movie(&format!("m{index}")), rating: 4.0, spread: 1.0, unknown_movie: false };
    Shown {
        request_id: id.to_owned(),
        user: user("ann"),
        served_by: ServedBy::Predict,
        provenance: Provenance {
            model: name(),
            version: Version(1),
            variant: Variant::Stable,
            freshness: None,
            history_version: 0,
            degraded: false,
        },
        latency: Duration::from_millis(2),
        predicted_at: Timestamp::EPOCH,
        predictions: (0..predictions).map(prediction).collect(),
    }
}

/// The value is the id of the request and the movie.
fn encode(shown: &Shown) -> Vec<Encoded> {
    let record = |one: &Prediction| Encoded {
        record: NewRecord {
            key: Some(Bytes::copy_from_slice(shown.user.as_str().as_bytes())),
            value: format!("{}/{}", shown.request_id, one.movie).into(),
            headers: Vec::new(),
            timestamp: shown.predicted_at,
        },
        predictions: 1,
    };
    shown.predictions.iter().map(record).collect()
}

fn start(log: &MemoryLog, settings: &PredictionSettings, context: &Context) -> ServedLog {
    ServedLog::start(settings, Some(Arc::new(log.clone())), encode, context).expect("a salt")
}

fn record(served: &ServedLog, shown: Shown) {
    if let Some(places) = served.room(&shown.user, shown.predictions.len()) {
        places.put(shown);
    }
}

async fn records(log: &MemoryLog) -> Vec<String> {
    let from = Position { partition: Partition(0), offset: Offset(0) };
    let found: Vec<Record> = log.read(Topic::PREDICTIONS, from, 1_000).await.expect("reads");
    found.iter().map(|record| String::from_utf8(record.value.to_vec()).expect("text")).collect()
}

/// Waits until so many records are on the log.
async fn until(log: &MemoryLog, count: usize) -> Vec<String> {
    within(async {
        let mut look = tokio::time::interval(Duration::from_millis(10));
        loop {
            look.tick().await;
            let found = records(log).await;
            if found.len() >= count {
                return found;
            }
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn answers_reach_the_log_in_order() {
    let (log, context) = (MemoryLog::new(1), Context::default());
    let served = start(&log, &SETTINGS, &context);
    assert!(served.room(&user("ann"), 1).is_some());
    record(&served, shown("a", 2));
    record(&served, shown("b", 1));
    record(&served, shown("nothing", 0));
    assert_eq!(until(&log, 3).await, ["a/m0", "a/m1", "b/m0"]);
    assert!(context.metrics.text().contains("inference_predictions_logged_total 3\n"));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_and_counts() {
    let (log, context) = (MemoryLog::new(1), Context::default());
    log.faults().add(Step::on("append", 1, Fault::Delay(Duration::from_secs(60))));
    let served = start(&log, &SETTINGS, &context);
    let begun = tokio::time::Instant::now();
    for id in ["a", "b", "c", "d"] {
        record(&served, shown(id, 1));
    }
    record(&served, shown("too many", 4));
    assert_eq!(begun.elapsed(), Duration::ZERO, "no answer waits");
    assert_eq!(until(&log, 3).await, ["a/m0", "b/m0", "c/m0"]);
    let text = context.metrics.text();
    assert!(text.contains("inference_predictions_dropped_total{reason=\"queue_full\"} 5\n"), "{text}");
    tokio::task::yield_now().await;
    record(&served, shown("e", 3));
    assert_eq!(until(&log, 6).await.len(), 6, "the places are free again");
}

#[tokio::test(start_paused = true)]
async fn answers_wait_while_the_log_is_away() {
    let (log, context) = (MemoryLog::new(1), Context::default());
    for call in 1..=5 {
        log.faults().add(Step::on("append", call, Fault::Fail(ErrorKind::Unavailable)));
    }
    let served = start(&log, &SETTINGS, &context);
    record(&served, shown("a", 3));
    assert_eq!(until(&log, 3).await, ["a/m0", "a/m1", "a/m2"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_is_dropped_and_counted() {
    let (log, context) = (MemoryLog::new(1), Context::default());
    log.faults().add(Step::on("append", 1, Fault::Fail(ErrorKind::Invalid)));
    let served = start(&log, &SETTINGS, &context);
    record(&served, shown("a", 2));
    within(async {
        let mut look = tokio::time::interval(Duration::from_millis(10));
        while !context.metrics.text().contains("inference_predictions_dropped_total{reason=\"refused\"} 2\n") {
            look.tick().await;
        }
    })
    .await;
    record(&served, shown("b", 1));
    assert_eq!(until(&log, 1).await, ["b/m0"]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_appended_when_the_process_stops() {
    let (log, context) = (MemoryLog::new(1), Context::default());
    let served = start(&log, &SETTINGS, &context);
    record(&served, shown("a", 1));
    until(&log, 1).await;
    record(&served, shown("b", 1));
    context.stop.cancel();
    context.tasks.join(Duration::from_secs(5)).await;
    assert_eq!(records(&log).await, ["a/m0", "b/m0"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_appended_when_the_process_stops_is_counted() {
    let (log, context) = (MemoryLog::new(1), Context::default());
    let served = start(&log, &SETTINGS, &context);
    record(&served, shown("a", 1));
    until(&log, 1).await;
    log.faults().add(Step::on("append", 2, Fault::Delay(Duration::from_secs(60))));
    record(&served, shown("b", 1));
    record(&served, shown("c", 2));
    context.stop.cancel();
    context.tasks.join(Duration::from_secs(5)).await;
    let text = context.metrics.text();
    assert!(text.contains("inference_predictions_dropped_total{reason=\"shutdown\"} 3\n"), "{text}");
    assert!(text.contains("inference_predictions_logged_total 1\n"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_sample_is_by_user_and_a_closed_log_takes_nobody() {
    let (log, context) = (MemoryLog::new(1), Context::default());
    let settings = PredictionSettings { sample: 0.25, ..SETTINGS };
    let served = start(&log, &settings, &context);
    let users: Vec<UserId> = (0..1_000).map(|n| user(&format!("u{n}"))).collect();
    let taken = users.iter().filter(|user| served.room(user, 1).is_some()).count();
    assert!((200..300).contains(&taken), "{taken} of 1,000 is not about a quarter");
    let nobody = start(&log, &PredictionSettings { sample: 0.0, ..SETTINGS }, &Context::default());
    assert!(!users.iter().any(|user| nobody.room(user, 1).is_some()));
    let off = ServedLog::start(&SETTINGS, None, encode, &context).expect("a salt");
    assert!(off.room(&user("ann"), 1).is_none());
    let disabled = PredictionSettings { enabled: false, ..SETTINGS };
    assert!(start(&log, &disabled, &context).room(&user("ann"), 1).is_none());
}
