//! Scripted faults: what goes wrong at which call of a memory port.
//!
//! Every method of a memory port starts with [`Faults::begin`] and ends with [`Call::finish`]. The
//! test keeps a clone of the [`Faults`], to add steps while it runs and to see what was called.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::{Error, ErrorKind};

/// Something that goes wrong at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call fails with this kind and has no effect.
    Fail(ErrorKind),
    /// The call has its effect and then fails with this kind, as if the answer were lost.
    FailAfter(ErrorKind),
    /// The call has its effect after this time.
    Delay(Duration),
    /// The call has its effect, and its answer takes this time. A caller that no longer waits does
    /// not undo the effect.
    DelayAnswer(Duration),
    /// The back-end forgets this many of its newest changes before the call. Only the online store
    /// may do that; the other memory ports ignore it.
    LoseTail(usize),
}

/// A fault and the call that it happens at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Only calls of this method are counted. `None`: all calls are.
    method: Option<&'static str>,
    number: usize,
    fault: Fault,
}

impl Step {
    /// A fault at the call with this number, counted from 1 over all methods.
    pub fn at(number: usize, fault: Fault) -> Self {
        Self { method: None, number, fault }
    }

    /// A fault at the call of one method with this number, counted from 1.
    pub fn on(method: &'static str, number: usize, fault: Fault) -> Self {
        Self { method: Some(method), number, fault }
    }
}

/// The faults of one memory port, and the calls that it got. Clones share both.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    steps: Vec<Step>,
    calls: Vec<&'static str>,
    /// The number of `calls`, for callers that wait for one.
    count: watch::Sender<usize>,
}

impl Faults {
    /// Faults that happen at the calls which the steps name.
    pub fn script(steps: impl IntoIterator<Item = Step>) -> Self {
        let faults = Self::default();
        faults.lock().steps.extend(steps);
        faults
    }

    /// Adds a step. Its number counts the calls before this one too.
    pub fn add(&self, step: Step) {
        self.lock().steps.push(step);
    }

    /// Adds a fault at the next call, whichever method it is of.
    pub fn add_next(&self, fault: Fault) {
        let mut script = self.lock();
        let number = script.calls.len() + 1;
        script.steps.push(Step::at(number, fault));
    }

    /// Returns the calls so far, by method name.
    pub fn calls(&self) -> Vec<&'static str> {
        self.lock().calls.clone()
    }

    /// Waits until this many calls have begun.
    pub async fn wait_for_calls(&self, count: usize) {
        let mut begun = self.lock().count.subscribe();
        // The script keeps the sender, so the wait does not fail.
        let _ = begun.wait_for(|begun| *begun >= count).await;
    }

    /// Counts a call and returns its fault. Of several steps for one call the first one counts.
    pub fn next(&self, method: &'static str) -> Option<Fault> {
        let mut script = self.lock();
        script.calls.push(method);
        let all = script.calls.len();
        script.count.send_replace(all);
        let same = script.calls.iter().filter(|called| **called == method).count();
        let due = |step: &&Step| match step.method {
            None => step.number == all,
            Some(name) => name == method && step.number == same,
        };
        script.steps.iter().find(due).map(|step| step.fault)
    }

    /// Begins a call: counts it, and waits or fails if the script says so.
    pub async fn begin(&self, method: &'static str) -> Result<Call, Error> {
        let mut call = Call { method, lose_tail: 0, fail_after: None, delay_answer: None };
        match self.next(method) {
            None => {}
            Some(Fault::Fail(kind)) => return Err(injected(kind, method)),
            Some(Fault::FailAfter(kind)) => call.fail_after = Some(kind),
            Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
            Some(Fault::DelayAnswer(time)) => call.delay_answer = Some(time),
            Some(Fault::LoseTail(changes)) => call.lose_tail = changes,
        }
        Ok(call)
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that has begun. It carries the part of its fault that is left to the port.
#[must_use]
#[derive(Debug)]
pub struct Call {
    method: &'static str,
    /// How many of its newest changes the back-end forgets before the call has its effect.
    pub lose_tail: usize,
    fail_after: Option<ErrorKind>,
    delay_answer: Option<Duration>,
}

impl Call {
    /// Ends the call: returns the answer, or an error if the script loses the answer. It may wait,
    /// so the port must hold no lock.
    pub async fn finish<T>(self, answer: T) -> Result<T, Error> {
        if let Some(time) = self.delay_answer {
            tokio::time::sleep(time).await;
        }
        match self.fail_after {
            Some(kind) => Err(injected(kind, self.method)),
            None => Ok(answer),
        }
    }
}

fn injected(kind: ErrorKind, method: &str) -> Error {
    Error::bare(kind, format!("{method}: fault injected by a test"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_fault_happens_at_its_call_and_at_no_other() {
        let faults = Faults::script([
            Step::at(2, Fault::Fail(ErrorKind::Conflict)),
            Step::on("put", 2, Fault::FailAfter(ErrorKind::Unavailable)),
            Step::at(4, Fault::LoseTail(3)),
        ]);
        assert_eq!(faults.begin("put").await.expect("no fault").finish(1).await.expect("no fault"), 1);
        assert_eq!(faults.begin("get").await.expect_err("fails").kind(), ErrorKind::Conflict);
        let second_put = faults.begin("put").await.expect("has its effect");
        assert_eq!(second_put.finish(()).await.expect_err("no answer").kind(), ErrorKind::Unavailable);
        assert_eq!(faults.begin("get").await.expect("no error").lose_tail, 3);
        faults.add_next(Fault::Fail(ErrorKind::Unavailable));
        assert!(faults.begin("list").await.is_err());
        assert!(faults.begin("list").await.is_ok());
        assert_eq!(faults.calls(), ["put", "get", "put", "get", "list", "list"]);
    }

    #[tokio::test]
    async fn a_delayed_call_waits() {
        let faults = Faults::script([Step::at(1, Fault::Delay(Duration::from_millis(20)))]);
        let started = std::time::Instant::now();
        faults.begin("get").await.expect("no error").finish(()).await.expect("no error");
        assert!(started.elapsed() >= Duration::from_millis(20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_whose_answer_is_delayed_has_its_effect_at_once() {
        let time = Duration::from_secs(20);
        let faults = Faults::script([1, 2].map(|number| Step::at(number, Fault::DelayAnswer(time))));
        let effect = AtomicUsize::new(0);
        let call = || super::super::run(&faults, "put", async { Ok(effect.fetch_add(1, Ordering::Relaxed)) });
        let begun = tokio::time::Instant::now();
        assert_eq!(call().await.expect("no error"), 0);
        assert!(begun.elapsed() >= time);
        let canceled = tokio::time::timeout(time / 2, call()).await;
        assert!(canceled.is_err() && effect.load(Ordering::Relaxed) == 2, "a caller that is gone undoes nothing");
    }
}
