//! The requests that wait for a graph's thread, and the drains in which the thread runs them.
//!
//! Each instance of the graph has at most one drain that is running or scheduled. A push that finds
//! an idle instance asks the caller to schedule a drain on it. A drain ends only while it holds the
//! lock and the queue is empty. So every waiting request has a drain that will run it, and no
//! request waits while an instance is idle.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::plan::{Group, Plan};
use super::{Counters, Priority};
use crate::error::RunError;
use crate::session::Session;
use crate::tensor::Tensor;

/// A request: inputs in the graph's order and a channel for the outputs.
pub(super) struct Request {
    inputs: Vec<Tensor>,
    reply: oneshot::Sender<Result<Vec<Tensor>, RunError>>,
    priority: Priority,
    since: Instant,
}

impl Request {
    pub(super) fn new(
        inputs: Vec<Tensor>,
        priority: Priority,
        reply: oneshot::Sender<Result<Vec<Tensor>, RunError>>,
    ) -> Self {
        Self { inputs, reply, priority, since: Instant::now() }
    }

    fn answer(self, outputs: Result<Vec<Tensor>, RunError>) {
        // The caller may have dropped its future. Then it needs no answer.
        drop(self.reply.send(outputs));
    }
}

struct Waiting {
    /// More urgent ones first, and then in order of arrival.
    requests: VecDeque<Request>,
    /// The instances without a drain.
    idle: Vec<usize>,
    /// How many instances have not failed.
    living: usize,
}

/// The bounded queue of one batcher.
pub(super) struct Queue {
    plan: Plan,
    capacity: usize,
    waiting: Mutex<Waiting>,
    counters: Arc<Counters>,
}

impl Queue {
    pub(super) fn new(plan: Plan, capacity: usize, instances: usize, counters: Arc<Counters>) -> Self {
        let idle = (0..instances).rev().collect();
        let waiting = Waiting { requests: VecDeque::new(), idle, living: instances };
        Self { plan, capacity, waiting: Mutex::new(waiting), counters }
    }

    /// Adds a request. Returns the instance on whose thread the caller must schedule a drain, or
    /// `None` if all instances are busy.
    pub(super) fn push(&self, request: Request) -> Result<Option<usize>, RunError> {
        let mut waiting = self.lock();
        if waiting.living == 0 {
            return Err(RunError::Closed);
        }
        if waiting.requests.len() >= self.capacity {
            // Requests of callers that dropped their future still hold places.
            self.drop_abandoned(&mut waiting.requests);
        }
        if waiting.requests.len() >= self.capacity {
            self.counters.overloaded.fetch_add(1, Ordering::Relaxed);
            return Err(RunError::Overloaded);
        }
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let at = waiting.requests.iter().rposition(|other| other.priority <= request.priority).map_or(0, |at| at + 1);
        waiting.requests.insert(at, request);
        Ok(waiting.idle.pop())
    }

    /// Drops the waiting requests, because the thread of an instance has ended. Their callers
    /// receive [`RunError::Closed`]. The instance gets no drain again.
    pub(super) fn abandon(&self) {
        let mut waiting = self.lock();
        waiting.requests.clear();
        waiting.living = waiting.living.saturating_sub(1);
    }

    pub(super) fn is_batchable(&self) -> bool {
        self.plan.is_batchable()
    }

    /// Returns the number of waiting requests.
    pub(super) fn len(&self) -> usize {
        self.lock().requests.len()
    }

    /// Runs group after group on the thread of an instance until the queue is empty.
    pub(super) fn drain(&self, instance: usize, session: &mut Session) {
        let _guard = PanicGuard(self);
        while let Some(group) = self.take(instance) {
            self.run(session, group);
        }
    }

    /// Takes the next group to run together: the oldest request and all requests that can join it,
    /// in order of arrival.
    fn take(&self, instance: usize) -> Option<Vec<Request>> {
        let mut waiting = self.lock();
        self.drop_abandoned(&mut waiting.requests);
        let Some(first) = waiting.requests.pop_front() else {
            waiting.idle.push(instance);
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
                let begin = Instant::now();
                let outputs = session.run(&request.inputs);
                self.count_run(&request.inputs, 1, begin.elapsed());
                request.answer(outputs);
            }),
        }
        self.counters.run_nanos.fetch_add(nanos(begin.elapsed()), Ordering::Relaxed);
    }

    /// Runs all requests in one run. Returns `None` if the run failed, so that each request must
    /// run alone.
    fn run_together(&self, session: &mut Session, inputs: &[&[Tensor]]) -> Option<Vec<Vec<Tensor>>> {
        let begin = Instant::now();
        let joined = self.plan.join(inputs)?;
        let joined_at = Instant::now();
        let outputs = session.run(&joined);
        let ran_at = Instant::now();
        self.count_run(&joined, inputs.len(), ran_at - joined_at);
        let split = self.plan.split(&outputs.ok()?, inputs);
        let each = |time: Duration| nanos(time).saturating_mul(inputs.len() as u64);
        self.counters.join_nanos.fetch_add(each(joined_at - begin), Ordering::Relaxed);
        self.counters.split_nanos.fetch_add(each(ran_at.elapsed()), Ordering::Relaxed);
        split
    }

    /// Counts a run that answered `requests` requests.
    fn count_run(&self, inputs: &[Tensor], requests: usize, time: Duration) {
        let rows = inputs.first().and_then(|tensor| tensor.shape().first()).copied().unwrap_or(1);
        self.counters.batches.fetch_add(1, Ordering::Relaxed);
        self.counters.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.counters.infer_nanos.fetch_add(nanos(time).saturating_mul(requests as u64), Ordering::Relaxed);
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
