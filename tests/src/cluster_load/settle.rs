//! Waits until the feature store agrees with the ledger, and says where it does not.

use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tonic::Status;

use super::ledger::{CountedRatings, Difference, Ledger};

/// How often the feature store is asked.
const LOOK: Duration = Duration::from_millis(500);

/// The users of one question. The answer has their histories, so it must not be too large.
const USERS: usize = 50;

/// How many differences are told one by one.
const EXAMPLES: usize = 20;

/// The ratings in the feature store after a load, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct CheckReport {
    /// Acknowledged ratings that do not count.
    pub(crate) lost: u64,
    /// Ratings that count more often than they were sent.
    pub(crate) double: u64,
    /// Ratings that count with another value, and users with another mean.
    pub(crate) wrong: u64,
    /// Ratings without an acknowledgement that count. That is allowed.
    pub(crate) unknown_counted: u64,
    /// Users about whom the feature store did not answer.
    pub(crate) unchecked_users: u64,
    /// How long it took until the feature store agreed, or until the wait was given up.
    pub(crate) seconds: f64,
    /// What differs, in words, and why the feature store did not answer.
    pub(crate) examples: Vec<String>,
}

impl CheckReport {
    /// Returns whether every acknowledged rating counts once.
    pub(crate) fn is_clean(&self) -> bool {
        self.lost == 0 && self.double == 0 && self.wrong == 0 && self.unchecked_users == 0
    }
}

/// One look at some users.
struct Round {
    /// Those that differ, and those about whom there is no answer.
    open: Vec<u64>,
    difference: Difference,
    unchecked: u64,
}

/// Asks for the users of a ledger until the feature store agrees with it, at most for `longest`.
/// Users that agree are looked at once more at the end, because a rating could be applied again
/// after its first time.
pub(crate) async fn settle<F>(ledger: &Ledger, longest: Duration, ask: impl Fn(Vec<String>) -> F) -> CheckReport
where
    F: Future<Output = Result<Vec<CountedRatings>, Status>>,
{
    let started = Instant::now();
    let all: Vec<u64> = ledger.users().into_iter().collect();
    let (mut open, mut is_last) = (all.clone(), all.is_empty());
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let is_over = started.elapsed() >= longest;
        if is_over {
            // The result is about all users.
            open.clone_from(&all);
        }
        let round = look_at(ledger, &open, &ask).await;
        if is_over || (is_last && round.open.is_empty()) {
            return checked(round, started.elapsed());
        }
        is_last = round.open.is_empty();
        open = if is_last { all.clone() } else { round.open };
    }
}

async fn look_at<F>(ledger: &Ledger, users: &[u64], ask: &impl Fn(Vec<String>) -> F) -> Round
where
    F: Future<Output = Result<Vec<CountedRatings>, Status>>,
{
    let mut round = Round { open: Vec::new(), difference: Difference::default(), unchecked: 0 };
    let mut asked = 0;
    for some in users.chunks(USERS) {
        let names = some.iter().map(|&user| ledger.name(user)).collect();
        let answer = match ask(names).await {
            Ok(answer) if answer.len() != some.len() => Err(Status::internal("the answer lacks users")),
            answer => answer,
        };
        let seen = match answer {
            Ok(seen) => seen,
            Err(status) => {
                let why = format!("the feature store did not answer: {:?}: {}", status.code(), status.message());
                round.difference.examples.insert(0, why);
                // It would not answer about the others either, and the wait has an end.
                break;
            }
        };
        asked += some.len();
        for (&user, seen) in some.iter().zip(&seen) {
            let difference = ledger.compare(user, seen);
            if !difference.is_none() {
                round.open.push(user);
            }
            round.difference.add(difference);
        }
    }
    let rest = &users[asked..];
    round.unchecked = rest.len() as u64;
    round.open.extend(rest);
    round
}

fn checked(round: Round, took: Duration) -> CheckReport {
    let Difference { lost, double, wrong, unknown_counted, mut examples } = round.difference;
    examples.truncate(EXAMPLES);
    let (unchecked_users, seconds) = (round.unchecked, took.as_secs_f64());
    CheckReport { lost, double, wrong, unknown_counted, unchecked_users, seconds, examples }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::ledger::State;
    use super::super::ledger::tests::seen;
    use super::super::plan::{Plan, small};
    use super::*;

    const LONGEST: Duration = Duration::from_secs(60);

    /// Users 0 and 1 gave two acknowledged ratings each.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::new(small());
        (0..6).filter(|number| number % 4 < 2).for_each(|number| ledger.record(number, State::Acknowledged));
        ledger
    }

    /// Returns what the feature store says when it has applied the first ratings of each user.
    fn applied(plan: &Plan, names: &[String], ratings: usize) -> Vec<CountedRatings> {
        let user = |name: &String| (0..2).find(|&user| plan.name(user) == *name).expect("a user of the load");
        let numbers = |name| plan.numbers(user(name)).take(ratings).collect::<Vec<_>>();
        names.iter().map(|name| seen(plan, &numbers(name))).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_until_the_feature_store_has_caught_up_and_then_looks_once_more() {
        let (plan, asked) = (small(), Cell::new(0));
        let ask = |names: Vec<String>| {
            asked.set(asked.get() + 1);
            let answer = match asked.get() {
                1 => Err(Status::unavailable("away")),
                2 => Ok(applied(&plan, &names, 1)),
                _ => Ok(applied(&plan, &names, 2)),
            };
            async move { answer }
        };
        let checked = settle(&ledger(), LONGEST, ask).await;
        assert!(checked.is_clean() && checked.examples.is_empty(), "{checked:?}");
        assert_eq!(asked.get(), 4);
        assert!((1.5..1.6).contains(&checked.seconds), "{checked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rating_that_is_applied_again_after_the_first_look_is_seen() {
        let (plan, asked) = (small(), Cell::new(0));
        let ask = |names: Vec<String>| {
            asked.set(asked.get() + 1);
            let mut answer = applied(&plan, &names, 2);
            answer[0].count += u64::from(asked.get() > 1);
            async move { Ok(answer) }
        };
        let checked = settle(&ledger(), LONGEST, ask).await;
        assert_eq!((checked.lost, checked.double), (0, 1));
        assert!((60.0..61.0).contains(&checked.seconds), "{checked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_agree_in_time_is_told() {
        let plan = small();
        let behind = |names: Vec<String>| std::future::ready(Ok(applied(&plan, &names, 1)));
        let checked = settle(&ledger(), LONGEST, behind).await;
        assert_eq!((checked.lost, checked.unchecked_users, checked.examples.len()), (2, 0, 2));
        assert!(!checked.is_clean());
        let away = |_| std::future::ready(Err(Status::unavailable("away")));
        let checked = settle(&ledger(), LONGEST, away).await;
        assert_eq!((checked.lost, checked.unchecked_users), (0, 2));
        assert_eq!(checked.examples, ["the feature store did not answer: Unavailable: away"]);
        assert!(!checked.is_clean());
    }

    #[tokio::test(start_paused = true)]
    async fn without_ratings_the_feature_store_is_not_asked() {
        let ask = |_| std::future::ready(Err(Status::internal("asked")));
        let checked = settle(&Ledger::new(small()), LONGEST, ask).await;
        assert!(checked.is_clean() && checked.examples.is_empty(), "{checked:?}");
    }
}
