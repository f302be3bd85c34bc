//! What is known of a load at any time: for its progress, over HTTP, and at its end.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::time::Instant;

use super::ledger::{Ledger, LedgerCounts};
use super::phases::{Example, Failures, PhaseReport, Phases};
use super::plan::Plan;
use super::settle::CheckReport;
use super::tally::{Call, Counts};

/// The name of the first phase.
const FIRST: &str = "start";

/// Everything that is counted.
#[derive(Debug)]
pub(crate) struct Book {
    seed: u64,
    began: Instant,
    phases: Mutex<Phases>,
    ledger: Mutex<Ledger>,
    /// `None` until the ledger was compared with the feature store.
    checked: Mutex<Option<CheckReport>>,
}

/// The summary as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// Nothing failed so far, and every acknowledged rating counts once, if that was checked.
    pub(crate) ok: bool,
    pub(crate) seed: u64,
    pub(crate) seconds: f64,
    pub(crate) predictions: Counts,
    pub(crate) ratings: Counts,
    pub(crate) ledger: LedgerSummary,
    pub(crate) failures: Vec<Failures>,
    pub(crate) examples: Vec<Example>,
    pub(crate) phases: Vec<PhaseReport>,
}

/// The ledger as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct LedgerSummary {
    #[serde(flatten)]
    pub(crate) counts: LedgerCounts,
    /// Its fields are absent until the load has ended.
    #[serde(flatten)]
    pub(crate) checked: Option<CheckReport>,
}

impl Book {
    /// Begins the first phase of a load.
    pub(crate) fn begin(plan: Plan) -> Self {
        Self {
            seed: plan.seed,
            began: Instant::now(),
            phases: Mutex::new(Phases::begin(FIRST)),
            ledger: Mutex::new(Ledger::new(plan)),
            checked: Mutex::new(None),
        }
    }

    pub(crate) fn phases(&self) -> MutexGuard<'_, Phases> {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what the feature store says of the ratings.
    pub(crate) fn check(&self, checked: CheckReport) {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = Some(checked);
    }

    /// Returns whether a request of each of some kinds was answered.
    pub(crate) fn has_answered(&self, calls: &[Call]) -> bool {
        let (predictions, ratings) = self.phases().totals();
        calls.iter().all(|call| match call {
            Call::Prediction => predictions.answered > 0,
            Call::Rating => ratings.answered > 0,
        })
    }

    /// Returns everything.
    pub(crate) fn summary(&self) -> Summary {
        let checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ledger = LedgerSummary { counts: self.ledger().counts(), checked };
        let phases = self.phases();
        let (predictions, ratings) = phases.totals();
        let is_clean = ledger.checked.as_ref().is_none_or(CheckReport::is_clean);
        Summary {
            ok: predictions.failed + ratings.failed == 0 && is_clean,
            seed: self.seed,
            seconds: self.began.elapsed().as_secs_f64(),
            predictions,
            ratings,
            ledger,
            failures: phases.failures(),
            examples: phases.examples(),
            phases: phases.reports(),
        }
    }

    /// Returns a line about the current phase.
    pub(crate) fn progress(&self) -> String {
        let phase = self.phases().current();
        let told = |counts: &Counts| {
            let latency = counts.latency_ms.map_or_else(String::new, |latency| format!(", p99 {:.1} ms", latency.p99));
            let Counts { sent, answered, failed, .. } = counts;
            format!("{sent} sent, {answered} answered, {failed} failed{latency}")
        };
        let (seconds, name) = (self.began.elapsed().as_secs(), &phase.name);
        format!("{seconds} s, {name}: predictions {}; ratings {}", told(&phase.predictions), told(&phase.ratings))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::ledger::State;
    use super::super::plan::small;
    use super::super::tally::{Failure, Outcome};
    use super::*;

    fn answered(book: &Book, call: Call) {
        let sent = book.phases().sent(call);
        book.phases().ended(sent, Duration::from_millis(4), &Outcome { attempts: 1, ..Outcome::default() });
    }

    #[tokio::test(start_paused = true)]
    async fn the_summary_is_json_with_figures_of_each_phase() {
        let book = Book::begin(small());
        answered(&book, Call::Prediction);
        book.ledger().record(0, State::Acknowledged);
        book.phases().next("upgrade");
        tokio::time::advance(Duration::from_secs(2)).await;
        let value = serde_json::to_value(book.summary()).expect("JSON");
        assert_eq!((&value["ok"], &value["seed"], &value["seconds"]), (&json!(true), &json!(7), &json!(2.0)));
        assert_eq!(value["predictions"]["latency_ms"]["max"], json!(4.0));
        assert_eq!(value["ratings"]["latency_ms"], json!(null));
        let ledger = json!({"sent": 1, "acknowledged": 1, "unknown": 0, "users": 1});
        assert_eq!(value["ledger"], ledger);
        assert_eq!(value["phases"][0]["name"], json!("start"));
        assert_eq!(value["phases"][0]["predictions"]["answered"], json!(1));
        assert_eq!(value["phases"][1]["name"], json!("upgrade"));
        assert_eq!(value["phases"][1]["predictions"]["sent"], json!(0));
        assert_eq!(
            book.progress(),
            "2 s, upgrade: predictions 0 sent, 0 answered, 0 failed; ratings 0 sent, 0 answered, 0 failed"
        );
    }

    #[test]
    fn a_failure_or_a_lost_rating_is_not_ok() {
        let book = Book::begin(small());
        assert!(book.summary().ok);
        book.check(CheckReport { lost: 1, ..CheckReport::default() });
        let value = serde_json::to_value(book.summary()).expect("JSON");
        assert_eq!((&value["ok"], &value["ledger"]["lost"]), (&json!(false), &json!(1)));
        book.check(CheckReport::default());
        assert!(book.summary().ok);
        let sent = book.phases().sent(Call::Rating);
        let failure = Failure { code: "INTERNAL".to_owned(), message: "why".to_owned() };
        let done = Outcome { attempts: 1, failure: Some(failure), ..Outcome::default() };
        book.phases().ended(sent, Duration::ZERO, &done);
        let value = serde_json::to_value(book.summary()).expect("JSON");
        assert_eq!((&value["ok"], &value["failures"][0]["count"]), (&json!(false), &json!(1)));
        let first = &value["failures"][0]["first"];
        assert_eq!(
            (&first["call"], &first["code"], &first["message"]),
            (&json!("rating"), &json!("INTERNAL"), &json!("why"))
        );
        assert_eq!(value["examples"][0], *first);
    }

    #[test]
    fn kinds_that_are_not_sent_need_no_answer() {
        let book = Book::begin(small());
        assert!(book.has_answered(&[]) && !book.has_answered(&[Call::Prediction]));
        answered(&book, Call::Prediction);
        assert!(book.has_answered(&[Call::Prediction]) && !book.has_answered(&[Call::Prediction, Call::Rating]));
    }
}
