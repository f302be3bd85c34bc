//! Scripted faults: what goes wrong at which call of a memory port.
//!
//! Every method of a memory port starts with [`Faults::begin`] and ends with [`Call::finish`]. The
//! test keeps a clone of the [`Faults`], to add steps while it runs and to see what was called.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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

    /// Counts a call and returns its fault. Of several steps for one call the first one counts.
    pub fn next(&self, method: &'static str) -> Option<Fault> {
        let mut script = self.lock();
        script.calls.push(method);
        let all = script.calls.len();
        let same = script.calls.iter().filter(|called| **called == method).count();
        let due = |step: &&Step| match step.method {
            None => step.number == all,
            Some(name) => name == method && step.number == same,
        };
        script.steps.iter().find(due).map(|step| step.fault)
    }

    /// Begins a call: counts it, and waits or fails if the script says so.
    pub async fn begin(&self, method: &'static str) -> Result<Call, Error> {
        let mut call = Call { method, lose_tail: 0, fail_after: None };
        match self.next(method) {
            None => {}
            Some(Fault::Fail(kind)) => return Err(injected(kind, method)),
            Some(Fault::FailAfter(kind)) => call.fail_after = Some(kind),
            Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
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
}

impl Call {
    /// Ends the call: returns the answer, or an error if the script loses the answer.
    pub fn finish<T>(self, answer: T) -> Result<T, Error> {
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
    use super::*;

    #[tokio::test]
    async fn a_fault_happens_at_its_call_and_at_no_other() {
        let faults = Faults::script([
            Step::at(2, Fault::Fail(ErrorKind::Conflict)),
            Step::on("put", 2, Fault::FailAfter(ErrorKind::Unavailable)),
            Step::at(4, Fault::LoseTail(3)),
        ]);
        assert_eq!(faults.begin("put").await.expect("no fault").finish(1).expect("no fault"), 1);
        assert_eq!(faults.begin("get").await.expect_err("fails").kind(), ErrorKind::Conflict);
        let second_put = faults.begin("put").await.expect("has its effect");
        assert_eq!(second_put.finish(()).expect_err("no answer").kind(), ErrorKind::Unavailable);
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
        faults.begin("get").await.expect("no error").finish(()).expect("no error");
        assert!(started.elapsed() >= Duration::from_millis(20));
    }
}
