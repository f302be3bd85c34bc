//! The requests that wait for a graph's thread, and the drains in which the thread runs them.
//!
//! At most one drain is running or scheduled. A push that finds no drain asks the caller to
//! schedule one. A drain ends only while it holds the lock and the queue is empty. So every waiting
//! request has a drain that will run it.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Counters;
use super::plan::{Group, Plan};
use crate::error::RunError;
use crate::session::Session;
use crate::tensor::Tensor;

/// A request: inputs in the graph's order and a channel for the outputs.
pub(super) struct Request {
    inputs: Vec<Tensor>,
    reply: oneshot::Sender<Result<Vec<Tensor>, RunError>>,
    since: Instant,
}

impl Request {
    pub(super) fn new(inputs: Vec<Tensor>, reply: oneshot::Sender<Result<Vec<Tensor>, RunError>>) -> Self {
        Self { inputs, reply, since: Instant::now() }
    }

    fn answer(self, outputs: Result<Vec<Tensor>, RunError>) {
        // The caller may have dropped its future. Then it needs no answer.
        drop(self.reply.send(outputs));
    }
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Request>,
    draining: bool,
}

/// The bounded queue of one batcher.
pub(super) struct Queue {
    plan: Plan,
    capacity: usize,
    waiting: Mutex<Waiting>,
    counters: Arc<Counters>,
}

impl Queue {
    pub(super) fn new(plan: Plan, capacity: usize, counters: Arc<Counters>) -> Self {
        Self { plan, capacity, waiting: Mutex::default(), counters }
    }

    /// Adds a request. Returns whether the caller must schedule a drain on the thread.
    pub(super) fn push(&self, request: Request) -> Result<bool, RunError> {
        let mut waiting = self.lock();
        if waiting.requests.len() >= self.capacity {
            // Requests of callers that dropped their future still hold places.
            self.drop_abandoned(&mut waiting.requests);
        }
        if waiting.requests.len() >= self.capacity {
            self.counters.overloaded.fetch_add(1, Ordering::Relaxed);
            return Err(RunError::Overloaded);
        }
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        waiting.requests.push_back(request);
        Ok(!std::mem::replace(&mut waiting.draining, true))
    }

    /// Drops the waiting requests, because no drain can be scheduled any more. Their callers
    /// receive [`RunError::Closed`].
    pub(super) fn abandon(&self) {
        *self.lock() = Waiting::default();
    }

    /// Runs group after group on the graph's thread until the queue is empty.
    pub(super) fn drain(&self, session: &mut Session) {
        let _guard = PanicGuard(self);
        while let Some(group) = self.take() {
            self.run(session, group);
        }
    }

    /// Takes the next group to run together: the oldest request and all requests that can join it,
    /// in order of arrival.
    fn take(&self) -> Option<Vec<Request>> {
        let mut waiting = self.lock();
        self.drop_abandoned(&mut waiting.requests);
        let Some(first) = waiting.requests.pop_front() else {
            waiting.draining = false;
            return None;
        };
        let mut group = Group::new(&self.plan, &first.inputs);
        let mut taken = vec![first];
        let mut left = VecDeque::new();
        for request in waiting.requests.drain(..) {
            if group.admit(&request.inputs) {
                taken.push(request);
            } else {
                left.push_back(request);
            }
        }
        waiting.requests = left;
        Some(taken)
    }

    fn drop_abandoned(&self, requests: &mut VecDeque<Request>) {
        let before = requests.len();
        requests.retain(|request| !request.reply.is_closed());
        self.counters.abandoned.fetch_add((before - requests.len()) as u64, Ordering::Relaxed);
    }

    fn run(&self, session: &mut Session, group: Vec<Request>) {
        let begin = Instant::now();
        let waited: Duration = group.iter().map(|request| begin.duration_since(request.since)).sum();
        self.counters.queue_nanos.fetch_add(nanos(waited), Ordering::Relaxed);
        let inputs: Vec<&[Tensor]> = group.iter().map(|request| request.inputs.as_slice()).collect();
        let together = if group.len() > 1 { self.run_together(session, &inputs) } else { None };
        match together {
            Some(outputs) => group.into_iter().zip(outputs).for_each(|(request, outputs)| request.answer(Ok(outputs))),
            None => group.into_iter().for_each(|request| {
                let outputs = session.run(&request.inputs);
                self.count_run(&request.inputs);
                request.answer(outputs);
            }),
        }
        self.counters.run_nanos.fetch_add(nanos(begin.elapsed()), Ordering::Relaxed);
    }

    /// Runs all requests in one run. Returns `None` if the run failed, so that each request must
    /// run alone.
    fn run_together(&self, session: &mut Session, inputs: &[&[Tensor]]) -> Option<Vec<Vec<Tensor>>> {
        let joined = self.plan.join(inputs)?;
        let outputs = session.run(&joined);
        self.count_run(&joined);
        self.plan.split(&outputs.ok()?, inputs)
    }

    fn count_run(&self, inputs: &[Tensor]) {
        let rows = inputs.first().and_then(|tensor| tensor.shape().first()).copied().unwrap_or(1);
        self.counters.batches.fetch_add(1, Ordering::Relaxed);
        self.counters.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Locks the queue. A poisoned lock is usable, because a panic cannot leave the queue half
    /// changed.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops the waiting requests if the graph's thread panics, so that no caller waits for ever.
struct PanicGuard<'a>(&'a Queue);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.abandon();
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
