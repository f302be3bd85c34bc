//! What is counted where.

use super::*;

fn failed(code: &str) -> Outcome {
    let failure = Failure { code: code.to_owned(), message: format!("{code} happened") };
    Outcome { attempts: 1, failure: Some(failure), ..Outcome::default() }
}

fn answered(attempts: u32) -> Outcome {
    Outcome { attempts, ..Outcome::default() }
}

const LATENCY: Duration = Duration::from_millis(10);

#[tokio::test(start_paused = true)]
async fn a_request_counts_in_the_phase_in_which_it_was_sent() {
    let mut phases = Phases::begin("start");
    let (early, late) = (phases.sent(Call::Prediction), phases.sent(Call::Prediction));
    phases.ended(early, LATENCY, &answered(1));
    tokio::time::advance(Duration::from_secs(3)).await;
    let before = phases.next("upgrade");
    assert_eq!((before.name.as_str(), before.predictions.sent, before.predictions.in_flight), ("start", 2, 1));
    assert!((before.seconds - 3.0).abs() < 1e-9);
    phases.ended(late, LATENCY, &answered(3));
    let rating = phases.sent(Call::Rating);
    phases.ended(rating, LATENCY, &failed("INTERNAL"));
    let reports = phases.reports();
    assert_eq!(reports.len(), 2);
    let (start, upgrade) = (&reports[0], &reports[1]);
    assert_eq!((start.predictions.answered, start.predictions.in_flight), (2, 0));
    assert_eq!(start.predictions.retried_attempts, 2);
    assert_eq!((upgrade.predictions.sent, upgrade.ratings.sent, upgrade.ratings.failed), (0, 1, 1));
    assert_eq!((upgrade.ratings.latency_ms, upgrade.predictions.latency_ms), (None, None));
    let (predictions, ratings) = phases.totals();
    assert_eq!((predictions.answered, ratings.failed), (2, 1));
    assert!(predictions.latency_ms.is_some_and(|latency| (latency.max - 10.0).abs() < 1e-9));
    assert_eq!(phases.examples()[0].phase, "upgrade");
}

#[test]
fn failures_are_told_by_code_with_the_first_of_each_and_at_most_twenty_one_by_one() {
    let mut phases = Phases::begin("start");
    for code in ["INTERNAL", "UNAVAILABLE"] {
        for _ in 0..15 {
            let sent = phases.sent(Call::Rating);
            phases.ended(sent, LATENCY, &failed(code));
        }
    }
    phases.overran(Call::Prediction);
    let failures = phases.failures();
    let seen: Vec<_> = failures.iter().map(|one| (one.first.call, one.first.code.as_str(), one.count)).collect();
    let expected =
        [(Call::Prediction, "OVERRUN", 1), (Call::Rating, "INTERNAL", 15), (Call::Rating, "UNAVAILABLE", 15)];
    assert_eq!(seen, expected);
    assert_eq!(failures[1].first.message, "INTERNAL happened");
    assert_eq!(phases.examples().len(), EXAMPLES);
    let (predictions, _) = phases.totals();
    assert_eq!((predictions.sent, predictions.failed, predictions.overruns, predictions.in_flight), (0, 1, 1, 0));
}
